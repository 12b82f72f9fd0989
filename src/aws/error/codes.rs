//! AWS's error codes and what they mean. Pure.

use crate::api::Reason;

/// What a code means, whatever the HTTP status: AWS sends `ThrottlingException` with 400 and 429 alike.
fn known(code: &str) -> Option<Reason> {
    Some(match code {
        "ResourceNotFoundException" => Reason::GroupNotFound,
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "UnauthorizedOperation" | "OptInRequired" => {
            Reason::AccessDenied
        }
        "ExpiredTokenException" | "ExpiredToken" | "TokenRefreshRequired" => Reason::CredentialsExpired,
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" | "AuthFailure" => {
            Reason::CredentialsInvalid
        }
        "InvalidSignatureException"
        | "InvalidSignature"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RequestExpired"
        | "RequestTimeTooSkewed" => Reason::SignatureRejected,
        "ValidationException" | "ValidationError" | "SerializationException" | "UnknownOperationException" => {
            Reason::InvalidRequest
        }
        "ServiceQuotaExceededException" => Reason::QuotaExceeded,
        "ConflictException" => Reason::Conflict,
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "SlowDown" => Reason::Throttled,
        "RequestTimeout" | "RequestTimeoutException" => Reason::TimedOut,
        "InternalServerException"
        | "InternalServerError"
        | "InternalFailure"
        | "InternalError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        // STS can't reach the cluster's OIDC provider: AWS asks to retry it.
        | "IDPCommunicationError" => Reason::ServiceUnavailable,
        _ => return None,
    })
}

/// What an error with this code means.
pub(in crate::aws) fn verdict(code: &str, http_status: u16) -> Reason {
    known(code).unwrap_or_else(|| uncommon(http_status))
}

/// What an error with a code that AWS does not document for this service means.
fn uncommon(http_status: u16) -> Reason {
    match http_status {
        401 | 403 => Reason::AccessDenied,
        429 => Reason::Throttled,
        400..=499 => Reason::InvalidRequest,
        500..=599 => Reason::ServiceUnavailable,
        _ => Reason::MalformedAnswer,
    }
}

/// What an answer without a code means: AWS always sends one with an error, so something in between spoke, and a 404
/// of its does not mean that there is no such group.
pub(in crate::aws) fn codeless(http_status: u16) -> Reason {
    match http_status {
        403 => Reason::AccessDenied,
        429 => Reason::Throttled,
        500..=599 => Reason::ServiceUnavailable,
        _ => Reason::MalformedAnswer,
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
    fn the_code_decides_and_the_status_only_where_the_code_says_nothing() {
        for (code, status, reason) in [
            ("ThrottlingException", 400, Reason::Throttled),
            ("ThrottlingException", 503, Reason::Throttled),
            ("AccessDeniedException", 500, Reason::AccessDenied),
            ("SomethingNew", 400, Reason::InvalidRequest),
            ("SomethingNew", 403, Reason::AccessDenied),
            ("SomethingNew", 429, Reason::Throttled),
            ("SomethingNew", 599, Reason::ServiceUnavailable),
            ("SomethingNew", 302, Reason::MalformedAnswer),
        ] {
            assert_eq!(verdict(code, status), reason, "{code} {status}");
        }
    }

    #[test]
    fn an_answer_without_a_code_never_says_that_a_group_is_missing() {
        for (status, reason) in [
            (400, Reason::MalformedAnswer),
            (403, Reason::AccessDenied),
            (404, Reason::MalformedAnswer),
            (429, Reason::Throttled),
            (502, Reason::ServiceUnavailable),
            (301, Reason::MalformedAnswer),
        ] {
            assert_eq!(codeless(status), reason, "{status}");
        }
    }
}
