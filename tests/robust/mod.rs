//! What cannot happen: a value lost, a value shown, a file left behind, whatever is done in whatever order.

mod canary;
mod damage;
mod kill;
mod random;
mod real_files;
mod together;
mod walk;
mod witness;
