//! The `git-envsync` program.

fn main() -> std::process::ExitCode {
    envsync::cli::main()
}
