//! Arguments, wiring and output.

pub mod args;
mod child;
mod commands;
mod error;
mod render;
mod ui;
mod wiring;

use crate::ports::{Failure, FailureKind, block_on};
use args::{Arguments, Command, Globals, When};
use clap::Parser;
use std::process::ExitCode;
use std::rc::Rc;
use ui::Ui;

/// Runs the program. The status is the one of its manual.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    let after_panic = after_panic(&arguments.command);
    let run = std::panic::AssertUnwindSafe(|| run(arguments));
    // A panic has printed its place.
    ExitCode::from(std::panic::catch_unwind(run).unwrap_or(after_panic))
}

/// Says what is wrong with the command line. What was typed behind a command that deals in values and keys is not repeated:
/// it may be one of them.
fn refused(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::{InvalidSubcommand, TooManyValues, UnknownArgument};
    let repeats = matches!(error.kind(), UnknownArgument | InvalidSubcommand | TooManyValues);
    let secretive = std::env::args().skip(1).find(|argument| ["set", "recipient", "key"].contains(&argument.as_str()));
    match secretive.filter(|_| repeats) {
        Some(command) => {
            let what = format!("`git envsync {command}` does not take what was typed; it is not repeated here");
            let failure = Failure::new(FailureKind::Usage, what).hint(format!(
                "`git envsync {command} -h`; a value is read from standard input, never from the command line"
            ));
            error::print(&Ui::default(), &failure);
        }
        // A closed standard error is no reason to say something else.
        None => drop(error.print()),
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(u8::MAX))
}

/// The status of a command that panicked. Git must not be stopped by a hook, and stops at a textconv that fails; a
/// merge driver that does not end with 0 leaves the file unmerged.
fn after_panic(command: &Command) -> u8 {
    match command {
        Command::Hook { .. } | Command::Textconv { .. } => 0,
        Command::MergeDriver { .. } => 1,
        _ => error::status(FailureKind::Internal),
    }
}

fn run(arguments: Arguments) -> u8 {
    let Arguments { mut globals, command } = arguments;
    let text_format = match command {
        Command::Export => globals.text_format(),
        // Of a file that is read, it says nothing about what is printed.
        Command::Import { .. } => globals.text_format().inspect(|_| globals.format = None),
        _ => globals.prints_results().map(|()| None),
    };
    let hook = matches!(command, Command::Hook { .. });
    let ui = Rc::new(Ui {
        color: !hook && !globals.wants_json() && colors(&globals),
        verbosity: globals.verbose,
        quiet: globals.quiet,
        interactive: !globals.non_interactive && !hook && ui::is_interactive(),
        in_hook: hook,
    });
    let json = globals.wants_json();
    let name = command.name();
    let run = async { commands::run(globals, command, text_format?, Rc::clone(&ui)).await };
    match block_on(run) {
        Ok(status) => status,
        Err(failure) => {
            if json {
                ui.out(render::json::document(name, serde_json::json!({"error": error::json(&failure)})));
            }
            error::print(&ui, &failure);
            error::status(failure.kind)
        }
    }
}

fn colors(globals: &Globals) -> bool {
    match globals.color {
        Some(When::Always) => true,
        Some(When::Never) => false,
        Some(When::Auto) => ui::is_terminal(),
        None => match wiring::color_setting(globals) {
            Some(crate::config::personal::Color::Always) => true,
            Some(crate::config::personal::Color::Never) => false,
            Some(crate::config::personal::Color::Auto) | None => ui::is_terminal(),
        },
    }
}

/// The status of a command that came to an end, with what it shows first.
type Ended = Result<u8, Failure>;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_of_the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }
}
