//! Paths in shell text.

use crate::ports::{Failure, FailureKind};
use std::path::Path;

/// A path as one word of POSIX shell, whatever characters it has.
///
/// # Errors
/// A path that is no UTF-8: git config and shims are text.
pub(super) fn for_shell(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().ok_or_else(|| {
        Failure::new(FailureKind::Refused, format!("the path {} cannot be written into a hook", path.display()))
            .hint("move the program to a path of plain letters, then `git envsync install`")
    })?;
    if text.contains(['\n', '\0']) {
        return Err(Failure::new(FailureKind::Refused, "the path of the program has a line break")
            .hint("move the program, then `git envsync install`"));
    }
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

/// A path as one would type it: quoted only where it must be.
pub fn for_display(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = text.chars().all(|character| character.is_alphanumeric() || "/._-+:@".contains(character));
    if plain { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_path_ends_and_resumes_the_word() {
        assert_eq!(for_shell(Path::new("/a b/it's")).unwrap(), r"'/a b/it'\''s'");
    }

    #[test]
    fn a_path_with_a_line_break_is_refused() {
        assert_eq!(for_shell(Path::new("/a\nb")).unwrap_err().kind, FailureKind::Refused);
    }

    #[test]
    fn a_plain_path_is_shown_as_it_is() {
        assert_eq!(for_display(Path::new("/srv/app")), "/srv/app");
        assert_eq!(for_display(Path::new("/srv/my app")), "'/srv/my app'");
    }
}
