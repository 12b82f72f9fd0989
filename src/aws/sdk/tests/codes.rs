//! Every error code, and what it becomes.

use Class::{Conflict, FixMe, Throttled, Transient};
use Effect::{Refused, Unclear};
use Operation::{Describe, List, Update};

use super::*;
use crate::{
    aws::error::Effect,
    domain::failure::{Class, FailureReason},
};

/// The call, AWS's status and code; the reason, class and effect, and a part of the advice.
type Row = (Operation, u16, &'static str, FailureReason, Class, Effect, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // What the service model names.
    (Update, 400, "ValidationException", FailureReason::InvalidRequest, FixMe, Refused, "rejects UpdateProfilingGroup in eu-west-1 as invalid: Its words"),
    (Update, 402, "ServiceQuotaExceededException", FailureReason::QuotaExceeded, FixMe, Refused, "Service Quotas"),
    (Update, 404, "ResourceNotFoundException", FailureReason::GroupNotFound, FixMe, Refused, "no profiling group Checkout in eu-west-1: create it"),
    (Describe, 404, "ResourceNotFoundException", FailureReason::GroupNotFound, FixMe, Refused, "spec.profilingGroupName or spec.region"),
    (List, 404, "ResourceNotFoundException", FailureReason::GroupNotFound, FixMe, Refused, "check the endpoint"),
    (Update, 409, "ConflictException", FailureReason::Conflict, Conflict, Refused, "another writer"),
    (Update, 429, "ThrottlingException", FailureReason::Throttled, Throttled, Refused, "throttles UpdateProfilingGroup in eu-west-1"),
    (Update, 500, "InternalServerException", FailureReason::ServiceUnavailable, Transient, Unclear, "Health Dashboard"),
    // What any AWS service may return.
    (Update, 400, "ThrottlingException", FailureReason::Throttled, Throttled, Refused, "throttles"),
    (List, 400, "Throttling", FailureReason::Throttled, Throttled, Refused, "ListProfilingGroups"),
    (List, 429, "TooManyRequestsException", FailureReason::Throttled, Throttled, Refused, "throttles"),
    (List, 400, "RequestLimitExceeded", FailureReason::Throttled, Throttled, Refused, "throttles"),
    (List, 503, "RequestLimitExceeded", FailureReason::Throttled, Throttled, Refused, "throttles"),
    (Update, 403, "AccessDeniedException", FailureReason::AccessDenied, FixMe, Refused, "codeguru-profiler:UpdateProfilingGroup: allow it on arn:*:codeguru-profiler:eu-west-1:*:profilingGroup/Checkout"),
    (Describe, 400, "AccessDenied", FailureReason::AccessDenied, FixMe, Refused, "codeguru-profiler:DescribeProfilingGroup"),
    (List, 403, "AccessDeniedException", FailureReason::AccessDenied, FixMe, Refused, "codeguru-profiler:ListProfilingGroups: allow it on Resource \"*\""),
    (List, 401, "NotAuthorized", FailureReason::AccessDenied, FixMe, Refused, "codeguru-profiler:ListProfilingGroups"),
    (List, 403, "OptInRequired", FailureReason::AccessDenied, FixMe, Refused, "opted in"),
    (Update, 403, "ExpiredTokenException", FailureReason::CredentialsExpired, FixMe, Refused, "have expired"),
    (Update, 400, "ExpiredToken", FailureReason::CredentialsExpired, FixMe, Refused, "have expired"),
    (Update, 403, "UnrecognizedClientException", FailureReason::CredentialsInvalid, FixMe, Refused, "does not accept the operator's credentials: check the access key"),
    (Update, 403, "InvalidClientTokenId", FailureReason::CredentialsInvalid, FixMe, Refused, "does not accept the operator's credentials: check the access key"),
    (Update, 403, "InvalidSignatureException", FailureReason::SignatureRejected, FixMe, Refused, "clock"),
    (Update, 403, "SignatureDoesNotMatch", FailureReason::SignatureRejected, FixMe, Refused, "clock"),
    (Update, 400, "RequestExpired", FailureReason::SignatureRejected, FixMe, Refused, "clock"),
    (Update, 400, "IncompleteSignature", FailureReason::SignatureRejected, FixMe, Refused, "signature"),
    (Update, 403, "MissingAuthenticationToken", FailureReason::SignatureRejected, FixMe, Refused, "signature"),
    (Update, 503, "ServiceUnavailable", FailureReason::ServiceUnavailable, Transient, Unclear, "UpdateProfilingGroup"),
    (Update, 503, "ServiceUnavailableException", FailureReason::ServiceUnavailable, Transient, Unclear, "eu-west-1"),
    (Update, 500, "InternalFailure", FailureReason::ServiceUnavailable, Transient, Unclear, "the operator retries"),
    (Update, 408, "RequestTimeoutException", FailureReason::TimedOut, Transient, Unclear, "in time"),
    (Update, 400, "RequestTimeout", FailureReason::TimedOut, Transient, Unclear, "in time"),
    (Update, 400, "SerializationException", FailureReason::InvalidRequest, FixMe, Refused, "(SerializationException)"),
    // What nobody knows yet.
    (Update, 418, "NobodyKnowsThis", FailureReason::InvalidRequest, FixMe, Refused, "(NobodyKnowsThis)"),
    (Update, 403, "NobodyKnowsThis", FailureReason::AccessDenied, FixMe, Refused, "UpdateProfilingGroup"),
    (Update, 507, "NobodyKnowsThis", FailureReason::ServiceUnavailable, Transient, Unclear, "the operator retries"),
    // How a code may be dressed.
    (Update, 404, "ns#ResourceNotFoundException:http://internal.amazon.com/coral/", FailureReason::GroupNotFound, FixMe, Refused, "Checkout"),
];

#[tokio::test]
async fn every_error_code_has_its_reason_class_effect_and_advice() {
    for &(operation, status, sent, reason, class, effect, advice) in ROWS {
        let server = Server::start(refusal(status, sent)).await;
        let (error, counted) = failure(&server, operation).await;
        let what = format!("{operation} {status} {sent}: {}", error.detail());
        assert_eq!((error.reason, error.reason.class(), error.effect), (reason, class, effect), "{what}");
        assert!(error.advice().contains(advice), "{what}: {}", error.advice());
        let code = sent.split(':').next().unwrap().split('#').next_back().unwrap();
        assert_eq!((error.code(), error.http_status()), (Some(code), Some(status)), "{what}");
        assert_eq!(error.request_id(), Some("REQUEST-ID"), "{what}");
        let label = if code == "NobodyKnowsThis" { "Other" } else { code };
        assert!(counted.contains(&format!(r#"http_status="{status}",code="{label}""#)), "{counted}");
        assert_eq!(server.requests().len(), 1, "{what}: one request a call");
    }
}
