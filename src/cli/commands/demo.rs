//! `demo`: the real program at work in a repository of its own.
//!
//! All of it lies in one directory: origin, two clones, and for each person a home with git settings, identity, trust.
//! Commands run with an empty environment that points there, so the user's own home and settings are never read.

mod story;

use crate::cli::Ended;
use crate::cli::render::json::document;
use crate::cli::ui::{Paint, Ui};
use crate::git::for_display;
use crate::ports::{Failure, FailureKind};
use serde_json::json;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use story::{BEFORE, Line, Person, STORY};
use tempfile::TempDir;

/// What every line fits into.
const WIDTH: usize = 80;

/// Variables that programs need to be found and to run; nothing else of the user's environment reaches them.
const KEPT: [&str; 6] = ["LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TERM", "TMP", "TMPDIR"];

/// How git behaves in the demo, whatever it does elsewhere.
const GIT_SETTINGS: &str = "\
[init]
\tdefaultBranch = main
[pull]
\trebase = false
[push]
\tdefault = simple
[commit]
\tgpgSign = false
[protocol \"file\"]
\tallow = always
[gc]
\tauto = 0
[advice]
\tdetachedHead = false
";

pub(super) fn run(ui: &Ui, as_json: bool, directory: Option<&Path>) -> Ended {
    let stopped = stop_on_interrupt();
    git_is_there()?;
    let kept = directory.map(kept_directory).transpose()?;
    let thrown_away =
        if kept.is_none() { Some(TempDir::with_prefix("git-envsync-demo-").map_err(no_directory)?) } else { None };
    let root = kept.as_deref().or(thrown_away.as_ref().map(TempDir::path)).expect("there is one or the other");
    let stage = Stage::build(root)?;
    let played = stage.play(ui, as_json, &stopped);
    // Removed also where the demo failed; where that fails, nothing but invented values stays behind.
    drop(thrown_away);
    if stopped.load(Ordering::Relaxed) {
        return Ok(130);
    }
    let played = played?;
    if as_json {
        ui.out(document("demo", json!({"directory": kept, "steps": played})));
    } else {
        ui.out(ending(ui, kept.as_deref()));
    }
    Ok(0)
}

/// An interrupt ends the demo between two commands, so that its directory is removed.
fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Without it an interrupt leaves a directory with invented values behind.
        let _ = signal_hook::flag::register(signal, Arc::clone(&stopped));
    }
    stopped
}

fn git_is_there() -> Result<(), Failure> {
    let asked = Command::new("git").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match asked {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(no_git().because(status.to_string())),
        Err(error) => Err(no_git().because(error)),
    }
}

fn no_git() -> Failure {
    Failure::new(FailureKind::Internal, "the demo needs git, and `git --version` does not run")
        .hint("install git, or add its directory to PATH")
}

fn no_directory(error: std::io::Error) -> Failure {
    Failure::new(FailureKind::Internal, "the demo has no directory to work in").because(error)
}

/// The directory to keep: made where it is missing, refused where anything is in it.
fn kept_directory(typed: &Path) -> Result<PathBuf, Failure> {
    let refused = |what: &str| {
        Failure::new(FailureKind::Refused, format!("{} {what}", typed.display()))
            .hint("`git envsync demo DIR` takes a directory that is new or empty")
    };
    match fs::read_dir(typed) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(refused("is not empty"));
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => fs::create_dir_all(typed).map_err(no_directory)?,
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Err(refused("is not a directory")),
        Err(error) => return Err(no_directory(error)),
    }
    fs::canonicalize(typed).map_err(no_directory)
}

/// The directory with all that the demo needs.
struct Stage {
    root: PathBuf,
    path: std::ffi::OsString,
}

/// A line with what it printed.
struct Played {
    line: Line,
    output: String,
}

impl Stage {
    fn build(root: &Path) -> Result<Self, Failure> {
        let root = fs::canonicalize(root).map_err(no_directory)?;
        let program = std::env::current_exe().map_err(no_directory)?;
        let programs = root.join("bin");
        fs::create_dir(&programs).map_err(no_directory)?;
        link(&program, &programs.join("git-envsync")).map_err(no_directory)?;
        for person in Person::ALL {
            let home = root.join(person.name());
            fs::create_dir(&home).map_err(no_directory)?;
            let name = person.name();
            let user = format!("[user]\n\tname = {name}\n\temail = {name}@example.com\n");
            fs::write(home.join(".gitconfig"), user + GIT_SETTINGS).map_err(no_directory)?;
        }
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&inherited))).map_err(
            |error| Failure::new(FailureKind::Internal, "the demo's directory cannot be on PATH").because(error),
        )?;
        fs::write(root.join("play"), play_script(Path::new(&inherited))).map_err(no_directory)?;
        Ok(Self { root, path })
    }

    /// Plays the story; prints it as it goes, or returns it for a JSON document.
    fn play(&self, ui: &Ui, as_json: bool, stopped: &AtomicBool) -> Result<Vec<serde_json::Value>, Failure> {
        for line in BEFORE {
            self.perform(line)?;
        }
        let mut steps = Vec::new();
        for (index, step) in STORY.iter().enumerate() {
            let mut lines = Vec::new();
            if !as_json {
                ui.out(ui.paint(Paint::Bold, &format!("{}. {}", index + 1, step.title)) + "\n\n");
            }
            for line in step.lines {
                if stopped.load(Ordering::Relaxed) {
                    return Ok(steps);
                }
                let played = self.perform(line)?;
                if as_json {
                    lines.push(json!({"by": line.by.name(), "command": line.shell, "output": played.output, "status": line.ends}));
                } else {
                    ui.out(played.text(ui));
                }
            }
            if !as_json {
                ui.out("\n");
            }
            steps.push(json!({"title": step.title, "lines": lines}));
        }
        Ok(steps)
    }

    /// Runs a line where its person works: in the clone, once there is one.
    fn perform(&self, line: &Line) -> Result<Played, Failure> {
        let home = self.root.join(line.by.name());
        let clone = home.join("shop");
        let cannot = |error: std::io::Error| {
            Failure::new(FailureKind::Internal, "the demo cannot run commands with `sh`").because(error)
        };
        // One pipe for both outputs: they come in the order in which they were printed.
        let (mut reading, writing) = std::io::pipe().map_err(cannot)?;
        let mut command = Command::new("sh");
        command.args(["-c", line.shell]).current_dir(if clone.is_dir() { &clone } else { &home }).env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command
            .env("PATH", &self.path)
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_STATE_HOME", home.join(".local/state"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CEILING_DIRECTORIES", &self.root)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(writing.try_clone().map_err(cannot)?)
            .stderr(writing);
        let mut child = command.spawn().map_err(cannot)?;
        // It holds the writing ends: reading would not end while they are open.
        drop(command);
        let mut output = Vec::new();
        reading.read_to_end(&mut output).map_err(cannot)?;
        let status = child.wait().map_err(cannot)?;
        let home = home.to_string_lossy();
        let output = String::from_utf8_lossy(&output).replace(&*home, "~");
        if status.code() == Some(line.ends) {
            return Ok(Played { line: *line, output });
        }
        Err(Failure::new(
            FailureKind::Internal,
            format!("the demo stops: `{}` did not end with {}", line.shell, line.ends),
        )
        .because(format!("{status}: {}", output.trim_end()))
        .hint("`git --version` should say 2.28 or later; if it does, this is a bug of git-envsync"))
    }
}

impl Played {
    /// As a terminal would show it, at most [`WIDTH`] wide.
    fn text(&self, ui: &Ui) -> String {
        let prompt = format!("{}$ ", self.line.by.name());
        let mut text = ui.paint(Paint::Dim, &prompt) + &ui.paint(Paint::Bold, self.line.shell) + "\n";
        for line in self.output.lines() {
            text += &fold(line);
        }
        text
    }
}

/// Breaks a long line between words, never inside a command in backticks; what goes on is indented.
fn fold(line: &str) -> String {
    if line.chars().count() <= WIDTH {
        return format!("{line}\n");
    }
    let mut in_command = false;
    let mut words = line.split(|character| {
        in_command ^= character == '`';
        character == ' ' && !in_command
    });
    let mut folded = words.next().unwrap_or_default().to_owned();
    let mut width = folded.chars().count();
    for word in words {
        let length = word.chars().count();
        if width + 1 + length > WIDTH {
            folded.push_str("\n   ");
            width = 3;
        }
        folded.push(' ');
        folded.push_str(word);
        width += 1 + length;
    }
    folded + "\n"
}

#[cfg(unix)]
fn link(program: &Path, name: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(program, name)
}

#[cfg(not(unix))]
fn link(program: &Path, name: &Path) -> std::io::Result<()> {
    fs::copy(program, name.with_extension("exe")).map(|_| ())
}

/// The script that makes anybody at a terminal one of the two people, with their home and nothing of the user's own.
fn play_script(path: &Path) -> String {
    let path = for_display(path);
    format!(
        "\
#!/bin/sh
# sh play [you|ada] [COMMAND...]: a shell, or one command, as one of the people of the demo.
root=$(cd \"$(dirname \"$0\")\" && pwd) || exit 1
who=${{1:-you}}
[ $# -eq 0 ] || shift
cd \"$root/$who/shop\" || exit 1
[ $# -gt 0 ] || set -- \"${{SHELL:-/bin/sh}}\"
exec env -i HOME=\"$root/$who\" XDG_CONFIG_HOME=\"$root/$who/.config\" XDG_STATE_HOME=\"$root/$who/.local/state\" \\
\tGIT_CONFIG_NOSYSTEM=1 GIT_CEILING_DIRECTORIES=\"$root\" PATH=\"$root/bin:\"{path} \\
\tTERM=\"${{TERM:-dumb}}\" PS1=\"$who\\$ \" \"$@\"
"
    )
}

/// What to type next.
fn ending(ui: &Ui, kept: Option<&Path>) -> String {
    let heading = ui.paint(Paint::Bold, "What to type next");
    let Some(directory) = kept else {
        return format!(
            "{heading}\n\n\
             The demo has removed its directory; nothing of yours was read or changed.\n  \
             git envsync demo DIR   the same, and DIR stays to play with\n  \
             git envsync init       set up the repository you are in\n"
        );
    };
    let directory = for_display(directory);
    format!(
        "{heading}\n\n\
         Everything is in {directory}; nothing of yours was read or changed.\n  \
         sh {directory}/play       a shell as you, in your clone\n  \
         sh {directory}/play ada   a shell as Ada, in hers\n  \
         rm -rf {directory}        when you are done\n"
    )
}
