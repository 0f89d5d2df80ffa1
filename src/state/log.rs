//! The bounded log: command names, times, files, environments and counts. Never a value; the caller sees to that.

use super::{disk, lock};
use crate::ports::Failure;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// The most the log ever holds, in bytes.
const LIMIT: usize = 256 * 1024;

/// What is kept when the limit is reached: half, so that not every line rewrites the file.
const KEPT: usize = LIMIT / 2;

/// The most of one line, in bytes: file and branch names are short, and what is not may not crowd out the rest.
const LINE: usize = 4096;

/// A log is not worth a wait that a person would feel.
const PATIENCE: Duration = Duration::from_millis(500);

/// Adds a line; trims the log to its newest lines where it grew over the limit.
pub(super) fn append(path: &Path, line: &str) -> Result<(), Failure> {
    let lock = lock::insist(&path.with_extension("lock"), PATIENCE, "the log")?;
    let result = append_locked(path, &one_line(line)).map_err(|error| disk::failure("write", path, error));
    drop(lock);
    result
}

fn append_locked(path: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(line.as_bytes())?;
    if file.metadata()?.len() > LIMIT as u64 {
        let all = disk::read(path)?.unwrap_or_default();
        disk::write_unsynced(path, newest_lines(&all))?;
    }
    Ok(())
}

/// A name with a line break in it must not look like a line of its own, nor one with an escape move the cursor.
fn one_line(line: &str) -> String {
    let mut text = String::new();
    for character in line.chars().map(|character| if character.is_control() { ' ' } else { character }) {
        if text.len() + character.len_utf8() > LINE {
            break;
        }
        text.push(character);
    }
    text.push('\n');
    text
}

fn newest_lines(all: &[u8]) -> &[u8] {
    let tail = &all[all.len().saturating_sub(KEPT)..];
    let whole = tail.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    &tail[whole..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_stays_below_its_limit_and_keeps_the_newest_lines_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let filler = "x".repeat(1000);
        for number in 0..600 {
            append(&path, &format!("{number} {filler}")).unwrap();
            assert!(std::fs::metadata(&path).unwrap().len() <= LIMIT as u64);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().last().unwrap().starts_with("599 "));
        assert!(text.lines().all(|line| line.ends_with(&filler)));
        assert!(text.len() > KEPT - 2000);
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(one_line("pull a\nb\u{1b}[2J"), "pull a b [2J\n");
        assert_eq!(one_line(&"é".repeat(5000)).len(), LINE + 1);
    }
}
