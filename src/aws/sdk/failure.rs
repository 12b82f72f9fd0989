//! The SDK's errors in our own words: reason, effect, and nothing that repeats credentials. Pure.

use std::{error::Error, iter, time::Duration};

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
use hyper_util::client::legacy::Error as HyperError;

use crate::{
    api::Reason,
    aws::error::{Answered, AwsError, BoxError, Effect, clean, codeless, verdict},
};

/// The longest that AWS may ask to be left alone.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(15);
/// How much of AWS's words is kept.
const MAX_MESSAGE: usize = 500;

/// `blank` makes the error of the call with its reason and effect; `was_sent` says whether the request left.
pub(super) fn translate<Fault>(
    error: SdkError<Fault, HttpResponse>,
    was_sent: bool,
    blank: impl Fn(Reason, Effect) -> AwsError,
) -> AwsError
where
    Fault: Error + ProvideErrorMetadata + RequestId + Send + Sync + 'static,
{
    if let Some(response) = error.raw_response() {
        let answered = read(response, error.as_service_error());
        let retry_after = retry_after(response.headers());
        let (reason, effect) = judge(&answered, response.status().is_success());
        // AWS repeats the message in the source, where nobody would look for credentials.
        let source = if answered.code.is_none() && reason == Reason::MalformedAnswer { root(error) } else { None };
        return AwsError { answer: Some(Box::new(answered)), retry_after, source, ..blank(reason, effect) };
    }
    let (reason, effect) = match &error {
        SdkError::ConstructionFailure(_) => (Reason::InvalidRequest, Effect::Refused),
        SdkError::TimeoutError(_) if was_sent => (Reason::TimedOut, Effect::Unclear),
        // Nothing but the credentials is waited for before a request is sent.
        SdkError::TimeoutError(_) => (Reason::CredentialsMissing, Effect::Refused),
        SdkError::DispatchFailure(failure) if was_sent => connection(failure.as_connector_error()),
        SdkError::DispatchFailure(_) => (unsent(&error), Effect::Refused),
        _ => (Reason::InternalError, Effect::Unclear),
    };
    let source = if reason == Reason::SignatureRejected { None } else { root(error) };
    AwsError { source, ..blank(reason, effect) }
}

fn root<Fault>(error: SdkError<Fault, HttpResponse>) -> Option<BoxError>
where
    Fault: Error + Send + Sync + 'static,
{
    error.into_source().ok().filter(|source| !chain(source.as_ref()).any(|error| repeats_request(&error.to_string())))
}

fn read<Fault: ProvideErrorMetadata + RequestId>(response: &HttpResponse, fault: Option<&Fault>) -> Answered {
    let headers = response.headers();
    // The SDK gives up on the header when the body is not JSON.
    let code = fault.and_then(ProvideErrorMetadata::code).or_else(|| headers.get("x-amzn-errortype"));
    let request_id = fault.and_then(RequestId::request_id).or_else(|| headers.get("x-amzn-requestid"));
    let code = code.and_then(clean);
    let message = fault.and_then(ProvideErrorMetadata::message).filter(|_| {
        // Such answers may repeat the headers that were signed, the session token among them.
        code.as_deref().is_none_or(|code| verdict(code, 400) != Reason::SignatureRejected)
    });
    Answered {
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

fn judge(Answered { http_status, code, .. }: &Answered, success: bool) -> (Reason, Effect) {
    match code {
        _ if success => (Reason::MalformedAnswer, Effect::Unclear),
        None => (codeless(*http_status), Effect::Unclear),
        Some(code) => {
            let reason = verdict(code, *http_status);
            let refused = match reason {
                Reason::Throttled => true,
                Reason::TimedOut | Reason::ServiceUnavailable | Reason::MalformedAnswer => false,
                _ => *http_status < 500,
            };
            (reason, if refused { Effect::Refused } else { Effect::Unclear })
        }
    }
}

fn connection(error: Option<&ConnectorError>) -> (Reason, Effect) {
    let Some(error) = error else { return (Reason::Unreachable, Effect::Unclear) };
    let connecting = find::<HyperError>(error).is_some_and(HyperError::is_connect);
    match connecting {
        true => (Reason::Unreachable, Effect::Refused),
        false if error.is_timeout() => (Reason::TimedOut, Effect::Unclear),
        false => (Reason::Unreachable, Effect::Unclear),
    }
}

/// Why a request did not even leave: the credentials, or a region or endpoint that can't be one.
fn unsent(error: &(dyn Error + 'static)) -> Reason {
    match find::<CredentialsError>(error) {
        None => Reason::InvalidRequest,
        Some(
            CredentialsError::CredentialsNotLoaded(_)
            | CredentialsError::InvalidConfiguration(_)
            | CredentialsError::ProviderTimedOut(_),
        ) => Reason::CredentialsMissing,
        Some(error) => match sts_code(error) {
            Some(code) => match verdict(code, 400) {
                reason @ (Reason::Throttled
                | Reason::ServiceUnavailable
                | Reason::CredentialsExpired
                | Reason::SignatureRejected) => reason,
                _ => Reason::CredentialsInvalid,
            },
            None if find::<ConnectorError>(error).is_some() => Reason::Unreachable,
            None => Reason::CredentialsInvalid,
        },
    }
}

/// What STS said when it was asked for the credentials.
fn sts_code<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a str> {
    let web_identity = || find::<AssumeRoleWithWebIdentityError>(error)?.code();
    let role = || find::<AssumeRoleError>(error)?.code();
    web_identity().or_else(role)
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// `x-amz-retry-after` counts milliseconds, `Retry-After` seconds; its other form, a date, is not for APIs.
fn retry_after(headers: &Headers) -> Option<Duration> {
    let number = |name| headers.get(name)?.trim().parse().ok();
    let asked = number("x-amz-retry-after").map(Duration::from_millis);
    let asked = asked.or_else(|| number("retry-after").map(Duration::from_secs))?;
    Some(asked.min(MAX_RETRY_AFTER))
}
