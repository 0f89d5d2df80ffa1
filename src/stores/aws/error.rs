//! What an answer that is none means. Kinds come from codes and types, never from messages.

use super::Aws;
use super::connection::{self, Cause, Unconnected};
use super::words::{self, CLOCK, Meaning, Words};
use crate::domain::snapshot::PayloadName;
use crate::ports::{Retry, StoreError, StoreErrorKind};
use crate::stores::net::Unanswered;
use crate::stores::store_error;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::date_time::{DateTime, Format};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::time::{Duration, SystemTime};

/// How far apart clocks may be before a signature is refused:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// Makes store errors of one operation.
#[derive(Debug, Clone, Copy)]
pub struct Errors<'a> {
    aws: &'a Aws,
    operation: &'static str,
    payload: Option<&'a PayloadName>,
    action: Option<&'static str>,
}

impl<'a> Errors<'a> {
    /// Errors of `operation`: `read`, `write`.
    #[must_use]
    pub fn new(aws: &'a Aws, operation: &'static str) -> Self {
        Self { aws, operation, payload: None, action: None }
    }

    /// Errors about one payload.
    #[must_use]
    pub fn about(self, payload: &'a PayloadName) -> Self {
        Self { payload: Some(payload), ..self }
    }

    /// Errors of an action as permissions name it: `secretsmanager:GetSecretValue`. Where it is left out, it is taken
    /// from the error of Amazon's client.
    #[must_use]
    pub fn asking(self, action: &'static str) -> Self {
        Self { action: Some(action), ..self }
    }

    /// An error of a kind.
    #[must_use]
    pub fn of(&self, kind: StoreErrorKind, detail: impl Into<String>) -> StoreError {
        StoreError { payload: self.payload.cloned(), ..store_error(self.aws, kind, self.operation, detail) }
    }

    fn of_words(&self, words: Words) -> StoreError {
        StoreError { retry: words.retry, hint: words.hint, ..self.of(words.kind, words.detail) }
    }

    /// No answer at all.
    #[must_use]
    pub fn unanswered(&self, unanswered: Unanswered) -> StoreError {
        match unanswered {
            Unanswered::OutOfTime => {
                let limit = self.aws.net().limit().as_secs_f32();
                self.of(StoreErrorKind::Unreachable, format!("no answer within {limit} s"))
            }
            Unanswered::Broken => self.of(StoreErrorKind::Io, "the network thread is gone"),
        }
    }

    /// What Amazon's client says.
    #[must_use]
    pub fn sdk<E: ProvideErrorMetadata>(&self, error: &SdkError<E, HttpResponse>) -> StoreError {
        match error {
            SdkError::ServiceError(service) => {
                let action = self.action.map(str::to_owned).or_else(|| action_of(std::any::type_name::<E>()));
                self.answered(service.err().code(), service.raw(), action.as_deref())
            }
            // A body that arrived whole is at hand still.
            SdkError::ResponseError(response) if response.raw().body().bytes().is_some() => {
                self.answered(None, response.raw(), None)
            }
            SdkError::ResponseError(_) => self.cut(Cause::Cut),
            SdkError::TimeoutError(_) => self.cut(Cause::Slow),
            SdkError::DispatchFailure(failure) => {
                let below = failure.as_connector_error();
                match below.and_then(|error| connection::find::<Unconnected>(error)) {
                    Some(failed) => self.of_words(words::unconnected(failed, self.aws.region().as_deref())),
                    None => self.cut(below.map_or(Cause::Cut, |error| connection::cause(error))),
                }
            }
            _ => self.of(StoreErrorKind::Io, "the question could not be put together"),
        }
    }

    fn cut(&self, cause: Cause) -> StoreError {
        self.of_words(words::unconnected(&Unconnected { host: self.host(), proxy: None, cause }, None))
    }

    fn host(&self) -> String {
        let endpoint = self.aws.settings().endpoint.as_deref();
        endpoint.map_or_else(|| "AWS".to_owned(), |endpoint| connection::authority(endpoint).to_owned())
    }

    /// An answer that says no.
    fn answered(&self, code: Option<&str>, response: &HttpResponse, action: Option<&str>) -> StoreError {
        let status = response.status().as_u16();
        let error = match code {
            Some(code) => self.meaning(code, action, skew(response)),
            // Amazon's services always give a code: something between here and there has answered, a proxy, a gateway, a
            // balancer. Its status tells whether it is worth asking again.
            None => match status {
                429 => self.throttled("the answer was 429"),
                407 => self.of(StoreErrorKind::Unreachable, "the proxy asks who is there (407)"),
                500.. => self.busy(&format!("the answer was {status}")),
                _ => self.nonsense(status),
            },
        };
        match (error.retry, retry_after(response)) {
            (Retry::Soon, Some(pause)) => StoreError { retry: Retry::After(pause), ..error },
            _ => error,
        }
    }

    /// What an error code of Amazon's means.
    #[must_use]
    pub fn code(&self, code: &str) -> StoreError {
        self.meaning(code, self.action, None)
    }

    fn meaning(&self, code: &str, action: Option<&str>, skew: Option<Duration>) -> StoreError {
        let hinted = |kind, detail: String, hint: String| StoreError { hint: Some(hint), ..self.of(kind, detail) };
        let sign_in = || match &self.aws.settings().profile {
            Some(profile) => format!("`aws sso login --profile {profile}`, or new credentials for it"),
            None => "`aws sso login`, or new credentials where the old ones come from".to_owned(),
        };
        match words::meaning(code) {
            Meaning::Denied => self.denied(code, action),
            Meaning::Expired => {
                hinted(StoreErrorKind::SignedOut, format!("the sign-in has expired ({code})"), sign_in())
            }
            Meaning::UnknownKey => {
                hinted(StoreErrorKind::SignedOut, format!("AWS does not know these credentials ({code})"), sign_in())
            }
            Meaning::Clock => {
                let detail = match skew {
                    Some(skew) => format!("this machine's clock is {} minutes off ({code})", skew.as_secs() / 60),
                    None => format!("AWS does not accept the signature ({code}): a wrong clock, or a wrong secret key"),
                };
                hinted(StoreErrorKind::SignedOut, detail, CLOCK.to_owned())
            }
            Meaning::Throttled => self.throttled(code),
            Meaning::Busy => self.busy(&format!("the answer was {code}")),
            Meaning::EncryptionKey => self.encryption_key(code),
            Meaning::Other => self.of(StoreErrorKind::Nonsense, format!("the answer was {}", words::shown(code))),
        }
    }

    /// Names the permission that is missing, as policies spell it.
    fn denied(&self, code: &str, action: Option<&str>) -> StoreError {
        let place = self.payload.map(|payload| format!(" on {}", payload.0)).unwrap_or_default();
        let (what, hint) = match action {
            Some(action) => {
                (action.to_owned(), format!("ask for the permission {action}; docs/stores/aws.md has the whole policy"))
            }
            None => {
                let doing = if self.operation == "write" { "writing" } else { "reading" };
                (doing.to_owned(), "docs/stores/aws.md has the permissions that each command needs".to_owned())
            }
        };
        let detail = format!("{what}{place} is not permitted ({code})");
        StoreError { hint: Some(hint), ..self.of(StoreErrorKind::Denied, detail) }
    }

    fn throttled(&self, code: &str) -> StoreError {
        let detail = format!("asked to slow down ({code})");
        StoreError { retry: Retry::Soon, ..self.of(StoreErrorKind::Throttled, detail) }
    }

    fn busy(&self, detail: &str) -> StoreError {
        StoreError { retry: Retry::Soon, ..self.of(StoreErrorKind::Unreachable, detail) }
    }

    fn nonsense(&self, status: u16) -> StoreError {
        let error =
            self.of(StoreErrorKind::Nonsense, format!("{} answers, but not as AWS does ({status})", self.host()));
        StoreError { hint: Some("is it the right endpoint, and does a proxy answer in its place?".to_owned()), ..error }
    }

    fn encryption_key(&self, code: &str) -> StoreError {
        match (&self.aws.settings().kms_key, self.operation) {
            (Some(key), "write") => {
                let detail = format!("the key {key} is unknown, disabled, or in another region ({code})");
                let hint = format!("look at `kms_key` of the store: `aws kms describe-key --key-id {key}`");
                StoreError { hint: Some(hint), ..self.of(StoreErrorKind::Misconfigured, detail) }
            }
            _ => {
                let what = self.payload.map_or_else(|| "it".to_owned(), |payload| payload.0.clone());
                let detail = format!("the key that encrypts {what} is unknown or disabled ({code})");
                let hint = "`aws kms describe-key` shows the state of a key".to_owned();
                StoreError { hint: Some(hint), ..self.of(StoreErrorKind::Undecryptable, detail) }
            }
        }
    }
}

/// The action, as permissions name it, that an error type of Amazon's clients belongs to:
/// `aws_sdk_ssm::operation::get_parameters::GetParametersError` is `ssm:GetParameters`.
fn action_of(type_name: &str) -> Option<String> {
    let service = type_name.strip_prefix("aws_sdk_")?.split("::").next()?;
    let operation = type_name.rsplit("::").next()?.strip_suffix("Error")?;
    Some(format!("{service}:{operation}"))
}

/// How long a service asks to be left alone: <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>, in seconds, as
/// services write it.
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    response.headers().get("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

/// How far this machine's clock is from the service's, where that is too far.
fn skew(response: &HttpResponse) -> Option<Duration> {
    let theirs = DateTime::from_str(response.headers().get("date")?, Format::HttpDate).ok()?;
    let theirs = SystemTime::try_from(theirs).ok()?;
    let skew = SystemTime::now().duration_since(theirs).unwrap_or_else(|error| error.duration());
    (skew > CLOCK_SKEW).then_some(skew)
}
