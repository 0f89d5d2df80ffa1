//! What Parameter Store's own error codes mean; the rest is the business of all of Amazon's services.
//!
//! The codes: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html> and the pages of
//! the other operations.

use crate::ports::{Retry, StoreError, StoreErrorKind};
use crate::stores::aws::Errors;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// What was being done: the same code means another thing to a read and to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Reading.
    Read,
    /// Writing or deleting.
    Write,
}

impl Doing {
    /// In the word of store errors.
    pub(super) fn operation(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// The code of an error, where the service answered with one.
pub(super) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> &str {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default()
}

/// Whether the service says that a name, or the version of a name, is not there.
pub(super) fn is_absent(code: &str) -> bool {
    matches!(code, "ParameterNotFound" | "ParameterVersionNotFound")
}

/// Whether one name of a request may have failed the others: a parameter whose KMS key is denied, disabled or gone
/// fails the whole batch.
pub(super) fn may_be_of_one_name(code: &str) -> bool {
    matches!(code, "AccessDeniedException" | "AccessDenied" | "InvalidKeyId")
}

/// What an error means.
pub(super) fn meaning<E: ProvideErrorMetadata>(
    errors: &Errors<'_>,
    doing: Doing,
    error: &SdkError<E, HttpResponse>,
) -> StoreError {
    let code = code(error);
    let told = |kind, what: &str| errors.of(kind, format!("{what} ({code})"));
    let hinted = |kind, what: &str, hint: &str| StoreError { hint: Some(hint.to_owned()), ..told(kind, what) };
    let soon = |kind, what: &str| StoreError { retry: Retry::Soon, ..told(kind, what) };
    match (code, doing) {
        ("ParameterAlreadyExists", _) => told(StoreErrorKind::Moved, "it was created by somebody else"),
        ("ParameterNotFound", _) => told(StoreErrorKind::Moved, "it is not there any more"),
        ("ParameterVersionNotFound", _) => {
            told(StoreErrorKind::Unsupported, "that version is not there: the last 100 are kept")
        }
        ("TooManyUpdates", _) => soon(StoreErrorKind::Throttled, "somebody else is writing it at this moment"),
        ("InternalServerError", _) => soon(StoreErrorKind::Unreachable, "the service failed"),
        ("InvalidNextToken", _) => soon(StoreErrorKind::Nonsense, "the service does not know its own next page"),
        ("InvalidKeyId", Doing::Read) => hinted(
            StoreErrorKind::Undecryptable,
            "its KMS key is disabled, gone or not known here",
            "enable the key, or ask who may use it to write the value anew",
        ),
        ("InvalidKeyId", Doing::Write) => hinted(
            StoreErrorKind::Denied,
            "the KMS key to encrypt with is disabled, gone or not known in this region",
            "set `kms_key` of the store to a key of this account and region, or leave it out for the account's own",
        ),
        ("ParameterMaxVersionLimitExceeded", _) => hinted(
            StoreErrorKind::Unstorable,
            "100 versions are kept and the oldest has a label, so there is no room for another",
            "move that label to a newer version: `aws ssm label-parameter-version`",
        ),
        ("ParameterLimitExceeded", _) => hinted(
            StoreErrorKind::TooLarge,
            "the account has as many parameters as it may have",
            "delete some, or use the layout `json` or `dotenv`: one parameter an environment",
        ),
        ("HierarchyTypeMismatchException", _) => hinted(
            StoreErrorKind::Unstorable,
            "it is of another type, which cannot be changed",
            "delete the parameter and push again",
        ),
        ("HierarchyLevelLimitExceededException" | "ParameterPatternMismatchException", _) => hinted(
            StoreErrorKind::Unstorable,
            "the name, or the value, does not fit a pattern",
            "a parameter with an `AllowedPattern` takes matching values only: `aws ssm describe-parameters` shows it",
        ),
        (
            "UnsupportedParameterType"
            | "InvalidAllowedPatternException"
            | "IncompatiblePolicyException"
            | "InvalidPolicyAttributeException"
            | "InvalidPolicyTypeException"
            | "PoliciesLimitExceededException",
            _,
        ) => told(StoreErrorKind::Unstorable, "the parameter has settings that do not let it be written"),
        ("ValidationException", Doing::Write) => hinted(
            StoreErrorKind::Unstorable,
            "Parameter Store does not take this name or value",
            "it takes text of up to 4 KB (8 KB in the advanced tier) that matches the parameter's `AllowedPattern`",
        ),
        _ => errors.sdk(error),
    }
}
