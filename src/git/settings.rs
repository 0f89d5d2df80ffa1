//! `envsync.*` in git's config, of every scope, read in-process.

use super::repository::Repository;
use crate::ports::{Failure, FailureKind};
use std::env;

impl Repository {
    /// All `envsync.*` settings in git's order of precedence: of two with one name the last wins. Files first
    /// (system, global, local, worktree), then `GIT_CONFIG_COUNT`, then `git -c`. Section and variable are lower
    /// case, the subsection is as written; a name without a value means `true`.
    ///
    /// # Errors
    /// A config file or variable that git could not read either. The message never has a value.
    pub fn settings(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut settings = self.settings_of_files().map_err(|error| broken("git's config").because(error))?;
        settings.extend(command_scope()?.into_iter().filter(|(name, _)| name.starts_with("envsync.")));
        Ok(settings)
    }

    /// Git's own `color.ui`, as git would take it for this program.
    #[must_use]
    pub fn color_ui(&self) -> Option<String> {
        let of_command = command_scope().ok()?.into_iter().rev().find(|(name, _)| name == "color.ui");
        of_command.map(|(_, value)| value).or_else(|| self.inner.config().ok()?.get_string("color.ui").ok())
    }

    fn settings_of_files(&self) -> Result<Vec<(String, String)>, git2::Error> {
        let config = self.inner.config()?;
        let mut settings = Vec::new();
        let mut entries = config.entries(Some("^envsync\\."))?;
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let value = if entry.has_value() { entry.value()? } else { "true" };
            settings.push((entry.level(), entry.name()?.to_owned(), value.to_owned()));
        }
        // libgit2 goes from the nearest file to the farthest; a stable sort keeps the order within each.
        settings.sort_by_key(|(level, _, _)| *level as i32);
        Ok(settings.into_iter().map(|(_, name, value)| (name, value)).collect())
    }
}

/// Settings of scope `command`: `GIT_CONFIG_COUNT` and `git -c`, which libgit2 does not read.
pub(super) fn command_scope() -> Result<Vec<(String, String)>, Failure> {
    let mut settings = counted(|name| env::var(name).ok())?;
    if let Some(text) = env::var_os("GIT_CONFIG_PARAMETERS") {
        let text = text.to_str().ok_or_else(|| broken("GIT_CONFIG_PARAMETERS"))?;
        settings.extend(parameters(text).ok_or_else(|| broken("GIT_CONFIG_PARAMETERS"))?);
    }
    Ok(settings)
}

fn broken(place: &str) -> Failure {
    Failure::new(FailureKind::Config, format!("{place} cannot be read")).hint("git config --list --show-origin")
}

/// `GIT_CONFIG_COUNT`, `GIT_CONFIG_KEY_<n>`, `GIT_CONFIG_VALUE_<n>`, as git-config(1) describes them.
fn counted(lookup: impl Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>, Failure> {
    let Some(count) = lookup("GIT_CONFIG_COUNT").filter(|count| !count.is_empty()) else { return Ok(Vec::new()) };
    let count: u32 = count.parse().map_err(|_| broken("GIT_CONFIG_COUNT"))?;
    let pair = |number| {
        let (key, value) = (format!("GIT_CONFIG_KEY_{number}"), format!("GIT_CONFIG_VALUE_{number}"));
        let name = lookup(&key).as_deref().and_then(canonical_name).ok_or_else(|| broken(&key))?;
        Ok((name, lookup(&value).ok_or_else(|| broken(&value))?))
    };
    (0..count).map(pair).collect()
}

/// `GIT_CONFIG_PARAMETERS`: shell-quoted words, `'name'='value'` since git 2.31, `'name=value'` before
/// (`git_config_from_parameters` in git's `config.c`). None where git would call it bogus.
fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let mut settings = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (first, after) = dequote(rest)?;
        let (name, value, after) = match after.strip_prefix('=') {
            Some(after) if after.is_empty() || after.starts_with(char::is_whitespace) => (first, None, after),
            Some(after) => {
                let (value, after) = dequote(after)?;
                (first, Some(value), after)
            }
            None => match first.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned()), after),
                None => (first, None, after),
            },
        };
        settings.push((canonical_name(&name)?, value.unwrap_or_else(|| "true".to_owned())));
        if !(after.is_empty() || after.starts_with(char::is_whitespace)) {
            return None;
        }
        rest = after.trim_start();
    }
    Some(settings)
}

/// One word as `sq_quote_buf` of git's `quote.c` writes it: single quotes, with `'\''` and `'\!'` inside.
fn dequote(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut word = String::new();
    loop {
        let (part, after) = rest.split_once('\'')?;
        word.push_str(part);
        let escaped = after.strip_prefix('\\').and_then(|after| {
            let character = after.chars().next().filter(|character| matches!(character, '\'' | '!'))?;
            Some((character, after[1..].strip_prefix('\'')?))
        });
        match escaped {
            Some((character, after)) => {
                word.push(character);
                rest = after;
            }
            None => return Some((word, after)),
        }
    }
}

/// Section and variable in lower case; what stands between first and last dot as it is.
fn canonical_name(name: &str) -> Option<String> {
    let name = name.trim();
    let (section, rest) = name.split_once('.').filter(|(section, rest)| !section.is_empty() && !rest.is_empty())?;
    Some(match rest.rsplit_once('.') {
        Some((subsection, variable)) => {
            format!("{}.{subsection}.{}", section.to_ascii_lowercase(), variable.to_ascii_lowercase())
        }
        None => name.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn parameters_are_read_in_both_spellings_of_git() {
        assert_eq!(
            parameters("'envsync.onConflict'='stop' 'envsync.a=b=c'").unwrap(),
            pairs(&[("envsync.onconflict", "stop"), ("envsync.a", "b=c")])
        );
    }

    #[test]
    fn a_parameter_without_a_value_means_true() {
        assert_eq!(
            parameters("'envsync.a' 'envsync.b'=").unwrap(),
            pairs(&[("envsync.a", "true"), ("envsync.b", "true")])
        );
    }

    #[test]
    fn quotes_and_exclamation_marks_in_a_value_come_back() {
        assert_eq!(parameters(r"'a.b'='it'\''s'\!''").unwrap(), pairs(&[("a.b", "it's!")]));
    }

    #[test]
    fn bogus_parameters_are_refused() {
        for text in ["a.b=c", "'a.b'='c", "'a.b''c'", "'nodot'='x'", "'a.b'='c'x"] {
            assert_eq!(parameters(text), None, "{text}");
        }
    }

    #[test]
    fn a_subsection_keeps_its_case() {
        assert_eq!(canonical_name("Envsync.Store.My.Store.Region").unwrap(), "envsync.Store.My.Store.region");
    }

    #[test]
    fn a_missing_counted_value_is_an_error_that_names_the_variable() {
        let lookup = |name: &str| match name {
            "GIT_CONFIG_COUNT" => Some("1".to_owned()),
            "GIT_CONFIG_KEY_0" => Some("envsync.a".to_owned()),
            _ => None,
        };
        assert!(counted(lookup).unwrap_err().what.contains("GIT_CONFIG_VALUE_0"));
    }
}
