//! AWS's error codes and what they mean. Pure.

use crate::domain::failure::FailureReason;

/// What a code means, whatever the HTTP status: AWS sends `ThrottlingException` with 400 and 429 alike.
fn known(code: &str) -> Option<FailureReason> {
    Some(match code {
        "ResourceNotFoundException" => FailureReason::GroupNotFound,
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "UnauthorizedOperation" | "OptInRequired" => {
            FailureReason::AccessDenied
        }
        "ExpiredTokenException" | "ExpiredToken" | "TokenRefreshRequired" => FailureReason::CredentialsExpired,
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" | "AuthFailure" => {
            FailureReason::CredentialsInvalid
        }
        "InvalidSignatureException"
        | "InvalidSignature"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RequestExpired"
        | "RequestTimeTooSkewed" => FailureReason::SignatureRejected,
        "ValidationException" | "ValidationError" | "SerializationException" | "UnknownOperationException" => {
            FailureReason::InvalidRequest
        }
        "ServiceQuotaExceededException" => FailureReason::QuotaExceeded,
        "ConflictException" => FailureReason::Conflict,
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "SlowDown" => FailureReason::Throttled,
        "RequestTimeout" | "RequestTimeoutException" => FailureReason::TimedOut,
        "InternalServerException"
        | "InternalServerError"
        | "InternalFailure"
        | "InternalError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        // STS can't reach the cluster's OIDC provider: AWS's documentation recommends a retry.
        | "IDPCommunicationError" => FailureReason::ServiceUnavailable,
        _ => return None,
    })
}

/// What an error with this code means.
pub(in crate::aws) fn reason_of(code: &str, http_status: u16) -> FailureReason {
    known(code).unwrap_or_else(|| uncommon(http_status))
}

/// What an error with a code that AWS does not document for this service means.
fn uncommon(http_status: u16) -> FailureReason {
    match http_status {
        401 | 403 => FailureReason::AccessDenied,
        429 => FailureReason::Throttled,
        400..=499 => FailureReason::InvalidRequest,
        500..=599 => FailureReason::ServiceUnavailable,
        _ => FailureReason::MalformedAnswer,
    }
}

/// What an answer without a code means: AWS always sends one with an error, so something in between spoke, and a 404
/// of its does not mean that there is no such group.
pub(in crate::aws) fn codeless(http_status: u16) -> FailureReason {
    match http_status {
        403 => FailureReason::AccessDenied,
        429 => FailureReason::Throttled,
        500..=599 => FailureReason::ServiceUnavailable,
        _ => FailureReason::MalformedAnswer,
    }
}

/// Whether the code is one of a closed set, and so fit for a metric's label.
pub(in crate::aws) fn is_known(code: &str) -> bool {
    known(code).is_some()
}

/// The code without its namespace and suffix, `ns#Code:http://…`; nothing if what is left can't be one.
pub(in crate::aws) fn clean(code: &str) -> Option<String> {
    let code = code.split(':').next()?;
    let code = code.rsplit('#').next()?.trim();
    let plausible =
        (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    plausible.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_loses_its_namespace_and_suffix() {
        for (sent, read) in [
            ("ThrottlingException", Some("ThrottlingException")),
            ("com.amazon.coral#ThrottlingException", Some("ThrottlingException")),
            ("ThrottlingException:http://internal.amazon.com/coral/", Some("ThrottlingException")),
            ("ns#ThrottlingException:http://x/#y", Some("ThrottlingException")),
            ("", None),
            ("<html>", None),
            (&"A".repeat(65), None),
        ] {
            assert_eq!(clean(sent).as_deref(), read, "{sent}");
        }
    }

    #[test]
    fn the_code_decides_and_the_status_only_where_the_code_decides_nothing() {
        for (code, status, reason) in [
            ("ThrottlingException", 400, FailureReason::Throttled),
            ("ThrottlingException", 503, FailureReason::Throttled),
            ("AccessDeniedException", 500, FailureReason::AccessDenied),
            ("SomethingNew", 400, FailureReason::InvalidRequest),
            ("SomethingNew", 403, FailureReason::AccessDenied),
            ("SomethingNew", 429, FailureReason::Throttled),
            ("SomethingNew", 599, FailureReason::ServiceUnavailable),
            ("SomethingNew", 302, FailureReason::MalformedAnswer),
        ] {
            assert_eq!(reason_of(code, status), reason, "{code} {status}");
        }
    }

    #[test]
    fn an_answer_without_a_code_never_means_that_a_group_is_missing() {
        for (status, reason) in [
            (400, FailureReason::MalformedAnswer),
            (403, FailureReason::AccessDenied),
            (404, FailureReason::MalformedAnswer),
            (429, FailureReason::Throttled),
            (502, FailureReason::ServiceUnavailable),
            (301, FailureReason::MalformedAnswer),
        ] {
            assert_eq!(codeless(status), reason, "{status}");
        }
    }
}
