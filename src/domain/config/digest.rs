//! Digests of what a config means: what a user accepts, and what tells whether an environment's place was changed.

use super::{Config, EnvironmentEntry, StoreEntry};
use sha2::{Digest, Sha256};
use std::fmt::Display;

impl Config {
    /// SHA-256, in hex, of the whole meaning of the config: comments, formatting and defaults that are spelled out
    /// change nothing, the order of environments does. To be taken before personal settings are applied.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut rendering = Rendering::new("envsync-config 1");
        for file in &self.files {
            rendering.field("file", &file.path);
            rendering.optional("suffix", file.suffix.as_ref());
            rendering.optional("example", file.example.as_ref());
            rendering.optional("environment", file.environment.as_ref());
            // A set in all but name: sorted, so that its order means nothing.
            let mut local: Vec<&String> = file.local.iter().collect();
            local.sort();
            local.iter().for_each(|pattern| rendering.field("local", pattern));
        }
        for environment in &self.environments {
            rendering.field("environment", &environment.name);
            environment.branches.iter().for_each(|pattern| rendering.field("branch", pattern));
            rendering.field("protected", environment.protected);
            rendering.place(environment);
        }
        for (name, store) in &self.stores {
            rendering.field("store", name);
            rendering.store(store);
        }
        let hooks = &self.hooks;
        rendering.field("post_checkout", hooks.post_checkout.as_str());
        rendering.field("pre_push", hooks.pre_push.as_str());
        hooks.block_on.iter().for_each(|kind| rendering.field("block_on", kind.as_str()));
        rendering.field("on_error", hooks.on_error.as_str());
        rendering.field("time_budget_ms", hooks.time_budget.as_millis());
        rendering.field("max_age_ms", hooks.max_age.as_millis());
        rendering.finish()
    }
}

/// SHA-256, in hex, of what decides where an environment lies: its entry's store, path and `extends`, and its store's
/// entry. Branches and protection are left out: with those changed, an answer from another account is as surprising.
pub(super) fn place_digest(environment: &EnvironmentEntry, store: &StoreEntry) -> String {
    let mut rendering = Rendering::new("envsync-environment 1");
    rendering.field("environment", &environment.name);
    rendering.place(environment);
    rendering.store(store);
    rendering.finish()
}

/// Fields, each with its length before it, so that no value can look like another field.
struct Rendering(Sha256);

impl Rendering {
    fn new(version: &str) -> Self {
        let mut rendering = Self(Sha256::new());
        rendering.field("digest", version);
        rendering
    }

    fn field(&mut self, name: &str, value: impl Display) {
        let value = value.to_string();
        self.0.update(format!("{name} {}:{value}\n", value.len()));
    }

    fn optional(&mut self, name: &str, value: Option<&impl Display>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    fn place(&mut self, environment: &EnvironmentEntry) {
        self.field("in", &environment.store);
        self.field("path", &environment.path);
        self.optional("extends", environment.extends.as_ref());
    }

    fn store(&mut self, store: &StoreEntry) {
        self.field("kind", store.kind);
        self.field("layout", store.layout.as_str());
        for (setting, value) in &store.settings {
            self.field("setting", setting);
            self.field("value", value);
        }
    }

    fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
