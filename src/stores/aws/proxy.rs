//! The proxy of the environment, as far as an error has to name it. The connection itself follows the same variables.

use std::env;

/// The proxy that stands between here and `host` on https, without the credentials in its address.
pub(super) fn serving(host: &str) -> Option<String> {
    let first = |names: [&str; 2]| names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    let proxy = first(["HTTPS_PROXY", "https_proxy"]).or_else(|| first(["ALL_PROXY", "all_proxy"]))?;
    let exempt = first(["NO_PROXY", "no_proxy"]).unwrap_or_default();
    (!is_exempt(&exempt, host)).then(|| without_credentials(&proxy).to_owned())
}

fn is_exempt(rules: &str, host: &str) -> bool {
    rules.split(',').map(str::trim).any(|rule| {
        let name = rule.trim_start_matches("*.").trim_start_matches('.');
        rule == "*"
            || !name.is_empty() && (host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')))
    })
}

/// Host and port of a proxy's address.
fn without_credentials(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_without_its_credentials() {
        for (address, expected) in [
            ("http://me:canary-password@proxy.example:3128/", "proxy.example:3128"),
            ("http://me:canary@pass@proxy.example:3128", "proxy.example:3128"),
            ("proxy.example:3128", "proxy.example:3128"),
        ] {
            assert_eq!(without_credentials(address), expected);
        }
    }

    #[test]
    fn exempt_hosts_are_reached_without_it() {
        for rules in ["*", "ssm.eu-central-1.amazonaws.com", "a.example, .amazonaws.com", "*.amazonaws.com"] {
            assert!(is_exempt(rules, "ssm.eu-central-1.amazonaws.com"), "{rules}");
        }
        for rules in ["", "example.org", "xamazonaws.com", "zonaws.com"] {
            assert!(!is_exempt(rules, "ssm.eu-central-1.amazonaws.com"), "{rules}");
        }
    }
}
