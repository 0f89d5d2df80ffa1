//! Personal settings: what a user decides for themselves, over the repository's config.
//!
//! `GIT_ENVSYNC_*` variables come before `git config envsync.*`, and that before the settings file; flags, which come
//! before all, are the caller's. Values never appear in messages: a variable may hold anything.

mod endpoint;
mod sources;
#[cfg(test)]
mod tests;

pub use endpoint::check_endpoint;

use super::duration;
use super::file::settings_of;
use crate::domain::config::{Config, OnConflict, OnError, PostCheckout, PrePush, check_tree_path};
use crate::domain::environment::{EnvironmentName, StoreKind, StoreName};
use crate::domain::key::Key;
use crate::domain::secret::SecretValue;
use crate::ports::{Failure, FailureKind};
use sources::{Setting, Sources};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The settings of one user. What is none was not set anywhere.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Personal {
    /// The path of the identity, or the key itself.
    pub identity: Option<SecretValue>,
    /// Who wins where both sides changed a key.
    pub on_conflict: Option<OnConflict>,
    /// Whether stores are never asked.
    pub offline: bool,
    /// Whether every hook is off: `GIT_ENVSYNC=0`.
    pub hooks_off: bool,
    /// The environment that `GIT_ENVSYNC_ENV` selects.
    pub environment: Option<EnvironmentName>,
    /// The branch that `GIT_ENVSYNC_BRANCH` names.
    pub branch: Option<String>,
    /// All the time a command spends on stores.
    pub timeout: Option<Duration>,
    /// Colour of the output.
    pub color: Option<Color>,
    /// What post-checkout does.
    pub post_checkout: Option<PostCheckout>,
    /// What pre-push does with findings.
    pub pre_push: Option<PrePush>,
    /// What pre-push does when a store cannot be asked.
    pub on_error: Option<OnError>,
    /// How long a hook may take.
    pub time_budget: Option<Duration>,
    /// How old a snapshot may be before a hook asks the store.
    pub max_age: Option<Duration>,
    stores: sources::StoreSettings,
}

/// When output has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// With git's own spellings of `color.ui`, where `true` is `auto`.
    const SPELLINGS: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("always", Self::Always),
        ("never", Self::Never),
        ("true", Self::Auto),
        ("false", Self::Never),
    ];

    /// Reads git's own `color.ui`; none where it is another word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::SPELLINGS.iter().find(|(word, _)| *word == text).map(|(_, color)| *color)
    }
}

impl Personal {
    /// Puts the settings together from the process's variables, git's settings (full names as git prints them: section
    /// and key in lower case, the subsection as it is) and the text of the settings file with its path.
    ///
    /// # Errors
    /// The first setting that is not what it must be, by its name; in the settings file with line and column.
    pub fn load(
        variables: &BTreeMap<String, String>,
        git_config: &[(String, String)],
        file_text: Option<(&Path, &str)>,
    ) -> Result<Self, Failure> {
        let sources = Sources::new(variables, git_config, file_text)?;
        let no_color = variables.get("NO_COLOR").is_some_and(|value| !value.is_empty());
        let personal = Self {
            identity: sources.get("identity").map(|setting| SecretValue::new(setting.value)),
            on_conflict: one_of(sources.get("on_conflict"), OnConflict::SPELLINGS)?,
            offline: flag(sources.get("offline"))?,
            hooks_off: variables.get("GIT_ENVSYNC").is_some_and(|value| is_off(value)),
            environment: variable(variables, "GIT_ENVSYNC_ENV").map(EnvironmentName::new),
            branch: variable(variables, "GIT_ENVSYNC_BRANCH"),
            timeout: time(sources.get("timeout"))?,
            // A variable as the others, but for the more particular one: https://no-color.org
            color: one_of(sources.get("color"), Color::SPELLINGS)?
                .filter(|_| !no_color || variables.contains_key("GIT_ENVSYNC_COLOR"))
                .or(no_color.then_some(Color::Never)),
            post_checkout: one_of(sources.get("post_checkout"), PostCheckout::SPELLINGS)?,
            pre_push: one_of(sources.get("pre_push"), PrePush::SPELLINGS)?,
            on_error: one_of(sources.get("on_error"), OnError::SPELLINGS)?,
            time_budget: time(sources.get("time_budget"))?,
            max_age: time(sources.get("max_age"))?,
            stores: sources.into_stores(),
        };
        for (setting, source) in personal.stores.all() {
            match setting {
                "endpoint" => check_endpoint(&source.name, &source.value)?,
                "directory" => check_tree_path(&source.value).map_err(|_| {
                    wrong(source, "is no place for a store").hint("name a directory below the top of the work tree")
                })?,
                _ if source.value.is_empty() || source.value.chars().any(char::is_control) => {
                    return Err(wrong(source, "is empty or not plain text"));
                }
                _ => {}
            }
        }
        Ok(personal)
    }

    /// Puts the settings over those of a config. The digest of what the user has accepted is taken before.
    pub fn apply(&self, config: &mut Config) {
        let hooks = &mut config.hooks;
        hooks.post_checkout = self.post_checkout.unwrap_or(hooks.post_checkout);
        hooks.pre_push = self.pre_push.unwrap_or(hooks.pre_push);
        hooks.on_error = self.on_error.unwrap_or(hooks.on_error);
        hooks.time_budget = self.time_budget.unwrap_or(hooks.time_budget);
        hooks.max_age = self.max_age.unwrap_or(hooks.max_age);
        for (name, store) in &mut config.stores {
            for setting in settings_of(store.kind) {
                if let Some(value) = self.stores.get(name, setting) {
                    store.settings.insert((*setting).to_owned(), value.value.clone());
                }
            }
        }
    }

    /// The endpoint of a store; it is https, or on this machine.
    #[must_use]
    pub fn endpoint(&self, store: &StoreName) -> Option<&str> {
        self.stores.get(store, "endpoint").map(|setting| setting.value.as_str())
    }
}

/// The variables that would direct envsync and stand, name and value, in an env file of the repository: something has
/// loaded that file into the process. The caller takes them out and says so.
#[must_use]
pub fn planted(variables: &BTreeMap<String, String>, env_file_values: &BTreeMap<Key, SecretValue>) -> Vec<String> {
    let directs =
        |name: &str| name == "GIT_ENVSYNC" || name.starts_with("GIT_ENVSYNC_") || name.starts_with("AWS_ENDPOINT_URL");
    env_file_values
        .iter()
        .filter(|(key, value)| {
            directs(key.as_str()) && variables.get(key.as_str()).is_some_and(|found| found == value.expose())
        })
        .map(|(key, _)| key.to_string())
        .collect()
}

/// The settings of stores that a user may set: those of the config, and the endpoint.
fn store_settings() -> impl Iterator<Item = &'static str> {
    StoreKind::CONFIGURABLE.iter().flat_map(|kind| settings_of(*kind)).copied().chain(["endpoint"])
}

fn variable(variables: &BTreeMap<String, String>, name: &str) -> Option<String> {
    variables.get(name).filter(|value| !value.is_empty()).cloned()
}

fn one_of<T: Copy>(setting: Option<Setting>, spellings: &[(&str, T)]) -> Result<Option<T>, Failure> {
    let Some(setting) = setting else { return Ok(None) };
    let found = spellings.iter().find(|(spelling, _)| *spelling == setting.value);
    found.map(|(_, value)| Some(*value)).ok_or_else(|| {
        let names: Vec<&str> = spellings.iter().map(|(spelling, _)| *spelling).collect();
        wrong(&setting, "is not one of its values").hint(format!("possible are {}", names.join(", ")))
    })
}

fn time(setting: Option<Setting>) -> Result<Option<Duration>, Failure> {
    let Some(setting) = setting else { return Ok(None) };
    let parsed = duration::parse(&setting.value);
    parsed.map(Some).ok_or_else(|| wrong(&setting, "is not a duration").hint(duration::EXPECTED))
}

fn flag(setting: Option<Setting>) -> Result<bool, Failure> {
    let Some(setting) = setting else { return Ok(false) };
    match setting.value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        value if is_off(value) => Ok(false),
        _ => Err(wrong(&setting, "is neither yes nor no").hint("possible are 1, 0, true, false")),
    }
}

/// Git's spellings of no (git-config(1)).
fn is_off(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "0" | "false" | "no" | "off" | "")
}

fn wrong(setting: &Setting, what: &str) -> Failure {
    Failure::new(FailureKind::Config, format!("{} {what}", setting.name))
}
