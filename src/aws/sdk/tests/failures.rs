//! Everything that is no error of AWS's, and what it becomes; what errors carry and what they must not.

use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError, future};

use super::*;
use crate::{
    aws::error::Effect,
    domain::failure::{Class, FailureReason},
};

#[tokio::test]
async fn what_is_no_error_of_aws_has_its_reason_and_effect_too() {
    use Effect::{Refused, Unclear};
    use Operation::{Describe, GetCallerIdentity, List, Update};
    let html = |status| answer(status, &[("content-type", "text/html")], "<html><body>Sorry</body></html>");
    let json = |body: &str| answer(200, &[ID], body);
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"name\": \"Che".to_vec();
    let group =
        |enabled| format!(r#"{{"name": "Checkout", "agentOrchestrationConfig": {{"profilingEnabled": {enabled}}}}}"#);
    let coded = answer(503, &[("x-amzn-errortype", "ThrottlingException"), ID], "<html>");
    let rows = [
        // Somebody in between speaks.
        (Update, html(503), FailureReason::ServiceUnavailable, Unclear),
        (Update, html(502), FailureReason::ServiceUnavailable, Unclear),
        (Update, html(429), FailureReason::Throttled, Unclear),
        (Update, html(403), FailureReason::AccessDenied, Unclear),
        (Describe, html(404), FailureReason::MalformedAnswer, Unclear),
        (Update, html(400), FailureReason::MalformedAnswer, Unclear),
        (Update, html(301), FailureReason::MalformedAnswer, Unclear),
        (Update, html(200), FailureReason::MalformedAnswer, Unclear),
        (Update, coded, FailureReason::Throttled, Refused),
        (List, answer(400, &[], r#"{"__type": "Throttl"#), FailureReason::MalformedAnswer, Unclear),
        // Answers that are none.
        (Update, json(r#"{"name": "Checkout", "agentOrch"#), FailureReason::MalformedAnswer, Unclear),
        (List, json(r#"{"profilingGroups": [{"name"#), FailureReason::MalformedAnswer, Unclear),
        (Update, json(""), FailureReason::MalformedAnswer, Unclear),
        (Update, json("{}"), FailureReason::MalformedAnswer, Unclear),
        (Update, json("null"), FailureReason::MalformedAnswer, Unclear),
        (Update, json(r#"{"agentOrchestrationConfig": {}}"#), FailureReason::MalformedAnswer, Unclear),
        (Update, json(&group("false")), FailureReason::MalformedAnswer, Unclear),
        (Update, json(&group("\"true\"")), FailureReason::MalformedAnswer, Unclear),
        (Describe, json(&group("1")), FailureReason::MalformedAnswer, Unclear),
        (Update, json(&group("true").replace("Checkout", "Another")), FailureReason::MalformedAnswer, Unclear),
        (Describe, json(r#"{"createdAt": "yesterday"}"#), FailureReason::MalformedAnswer, Unclear),
        (Describe, json(r#"{"tags": ["a"]}"#), FailureReason::MalformedAnswer, Unclear),
        (Describe, json("[]"), FailureReason::MalformedAnswer, Unclear),
        (List, json("{}"), FailureReason::MalformedAnswer, Unclear),
        (List, json("[]"), FailureReason::MalformedAnswer, Unclear),
        (List, json(r#"{"profilingGroups": {"name": "a"}}"#), FailureReason::MalformedAnswer, Unclear),
        (List, json(r#"{"profilingGroupNames": [1]}"#), FailureReason::MalformedAnswer, Unclear),
        (List, json(&"[".repeat(100_000)), FailureReason::MalformedAnswer, Unclear),
        (Describe, Behaviour::Answer(cut), FailureReason::MalformedAnswer, Unclear),
        (Describe, Behaviour::Answer(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), FailureReason::Unreachable, Unclear),
        // No answer.
        (Update, Behaviour::Hang, FailureReason::TimedOut, Unclear),
        (Update, Behaviour::Close, FailureReason::Unreachable, Unclear),
        (Update, Behaviour::Reset, FailureReason::Unreachable, Unclear),
        (GetCallerIdentity, Behaviour::Close, FailureReason::Unreachable, Unclear),
    ];
    for (number, (operation, behaviour, reason, effect)) in rows.into_iter().enumerate() {
        let server = Server::start(behaviour).await;
        let settings = settings(&server.url());
        let loader = loader(&settings).endpoint_url(server.url());
        let (client, registry) = client(settings, loader).await;
        let error = call(&client, operation).await.map_err(|error| checked(error, &registry).0).unwrap_err();
        let what = format!("row {number}: {}", error.detail());
        assert_eq!((error.reason, error.effect), (reason, effect), "{what}");
        let status = error.http_status().unwrap_or(0);
        let label = if error.code().is_some() { "ThrottlingException" } else { reason.as_str() };
        let counted = counted(&registry);
        assert!(counted.contains(&format!(r#"http_status="{status}",code="{label}""#)), "{what}: {counted}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let server = Server::start(Behaviour::Flood).await;
    let settings = SdkSettings { attempt_timeout: Duration::from_mins(1), ..settings(&server.url()) };
    let loader = loader(&settings);
    let (client, _) = client(settings, loader).await;
    let error = call(&client, Operation::List).await.unwrap_err();
    assert_eq!((error.reason, error.effect), (FailureReason::MalformedAnswer, Effect::Unclear), "{}", error.detail());
}

#[tokio::test]
async fn a_refused_connection_and_an_unknown_host_have_no_effect() {
    let gone = Server::start(Behaviour::Close).await.url();
    for url in [gone.as_str(), "http://nobody.invalid"] {
        let settings = settings(url);
        let loader = loader(&settings);
        let (client, registry) = client(settings, loader).await;
        let error = call(&client, Operation::Update).await.unwrap_err();
        let (error, counted) = checked(error, &registry);
        assert_eq!((error.reason, error.effect), (FailureReason::Unreachable, Effect::Refused), "{}", error.detail());
        assert!(counted.contains(r#"http_status="0",code="Unreachable""#), "{counted}");
    }
}

#[tokio::test]
async fn a_name_or_region_that_cant_be_one_is_never_sent() {
    let server = Server::start(Behaviour::Close).await;
    let (client, _) = client_of(&server).await;
    let error = client.describe("").await.unwrap_err();
    assert_eq!((error.reason, error.effect), (FailureReason::InvalidRequest, Effect::Refused), "{}", error.detail());

    let settings = SdkSettings { endpoint_url: None, ..settings("") };
    let loader = loader(&settings);
    let metrics = Arc::new(AwsMetrics::register(&mut Registry::default()));
    let services = SdkServices::load_with(loader, settings, unconfigured(), None, metrics).await;
    assert_eq!(services.default_region(), None);
    let error = services.for_lane(&LaneId::of_region("not a region")).describe("a").await.unwrap_err();
    assert_eq!((error.reason, error.effect), (FailureReason::InvalidRequest, Effect::Refused), "{}", error.detail());
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_spec_that_is_right_is_not_blamed_for_settings_of_the_operator_that_are_not() {
    let server = Server::start(Behaviour::Close).await;
    let settings = settings(&server.url());
    // The SDK has no rule for an endpoint of one's own that is also AWS's FIPS one.
    let loader = loader(&settings).use_fips(true);
    let (client, registry) = client(settings, loader).await;
    for operation in [Operation::List, Operation::Describe, Operation::Update] {
        let (error, _) = checked(call(&client, operation).await.unwrap_err(), &registry);
        let got = (error.reason, error.reason.class(), error.effect);
        assert_eq!(got, (FailureReason::InternalError, Class::Transient, Effect::Refused), "{}", error.detail());
        assert!(!error.advice().contains("spec."), "{}", error.advice());
        assert!(error.detail().contains("FIPS"), "{}", error.detail());
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn how_long_aws_requests_to_be_left_alone_is_honoured_as_a_number_and_as_a_date() {
    for (requested, bounds) in [("7", 7..=7), ("Fri, 31 Dec 9999 23:59:59 GMT", 900..=900), ("-1", 0..=0)] {
        let headers = [("retry-after", requested), ("x-amzn-errortype", "ThrottlingException")];
        let server = Server::start(answer(429, &headers, "{}")).await;
        let (error, _) = failure(&server, Operation::List).await;
        assert!(
            bounds.contains(&error.retry_after.unwrap_or_default().as_secs()),
            "{requested}: {:?}",
            error.retry_after
        );
    }
}

#[tokio::test]
async fn answers_that_repeat_the_signed_request_are_not_repeated() {
    let words = format!("The Canonical String should have been\\nx-amz-security-token:{TOKEN}\\n");
    for code in ["InvalidSignatureException", "SignatureDoesNotMatch", "ValidationException", "NobodyKnowsThis"] {
        let server =
            Server::start(answer(403, &[("x-amzn-errortype", code)], &format!(r#"{{"message": "{words}"}}"#))).await;
        let (error, _) = failure(&server, Operation::Update).await;
        assert!(!error.detail().contains("Canonical"), "{}", error.detail());
    }
}

#[tokio::test]
async fn the_detail_names_who_is_denied_and_the_advice_does_not() {
    let server = Server::start(refusal(403, "AccessDeniedException")).await;
    let (error, _) = failure(&server, Operation::Update).await;
    assert_eq!(
        error.detail(),
        "UpdateProfilingGroup of Checkout in eu-west-1: AccessDenied (HTTP 403, AccessDeniedException, request id \
         REQUEST-ID): Words about session-name"
    );
}

#[derive(Debug)]
enum Broken {
    NotLoaded,
    Invalid,
    TimedOut,
    Failing,
    Silent,
}

impl ProvideCredentials for Broken {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let error = match self {
            Self::NotLoaded => CredentialsError::not_loaded("nothing here"),
            Self::Invalid => CredentialsError::invalid_configuration("a profile that is not there"),
            Self::TimedOut => CredentialsError::provider_timed_out(Duration::from_secs(5)),
            Self::Failing => CredentialsError::provider_error("the file can't be read"),
            Self::Silent => return future::ProvideCredentials::new(std::future::pending()),
        };
        future::ProvideCredentials::ready(Err(error))
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = Server::start(Behaviour::Close).await;
    for (provider, reason) in [
        (Broken::NotLoaded, FailureReason::CredentialsMissing),
        (Broken::Invalid, FailureReason::CredentialsMissing),
        (Broken::TimedOut, FailureReason::CredentialsMissing),
        (Broken::Silent, FailureReason::CredentialsMissing),
        (Broken::Failing, FailureReason::CredentialsInvalid),
    ] {
        let what = format!("{provider:?}");
        let settings = settings(&server.url());
        let loader = loader(&settings).credentials_provider(provider);
        let (client, registry) = client(settings, loader).await;
        let (error, _) = checked(call(&client, Operation::Update).await.unwrap_err(), &registry);
        let got = (error.reason, error.reason.class(), error.effect);
        assert_eq!(got, (reason, Class::FixMe, Effect::Refused), "{what}: {}", error.detail());
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_answer_of_sts_about_the_role_shows_what_is_wrong_with_the_credentials() {
    let xml = |status, code: &str| {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>x-amz-security-token:{TOKEN}</Message>\
             </Error><RequestId>REQUEST-ID</RequestId></ErrorResponse>"
        );
        answer(status, &[], &body)
    };
    for (behaviour, reason) in [
        (xml(403, "AccessDenied"), FailureReason::CredentialsInvalid),
        (xml(400, "InvalidIdentityToken"), FailureReason::CredentialsInvalid),
        (xml(400, "ExpiredTokenException"), FailureReason::CredentialsExpired),
        (xml(403, "SignatureDoesNotMatch"), FailureReason::SignatureRejected),
        (xml(400, "Throttling"), FailureReason::Throttled),
        (xml(503, "ServiceUnavailable"), FailureReason::ServiceUnavailable),
        (Behaviour::Reset, FailureReason::Unreachable),
    ] {
        let sts = Server::start(behaviour).await;
        let profiler = Server::start(Behaviour::Close).await;
        let settings = settings(&profiler.url());
        let base = loader(&settings).endpoint_url(sts.url()).region(Region::new(REGION)).load().await;
        let role = aws_config::sts::AssumeRoleProvider::builder("arn:aws:iam::111122223333:role/operator")
            .session_name("session-name")
            .configure(&base)
            .build_from_provider(base.credentials_provider().unwrap())
            .await;
        let loader = loader(&settings).credentials_provider(role);
        let (client, _) = client(settings, loader).await;
        let error = call(&client, Operation::Update).await.unwrap_err();
        assert_eq!((error.reason, error.effect), (reason, Effect::Refused), "{}", error.detail());
        assert!(!error.detail().contains(TOKEN), "{}", error.detail());
        assert!(profiler.requests().is_empty());
    }
}
