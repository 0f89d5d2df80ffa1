//! `.envsync.toml`: from its text to a checked [`Config`].
//!
//! The text comes from the repository, which is to say from a stranger: nothing in it is trusted, and every error has
//! the line and column of what is wrong.

mod stores;
#[cfg(test)]
mod tests;

pub use super::positions::ConfigError;
pub(super) use stores::settings as settings_of;

use super::positions::{At, Located, Section, document, pick};
use crate::domain::branch::{BranchPattern, PathTemplate, SpellingError};
use crate::domain::config::{
    CheckError, Config, EnvFileEntry, EnvironmentEntry, FindingKind, HookPolicy, OnError, Part, PostCheckout, PrePush,
    StoreEntry,
};
use crate::domain::environment::{EnvFilePath, EnvironmentName, StoreKind, StoreName};
use crate::ports::{Failure, FailureKind};
use std::collections::BTreeMap;
use toml::de::DeTable;

/// The name of the config, at the top of the work tree.
pub const FILE_NAME: &str = ".envsync.toml";

/// What stands at the top of a config.
const KEYS: &[&str] = &["version", "file", "environment", "stores", "hooks"];

/// Reads and checks a config.
///
/// # Errors
/// The first thing that is wrong, with its line and column.
pub fn parse(source: &str) -> Result<Config, ConfigError> {
    let document = document(source)?;
    let begin = At::begin(source);
    let top = Section::open(begin, "the config", document.get_ref());
    if top.keys().all(|key| key.value != "version") {
        // `verison = 1` is a slip of the pen. Otherwise the version comes first: another one may have other keys.
        top.allow(KEYS)?;
    }
    check_version(&top)?;
    top.allow(KEYS)?;

    let files = top.tables("file")?;
    let environments = top.tables("environment")?;
    let stores = stores(&top)?;
    let config = Config {
        files: match files.is_empty() {
            true => vec![default_file()],
            false => files.iter().map(file).collect::<Result<_, _>>()?,
        },
        environments: environments.iter().map(|table| environment(table, &stores)).collect::<Result<_, _>>()?,
        stores,
        hooks: top.table("hooks")?.map_or_else(|| Ok(HookPolicy::default()), |table| hooks(&table))?,
    };
    config.check().map_err(|error| locate(&error, &top, &files, &environments))?;
    Ok(config)
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        failure(FILE_NAME, error)
    }
}

/// The failure of a TOML file of this name.
pub(super) fn failure(name: &str, error: ConfigError) -> Failure {
    let failure = Failure::new(FailureKind::Config, format!("{name}:{error}"));
    match error.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn check_version(top: &Section<'_>) -> Result<(), ConfigError> {
    match top.integer("version")? {
        None => Err(top.at().error("the config lacks \"version\"").hint("begin it with: version = 1")),
        Some(version) if version.value == "1" => Ok(()),
        Some(version) => Err(version
            .at
            .error(format!("this git-envsync reads version 1 of the config, and this is version {}", version.value))
            .hint("install a newer git-envsync, or write: version = 1")),
    }
}

fn default_file() -> EnvFileEntry {
    EnvFileEntry { path: EnvFilePath::new(".env"), suffix: None, example: None, local: Vec::new(), environment: None }
}

fn file(table: &Located<'_, &DeTable<'_>>) -> Result<EnvFileEntry, ConfigError> {
    let known = ["path", "suffix", "example", "local", "environment"];
    let section = Section::new(table.at, "[[file]]", table.value, &known)?;
    let owned = |key| Ok(section.text(key)?.map(|text| text.value.to_owned()));
    Ok(EnvFileEntry {
        path: EnvFilePath::new(section.required("path")?.value),
        suffix: owned("suffix")?,
        example: owned("example")?,
        local: section.texts("local")?.unwrap_or_default().into_iter().map(|text| text.value.to_owned()).collect(),
        environment: section.text("environment")?.map(|text| EnvironmentName::new(text.value)),
    })
}

fn environment(
    table: &Located<'_, &DeTable<'_>>,
    stores: &BTreeMap<StoreName, StoreEntry>,
) -> Result<EnvironmentEntry, ConfigError> {
    let known = ["name", "branches", "store", "path", "protected", "extends"];
    let section = Section::new(table.at, "[[environment]]", table.value, &known)?;
    let name = section.required("name")?;
    check_name(&name, "an environment")?;
    let pattern = |text: Located<'_, &str>| BranchPattern::parse(text.value).map_err(at(text.at));
    let branches = section.texts("branches")?.unwrap_or_default();
    let store = StoreName::new(section.required("store")?.value);
    let path = section.required("path")?;
    let takes_arn = stores.get(&store).is_some_and(|store| store.kind == StoreKind::AwsSecretsManager);
    let template = match takes_arn && path.value.starts_with("arn:") {
        true => PathTemplate::parse_arn(path.value),
        false => PathTemplate::parse(path.value),
    };
    Ok(EnvironmentEntry {
        name: EnvironmentName::new(name.value),
        branches: branches.into_iter().map(pattern).collect::<Result<_, _>>()?,
        store,
        path: template.map_err(at(path.at))?,
        protected: section.flag("protected")?.unwrap_or(false),
        extends: section.text("extends")?.map(|text| EnvironmentName::new(text.value)),
    })
}

fn stores(top: &Section<'_>) -> Result<BTreeMap<StoreName, StoreEntry>, ConfigError> {
    let Some(table) = top.table("stores")? else { return Ok(BTreeMap::new()) };
    let section = Section::open(table.at, "[stores]", table.value);
    let mut stores = BTreeMap::new();
    for name in section.keys() {
        check_name(&name, "a store")?;
        let wrong = || name.at.error(format!("a store is a table: [stores.{}]", name.value));
        let table = section.table(name.value).map_err(|_| wrong())?.ok_or_else(wrong)?;
        stores.insert(StoreName::new(name.value), stores::read(name.value, &table)?);
    }
    Ok(stores)
}

fn hooks(table: &Located<'_, &DeTable<'_>>) -> Result<HookPolicy, ConfigError> {
    let known = ["post_checkout", "pre_push", "block_on", "on_error", "time_budget", "max_age"];
    let section = Section::new(table.at, "[hooks]", table.value, &known)?;
    let default = HookPolicy::default();
    let block_on = section
        .texts("block_on")?
        .map(|kinds| kinds.iter().map(|kind| pick("block_on", kind, FindingKind::SPELLINGS)).collect::<Result<_, _>>());
    Ok(HookPolicy {
        post_checkout: section.choice("post_checkout", PostCheckout::SPELLINGS)?.unwrap_or(default.post_checkout),
        pre_push: section.choice("pre_push", PrePush::SPELLINGS)?.unwrap_or(default.pre_push),
        block_on: block_on.transpose()?.unwrap_or(default.block_on),
        on_error: section.choice("on_error", OnError::SPELLINGS)?.unwrap_or(default.on_error),
        time_budget: section.duration("time_budget")?.unwrap_or(default.time_budget),
        max_age: section.duration("max_age")?.unwrap_or(default.max_age),
    })
}

/// Names are typed on command lines and become parts of variables' names.
fn check_name(name: &Located<'_, &str>, of: &str) -> Result<(), ConfigError> {
    let allowed =
        |char: char| char.is_ascii_alphanumeric() || "_.-".contains(char) && !(of == "a store" && char == '.');
    let begins = name.value.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_');
    match begins && name.value.chars().all(allowed) {
        true => Ok(()),
        false => Err(name
            .at
            .error(format!("{:?} is no name for {of}", name.value))
            .hint("a name is made of letters, digits, \"_\" and \"-\"")),
    }
}

fn at(at: At<'_>) -> impl FnOnce(SpellingError) -> ConfigError {
    move |error| ConfigError { hint: error.hint, ..at.error(error.message) }
}

/// The place in the text of what [`Config::check`] found.
fn locate(
    error: &CheckError,
    top: &Section<'_>,
    files: &[Located<'_, &DeTable<'_>>],
    environments: &[Located<'_, &DeTable<'_>>],
) -> ConfigError {
    let within = |tables: &[Located<'_, &DeTable<'_>>], index: usize, key: &str| {
        let table = tables.get(index)?;
        Some(Section::open(table.at, "", table.value).place(key).error(&error.message))
    };
    let found = match &error.part {
        Part::Whole => None,
        Part::File(index, key) => within(files, *index, key),
        Part::Environment(index, key) => within(environments, *index, key),
        Part::Store(name, key) => top.table("stores").ok().flatten().and_then(|stores| {
            let stores = Section::open(stores.at, "", stores.value);
            let store = stores.table(name.as_str()).ok().flatten()?;
            Some(Section::open(store.at, "", store.value).place(key).error(&error.message))
        }),
    };
    ConfigError { hint: error.hint.clone(), ..found.unwrap_or_else(|| top.at().error(&error.message)) }
}
