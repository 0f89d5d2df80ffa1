//! A profile of the user's AWS files: what kind of credentials it promises, so that an error can say what mends it.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use aws_config::profile::ProfileSet;
#[allow(deprecated, reason = "the loader takes the older of two types of the same name")]
use aws_config::profile::profile_file::ProfileFiles;
use aws_types::os_shim_internal::{Env, Fs};

/// How many profiles may lead from one to the next.
const DEPTH: usize = 8;

/// A profile, with those that it refers to.
#[derive(Debug)]
pub(super) struct Profile {
    name: String,
    files: ProfileSet,
}

impl Profile {
    /// Reads the user's AWS files; none where they cannot be read.
    pub(super) async fn load(name: &str) -> Option<Self> {
        #[allow(deprecated, reason = "the loader takes the older of two types of the same name")]
        let files = ProfileFiles::default();
        let files = aws_config::profile::load(&Fs::real(), &Env::real(), &files, Some(name.to_owned().into())).await;
        files.ok().map(|files| Self { name: name.to_owned(), files })
    }

    /// Whether there is such a profile.
    pub(super) fn is_there(&self) -> bool {
        self.files.get_profile(&self.name).is_some()
    }

    /// Whether it promises credentials of any kind.
    pub(super) fn has_credentials(&self) -> bool {
        const PROMISES: [&str; 7] = [
            "aws_access_key_id",
            "role_arn",
            "credential_process",
            "sso_session",
            "sso_start_url",
            "web_identity_token_file",
            "login_session",
        ];
        PROMISES.iter().any(|setting| self.get(&self.name, setting).is_some())
    }

    /// The profile, this one or one that it builds on, that is signed in to by SSO.
    pub(super) fn sso_profile(&self) -> Option<&str> {
        let signed_in = |name: &&str| ["sso_session", "sso_start_url"].iter().any(|key| self.get(name, key).is_some());
        self.lineage().find(signed_in)
    }

    /// The role that it assumes.
    pub(super) fn role(&self) -> Option<&str> {
        self.get(&self.name, "role_arn")
    }

    /// Whether a command gives its credentials.
    pub(super) fn has_process(&self) -> bool {
        self.lineage().any(|name| self.get(name, "credential_process").is_some())
    }

    /// Whether a sign-in to the console gives its credentials.
    pub(super) fn has_login_session(&self) -> bool {
        self.lineage().any(|name| self.get(name, "login_session").is_some())
    }

    fn get(&self, name: &str, setting: &str) -> Option<&str> {
        self.files.get_profile(name)?.get(setting)
    }

    /// This profile, the one whose credentials it uses, and so on.
    fn lineage(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.name.as_str()), |name| self.get(name, "source_profile")).take(DEPTH)
    }
}
