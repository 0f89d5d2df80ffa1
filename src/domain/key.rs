//! Env keys: the names of variables.

use std::fmt;
use std::str::FromStr;

/// Keys that begin so make programs load code, or redirect git.
pub const CODE_KEY_PREFIXES: &[&str] = &["BASH_FUNC_", "DYLD_", "GIT_", "LD_"];

/// Keys that make programs load code: start-up files, search paths and options of shells and interpreters.
pub const CODE_KEYS: &[&str] = &[
    "BASH_ENV",
    "CLASSPATH",
    "ENV",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LUA_INIT",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PROMPT_COMMAND",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYLIB",
    "RUBYOPT",
    "RUSTC_WRAPPER",
    "SHELLOPTS",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];

/// The name of a variable: one or more of `A-Z a-z 0-9 _ . -`.
///
/// A name that is none is *foreign*: it is never pulled, pushed or pruned.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Accepts `name` when it is an env key.
    ///
    /// # Errors
    /// [`NotAKey`] with the offending name otherwise.
    pub fn new(name: impl Into<String>) -> Result<Self, NotAKey> {
        let name = name.into();
        if !name.is_empty() && name.bytes().all(Self::allows) { Ok(Self(name)) } else { Err(NotAKey(name)) }
    }

    /// Whether a key may contain this byte.
    #[must_use]
    pub fn allows(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a variable of this name makes programs load code or redirects git.
    ///
    /// A hook never brings such a key in when it is new or changed.
    #[must_use]
    pub fn loads_code(&self) -> bool {
        let name = self.0.to_ascii_uppercase();
        CODE_KEYS.contains(&name.as_str()) || CODE_KEY_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Key {
    type Err = NotAKey;

    fn from_str(name: &str) -> Result<Self, NotAKey> {
        Self::new(name)
    }
}

/// A name that is not an env key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a name for a variable: letters, digits, '_', '.' and '-' are")]
pub struct NotAKey(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_lists_just_the_keys_that_load_code() {
        let manual = include_str!("../../docs/manual.md");
        let (_, list) = manual.split_once("<!-- code keys -->").expect("the manual has the list");
        let (list, _) = list.split_once("<!-- end -->").expect("the list ends");
        let listed: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        let known: Vec<&str> = CODE_KEY_PREFIXES.iter().chain(CODE_KEYS).copied().collect();
        assert_eq!(listed, known);
    }

    #[test]
    fn a_key_is_made_of_letters_digits_underscore_dot_and_dash() {
        for name in ["A", "a.b", "MY-KEY", "1A", "_"] {
            assert!(Key::new(name).is_ok(), "{name}");
        }
        for name in ["", "A B", "KÉY", "A=B", "A/B", "A\n"] {
            assert!(Key::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn keys_that_load_code_are_known_in_any_spelling() {
        for name in ["LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "GIT_SSH_COMMAND", "NODE_OPTIONS", "Path", "BASH_ENV"] {
            assert!(Key::new(name).expect("a key").loads_code(), "{name}");
        }
        for name in ["API_KEY", "DATABASE_URL", "PATH_PREFIX", "NODE_ENV"] {
            assert!(!Key::new(name).expect("a key").loads_code(), "{name}");
        }
    }
}
