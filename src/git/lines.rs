//! Adding lines to git's own text files: `info/exclude`, `.gitignore`, `.gitattributes`.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Whether an edit changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// It did.
    Made,
    /// It was not needed.
    NotNeeded,
}

/// Adds `line` at the end of a file unless it is there, in the file's manner of line ends. Follows a link.
pub(super) fn ensure(file: &Path, line: &str) -> io::Result<Edit> {
    let before = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    match with_line(&before, line) {
        Some(after) => replace(file, &after).map(|()| Edit::Made),
        None => Ok(Edit::NotNeeded),
    }
}

/// The text with the line at its end; none where it has the line.
fn with_line(text: &[u8], line: &str) -> Option<Vec<u8>> {
    if has(text, line) {
        return None;
    }
    let line_end: &[u8] = if text.windows(2).any(|pair| pair == b"\r\n") { b"\r\n" } else { b"\n" };
    let mut after = text.to_vec();
    if !after.is_empty() && !after.ends_with(b"\n") {
        after.extend_from_slice(line_end);
    }
    after.extend_from_slice(line.as_bytes());
    after.extend_from_slice(line_end);
    Some(after)
}

/// Whether a text has a line, spaces around it aside.
pub(super) fn has(text: &[u8], line: &str) -> bool {
    text.split(|byte| *byte == b'\n').any(|present| present.trim_ascii() == line.as_bytes())
}

fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let Ok(file) = file.canonicalize() else { return create(file, bytes) };
    let directory = file.parent().ok_or_else(|| io::Error::other("no directory"))?;
    let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
    temporary.write_all(bytes)?;
    temporary.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
    temporary.as_file().sync_all()?;
    temporary.persist(&file).map_err(|error| error.error)?;
    Ok(())
}

/// With the mode that the umask gives.
fn create(file: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(file.parent().ok_or_else(|| io::Error::other("no directory"))?)?;
    fs::File::create_new(file)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_added_once_and_in_the_files_manner() {
        assert_eq!(with_line(b"", "a").unwrap(), b"a\n");
        assert_eq!(with_line(b"x", "a").unwrap(), b"x\na\n");
        assert_eq!(with_line(b"x\r\n", "a").unwrap(), b"x\r\na\r\n");
        assert_eq!(with_line(b"x\n a \r\n", "a"), None);
        assert!(with_line(b"#a\nab\n", "a").is_some());
    }
}
