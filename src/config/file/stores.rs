//! `[stores.NAME]`: the settings of each kind, and their defaults.

use super::super::positions::{ConfigError, Located, Section};
use crate::domain::config::{Layout, StoreEntry};
use crate::domain::environment::StoreKind;
use std::collections::BTreeMap;
use toml::de::DeTable;

/// The settings of a kind, besides `kind` and `layout`.
pub(in crate::config) fn settings(kind: StoreKind) -> &'static [&'static str] {
    match kind {
        StoreKind::Age => &["directory"],
        StoreKind::AwsSecretsManager | StoreKind::AwsParameterStore => &["region", "profile", "role_arn", "kms_key"],
        StoreKind::GcpSecretManager => &["project", "location"],
        StoreKind::AzureKeyVault => &["vault"],
        StoreKind::Memory => &[],
    }
}

/// The layout where the config names none.
fn default_layout(kind: StoreKind) -> Layout {
    match kind {
        StoreKind::Age => Layout::Dotenv,
        StoreKind::AwsSecretsManager | StoreKind::GcpSecretManager | StoreKind::Memory => Layout::Json,
        StoreKind::AwsParameterStore | StoreKind::AzureKeyVault => Layout::Keys,
    }
}

/// Reads the table of the store `name`.
pub(super) fn read(name: &str, table: &Located<'_, &DeTable<'_>>) -> Result<StoreEntry, ConfigError> {
    let section = Section::open(table.at, format!("[stores.{name}]"), table.value);
    // An endpoint decides who is shown the user's credentials: that is not for a repository to say.
    if let Some(endpoint) = section.keys().find(|key| key.value == "endpoint") {
        return Err(endpoint
            .at
            .error("an endpoint does not belong into the config of a repository")
            .hint(format!("it is a personal setting: git config envsync.store.{name}.endpoint URL")));
    }
    let kinds: Vec<(&str, StoreKind)> = StoreKind::CONFIGURABLE.iter().map(|kind| (kind.as_str(), *kind)).collect();
    let Some(kind) = section.choice("kind", &kinds)? else {
        return Err(section
            .at()
            .error(format!("[stores.{name}] lacks \"kind\""))
            .hint(format!("possible are {}", kinds.iter().map(|(kind, _)| *kind).collect::<Vec<_>>().join(", "))));
    };
    let known: Vec<&str> = ["kind", "layout"].into_iter().chain(settings(kind).iter().copied()).collect();
    section
        .allow(&known)
        .map_err(|error| ConfigError { message: format!("{}, which is of kind \"{kind}\"", error.message), ..error })?;
    let layout = section.choice("layout", Layout::SPELLINGS)?;
    if kind == StoreKind::Age && layout.is_some_and(|layout| layout != Layout::Dotenv) {
        let error = section.place("layout").error("a store of kind \"age\" has the layout \"dotenv\" only");
        return Err(error.hint("leave the layout out"));
    }
    let mut values = BTreeMap::new();
    for setting in settings(kind) {
        if let Some(text) = section.text(setting)? {
            if text.value.is_empty() || text.value.chars().any(char::is_control) {
                return Err(text.at.error(format!("{setting:?} is empty or not plain text")));
            }
            values.insert((*setting).to_owned(), text.value.to_owned());
        }
    }
    if kind == StoreKind::Age {
        values.entry("directory".to_owned()).or_insert_with(|| ".envsync".to_owned());
    }
    Ok(StoreEntry { kind, layout: layout.unwrap_or_else(|| default_layout(kind)), settings: values })
}
