//! Where to ask: project, region, endpoint.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The settings of one Secret Manager.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcpSettings {
    /// The name the config gives the store.
    pub name: String,
    /// The project of the config; it comes before `GOOGLE_CLOUD_PROJECT`.
    pub project: Option<String>,
    /// The region its secrets live in; none for secrets that are replicated by Google.
    pub location: Option<String>,
    /// A service in the place of Google's own. Personal, and checked: https, or on this machine.
    pub endpoint: Option<String>,
    /// The variables of the environment that [`VARIABLES`](super::VARIABLES) names.
    pub variables: BTreeMap<String, String>,
}

impl GcpSettings {
    /// The project to ask for.
    pub(super) fn project(&self) -> Option<&str> {
        let variable = |name: &str| self.variables.get(name).filter(|value| !value.is_empty());
        let elsewhere = || variable("GOOGLE_CLOUD_PROJECT").or_else(|| variable("CLOUDSDK_CORE_PROJECT"));
        self.project.as_ref().or_else(elsewhere).map(String::as_str)
    }

    /// Project and region, as far as known before an answer.
    pub(super) fn scope(&self) -> String {
        let project = self.project().unwrap_or_default();
        match &self.location {
            Some(location) => format!("{project}/{location}"),
            None => project.to_owned(),
        }
    }

    /// What is wrong with the settings; nothing where they can be used. Both become part of addresses.
    pub(super) fn wrong(&self) -> Option<String> {
        let plain = |text: &str, others: &str| {
            !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter))
        };
        if let Some(location) = self.location.as_ref().filter(|location| !plain(location, "-")) {
            return Some(format!("{location:?} is no location: it is one like europe-west3"));
        }
        let project = self.project().filter(|project| !plain(project, "-.:"))?;
        Some(format!("{project:?} is no project: it is its ID or its number"))
    }

    /// Where the service is. A region has an address of its own:
    /// <https://docs.cloud.google.com/secret-manager/regional-secrets/create-regional-secret>.
    pub(super) fn url(&self) -> String {
        match (&self.endpoint, &self.location) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(location)) => format!("https://secretmanager.{location}.rep.googleapis.com"),
            (None, None) => "https://secretmanager.googleapis.com".to_owned(),
        }
    }

    /// The host of [`url`](Self::url), with its port.
    pub(super) fn host(&self) -> String {
        let url = self.url();
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
    }

    /// Whether the service is on this machine and asked without TLS: the user's own sign-in is not shown to it.
    pub(super) fn is_on_this_machine(&self) -> bool {
        let host = self.host();
        let plain = self.url().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
        let name = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((address, _)) => address,
            None => host.split_once(':').map_or(host.as_str(), |(name, _)| name),
        };
        let loopback = name.eq_ignore_ascii_case("localhost")
            || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || name.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
        plain && loopback
    }
}

impl fmt::Display for GcpSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(location: Option<&str>, endpoint: Option<&str>) -> GcpSettings {
        let owned = |text: &str| text.to_owned();
        GcpSettings {
            project: Some("acme".to_owned()),
            location: location.map(owned),
            endpoint: endpoint.map(owned),
            ..GcpSettings::default()
        }
    }

    #[test]
    fn a_region_has_an_address_of_its_own() {
        assert_eq!(settings(None, None).host(), "secretmanager.googleapis.com");
        assert_eq!(settings(Some("europe-west3"), None).host(), "secretmanager.europe-west3.rep.googleapis.com");
        assert_eq!(settings(Some("europe-west3"), Some("https://x:8443/y")).host(), "x:8443");
        assert_eq!(settings(Some("europe-west3"), None).scope(), "acme/europe-west3");
    }

    #[test]
    fn only_plain_http_to_a_loopback_address_is_this_machine() {
        for (endpoint, here) in [
            ("http://127.0.0.1:80", true),
            ("HTTP://LOCALHOST", true),
            ("http://[::1]:80/x", true),
            ("https://localhost", false),
            ("http://localhost.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(settings(None, Some(endpoint)).is_on_this_machine(), here, "{endpoint}");
        }
        assert!(!settings(None, None).is_on_this_machine());
    }

    #[test]
    fn what_would_lead_elsewhere_is_no_setting() {
        assert_eq!(settings(Some("europe-west3"), None).wrong(), None);
        for location in ["", "x.example.org/", "a/b", "a#", "a b"] {
            assert!(settings(Some(location), None).wrong().is_some(), "{location}");
        }
        let strange = GcpSettings { project: Some("acme/secrets".to_owned()), ..GcpSettings::default() };
        assert!(strange.wrong().is_some());
    }

    #[test]
    fn the_project_of_the_config_comes_first() {
        let variables = BTreeMap::from([("GOOGLE_CLOUD_PROJECT".to_owned(), "other".to_owned())]);
        let unset = GcpSettings { variables: variables.clone(), ..GcpSettings::default() };
        assert_eq!(unset.project(), Some("other"));
        assert_eq!(GcpSettings { variables, ..settings(None, None) }.project(), Some("acme"));
        assert_eq!(GcpSettings::default().project(), None);
    }
}
