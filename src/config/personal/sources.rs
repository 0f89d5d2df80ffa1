//! The places personal settings come from, in their order.

use super::super::file::failure;
use super::super::positions::{At, Section, document};
use super::store_settings;
use crate::domain::environment::StoreName;
use crate::ports::Failure;
use std::collections::BTreeMap;
use std::path::Path;

/// The settings that can stand at the top of the settings file.
const TOP: [&str; 5] = ["identity", "on_conflict", "offline", "timeout", "color"];
/// The settings that can stand in its `[hooks]`.
const HOOKS: [&str; 5] = ["post_checkout", "pre_push", "on_error", "time_budget", "max_age"];

/// A setting with the name a user knows it by.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: String,
}

/// All sources.
pub(super) struct Sources<'a> {
    variables: &'a BTreeMap<String, String>,
    git: BTreeMap<String, String>,
    file: BTreeMap<String, Setting>,
    stores: StoreSettings,
}

/// What was set for stores, by the names that each source uses, as `(store, setting)`.
#[derive(Clone, PartialEq, Default)]
pub(super) struct StoreSettings {
    /// The store as variables spell it: `MY_STORE`.
    variables: BTreeMap<(String, String), Setting>,
    git: BTreeMap<(String, String), Setting>,
    file: BTreeMap<(String, String), Setting>,
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.value) == (&other.name, &other.value)
    }
}

impl std::fmt::Debug for StoreSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Names only: an endpoint may have a password in it until it has been checked.
        formatter.debug_list().entries(self.all().map(|(_, setting)| &setting.name)).finish()
    }
}

impl StoreSettings {
    pub(super) fn get(&self, store: &StoreName, setting: &str) -> Option<&Setting> {
        let key = (store.as_str().to_owned(), setting.to_owned());
        let variable_key = (capitals(store.as_str()), setting.to_owned());
        self.variables.get(&variable_key).or_else(|| self.git.get(&key)).or_else(|| self.file.get(&key))
    }

    /// Every setting, with its name within the store.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Setting)> {
        let sources = [&self.variables, &self.git, &self.file].into_iter();
        sources.flatten().map(|((_, setting), value)| (setting.as_str(), value))
    }
}

impl<'a> Sources<'a> {
    pub(super) fn new(
        variables: &'a BTreeMap<String, String>,
        git_config: &[(String, String)],
        file_text: Option<(&Path, &str)>,
    ) -> Result<Self, Failure> {
        let mut sources =
            Self { variables, git: BTreeMap::new(), file: BTreeMap::new(), stores: StoreSettings::default() };
        for (name, value) in variables {
            sources.read_variable(name, value);
        }
        // Of several values of one name git takes the last.
        for (name, value) in git_config {
            sources.read_git(name, value);
        }
        if let Some((path, text)) = file_text {
            sources.read_file(path, text)?;
        }
        Ok(sources)
    }

    /// The first source's word on a setting. An empty variable counts as unset.
    pub(super) fn get(&self, name: &str) -> Option<Setting> {
        let variable = format!("GIT_ENVSYNC_{}", name.to_ascii_uppercase());
        if let Some(value) = self.variables.get(&variable).filter(|value| !value.is_empty()) {
            return Some(Setting { name: variable, value: value.clone() });
        }
        // Git's names have no underscore: envsync.postCheckout.
        if let Some(value) = self.git.get(&name.replace('_', "")) {
            return Some(Setting { name: format!("git config envsync.{}", camel(name)), value: value.clone() });
        }
        self.file.get(name).cloned()
    }

    pub(super) fn into_stores(self) -> StoreSettings {
        self.stores
    }

    fn read_variable(&mut self, name: &str, value: &str) {
        let Some(rest) = name.strip_prefix("GIT_ENVSYNC_STORE_") else { return };
        if value.is_empty() {
            return;
        }
        // Names of stores may contain underscores: what is known is how the name of the setting ends.
        for setting in store_settings() {
            let store = rest.strip_suffix(&setting.to_ascii_uppercase()).and_then(|store| store.strip_suffix('_'));
            if let Some(store) = store.filter(|store| !store.is_empty()) {
                let found = Setting { name: name.to_owned(), value: value.to_owned() };
                self.stores.variables.insert((store.to_owned(), setting.to_owned()), found);
            }
        }
    }

    fn read_git(&mut self, name: &str, value: &str) {
        let Some(rest) = name.strip_prefix("envsync.") else { return };
        let Some(rest) = rest.strip_prefix("store.") else {
            self.git.insert(rest.to_owned(), value.to_owned());
            return;
        };
        let Some((store, key)) = rest.rsplit_once('.') else { return };
        if let Some(setting) = store_settings().find(|setting| setting.replace('_', "") == key) {
            let name = format!("git config envsync.store.{store}.{}", camel(setting));
            let found = Setting { name, value: value.to_owned() };
            self.stores.git.insert((store.to_owned(), setting.to_owned()), found);
        }
    }

    fn read_file(&mut self, path: &Path, text: &str) -> Result<(), Failure> {
        let path = path.display().to_string();
        let in_file = |error| failure(&path, error);
        let document = document(text).map_err(in_file)?;
        let known: Vec<&str> = TOP.into_iter().chain(["hooks", "stores"]).collect();
        let top = Section::new(At::begin(text), "the settings", document.get_ref(), &known).map_err(in_file)?;
        let setting = |name: &str, value: String| Setting { name: format!("{name} in {path}"), value };
        for name in TOP {
            if let Some(value) = top.plain(name).map_err(in_file)? {
                self.file.insert(name.to_owned(), setting(name, value));
            }
        }
        if let Some(hooks) = top.table("hooks").map_err(in_file)? {
            let hooks = Section::new(hooks.at, "[hooks]", hooks.value, &HOOKS).map_err(in_file)?;
            for name in HOOKS {
                if let Some(value) = hooks.plain(name).map_err(in_file)? {
                    self.file.insert(name.to_owned(), setting(name, value));
                }
            }
        }
        if let Some(stores) = top.table("stores").map_err(in_file)? {
            let known: Vec<&str> = store_settings().collect();
            let stores = Section::open(stores.at, "[stores]", stores.value);
            for store in stores.keys() {
                let Some(table) = stores.table(store.value).map_err(in_file)? else { continue };
                let title = format!("[stores.{}]", store.value);
                let section = Section::new(table.at, &title, table.value, &known).map_err(in_file)?;
                for name in &known {
                    if let Some(value) = section.plain(name).map_err(in_file)? {
                        let key = (store.value.to_owned(), (*name).to_owned());
                        self.stores.file.insert(key, setting(&format!("{title} {name}"), value));
                    }
                }
            }
        }
        Ok(())
    }
}

/// `my-store` as variables spell it: `MY_STORE`.
fn capitals(name: &str) -> String {
    name.to_ascii_uppercase().replace(|char: char| !char.is_ascii_alphanumeric(), "_")
}

/// `role_arn` as git's settings spell it: `roleArn`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| camel + &word[..1].to_ascii_uppercase() + &word[1..])
}
