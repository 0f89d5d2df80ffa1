//! The shims' texts.

use super::Hook;
use crate::git::quote::for_shell;
use crate::ports::Failure;
use std::path::Path;

/// The version of the shims this program writes.
pub const SHIM_VERSION: u32 = 1;

const MARK: &str = "# git-envsync-shim: ";
const BINARY: &str = "@BINARY@";

/// The shim of a hook, to run `binary` where that is there.
pub(super) fn text(hook: Hook, binary: &Path) -> Result<Vec<u8>, Failure> {
    Ok(template(hook).replace(BINARY, &for_shell(binary)?).into_bytes())
}

/// The version of a shim; none for what is no shim of ours.
pub(super) fn version(content: &[u8]) -> Option<u32> {
    let head = String::from_utf8_lossy(&content[..content.len().min(512)]).into_owned();
    head.lines().find_map(|line| line.strip_prefix(MARK)?.trim().parse().ok())
}

fn template(hook: Hook) -> &'static str {
    match hook {
        Hook::PostCheckout => include_str!("../../../hooks/post-checkout"),
        Hook::PostMerge => include_str!("../../../hooks/post-merge"),
        Hook::PostRewrite => include_str!("../../../hooks/post-rewrite"),
        Hook::PrePush => include_str!("../../../hooks/pre-push"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shim_has_the_present_version_and_one_place_for_the_binary() {
        for hook in Hook::ALL {
            assert_eq!(version(template(hook).as_bytes()), Some(SHIM_VERSION), "{hook}");
            assert_eq!(template(hook).matches(BINARY).count(), 1, "{hook}");
            assert!(!template(hook).contains('\r'), "{hook}");
        }
    }

    #[test]
    fn a_script_that_only_mentions_envsync_is_no_shim() {
        assert_eq!(version(b"#!/bin/sh\ngit-envsync hook pre-push\n"), None);
    }
}
