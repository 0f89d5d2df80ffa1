//! The connection: which connector a request takes, who hears of it, and what it means when there is none.
//!
//! Connectors are made when the first request needs them: no certificate is read for a plain connection.

use super::{answer, proxy};
use crate::ports::{Level, RequestLog, RequestSeen};
use crate::stores::net;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext};
use aws_smithy_http_client::{Connector, proxy::ProxyConfig};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rustls::CertificateError;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The connections of one way to Amazon. `trust` decides which certificates count; requests to an authority in `barred`
/// are not made.
pub(super) fn client(log: Arc<dyn RequestLog>, trust: TlsContext, barred: Vec<String>) -> SharedHttpClient {
    SharedHttpClient::new(Connections(Arc::new(Shared { log, trust, barred, connectors: Mutex::default() })))
}

#[derive(Debug)]
struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    log: Arc<dyn RequestLog>,
    trust: TlsContext,
    barred: Vec<String>,
    connectors: Mutex<HashMap<(Way, Timeouts), SharedHttpConnector>>,
}

/// How a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    /// Without TLS, and so never through a proxy: to this machine, or to the metadata service of a cloud machine.
    Plain,
    /// To this machine, where no proxy stands between.
    Direct,
    /// By the proxy that the environment names, if any.
    Proxied,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Timeouts {
    connect: Option<Duration>,
    read: Option<Duration>,
}

impl HttpClient for Connections {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let timeouts = Timeouts { connect: settings.connect_timeout(), read: settings.read_timeout() };
        SharedHttpConnector::new(Watched { shared: Arc::clone(&self.0), timeouts })
    }
}

impl Shared {
    fn connector(&self, way: Way, timeouts: Timeouts) -> SharedHttpConnector {
        // A map that a panic left behind is whole: it is changed by one insertion.
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        connectors.entry((way, timeouts)).or_insert_with(|| SharedHttpConnector::new(self.make(way, timeouts))).clone()
    }

    fn make(&self, way: Way, timeouts: Timeouts) -> Connector {
        let mut settings = HttpConnectorSettings::builder();
        settings.set_connect_timeout(timeouts.connect).set_read_timeout(timeouts.read);
        let builder = Connector::builder().connector_settings(settings.build());
        let proxy = match way {
            Way::Plain => return builder.proxy_config(ProxyConfig::disabled()).build_http(),
            Way::Direct => ProxyConfig::disabled(),
            Way::Proxied => ProxyConfig::from_env(),
        };
        builder
            .proxy_config(proxy)
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .tls_context(self.trust.clone())
            .build_with_resolver(Names)
    }
}

/// Looks names up; its failures have a type of their own.
#[derive(Debug, Clone)]
struct Names;

impl ResolveDns for Names {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move { net::addresses(name).await.map_err(ResolveDnsError::new) })
    }
}

/// A connector whose requests are told of.
#[derive(Debug)]
struct Watched {
    shared: Arc<Shared>,
    timeouts: Timeouts,
}

impl HttpConnector for Watched {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (scheme, authority) = place(request.uri());
        let way = match scheme {
            "http" => Way::Plain,
            _ if is_loopback(host(authority)) => Way::Direct,
            _ => Way::Proxied,
        };
        if self.shared.barred.iter().any(|barred| barred == authority) {
            let failed = Unconnected { host: authority.to_owned(), proxy: None, cause: Cause::Barred };
            return HttpConnectorFuture::ready(Err(ConnectorError::user(Box::new(failed))));
        }
        if way == Way::Plain && !may_be_plain(host(authority)) {
            let failed = Unconnected { host: authority.to_owned(), proxy: None, cause: Cause::Clear };
            return HttpConnectorFuture::ready(Err(ConnectorError::user(Box::new(failed))));
        }
        let host = authority.to_owned();
        let watch = Watch::start(&self.shared.log, &host, &request);
        let answer = self.shared.connector(way, self.timeouts).call(request);
        HttpConnectorFuture::new(async move {
            // All of it, so that it tells its story when this future ends or is dropped.
            let mut watch = watch;
            match answer.await {
                Ok(answer) => {
                    watch.status = Some(answer.status().as_u16());
                    Ok(answer.map(answer::bounded))
                }
                Err(error) => Err(explained(&error, host, way)),
            }
        })
    }
}

/// Tells of a request when it has ended, also where nobody waited for it any more.
struct Watch {
    log: Option<Arc<dyn RequestLog>>,
    host: String,
    operation: String,
    status: Option<u16>,
    started: Instant,
}

impl Watch {
    fn start(log: &Arc<dyn RequestLog>, host: &str, request: &HttpRequest) -> Self {
        let log = log.wants(Level::Requests).then(|| Arc::clone(log));
        let mut operation = String::new();
        if log.is_some() {
            // The services of secrets name what is asked in a header; for the others the method must do: a path or query
            // may hold what is nobody's business.
            let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
            target.unwrap_or(request.method()).clone_into(&mut operation);
        }
        Self { log, host: host.to_owned(), operation, status: None, started: Instant::now() }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(log) = &self.log {
            let Self { host, operation, status, started, .. } = self;
            log.request(&RequestSeen { host, operation, status: *status, duration: started.elapsed() });
        }
    }
}

/// Why there was no answer, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unconnected {
    /// Who was asked, with the port where it is not the usual one.
    pub host: String,
    /// The proxy in between.
    pub proxy: Option<String>,
    /// Why.
    pub cause: Cause,
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its name has no address.
    Name,
    /// It shows a certificate that does not count, for this reason.
    Certificate(&'static str),
    /// It does not speak TLS as it should.
    Tls,
    /// Nobody listens there.
    Refused,
    /// It did not answer in time.
    Slow,
    /// The connection ended before the answer did.
    Cut,
    /// It must not be asked.
    Barred,
    /// It must not be asked without TLS.
    Clear,
}

impl fmt::Display for Unconnected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no answer from {}", self.host)
    }
}

impl Error for Unconnected {}

fn explained(error: &ConnectorError, host: String, way: Way) -> ConnectorError {
    let proxy = if way == Way::Proxied { proxy::serving(self::host(&host)) } else { None };
    let failed = Unconnected { host, proxy, cause: cause(error) };
    if error.is_timeout() { ConnectorError::timeout(Box::new(failed)) } else { ConnectorError::io(Box::new(failed)) }
}

/// Judges by the types of the errors below, never by their words.
pub(super) fn cause(error: &(dyn Error + 'static)) -> Cause {
    if let Some(error) = find::<rustls::Error>(error) {
        return match error {
            rustls::Error::InvalidCertificate(error) => Cause::Certificate(fault(error)),
            _ => Cause::Tls,
        };
    }
    if find::<ResolveDnsError>(error).is_some() {
        return Cause::Name;
    }
    if find::<ConnectorError>(error).is_some_and(ConnectorError::is_timeout) {
        return Cause::Slow;
    }
    match find_io(error) {
        Some(io::ErrorKind::ConnectionRefused) => Cause::Refused,
        Some(io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            Cause::Slow
        }
        _ => Cause::Cut,
    }
}

fn fault(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "nobody whom this machine trusts has signed it"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "it is for another name",
        CertificateError::Revoked => "it has been revoked",
        // A self-signed one that calls itself an authority, mostly.
        _ => "it is not made for a server",
    }
}

/// An error and those below it. What an `io::Error` wraps is not its source but its content.
pub(super) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}

pub(super) fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

fn find_io(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut kinds = chain(error).filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind);
    kinds.find(|kind| *kind != io::ErrorKind::Other)
}

/// Scheme and authority of an address.
fn place(uri: &str) -> (&str, &str) {
    let (scheme, rest) = uri.split_once("://").unwrap_or(("https", uri));
    (scheme, &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())])
}

/// The authority of an address: host, and port where it has one.
#[must_use]
pub fn authority(uri: &str) -> &str {
    place(uri).1
}

fn host(authority: &str) -> &str {
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split(':').next().unwrap_or(authority),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a host may be asked without TLS: this machine, and the metadata services of a cloud machine, which are next
/// door: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html>,
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>. A profile of the AWS files may
/// name any endpoint.
fn may_be_plain(host: &str) -> bool {
    is_loopback(host)
        || match host.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(address)) => address.is_link_local(),
            Ok(std::net::IpAddr::V6(address)) => address.segments()[..2] == [0xfd00, 0x0ec2],
            Err(_) => false,
        }
}

/// Whether an endpoint is plain http, which the settings allow to this machine only.
pub(super) fn is_plain(endpoint: Option<&String>) -> bool {
    endpoint.is_some_and(|endpoint| place(endpoint).0.eq_ignore_ascii_case("http"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        assert_eq!(place("https://a.example:8443/x?y=canary-1"), ("https", "a.example:8443"));
        for (authority, expected, loopback) in [
            ("a.example:8443", "a.example", false),
            ("127.0.0.1:5000", "127.0.0.1", true),
            ("[::1]:5000", "::1", true),
            ("localhost", "localhost", true),
            ("localhost.example.org", "localhost.example.org", false),
        ] {
            assert_eq!((host(authority), is_loopback(host(authority))), (expected, loopback), "{authority}");
        }
        assert!(is_plain(Some(&"http://127.0.0.1:1".to_owned())) && !is_plain(Some(&"https://a".to_owned())));
    }

    #[test]
    fn no_other_machine_is_asked_in_the_clear() {
        for host in ["127.0.0.1", "::1", "localhost", "169.254.169.254", "169.254.170.2", "fd00:ec2::254"] {
            assert!(may_be_plain(host), "{host}");
        }
        for host in ["10.0.0.1", "example.org", "169.254.169.254.example.org", "fd00::1", "fe80::1", ""] {
            assert!(!may_be_plain(host), "{host}");
        }
    }

    #[test]
    fn a_cause_is_found_below_what_wraps_it() {
        let wrapped = |inner: Box<dyn Error + Send + Sync>| {
            ConnectorError::io(Box::new(io::Error::other(io::Error::other(inner))))
        };
        let certificate = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(matches!(cause(&wrapped(Box::new(certificate))), Cause::Certificate(_)));
        assert_eq!(cause(&wrapped(Box::new(ResolveDnsError::new("x")))), Cause::Name);
        assert_eq!(cause(&wrapped(Box::new(io::Error::from(io::ErrorKind::ConnectionRefused)))), Cause::Refused);
        assert_eq!(cause(&wrapped(Box::new(io::Error::from(io::ErrorKind::ConnectionReset)))), Cause::Cut);
        assert_eq!(cause(&ConnectorError::timeout("x".into())), Cause::Slow);
    }
}
