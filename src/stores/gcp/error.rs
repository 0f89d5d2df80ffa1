//! What Secret Manager's answers mean. Kinds come from codes and types, never from messages.
//!
//! The codes: <https://docs.cloud.google.com/apis/design/errors#handling_errors>.

use super::GcpSettings;
use super::credentials::{NobodyIsSignedIn, SIGN_IN};
use crate::domain::snapshot::PayloadName;
use crate::ports::{Retry, StoreError, StoreErrorKind};
use crate::stores::net::{Net, Unanswered};
use crate::stores::store_error;
use google_cloud_gax::client_builder::Error as ClientError;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::{Code, StatusDetails};
use std::error::Error as _;
use std::io;
use std::time::Duration;

/// What was being done: the same code means another thing to a read and to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Read,
    Write,
}

/// Makes store errors of one operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Errors<'a> {
    settings: &'a GcpSettings,
    doing: Doing,
    payload: Option<&'a PayloadName>,
    source: Option<&'a str>,
}

/// The code of an answer that says no; none where it is not one of Google's.
pub(super) fn code(error: &Error) -> Option<Code> {
    error.status().map(|status| status.code)
}

impl<'a> Errors<'a> {
    pub(super) fn new(settings: &'a GcpSettings, doing: Doing) -> Self {
        Self { settings, doing, payload: None, source: None }
    }

    /// Errors about one payload.
    pub(super) fn about(self, payload: &'a PayloadName) -> Self {
        Self { payload: Some(payload), ..self }
    }

    /// Errors of somebody who was found out by `source`.
    pub(super) fn by(self, source: Option<&'a str>) -> Self {
        Self { source, ..self }
    }

    /// An error of a kind.
    pub(super) fn of(&self, kind: StoreErrorKind, detail: impl Into<String>) -> StoreError {
        let operation = match self.doing {
            Doing::Read => "read",
            Doing::Write => "write",
        };
        StoreError { payload: self.payload.cloned(), ..store_error(self.settings, kind, operation, detail) }
    }

    fn hinted(&self, kind: StoreErrorKind, detail: impl Into<String>, hint: impl Into<String>) -> StoreError {
        StoreError { hint: Some(hint.into()), ..self.of(kind, detail) }
    }

    /// No answer at all.
    pub(super) fn unanswered(&self, net: &Net, unanswered: Unanswered) -> StoreError {
        match unanswered {
            Unanswered::OutOfTime => {
                let limit = net.limit().as_secs_f32();
                self.of(StoreErrorKind::Unreachable, format!("no answer within {limit} s"))
            }
            Unanswered::Broken => self.of(StoreErrorKind::Io, "the network thread is gone"),
        }
    }

    /// Nobody is signed in.
    pub(super) fn signed_out(&self, nobody: &NobodyIsSignedIn) -> StoreError {
        self.hinted(StoreErrorKind::SignedOut, &nobody.detail, &nobody.hint)
    }

    /// No project is configured.
    pub(super) fn no_project(&self) -> StoreError {
        self.hinted(
            StoreErrorKind::Misconfigured,
            "no project is set",
            format!("set `project` of [stores.{}], or GOOGLE_CLOUD_PROJECT", self.settings.name),
        )
    }

    /// A setting that cannot be used.
    pub(super) fn misconfigured(&self, wrong: &str) -> StoreError {
        let hint = format!("correct [stores.{}]", self.settings.name);
        self.hinted(StoreErrorKind::Misconfigured, wrong, hint)
    }

    /// Google's client cannot be made.
    pub(super) fn unbuilt(&self, error: &ClientError) -> StoreError {
        if error.is_universe_domain_mismatch() {
            return self.misconfigured("the credentials are of another cloud than this service (universe domain)");
        }
        self.of(
            StoreErrorKind::Io,
            "the connection cannot be set up: no certificate authorities, or a damaged proxy setting",
        )
    }

    /// A version that may not be read now.
    pub(super) fn disabled(&self, name: &PayloadName, number: u64) -> StoreError {
        let name = &name.0;
        self.hinted(
            StoreErrorKind::Disabled,
            format!("version {number} of {name} is disabled or destroyed"),
            format!("`gcloud secrets versions enable {number} --secret {name}`, or add a new version"),
        )
    }

    /// A version whose key may not be used.
    pub(super) fn undecryptable(&self) -> StoreError {
        self.hinted(
            StoreErrorKind::Undecryptable,
            "the key it is encrypted with cannot be used (FAILED_PRECONDITION)",
            "enable the key in Cloud KMS",
        )
    }

    /// Bytes that are not those the checksum was made of.
    pub(super) fn checksum(&self) -> StoreError {
        let detail = "the answer does not fit its checksum (crc32c)";
        StoreError { retry: Retry::Soon, ..self.of(StoreErrorKind::Nonsense, detail) }
    }

    /// What Google's client says.
    pub(super) fn sdk(&self, error: &Error) -> StoreError {
        let meaning = match error.status() {
            Some(status) => self.answered(status.code, &status.details),
            None => self.unexplained(error),
        };
        match (meaning.retry, retry_after(error)) {
            (Retry::Soon, Some(pause)) => StoreError { retry: Retry::After(pause), ..meaning },
            _ => meaning,
        }
    }

    fn answered(&self, code: Code, details: &[StatusDetails]) -> StoreError {
        let name = code.name();
        let soon = |kind, what: &str| StoreError { retry: Retry::Soon, ..self.of(kind, format!("{what} ({name})")) };
        match (code, self.doing) {
            (Code::Unauthenticated, _) => {
                self.hinted(StoreErrorKind::SignedOut, format!("the sign-in is not accepted ({name})"), self.mend())
            }
            (Code::PermissionDenied, _) => self.denied(reason(details)),
            (Code::NotFound, Doing::Read) => self.of(StoreErrorKind::Nonsense, format!("it is not there ({name})")),
            (Code::NotFound, Doing::Write) => {
                self.of(StoreErrorKind::Moved, format!("it is not there any more ({name})"))
            }
            (Code::AlreadyExists, _) => self.of(StoreErrorKind::Moved, "it was created by somebody else"),
            // An etag that does not fit: https://docs.cloud.google.com/secret-manager/docs/etags
            (Code::FailedPrecondition | Code::Aborted, Doing::Write) => {
                self.of(StoreErrorKind::Moved, format!("it was changed by somebody else ({name})"))
            }
            (Code::FailedPrecondition, Doing::Read) => {
                self.of(StoreErrorKind::Disabled, format!("its current version is not enabled ({name})"))
            }
            (Code::ResourceExhausted, _) => soon(StoreErrorKind::Throttled, "the project's quota is used up"),
            (Code::Unavailable | Code::Internal | Code::DeadlineExceeded | Code::Unknown | Code::Cancelled, _) => {
                soon(StoreErrorKind::Unreachable, "the service failed")
            }
            (Code::Aborted, Doing::Read) => soon(StoreErrorKind::Unreachable, "the service gave up"),
            (Code::InvalidArgument | Code::OutOfRange, Doing::Write) => {
                self.of(StoreErrorKind::Unstorable, format!("Secret Manager does not take this name or value ({name})"))
            }
            _ => self.of(StoreErrorKind::Nonsense, format!("the answer was {name}")),
        }
    }

    fn denied(&self, reason: Option<&str>) -> StoreError {
        let project = self.settings.project().unwrap_or("?");
        match reason {
            // https://docs.cloud.google.com/service-infrastructure/docs/service-management/reference/rpc/google.api/errorreason
            Some("SERVICE_DISABLED") => self.hinted(
                StoreErrorKind::Denied,
                format!("Secret Manager is not switched on in project {project} (SERVICE_DISABLED)"),
                format!("`gcloud services enable secretmanager.googleapis.com --project {project}`"),
            ),
            Some("CONSUMER_INVALID" | "RESOURCE_PROJECT_INVALID") => self.hinted(
                StoreErrorKind::Denied,
                format!("there is no project {project}, or not for you"),
                format!("correct `project` of [stores.{}]; `gcloud projects list` shows yours", self.settings.name),
            ),
            Some("USER_PROJECT_DENIED") => self.hinted(
                StoreErrorKind::Denied,
                "the project that pays for the requests may not be used (USER_PROJECT_DENIED)",
                format!("`gcloud auth application-default set-quota-project {project}`"),
            ),
            Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT") => self.hinted(
                StoreErrorKind::Denied,
                "the sign-in was made for less than this (ACCESS_TOKEN_SCOPE_INSUFFICIENT)",
                "give the machine the scope cloud-platform, or sign in anew",
            ),
            _ => {
                let role = match self.doing {
                    Doing::Read => "roles/secretmanager.secretAccessor",
                    Doing::Write => "roles/secretmanager.secretVersionManager (or admin, to create and delete)",
                };
                let who = self.source.map_or_else(String::new, |source| format!(" to who signs in by {source}"));
                let detail = format!("not permitted in project {project} (PERMISSION_DENIED)");
                self.hinted(StoreErrorKind::Denied, detail, format!("ask for {role}{who}"))
            }
        }
    }

    /// No answer, or one that is not Google's: something between here and there may have answered.
    fn unexplained(&self, error: &Error) -> StoreError {
        let unreachable =
            |detail: String| StoreError { retry: Retry::Soon, ..self.of(StoreErrorKind::Unreachable, detail) };
        if error.is_authentication() {
            return self.sign_in(error);
        }
        if error.is_timeout() {
            return unreachable(format!("{} does not answer", self.settings.host()));
        }
        if error.is_binding() || error.is_serialization() {
            return self.of(StoreErrorKind::Unstorable, "the request cannot be put together");
        }
        match error.http_status_code() {
            Some(200..=299) => {
                StoreError { retry: Retry::Soon, ..self.of(StoreErrorKind::Nonsense, "the answer cannot be read") }
            }
            Some(401) => self.hinted(StoreErrorKind::SignedOut, "the sign-in is not accepted (401)", self.mend()),
            Some(403) => self.denied(None),
            Some(407) => self.of(StoreErrorKind::Unreachable, "the proxy asks who is there (407)"),
            Some(429) => {
                StoreError { retry: Retry::Soon, ..self.of(StoreErrorKind::Throttled, "asked to slow down (429)") }
            }
            Some(status @ 500..) => unreachable(format!("the answer was {status}")),
            Some(status) => self.of(StoreErrorKind::Nonsense, format!("the answer was {status}, without a reason")),
            None if error.is_deserialization() => {
                StoreError { retry: Retry::Soon, ..self.of(StoreErrorKind::Nonsense, "the answer cannot be read") }
            }
            None => self.unconnected(error),
        }
    }

    fn unconnected(&self, error: &Error) -> StoreError {
        let host = self.settings.host();
        match cause(error) {
            Cause::Certificate => self.hinted(
                StoreErrorKind::Unreachable,
                format!("the certificate of {host} is not trusted here"),
                "SSL_CERT_FILE names a file with all certificate authorities to trust",
            ),
            Cause::Refused => {
                let detail = format!("{host} refuses the connection");
                StoreError { retry: Retry::Soon, ..self.of(StoreErrorKind::Unreachable, detail) }
            }
            Cause::Cut => {
                let detail = format!("the connection to {host} was cut");
                StoreError { retry: Retry::Soon, ..self.of(StoreErrorKind::Unreachable, detail) }
            }
            Cause::Other => {
                let detail = format!("no connection to {host}");
                StoreError { retry: Retry::Soon, ..self.of(StoreErrorKind::Unreachable, detail) }
            }
        }
    }

    /// No token was to be had.
    fn sign_in(&self, error: &Error) -> StoreError {
        let source = self.source.unwrap_or("application default credentials");
        let lasting = below(error).find_map(|cause| cause.downcast_ref::<reqwest::Error>().map(reqwest::Error::status));
        match lasting.flatten().map(|status| status.as_u16()) {
            // The one that hands tokens out did answer: https://datatracker.ietf.org/doc/html/rfc6749#section-5.2
            Some(status @ 400..=499) if status != 429 => self.hinted(
                StoreErrorKind::SignedOut,
                format!("the sign-in has expired or was revoked ({source}; the answer was {status})"),
                self.mend(),
            ),
            _ if below(error).any(|cause| cause.is::<reqwest::Error>()) => StoreError {
                retry: Retry::Soon,
                ..self.hinted(
                    StoreErrorKind::Unreachable,
                    format!("no token was to be had ({source}): no answer from who hands them out"),
                    self.mend(),
                )
            },
            _ => self.hinted(StoreErrorKind::SignedOut, format!("{source} cannot be used to sign in"), self.mend()),
        }
    }

    /// What mends a sign-in.
    fn mend(&self) -> String {
        match self.source {
            Some(source) if source.contains("GOOGLE_APPLICATION_CREDENTIALS") => {
                format!("renew the file, or unset the variable and use {SIGN_IN}")
            }
            _ => SIGN_IN.to_owned(),
        }
    }
}

/// The errors below an error, those within I/O errors too.
fn below<'a>(error: &'a Error) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let now = next?;
        next = match now.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => now.source(),
        };
        Some(now)
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Certificate,
    Refused,
    Cut,
    Other,
}

fn cause(error: &Error) -> Cause {
    for cause in below(error) {
        if matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return Cause::Certificate;
        }
        match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => return Cause::Refused,
            Some(
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof,
            ) => return Cause::Cut,
            _ => {}
        }
    }
    Cause::Other
}

/// The reason of an answer that says no: a code too.
fn reason(details: &[StatusDetails]) -> Option<&str> {
    details.iter().find_map(|detail| match detail {
        StatusDetails::ErrorInfo(info) => Some(info.reason.as_str()),
        _ => None,
    })
}

/// How long the service asked to wait, where it did so in seconds.
fn retry_after(error: &Error) -> Option<Duration> {
    let seconds = error.http_headers()?.get("retry-after")?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}
