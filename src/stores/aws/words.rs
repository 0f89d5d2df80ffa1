//! What codes and missing answers mean, in words of our own.

use super::connection::{Cause, Unconnected};
use crate::ports::{Retry, StoreErrorKind};

/// What a clock that is wrong is mended by.
pub(super) const CLOCK: &str = "set this machine's clock: `timedatectl set-ntp true`";

/// What a code means, whichever service it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Signed in, but not permitted.
    Denied,
    /// The sign-in has expired.
    Expired,
    /// The access key, or the token that goes with it, is not known.
    UnknownKey,
    /// The signature does not hold: the clock, or the secret key.
    Clock,
    /// Too fast.
    Throttled,
    /// The service has a problem of its own.
    Busy,
    /// The encryption key is unknown, disabled, or not the one.
    EncryptionKey,
    /// Something else.
    Other,
}

/// The meaning of a code. Codes that all services share:
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html>, of keys:
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html#API_PutParameter_Errors> and
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html#API_GetSecretValue_Errors>.
pub(super) fn meaning(code: &str) -> Meaning {
    match code {
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "OptInRequired" | "KMSAccessDeniedException" => {
            Meaning::Denied
        }
        "ExpiredTokenException" | "ExpiredToken" | "TokenRefreshRequired" => Meaning::Expired,
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "AuthFailure" => Meaning::UnknownKey,
        "RequestTimeTooSkewed"
        | "RequestExpired"
        | "RequestInTheFuture"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "SignatureDoesNotMatch" => Meaning::Clock,
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "TooManyUpdates"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "SlowDown" => Meaning::Throttled,
        "InternalServiceError"
        | "InternalServerError"
        | "InternalFailure"
        | "InternalError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException" => Meaning::Busy,
        "DecryptionFailure"
        | "EncryptionFailure"
        | "InvalidKeyId"
        | "KMSNotFoundException"
        | "KMSDisabledException"
        | "KMSInvalidStateException"
        | "KMSInvalidKeyUsageException"
        | "NotFoundException"
        | "DisabledException" => Meaning::EncryptionKey,
        _ => Meaning::Other,
    }
}

/// A code as it may be told. Whoever answers in a service's place may put anything there, a value or a terminal's commands.
pub(super) fn shown(code: &str) -> &str {
    let is_code = |code: &str| code.len() <= 80 && code.chars().all(|char| char.is_ascii_alphanumeric() || char == '.');
    if is_code(code) { code } else { "an error code that is none" }
}

/// What is said of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub kind: StoreErrorKind,
    pub retry: Retry,
    pub detail: String,
    pub hint: Option<String>,
}

/// What is said where there was no answer. The region, where the name of the host was made of it.
pub(super) fn unconnected(failed: &Unconnected, region: Option<&str>) -> Words {
    let Unconnected { host, proxy, cause } = failed;
    let words = |kind, retry, detail: String, hint: Option<String>| Words { kind, retry, detail, hint };
    let unreachable = |detail, hint| words(StoreErrorKind::Unreachable, Retry::Soon, detail, hint);
    let certificates = "let SSL_CERT_FILE name a file with all authorities, your company's too";
    match (cause, proxy) {
        (Cause::Certificate(fault), _) => {
            let detail = format!("the certificate of {host} is not accepted: {fault}");
            words(StoreErrorKind::Unreachable, Retry::Never, detail, Some(certificates.to_owned()))
        }
        (Cause::Tls, _) => {
            let detail = format!("{host} does not speak TLS as it should");
            words(StoreErrorKind::Unreachable, Retry::Never, detail, Some("is it the right endpoint?".to_owned()))
        }
        (Cause::Barred, _) => {
            let detail = format!("{host} is not asked: an env file of the repository names it as an endpoint");
            words(StoreErrorKind::Misconfigured, Retry::Never, detail, Some("unset AWS_ENDPOINT_URL*".to_owned()))
        }
        (Cause::Clear, _) => {
            let detail = format!("{host} is not asked: plain http is for this machine only");
            let hint = "give that endpoint as https, in the AWS files or wherever it is named".to_owned();
            words(StoreErrorKind::Misconfigured, Retry::Never, detail, Some(hint))
        }
        (Cause::Slow, _) => unreachable(format!("{host} did not answer in time"), None),
        (Cause::Name, Some(proxy)) => {
            let hint = "look at HTTPS_PROXY (the proxy) and NO_PROXY (hosts reached without it)".to_owned();
            words(StoreErrorKind::Unreachable, Retry::Soon, format!("the proxy {proxy} has no address"), Some(hint))
        }
        (Cause::Refused | Cause::Cut, Some(proxy)) => {
            let detail = match cause {
                Cause::Refused => format!("nobody listens at the proxy {proxy}"),
                _ => format!("the proxy {proxy} did not lead to {host}"),
            };
            let hint = "look at HTTPS_PROXY (the proxy, who signs in) and NO_PROXY (who needs none)";
            unreachable(detail, Some(hint.to_owned()))
        }
        (Cause::Name, None) => match region.filter(|region| host.contains(region)) {
            Some(region) => unreachable(
                format!("{host} has no address"),
                Some(format!("is {region} the right region, and is there a network?")),
            ),
            None => unreachable(format!("{host} has no address"), Some("is there a network?".to_owned())),
        },
        (Cause::Refused, None) => unreachable(format!("nobody listens at {host}"), None),
        (Cause::Cut, None) => unreachable(format!("the connection to {host} was cut"), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_an_address_makes_one_think_of_the_region() {
        let host = "secretsmanager.eu-centrall-1.amazonaws.com".to_owned();
        let failed = Unconnected { host, proxy: None, cause: Cause::Name };
        assert!(
            unconnected(&failed, Some("eu-centrall-1")).hint.unwrap().contains("is eu-centrall-1 the right region")
        );
        assert!(!unconnected(&failed, None).hint.unwrap().contains("region"));
    }

    #[test]
    fn a_certificate_that_is_not_accepted_is_not_tried_again() {
        let failed = Unconnected { host: "a.example".into(), proxy: None, cause: Cause::Certificate("it has expired") };
        let words = unconnected(&failed, None);
        assert_eq!(words.retry, Retry::Never);
        assert!(words.detail.contains("it has expired") && words.hint.unwrap().contains("SSL_CERT_FILE"));
    }
}
