//! The terminal: the only place that prints. Data goes to standard output, everything else to standard error.

mod trace;

pub use trace::trace;

use crate::domain::environment::EnvironmentName;
use crate::domain::key::Key;
use crate::domain::plan::Choice;
use crate::domain::secret::SecretBytes;
use crate::ports::{Asker, Reporter};
use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::SystemTime;
use zeroize::Zeroizing;

/// How a command talks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ui {
    /// Whether standard output has colours.
    pub color: bool,
    /// `-v`, counted.
    pub verbosity: u8,
    /// `-q`: no notes.
    pub quiet: bool,
    /// Whether a person can be asked.
    pub interactive: bool,
    /// Whether notes begin with the program's name: in hooks, among other programs' lines.
    pub in_hook: bool,
}

/// A colour of the sixteen that every terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Additions.
    Green,
    /// Removals and conflicts.
    Red,
    /// Changes.
    Yellow,
    /// What matters less.
    Dim,
    /// Headings.
    Bold,
}

impl Ui {
    /// Prints data.
    pub fn out(&self, text: impl fmt::Display) {
        let mut stdout = io::stdout().lock();
        if let Err(error) = write!(stdout, "{text}").and_then(|()| stdout.flush()) {
            self.not_written(&error);
        }
    }

    /// Prints bytes as they are.
    pub fn out_bytes(&self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        if let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            self.not_written(&error);
        }
    }

    /// Ends the program: what it has to say cannot be said.
    fn not_written(&self, error: &io::Error) -> ! {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // Nobody reads any more: `git envsync list | head`.
            std::process::exit(0);
        }
        self.error_line(&format!("error: cannot write to standard output: {error}"));
        std::process::exit(super::error::status(crate::ports::FailureKind::Internal).into());
    }

    /// Prints a line that a user should read, on standard error.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.error_line(text);
        }
    }

    /// Prints a line on standard error, also with `-q`.
    pub fn error_line(&self, text: &str) {
        let prefix = if self.in_hook { "envsync: " } else { "" };
        // A closed standard error is no reason to stop.
        let _ = writeln!(io::stderr().lock(), "{prefix}{}", visible(text));
    }

    /// Colours text for standard output.
    #[must_use]
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Green => 32,
            Paint::Red => 31,
            Paint::Yellow => 33,
            Paint::Dim => 2,
            Paint::Bold => 1,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Reads an answer: a line of the terminal. None where nobody can be asked.
    fn ask(&self, question: &str) -> Option<String> {
        if !self.interactive {
            return None;
        }
        let _ = write!(io::stderr().lock(), "{question} ");
        let mut answer = String::new();
        match io::stdin().lock().read_line(&mut answer) {
            Ok(length) if length > 0 => Some(answer.trim().to_owned()),
            _ => None,
        }
    }

    /// Reads a secret: all of standard input, or a line from the terminal that is not shown. One line break at its end is
    /// not part of it.
    ///
    /// # Errors
    /// Input that cannot be read, or is not text.
    pub fn read_secret(&self, prompt: &str) -> io::Result<Zeroizing<String>> {
        if io::stdin().is_terminal() {
            if !self.interactive {
                return Err(io::Error::other("standard input is a terminal and --non-interactive forbids asking"));
            }
            return rpassword::prompt_password(prompt).map(Zeroizing::new);
        }
        let mut text = Zeroizing::new(String::new());
        io::Read::read_to_string(&mut io::stdin().lock(), &mut text)?;
        let length = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).map_or(text.len(), str::len);
        text.truncate(length);
        Ok(text)
    }

    /// Reads all of standard input.
    ///
    /// # Errors
    /// Input that cannot be read.
    pub fn read_text(&self) -> io::Result<SecretBytes> {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes)?;
        Ok(SecretBytes::new(bytes))
    }
}

/// Text from elsewhere as it may reach a terminal: control characters, which could move the cursor or hide what stands
/// there, are spelled out; line breaks and tabs stay.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut visible, char| {
        if char.is_control() && !matches!(char, '\n' | '\t') {
            visible.extend(char.escape_default());
        } else {
            visible.push(char);
        }
        visible
    })
}

/// The same on one line.
#[must_use]
pub fn visible_line(text: &str) -> String {
    visible(text).replace('\n', "\\n")
}

/// Whether a person can be asked: both ends of the conversation are terminals.
#[must_use]
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether standard output is a terminal.
#[must_use]
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

impl Asker for Ui {
    fn interactive(&self) -> bool {
        self.interactive
    }

    fn confirm(&self, question: &str) -> bool {
        self.ask(&format!("{question} [y/N]"))
            .is_some_and(|answer| matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }

    fn choose(&self, file: &str, environment: &EnvironmentName, key: &Key, sides: &str) -> Option<Choice> {
        if self.interactive {
            self.error_line(&format!("{key} changed in {file} and in {environment}\n  local / remote: {sides}"));
        }
        loop {
            match self.ask("Keep [l]ocal, take [r]emote, or [s]top?")?.to_lowercase().as_str() {
                "l" | "local" => return Some(Choice::Local),
                "r" | "remote" => return Some(Choice::Remote),
                "s" | "stop" | "q" => return None,
                _ => {}
            }
        }
    }
}

impl Reporter for Ui {
    fn note(&self, text: &str) {
        Self::note(self, text);
    }

    fn step(&self, text: &str) {
        if self.verbosity > 0 {
            let _ = writeln!(io::stderr().lock(), "{} info {text}", time_of_day());
        }
    }
}

/// `12:03:04`, in UTC.
fn time_of_day() -> String {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    format!("{:02}:{:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60)
}
