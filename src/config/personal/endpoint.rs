//! Endpoints: a service in the place of a vendor's own.

use crate::ports::{Failure, FailureKind};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Checks an endpoint that the setting or variable `name` names: https, or plain http to this machine.
///
/// # Errors
/// Anything else. The message has the name only: somebody may have put a password into the address.
pub fn check_endpoint(name: &str, url: &str) -> Result<(), Failure> {
    let wrong = |what: &str, hint: &str| Failure::new(FailureKind::Config, format!("{name} {what}")).hint(hint);
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| wrong("is no address", "write it with its scheme: https://secrets.example.org"))?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    if authority.contains('@') {
        return Err(wrong("has a user name in it", "leave it out"));
    }
    let host = host(authority).ok_or_else(|| wrong("is no address", "https://HOST:PORT"))?;
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(()),
        "http" if is_loopback(host) => Ok(()),
        "http" => Err(wrong("is plain http to another machine", "use https: secrets would travel in the clear")),
        _ => Err(wrong("is neither http nor https", "https://HOST:PORT")),
    }
}

/// The host of `HOST`, `HOST:PORT` or `[V6]:PORT`, where nothing about it is strange: what a URL parser could read
/// differently (a backslash, a percent sign) is refused.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => {
            let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
            let plain = |char: char| char.is_ascii_alphanumeric() || char == '.' || char == '-';
            (Some(host).filter(|host| !host.is_empty() && host.chars().all(plain))?, port)
        }
    };
    match port {
        Some(port) if port.parse::<u16>().is_err() => None,
        _ => Some(host),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for url in [
            "https://x.example.org",
            "https://x:8443/path",
            "http://127.0.0.1:5000",
            "http://127.8.9.1/",
            "http://localhost:4566",
            "HTTP://LOCALHOST",
            "http://[::1]:80",
        ] {
            assert!(check_endpoint("x", url).is_ok(), "{url}");
        }
        for url in [
            "",
            "x",
            "localhost:4566",
            "http://",
            "http://example.org",
            "http://10.0.0.1",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://127.0.0.1@example.org",
            "http://example.org\\@127.0.0.1",
            "http://localhost\\.example.org",
            "http://0.0.0.0",
            "http://[::2]",
            "http://[::1",
            "http://[::1]x",
            "http://localhost:99999",
            "ftp://localhost",
            "https://",
            "https://user:canary-password@x",
        ] {
            let failure = check_endpoint("SETTING", url).expect_err(url);
            assert!(failure.what.starts_with("SETTING ") && !format!("{failure:?}").contains("canary"), "{url}");
        }
    }
}
