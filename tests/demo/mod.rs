//! The demo, the texts a stranger reads first, and the help.

mod help;
mod play;
mod prompts;
mod readme;
mod texts;
