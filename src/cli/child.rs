//! Running a command in place of this program: its status is ours, signals go to it.

use super::Ended;
use super::ui::Ui;
use crate::ports::{Failure, FailureKind};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::process::Command;

/// Runs `command` and ends as it does: 127 where it is not found, 126 where it cannot be run, 128+n after a signal.
pub(super) fn run(ui: &Ui, command: &mut Command, name: &OsStr) -> Ended {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let name = name.to_string_lossy();
            let (status, what) = match error.kind() {
                ErrorKind::NotFound => (127, format!("{name}: there is no such command")),
                _ => (126, format!("{name} cannot be run")),
            };
            super::error::print(ui, &Failure::new(FailureKind::Usage, what).because(error));
            return Ok(status);
        }
    };
    #[cfg(unix)]
    let forwarding = signals::forward_to(child.id());
    let ended = child.wait();
    #[cfg(unix)]
    drop(forwarding);
    let status =
        ended.map_err(|error| Failure::new(FailureKind::Internal, "cannot wait for the command").because(error))?;
    Ok(code(status))
}

#[cfg(unix)]
fn code(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(not(unix))]
fn code(status: std::process::ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code & 0xff).ok()).unwrap_or(u8::MAX)
}

/// A signal to this program is meant for the command it runs.
#[cfg(unix)]
mod signals {
    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    use signal_hook::iterator::{Handle, Signals};

    /// Forwards until it is dropped.
    pub(super) struct Forwarding(Option<Handle>);

    impl Drop for Forwarding {
        fn drop(&mut self) {
            if let Some(handle) = &self.0 {
                handle.close();
            }
        }
    }

    pub(super) fn forward_to(child: u32) -> Forwarding {
        let pid = i32::try_from(child).ok().and_then(Pid::from_raw);
        let signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2]).ok();
        let (Some(pid), Some(mut signals)) = (pid, signals) else { return Forwarding(None) };
        let handle = signals.handle();
        std::thread::spawn(move || {
            for signal in &mut signals {
                // The terminal sends its signals to the whole foreground group: the child has had them already.
                let from_terminal =
                    matches!(signal, SIGINT | SIGQUIT) && std::io::IsTerminal::is_terminal(&std::io::stdin());
                if let (false, Some(signal)) = (from_terminal, Signal::from_named_raw(signal)) {
                    let _ = kill_process(pid, signal);
                }
            }
        });
        Forwarding(Some(handle))
    }
}
