//! The `git-envsync` program.

fn main() {}
