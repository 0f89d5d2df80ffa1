//! What this service's error codes mean, on top of those that all of Amazon's services share.
//!
//! Codes: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html> and the page of each action.

use crate::domain::snapshot::PayloadName;
use crate::ports::{Retry, StoreError, StoreErrorKind};
use crate::stores::aws::{Aws, Errors};
use crate::stores::net::Unanswered;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The secret, the version or the label is not there.
pub(super) const NOT_FOUND: &str = "ResourceNotFoundException";
/// The name is taken, or the request token was used with another value.
pub(super) const EXISTS: &str = "ResourceExistsException";
/// Not in the present state of the secret: it is scheduled for deletion, or belongs to another service.
pub(super) const BAD_STATE: &str = "InvalidRequestException";
/// A parameter does not fit: of a stage move, that the label is somewhere else by now.
pub(super) const BAD_PARAMETER: &str = "InvalidParameterException";
/// Too many staging labels, versions or secrets.
pub(super) const TOO_MANY: &str = "LimitExceededException";

/// A request that has no answer, or a refusal as its answer.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// Amazon's code; empty where there is none.
    pub(super) code: String,
    /// The same for those who know no codes.
    pub(super) error: StoreError,
}

impl Refusal {
    /// Whether the user may not do it.
    pub(super) fn is_denied(&self) -> bool {
        self.error.kind == StoreErrorKind::Denied
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self { code: String::new(), error }
    }
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

/// One request, as errors tell of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// `read`, `write`.
    pub(super) operation: &'static str,
    /// Amazon's name of what is asked: `GetSecretValue`.
    pub(super) action: &'static str,
    /// The secret it is about, where it is about one.
    pub(super) name: Option<&'a PayloadName>,
}

impl<'a> Call<'a> {
    pub(super) fn unanswered(&self, aws: &'a Aws, unanswered: Unanswered) -> Refusal {
        self.errors(aws).unanswered(unanswered).into()
    }

    /// An error of a kind, in this request.
    pub(super) fn error(&self, aws: &'a Aws, kind: StoreErrorKind, detail: impl Into<String>) -> StoreError {
        self.errors(aws).of(kind, detail)
    }

    /// What Amazon's client says.
    pub(super) fn refused<E: ProvideErrorMetadata>(&self, aws: &'a Aws, error: &SdkError<E, HttpResponse>) -> Refusal {
        let code = match error {
            SdkError::ServiceError(service) => service.err().code().unwrap_or(""),
            _ => "",
        };
        let error = self.own(aws, code).unwrap_or_else(|| self.named(self.errors(aws).sdk(error)));
        Refusal { code: code.to_owned(), error }
    }

    /// What a code inside an answer says: a batch tells one for each secret.
    pub(super) fn code(&self, aws: &'a Aws, code: &str) -> Refusal {
        let error = self.own(aws, code).unwrap_or_else(|| self.named(self.errors(aws).code(code)));
        Refusal { code: code.to_owned(), error }
    }

    fn errors(&self, aws: &'a Aws) -> Errors<'a> {
        let errors = Errors::new(aws, self.operation);
        self.name.map_or(errors, |name| errors.about(name))
    }

    fn own(&self, aws: &'a Aws, code: &str) -> Option<StoreError> {
        let name = self.name.map_or("the answer", |name| name.0.as_str());
        let action = self.action;
        let (kind, detail) = match code {
            NOT_FOUND => (StoreErrorKind::Moved, format!("{name} is not there")),
            EXISTS => (StoreErrorKind::Moved, format!("{name} is there already")),
            BAD_STATE => (StoreErrorKind::Unstorable, format!("{name} does not allow {action} in its present state")),
            BAD_PARAMETER | "ValidationException" => {
                (StoreErrorKind::Unstorable, format!("{action} on {name} was refused: a parameter does not fit"))
            }
            TOO_MANY => (StoreErrorKind::Unstorable, format!("{action} on {name} goes over a limit of the account")),
            "DecryptionFailure" => {
                (StoreErrorKind::Undecryptable, format!("the KMS key of {name} does not decrypt it"))
            }
            "EncryptionFailure" => (
                StoreErrorKind::Denied,
                format!("the KMS key of {name} does not encrypt: it is disabled, or not there"),
            ),
            "InvalidNextTokenException" => (StoreErrorKind::Nonsense, format!("{action} lost its place in a list")),
            "InternalServiceError" | "InternalServiceErrorException" => {
                let error = self.error(aws, StoreErrorKind::Unreachable, format!("{action} failed on Amazon's side"));
                return Some(StoreError { retry: Retry::Soon, ..error });
            }
            _ => return None,
        };
        Some(self.error(aws, kind, detail))
    }

    /// A denial names the permission that is missing. Amazon says the same code where the KMS key is what may not be used.
    fn named(&self, error: StoreError) -> StoreError {
        if error.kind != StoreErrorKind::Denied {
            return error;
        }
        let on = self.name.map(|name| format!(" on {}", name.0)).unwrap_or_default();
        let detail = format!("secretsmanager:{}{on} is not permitted, or the KMS key is not", self.action);
        StoreError { detail, ..error }
    }
}
