//! Paths of the work tree that a config may name.

use super::super::branch::SpellingError;

/// Checks a path that must lie inside the work tree and outside `.git`, with `/` between its segments.
///
/// # Errors
/// Absolute paths, `..`, `.git` in any spelling that a file system takes for it, backslashes, colons, control
/// characters, empty segments.
pub fn check_tree_path(path: &str) -> Result<(), SpellingError> {
    let wrong = |what: &str| SpellingError::new(format!("{path:?} {what}"));
    if path.is_empty() {
        return Err(SpellingError::new("a path is empty"));
    }
    if path.contains('\\') {
        return Err(wrong("contains a backslash").hint(format!("write {:?}", path.replace('\\', "/"))));
    }
    if path.starts_with('/') || path.starts_with('~') {
        return Err(wrong("is not below the top of the work tree").hint("write it relative to the top: apps/web/.env"));
    }
    // A colon is a drive or a stream on Windows.
    if path.contains(':') || path.chars().any(char::is_control) {
        return Err(wrong("contains a character that file systems treat differently"));
    }
    for segment in path.split('/') {
        match segment {
            "" => return Err(wrong("has an empty segment")),
            "." => return Err(wrong("has \".\" as a segment").hint(format!("write {:?}", path.replace("./", "")))),
            ".." => return Err(wrong("leaves the work tree, or may")),
            _ if is_git_directory(segment) => return Err(wrong("is inside .git")),
            _ => {}
        }
    }
    Ok(())
}

/// Whether some file system takes `segment` for `.git`: any case, NTFS with its short name and with trailing dots and
/// blanks, HFS+ with characters it ignores (what git's `core.protectNTFS` and `core.protectHFS` refuse).
fn is_git_directory(segment: &str) -> bool {
    let ignored = |char: &char| !matches!(char, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let plain: String = segment.chars().filter(ignored).collect::<String>().to_lowercase();
    matches!(plain.trim_end_matches([' ', '.']), ".git" | "git~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_the_work_tree_and_out_of_git() {
        for path in [".env", "apps/web/.env", ".envsync", ".github/x", "a..b", ".gitignore", "日本/.env"] {
            assert_eq!(check_tree_path(path), Ok(()), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "~/x",
            "..",
            "a/../b",
            "./a",
            "a//b",
            "a/",
            "a\\b",
            "C:/x",
            ".git/config",
            "a/.GIT/x",
            ".git./x",
            ".git /x",
            "git~1/x",
            ".g\u{200c}it/x",
            "a\nb",
        ] {
            assert!(check_tree_path(path).is_err(), "{path}");
        }
    }
}
