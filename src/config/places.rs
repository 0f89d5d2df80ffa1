//! Where a user's own files lie: settings, identity, trust.

use crate::ports::{Failure, FailureKind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The name of envsync's directory in each of them.
const OWN: &str = "git-envsync";

/// The directories of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    config: PathBuf,
    state: PathBuf,
}

impl Places {
    /// Finds them by the variables: `XDG_CONFIG_HOME` and `XDG_STATE_HOME`, by default `~/.config` and
    /// `~/.local/state`; on Windows `APPDATA` and `LOCALAPPDATA`. A relative path in an XDG variable is ignored, as
    /// the XDG Base Directory Specification says.
    ///
    /// # Errors
    /// No variable names a home.
    pub fn find(variables: &BTreeMap<String, String>) -> Result<Self, Failure> {
        Ok(Self {
            config: base(variables, "XDG_CONFIG_HOME", "APPDATA", ".config")?.join(OWN),
            state: base(variables, "XDG_STATE_HOME", "LOCALAPPDATA", ".local/state")?.join(OWN),
        })
    }

    /// The identity that `init` and `key generate` make.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.config.join("identity")
    }

    /// The personal settings.
    #[must_use]
    pub fn personal_settings(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// What has been accepted: one file per repository.
    #[must_use]
    pub fn trust(&self) -> PathBuf {
        self.state.join("trust")
    }
}

fn base(variables: &BTreeMap<String, String>, xdg: &str, windows: &str, below_home: &str) -> Result<PathBuf, Failure> {
    let absolute = |name: &str| variables.get(name).map(Path::new).filter(|path| path.is_absolute());
    if let Some(path) = absolute(xdg) {
        return Ok(path.to_owned());
    }
    if cfg!(windows)
        && let Some(path) = absolute(windows)
    {
        return Ok(path.to_owned());
    }
    let home = absolute("HOME").or_else(|| absolute("USERPROFILE")).ok_or_else(|| {
        Failure::new(FailureKind::Config, "there is no home directory for settings and keys")
            .hint(format!("set HOME, or {xdg}, to an absolute path"))
    })?;
    Ok(home.join(below_home))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn xdg_variables_come_before_the_home_directory() {
        let places = Places::find(&variables(&[("HOME", "/home/a"), ("XDG_CONFIG_HOME", "/cfg")])).expect("a home");
        assert_eq!(places.identity(), Path::new("/cfg/git-envsync/identity"));
        assert_eq!(places.personal_settings(), Path::new("/cfg/git-envsync/config.toml"));
        assert_eq!(places.trust(), Path::new("/home/a/.local/state/git-envsync/trust"));
    }

    #[test]
    fn relative_and_empty_xdg_variables_are_ignored() {
        for value in ["", "cfg", "./cfg"] {
            let places = Places::find(&variables(&[("HOME", "/h"), ("XDG_CONFIG_HOME", value)])).expect("a home");
            assert_eq!(places.identity(), Path::new("/h/.config/git-envsync/identity"));
        }
    }

    #[test]
    fn without_a_home_the_failure_says_what_to_set() {
        let failure = Places::find(&variables(&[])).expect_err("no home");
        assert!(failure.hint.expect("a hint").contains("HOME"));
    }
}
