//! The SDK's errors in our own types: reason, effect, failing party, and nothing that repeats credentials. Pure.

use std::{
    error::Error,
    io,
    time::{Duration, SystemTime},
};

use aws_config::imds::client::error::{ImdsError, TokenError};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_codeguruprofiler::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use aws_sdk_sts::operation::{
    assume_role::AssumeRoleError, assume_role_with_web_identity::AssumeRoleWithWebIdentityError,
};
use aws_smithy_runtime_api::{
    client::{orchestrator::HttpResponse, result::ConnectorError},
    http::Headers,
};
use aws_smithy_types::{DateTime, date_time::Format};
use hyper_util::client::legacy::Error as HyperError;
use rustls::{CertificateError, Error as TlsError};

use super::{assumed_role::NoSession, credentials::Configured};
use crate::{
    aws::{
        error::{
            AwsError, BoxError, Effect, ResponseDetails, clean, codeless,
            party::{CertificateProblem, Finding, KeyProblem, Party, Source, TokenFileProblem},
            reason_of,
        },
        region::is_region,
    },
    domain::failure::FailureReason,
    process::error_chain::{causes, find},
};

/// The longest pause that AWS may request.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(15);
/// How much of AWS's words is kept.
const MAX_MESSAGE: usize = 500;
/// The SDK's text when the container's endpoint refuses: there is no type for it.
const CONTAINER_STATUS: &str = "Non-success status from HTTP credential provider: StatusCode(";

/// `blank` is the error of the call, which `was_sent` or not, before anything is known of it; `configured` is where its
/// credentials come from.
pub(super) fn translate<Fault>(
    error: SdkError<Fault, HttpResponse>,
    was_sent: bool,
    configured: &Configured,
    now: SystemTime,
    blank: AwsError,
) -> AwsError
where
    Fault: Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
{
    if let Some(response) = error.raw_response() {
        let answered = read(response, error.as_service_error());
        let retry_after = retry_after(response.headers(), now);
        let (reason, effect) = judge(&answered, response.status().is_success());
        // AWS repeats the message in the source, where credentials are not expected.
        let source =
            if answered.code.is_none() && reason == FailureReason::MalformedAnswer { root(error) } else { None };
        return AwsError { reason, effect, answer: Some(Box::new(answered)), retry_after, source, ..blank };
    }
    let (reason, effect) = match &error {
        SdkError::TimeoutError(_) if was_sent => (FailureReason::TimedOut, Effect::Unclear),
        SdkError::DispatchFailure(failure) if was_sent => connection(failure.as_connector_error()),
        SdkError::ConstructionFailure(_) | SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => {
            return unsent(error, configured, blank);
        }
        _ => (FailureReason::InternalError, Effect::Unclear),
    };
    let finding = certificate(&error).map(Finding::Certificate);
    AwsError { reason, effect, finding, source: root(error), ..blank }
}

/// What became of a request that did not even leave.
fn unsent<Fault>(error: SdkError<Fault, HttpResponse>, configured: &Configured, blank: AwsError) -> AwsError
where
    Fault: Error + Send + Sync + 'static,
{
    let credentials = match &error {
        // Nothing but the credentials is waited for before a request is sent.
        SdkError::TimeoutError(_) => Some((silent(&configured.source), configured.source.clone())),
        // The innermost: what lies around it only passes it on.
        other => causes(other)
            .filter_map(<dyn Error>::downcast_ref::<CredentialsError>)
            .last()
            .map(|error| credentials(error, configured)),
    };
    let (reason, party) = match credentials {
        Some((reason, source)) => (reason, Party::Credentials(source)),
        // The name and the region stand in the URL, which is why only these can make it one that can't be sent.
        None if blank.group.as_deref() == Some("") || !is_region(&blank.region) => {
            (FailureReason::InvalidRequest, Party::Service)
        }
        None => (FailureReason::InternalError, Party::Service),
    };
    let finding = find::<KeyProblem>(&error)
        .map(|problem| Finding::Key(problem.clone()))
        .or_else(|| find::<TokenFileProblem>(&error).map(|problem| Finding::TokenFile(problem.clone())))
        .or_else(|| certificate(&error).map(Finding::Certificate));
    let source = if reason == FailureReason::SignatureRejected { None } else { root(error) };
    AwsError { reason, effect: Effect::Refused, party, finding, source, ..blank }
}

fn root<Fault>(error: SdkError<Fault, HttpResponse>) -> Option<BoxError>
where
    Fault: Error + Send + Sync + 'static,
{
    error.into_source().ok().filter(|source| !causes(source.as_ref()).any(|error| repeats_request(&error.to_string())))
}

fn read<Fault: ProvideErrorMetadata + RequestId>(response: &HttpResponse, fault: Option<&Fault>) -> ResponseDetails {
    let headers = response.headers();
    // The SDK gives up on the header when the body is not JSON.
    let code = fault.and_then(ProvideErrorMetadata::code).or_else(|| headers.get("x-amzn-errortype"));
    let request_id = fault.and_then(RequestId::request_id).or_else(|| headers.get("x-amzn-requestid"));
    let code = code.and_then(clean);
    let message = fault.and_then(ProvideErrorMetadata::message).filter(|_| {
        // Such answers may repeat the headers that were signed, the session token among them.
        code.as_deref().is_none_or(|code| reason_of(code, 400) != FailureReason::SignatureRejected)
    });
    ResponseDetails {
        http_status: response.status().as_u16(),
        message: message.and_then(words),
        request_id: request_id.and_then(words),
        code,
    }
}

/// One line of bounded length; nothing if it repeats a signed request.
fn words(text: &str) -> Option<String> {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect();
    Some(line.trim().to_owned()).filter(|line| !repeats_request(text) && !line.is_empty())
}

/// Whether it looks like the headers of a signed request, the session token among them.
fn repeats_request(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["security-token:", "security-token=", "credential=", "signature="].iter().any(|mark| text.contains(mark))
}

fn judge(ResponseDetails { http_status, code, .. }: &ResponseDetails, success: bool) -> (FailureReason, Effect) {
    match code {
        _ if success => (FailureReason::MalformedAnswer, Effect::Unclear),
        None => (codeless(*http_status), Effect::Unclear),
        Some(code) => {
            let reason = reason_of(code, *http_status);
            let refused = match reason {
                FailureReason::Throttled => true,
                FailureReason::TimedOut | FailureReason::ServiceUnavailable | FailureReason::MalformedAnswer => false,
                _ => *http_status < 500,
            };
            (reason, if refused { Effect::Refused } else { Effect::Unclear })
        }
    }
}

fn connection(error: Option<&ConnectorError>) -> (FailureReason, Effect) {
    let Some(error) = error else { return (FailureReason::Unreachable, Effect::Unclear) };
    let connecting = find::<HyperError>(error).is_some_and(HyperError::is_connect);
    match connecting {
        true => (FailureReason::Unreachable, Effect::Refused),
        false if error.is_timeout() => (FailureReason::TimedOut, Effect::Unclear),
        false => (FailureReason::Unreachable, Effect::Unclear),
    }
}

/// What is wrong with the certificate, if that is why there is no connection.
fn certificate(error: &(dyn Error + 'static)) -> Option<CertificateProblem> {
    match find::<TlsError>(error)? {
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => Some(CertificateProblem::UnknownAuthority),
        TlsError::InvalidCertificate(_) => Some(CertificateProblem::Invalid),
        _ => None,
    }
}

/// Why there are no credentials, and which source failed: the configured one, unless the error names another.
fn credentials(error: &CredentialsError, configured: &Configured) -> (FailureReason, Source) {
    let source = &configured.source;
    if find::<KeyProblem>(error).is_some() {
        (FailureReason::CredentialsInvalid, source.clone())
    } else if let Some(NoSession { region, .. }) = find::<NoSession>(error) {
        let reason = sts_answered(error).unwrap_or(FailureReason::InternalError);
        (for_role(reason), Source::Sts(region.clone()))
    } else if let Some(reason) = sts_answered(error) {
        (for_credentials(reason), configured.sts())
    } else if let Some(reason) = container_reason(error) {
        (reason, Source::ContainerEndpoint)
    } else if let Some(reason) = metadata_reason(error) {
        (reason, Source::InstanceMetadata)
    } else {
        (without_answer(error, source), source.clone())
    }
}

/// What STS answered to the request for a role's credentials, or how it did not.
fn sts_answered(error: &CredentialsError) -> Option<FailureReason> {
    fn of<Fault>(error: &SdkError<Fault, HttpResponse>) -> FailureReason
    where
        Fault: Error + ProvideErrorMetadata + RequestId + 'static,
    {
        match (error.raw_response(), error) {
            (Some(response), _) => {
                let answered = read(response, error.as_service_error());
                judge(&answered, response.status().is_success()).0
            }
            (None, SdkError::TimeoutError(_)) => FailureReason::TimedOut,
            (None, other) => transport(other).unwrap_or(FailureReason::InternalError),
        }
    }
    let web_identity = find::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>(error).map(of);
    web_identity.or_else(|| find::<SdkError<AssumeRoleError, HttpResponse>>(error).map(of))
}

/// What the container's endpoint answered, if it did not give credentials.
pub(super) fn container_reason(error: &CredentialsError) -> Option<FailureReason> {
    let status = causes(error).find_map(|error| {
        let text = error.to_string();
        text.strip_prefix(CONTAINER_STATUS)?.trim_end_matches(')').parse().ok()
    })?;
    Some(passing(status).unwrap_or(FailureReason::CredentialsInvalid))
}

/// What the instance's metadata answered, if it did not give credentials.
fn metadata_reason(error: &CredentialsError) -> Option<FailureReason> {
    let answer = match find::<ImdsError>(error)? {
        ImdsError::ErrorResponse(answer) => Some(answer.response()),
        other => find::<SdkError<TokenError, HttpResponse>>(other).and_then(SdkError::raw_response),
    };
    // A source that is missing or refuses has no credentials for this process.
    Some(answer.and_then(|answer| passing(answer.status().as_u16())).unwrap_or(FailureReason::CredentialsMissing))
}

/// What is no refusal of these credentials, and passes.
fn passing(http_status: u16) -> Option<FailureReason> {
    Some(codeless(http_status))
        .filter(|reason| matches!(reason, FailureReason::Throttled | FailureReason::ServiceUnavailable))
}

fn without_answer(error: &CredentialsError, configured: &Source) -> FailureReason {
    match error {
        CredentialsError::ProviderTimedOut(_) => silent(configured),
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => {
            FailureReason::CredentialsMissing
        }
        other => match transport(other) {
            Some(reason) => reason,
            None if find::<io::Error>(other).is_some() => FailureReason::CredentialsMissing,
            None if *configured == Source::ContainerEndpoint => FailureReason::MalformedAnswer,
            None => FailureReason::CredentialsInvalid,
        },
    }
}

/// Why no answer came over the network; `None` if that was not it.
fn transport(error: &(dyn Error + 'static)) -> Option<FailureReason> {
    find::<ConnectorError>(error)
        .map(|error| if error.is_timeout() { FailureReason::TimedOut } else { FailureReason::Unreachable })
}

/// The source does not answer in time. The instance's metadata is used only when nothing is configured, and where it
/// is not for pods, it does not answer.
fn silent(source: &Source) -> FailureReason {
    match source {
        Source::InstanceMetadata => FailureReason::CredentialsMissing,
        _ => FailureReason::TimedOut,
    }
}

/// What a refusal of a call means where a session of the role of a ProfilerAccount is requested: the operator's own
/// credentials were sent, and what STS does not give is this role.
fn for_role(reason: FailureReason) -> FailureReason {
    match reason {
        FailureReason::AccessDenied | FailureReason::InvalidRequest => FailureReason::AccountNotReady,
        other => for_credentials(other),
    }
}

/// What a refusal of a call means where credentials are requested.
fn for_credentials(reason: FailureReason) -> FailureReason {
    match reason {
        FailureReason::Throttled
        | FailureReason::ServiceUnavailable
        | FailureReason::Unreachable
        | FailureReason::TimedOut
        | FailureReason::InternalError
        | FailureReason::MalformedAnswer
        | FailureReason::CredentialsExpired
        | FailureReason::SignatureRejected => reason,
        _ => FailureReason::CredentialsInvalid,
    }
}

/// `x-amz-retry-after` counts milliseconds, `Retry-After` seconds unless it is a date.
fn retry_after(headers: &Headers, now: SystemTime) -> Option<Duration> {
    let number = |text: &str| text.parse().ok();
    let millis = headers.get("x-amz-retry-after").and_then(|text| number(text.trim())).map(Duration::from_millis);
    let requested = millis.or_else(|| {
        let text = headers.get("retry-after")?.trim();
        number(text).map(Duration::from_secs).or_else(|| until(text, now))
    })?;
    Some(requested.min(MAX_RETRY_AFTER))
}

/// How long it is until this date of HTTP's; nothing once it has passed.
fn until(date: &str, now: SystemTime) -> Option<Duration> {
    let date = SystemTime::try_from(DateTime::from_str(date, Format::HttpDate).ok()?).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn how_long_aws_requests_to_be_left_alone_is_read_and_bounded() {
        let now = UNIX_EPOCH + Duration::from_mins(29_876_128); // Wed, 21 Oct 2026 07:28:00 GMT
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (headers, requested) in [
            (&[("x-amz-retry-after", "1500")][..], Some(Duration::from_millis(1500))),
            (&[("retry-after", "7")], seconds(7)),
            (&[("retry-after", " 7 ")], seconds(7)),
            (&[("retry-after", "7"), ("x-amz-retry-after", "20")], Some(Duration::from_millis(20))),
            (&[("retry-after", "7"), ("x-amz-retry-after", "soon")], seconds(7)),
            (&[("retry-after", "99999999999")], seconds(900)),
            (&[("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT")], seconds(30)),
            (&[("retry-after", "Wed, 21 Oct 2026 08:28:00 GMT")], seconds(900)),
            (&[("retry-after", "Wed, 21 Oct 2026 07:27:59 GMT")], seconds(0)),
            (&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], seconds(900)),
            (&[("retry-after", "Wed, 32 Oct 2026 07:28:30 GMT")], None),
            (&[("retry-after", "2026-10-21T07:28:30Z")], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "")], None),
            (&[], None),
        ] {
            let mut read = Headers::new();
            for (name, text) in headers {
                read.insert(*name, *text);
            }
            assert_eq!(retry_after(&read, now), requested, "{headers:?}");
        }
    }
}
