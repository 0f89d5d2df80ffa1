//! Running the hook that was there before.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// Runs a kept hook and gives its exit status (128+n where signal n ended it). With `stdin` it reads a copy of these
/// bytes, else it shares ours. A hook that is not there or not executable is passed over, as git does: status 0.
///
/// # Errors
/// A hook that cannot be started: its interpreter is missing, say.
pub fn run_chained<S: AsRef<OsStr>>(path: &Path, arguments: &[S], stdin: Option<&[u8]>) -> io::Result<i32> {
    if !is_executable(path) {
        return Ok(0);
    }
    let mut command = Command::new(path);
    match run(command.args(arguments), stdin) {
        // No `#!` line: git has the shell run it then (`run-command.c`).
        Err(error) if error.raw_os_error() == Some(ENOEXEC) => run(Command::new("sh").arg(path).args(arguments), stdin),
        result => result,
    }
}

/// `ENOEXEC` of the platforms git runs on.
const ENOEXEC: i32 = 8;

fn run(command: &mut Command, stdin: Option<&[u8]>) -> io::Result<i32> {
    let Some(input) = stdin else { return command.status().map(status_of) };
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        match pipe.write_all(input) {
            // A hook need not read its input.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    child.wait().map(status_of)
}

#[cfg(unix)]
fn status_of(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

#[cfg(not(unix))]
fn status_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or(1)
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}
