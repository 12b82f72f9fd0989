//! Credentials, region and trust as the environment has them: each case is a process of its own.

use std::{env, fmt::Write as _, path::Path, process::Stdio};

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::process::Command;

use super::{server::TlsServer, *};
use crate::process::error_chain::error_chain;

/// Names the profiler's address for the process, and how many Lists it is to make, a fraction of a second apart.
const PROFILER: &str = "TEST_PROFILER";
const LISTS: &str = "TEST_LISTS";
/// How many seconds a call may take there, if not five.
const TIMEOUT: &str = "TEST_TIMEOUT";
const MARK: &str = "what came of it: ";

/// What a process with an environment of its own makes of AWS.
#[derive(Debug, Serialize, Deserialize)]
struct Came {
    /// Why it would not begin.
    refused: Option<String>,
    region: Option<String>,
    /// Reason, class, advice and detail of each List; empty if it went well.
    lists: Vec<[String; 4]>,
    metrics: String,
}

/// The process: `came` starts it.
#[tokio::test]
#[ignore = "the other tests start it in processes of their own"]
async fn the_process() {
    let Ok(url) = env::var(PROFILER) else { return };
    let seconds = env::var(TIMEOUT).map_or(5, |text| text.parse().unwrap());
    let settings = SdkSettings { region: None, attempt_timeout: Duration::from_secs(seconds), ..settings(&url) };
    let mut registry = Registry::default();
    let loaded = SdkServices::load(settings, Arc::new(AwsMetrics::register(&mut registry))).await;
    let mut came = Came { refused: None, region: None, lists: vec![], metrics: String::new() };
    match loaded {
        Err(error) => came.refused = Some(error_chain(&error)),
        Ok(services) => {
            came.region = services.default_region();
            let client = services.for_lane(&LaneId::of_region(came.region.as_deref().unwrap_or(REGION)));
            let lists: u32 = env::var(LISTS).unwrap().parse().unwrap();
            let lists = (0..lists).map(async |number| {
                tokio::time::sleep(number * Duration::from_millis(300)).await;
                client.list_page(None).await.err().map_or_else(Default::default, |error| {
                    let Failure { reason, message, detail, .. } = Failure::from(&error);
                    [reason.as_str().to_owned(), format!("{:?}", reason.class()), message, detail]
                })
            });
            came.lists = join_all(lists).await;
        }
    }
    encode(&mut came.metrics, &registry).unwrap();
    println!("{MARK}{}", serde_json::to_string(&came).unwrap());
}

async fn came(profiler: &str, lists: u32, variables: &Variables) -> Came {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "aws::sdk::tests::environment::the_process", "--ignored", "--nocapture"])
        .env_clear()
        .envs([("HOME", "/nowhere"), ("AWS_EC2_METADATA_DISABLED", "true"), (PROFILER, profiler)])
        .env(LISTS, lists.to_string())
        .envs(variables.iter().map(|(name, text)| (name, text)))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let text = text.lines().find_map(|line| line.split_once(MARK)).map(|(_, came)| came.to_owned());
    let text = text.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let came: Came = serde_json::from_str(&text).unwrap();
    for line in
        [&came.refused.clone().unwrap_or_default(), &came.metrics].into_iter().chain(came.lists.iter().flatten())
    {
        assert!(!line.contains(SECRET) && !line.contains(TOKEN), "{line}");
    }
    came
}

fn xml(status: u16, code: &str) -> Behaviour {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>No.</Message></Error>\
         <RequestId>REQUEST-ID</RequestId></ErrorResponse>"
    );
    answer(status, &[], &body)
}

fn html(status: u16) -> Behaviour {
    answer(status, &[("content-type", "text/html")], "<html><body>Sorry</body></html>")
}

fn session() -> Behaviour {
    answer(
        200,
        &[],
        &format!(
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
             <AccessKeyId>ASIATHEACCESSKEY</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
             <SessionToken>{TOKEN}</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        ),
    )
}

fn container_session(id: &str) -> Behaviour {
    let session = json!({
        "AccessKeyId": id, "SecretAccessKey": SECRET, "Token": TOKEN, "Expiration": "2999-01-01T00:00:00Z",
    });
    answer(200, &[], &session.to_string())
}

fn token_file(token: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), token).unwrap();
    file
}

fn empty_list() -> Behaviour {
    answer(200, &[], r#"{"profilingGroupNames": []}"#)
}

type Variables = Vec<(&'static str, String)>;

fn variables(pairs: &[(&'static str, &str)]) -> Variables {
    pairs.iter().map(|(name, text)| (*name, (*text).to_owned())).collect()
}

/// The environment of a pod with IRSA.
fn irsa(sts: &str, token: &Path) -> Variables {
    variables(&[
        ("AWS_REGION", REGION),
        ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/operator"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", sts),
    ])
}

/// The environment of a pod with EKS Pod Identity.
fn pod_identity(agent: &str, token: &Path) -> Variables {
    variables(&[
        ("AWS_REGION", REGION),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
    ])
}

/// What a List returns when the credentials' source behaves so, and how many requests the source was sent.
type Row = (Behaviour, &'static str, &'static str, usize, &'static str);

async fn every_list_fails_the_same(rows: Vec<Row>, party: &str, environment: impl Fn(&str) -> Variables) {
    let environment = &environment;
    let mut faults = String::new();
    let rows = rows.into_iter().enumerate().map(async |(number, (behaviour, reason, class, requests, advice))| {
        let profiler = Server::start(empty_list()).await;
        let source = Server::start(behaviour).await;
        let came = came(&profiler.url(), 1, &environment(&source.url())).await;
        let [[a, b, message, detail]] = came.lists.as_slice() else { panic!("row {number}: {came:?}") };
        let told = (a.as_str(), b.as_str(), source.requests().len());
        let named = reason.is_empty() || message.contains(party);
        let right =
            told == (reason, class, requests) && named && message.contains(advice) && !message.contains("spec.");
        let sent = profiler.requests().len();
        let fine = right && sent == usize::from(reason.is_empty());
        (!fine).then(|| format!("row {number}: {told:?} and {sent} to the profiler: {message} ({detail})"))
    });
    for fault in join_all(rows).await.into_iter().flatten() {
        writeln!(faults, "{fault}").unwrap();
    }
    assert!(faults.is_empty(), "{faults}");
}

#[tokio::test]
async fn trouble_at_sts_passes_and_is_named_as_that_and_a_refusal_is_one() {
    let token = token_file("token");
    let passing = "the operator retries";
    let rows = vec![
        (session(), "", "", 1, ""),
        (xml(400, "IDPCommunicationError"), "ServiceUnavailable", "Transient", 3, passing),
        (xml(500, "InternalFailure"), "ServiceUnavailable", "Transient", 3, passing),
        (answer(500, &[], ""), "ServiceUnavailable", "Transient", 3, passing),
        (html(503), "ServiceUnavailable", "Transient", 3, passing),
        (xml(400, "Throttling"), "Throttled", "Throttled", 3, "slows down and retries"),
        (xml(429, "TooManyRequestsException"), "Throttled", "Throttled", 3, "slows down and retries"),
        // The SDK repeats nothing that no AWS service sends, but for 5xx.
        (html(429), "Throttled", "Throttled", 1, "slows down and retries"),
        (html(404), "MalformedAnswer", "Transient", 1, "proxies"),
        (html(200), "MalformedAnswer", "Transient", 1, "proxies"),
        (Behaviour::Close, "Unreachable", "Transient", 3, "the VPC endpoint of STS"),
        (Behaviour::Reset, "Unreachable", "Transient", 3, "the VPC endpoint of STS"),
        (Behaviour::Hang, "TimedOut", "Transient", 1, "the VPC endpoint of STS"),
        (xml(403, "AccessDenied"), "CredentialsInvalid", "FixMe", 1, "trust policy"),
        (xml(400, "InvalidIdentityToken"), "CredentialsInvalid", "FixMe", 1, "trust policy"),
        (xml(400, "ExpiredTokenException"), "CredentialsExpired", "FixMe", 1, "refreshed"),
    ];
    every_list_fails_the_same(rows, "AWS STS in eu-west-1", |sts| irsa(sts, token.path())).await;
}

#[tokio::test]
async fn trouble_at_the_containers_endpoint_passes_and_is_named_as_that_and_a_refusal_is_one() {
    let token = token_file("token");
    let unsendable = "the access key ID from the container credential endpoint (EKS Pod Identity) holds a line break";
    let rows = vec![
        (container_session("ASIATHEACCESSKEY"), "", "", 1, ""),
        (html(429), "Throttled", "Throttled", 3, "slows down and retries"),
        (html(500), "ServiceUnavailable", "Transient", 3, "the EKS Pod Identity agent"),
        (html(200), "MalformedAnswer", "Transient", 3, "proxies"),
        (Behaviour::Close, "Unreachable", "Transient", 3, "NO_PROXY"),
        (Behaviour::Hang, "TimedOut", "Transient", 1, "the EKS Pod Identity agent runs"),
        (html(404), "CredentialsInvalid", "FixMe", 1, "Pod Identity association"),
        (html(403), "CredentialsInvalid", "FixMe", 1, "Pod Identity association"),
        (container_session("ASIA\n"), "CredentialsInvalid", "FixMe", 1, unsendable),
    ];
    let environment = |url: &str| pod_identity(url, token.path());
    every_list_fails_the_same(rows, "the container credential endpoint (EKS Pod Identity)", environment).await;
}

#[tokio::test]
async fn trouble_at_the_instances_metadata_passes_and_its_silence_is_the_lack_of_credentials() {
    // The SDK's own pauses between four attempts add up to more than five seconds now and then.
    let failing = vec![(html(500), "ServiceUnavailable", "Transient", 4, "the instance metadata fails to answer")];
    let rows = vec![
        (html(403), "CredentialsMissing", "FixMe", 1, "the operator has no AWS credentials"),
        (html(404), "CredentialsMissing", "FixMe", 1, "the operator has no AWS credentials"),
        (Behaviour::Close, "CredentialsMissing", "FixMe", 1, "the operator has no AWS credentials"),
        (Behaviour::Hang, "CredentialsMissing", "FixMe", 1, "the operator has no AWS credentials"),
    ];
    let environment = |url: &str| {
        let endpoint = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url);
        variables(&[("AWS_REGION", REGION), ("AWS_EC2_METADATA_DISABLED", "false"), endpoint])
    };
    every_list_fails_the_same(rows, "", environment).await;
    let patient = |url: &str| [environment(url), variables(&[(TIMEOUT, "60")])].concat();
    every_list_fails_the_same(failing, "", patient).await;
}

#[tokio::test]
async fn one_trouble_has_one_reason_however_many_calls_wait_for_the_same_credentials() {
    let token = token_file("token");
    let profiler = Server::start(empty_list()).await;
    let silent = Server::start(Behaviour::Hang).await;
    let gone = Server::start(Behaviour::Close).await.url();
    let failing = Server::start(xml(500, "InternalFailure")).await;
    let (url, gone, failing_url) = (silent.url(), gone.as_str(), failing.url());
    let troubles = [
        (irsa(&failing_url, token.path()), "ServiceUnavailable", "AWS STS in eu-west-1"),
        (pod_identity(&failing_url, token.path()), "ServiceUnavailable", "the container credential endpoint"),
        (irsa(&url, token.path()), "TimedOut", "AWS STS in eu-west-1"),
        (pod_identity(&url, token.path()), "TimedOut", "the container credential endpoint"),
        (irsa(gone, token.path()), "Unreachable", "AWS STS in eu-west-1"),
        (pod_identity(gone, token.path()), "Unreachable", "the container credential endpoint"),
    ];
    let profiler_url = &profiler.url();
    join_all(troubles.map(async |(variables, reason, party)| {
        let came = came(profiler_url, 8, &variables).await;
        let mut lists: Vec<_> =
            came.lists.into_iter().map(|[reason, class, message, _]| [reason, class, message]).collect();
        lists.dedup();
        let [[a, class, message]] = lists.as_slice() else { panic!("{lists:?}") };
        assert_eq!((a.as_str(), class.as_str()), (reason, "Transient"), "{message}");
        assert!(message.contains(party), "{message}");
    }))
    .await;
    assert!(profiler.requests().is_empty());
}

#[tokio::test]
async fn a_token_file_that_cant_be_used_is_named_and_aws_is_not_blamed() {
    let profiler = Server::start(empty_list()).await;
    let source = Server::start(Behaviour::Close).await;
    let url = source.url();
    let (empty, blank, broken) = (token_file(""), token_file(" \n"), token_file("token\n"));
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("token");
    for (variables, path, expected) in [
        (irsa(&url, &missing), missing.as_path(), "does not exist"),
        (irsa(&url, empty.path()), empty.path(), "is empty"),
        (irsa(&url, blank.path()), blank.path(), "is empty"),
        (irsa(&url, folder.path()), folder.path(), "can't be read"),
        (pod_identity(&url, &missing), missing.as_path(), "does not exist"),
        (pod_identity(&url, empty.path()), empty.path(), "is empty"),
        (pod_identity(&url, broken.path()), broken.path(), "such as a line break"),
    ] {
        let came = came(&profiler.url(), 1, &variables).await;
        let [[reason, class, message, _]] = came.lists.as_slice() else { panic!("{came:?}") };
        assert_eq!((reason.as_str(), class.as_str()), ("CredentialsMissing", "FixMe"), "{message}");
        assert!(message.contains(&format!("the token file {} ", path.display())), "{message}");
        assert!(message.contains(expected) && !message.contains("AWS STS"), "{message}");
    }
    assert!(source.requests().is_empty() && profiler.requests().is_empty());
}

#[tokio::test]
async fn a_key_that_cant_be_sent_is_found_before_the_first_call() {
    let profiler = Server::start(empty_list()).await;
    let key = |id, secret, token| {
        let key = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret), ("AWS_SESSION_TOKEN", token)];
        variables(&[&key[..], &[("AWS_REGION", REGION)]].concat())
    };
    for (variables, expected) in [
        (
            key("AKIA\n", SECRET, ""),
            "the access key ID in the environment variable AWS_ACCESS_KEY_ID holds a line break",
        ),
        (key("AKIA\r\n", SECRET, TOKEN), "AWS_ACCESS_KEY_ID holds a line break"),
        (key("AKIA", "a\u{1}b", TOKEN), "AWS_SECRET_ACCESS_KEY holds a control character"),
        (key("AKIA", SECRET, "a\nb"), "AWS_SESSION_TOKEN holds a line break"),
    ] {
        let came = came(&profiler.url(), 1, &variables).await;
        let refused = came.refused.unwrap_or_else(|| panic!("{:?}", came.lists));
        assert!(refused.contains(expected), "{refused}");
    }
    assert!(profiler.requests().is_empty());
    let came = came(&profiler.url(), 1, &key("AKIA", SECRET, "token\n")).await;
    assert_eq!((came.refused, profiler.requests().len()), (None, 1), "the SDK trims a session token");
}

#[tokio::test]
async fn a_key_in_a_profile_that_cant_be_sent_is_found_before_the_first_call() {
    let profiler = Server::start(empty_list()).await;
    let config = token_file("[default]\naws_access_key_id = AKIA\u{e9}\naws_secret_access_key = TheSecretAccessKey\n");
    let variables = variables(&[("AWS_CONFIG_FILE", config.path().to_str().unwrap()), ("AWS_REGION", REGION)]);
    let refused = came(&profiler.url(), 1, &variables).await.refused.unwrap();
    assert!(
        refused.contains("the access key ID from the AWS profile holds a character that is not ASCII"),
        "{refused}"
    );
    assert!(profiler.requests().is_empty());
}

#[tokio::test]
async fn the_region_is_the_first_that_is_set_and_is_one() {
    let profiler = Server::start(empty_list()).await;
    let config =
        token_file("[default]\nregion = eu-north-1 \n[profile none]\nregion =\n[profile bad]\nregion = Norway\n");
    let config = ("AWS_CONFIG_FILE", config.path().to_str().unwrap());
    let key = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    for (set, region) in [
        (vec![("AWS_REGION", "eu-west-1")], Ok(Some("eu-west-1"))),
        (vec![("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "eu-west-2")], Ok(Some("eu-west-2"))),
        (vec![("AWS_REGION", " \n"), ("AWS_DEFAULT_REGION", "eu-west-2\n")], Ok(Some("eu-west-2"))),
        (vec![("AWS_REGION", " eu-west-1\n")], Ok(Some("eu-west-1"))),
        (vec![("AWS_REGION", ""), config], Ok(Some("eu-north-1"))),
        (vec![("AWS_REGION", ""), config, ("AWS_PROFILE", "none")], Ok(None)),
        (vec![("AWS_REGION", "")], Ok(None)),
        (vec![], Ok(None)),
        (vec![("AWS_REGION", "eu-west-1\neu-west-2")], Err("AWS_REGION")),
        (vec![("AWS_REGION", "Ireland"), ("AWS_DEFAULT_REGION", "eu-west-2")], Err("AWS_REGION")),
        (vec![("AWS_DEFAULT_REGION", "eu-west-1a")], Err("AWS_DEFAULT_REGION")),
        (vec![config, ("AWS_PROFILE", "bad")], Err("the AWS profile")),
    ] {
        let came = came(&profiler.url(), 1, &variables(&[&set[..], &key].concat())).await;
        match region {
            Ok(region) => {
                assert_eq!((came.refused.as_deref(), came.region.as_deref()), (None, region), "{set:?}");
                assert!(came.metrics.contains(&format!("region=\"{}\"", region.unwrap_or(REGION))), "{}", came.metrics);
            }
            Err(origin) => {
                let expected = format!("{origin} is not an AWS region; give its code, such as eu-west-1");
                assert_eq!(came.refused, Some(expected), "{set:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_it_is_named_and_reported_when_it_is_not() {
    const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws/sdk/tests/tls/authority.pem");
    let secure = TlsServer::start(empty_list()).await;
    let key = [("AWS_REGION", REGION), ("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    for trusted in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let set = variables(&[&key[..], &[(trusted, AUTHORITY)]].concat());
        let came = came(&secure.url("localhost"), 1, &set).await;
        assert_eq!(came.lists, [const { [const { String::new() }; 4] }], "{trusted}");
    }

    let token = token_file("token");
    let url = secure.url("localhost");
    let plain = Server::start(empty_list()).await;
    let another = concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws/sdk/tests/tls/server.pem");
    let unknown = "is signed by an authority that is not trusted";
    for (profiler, trusted, set, expected) in [
        (&url, another, variables(&key), [unknown, "SSL_CERT_FILE", "of Amazon CodeGuru Profiler in eu-west-1"]),
        (&url, another, variables(&[&key[..], &[("AWS_CA_BUNDLE", another)]].concat()), [unknown, "SSL_CERT_FILE", ""]),
        (
            &secure.url("127.0.0.1"),
            AUTHORITY,
            variables(&key),
            ["is not valid", "the node's clock", "the endpoint's name"],
        ),
        (&plain.url(), another, irsa(&url, token.path()), [unknown, "SSL_CERT_FILE", "of AWS STS in eu-west-1"]),
        (
            &plain.url(),
            another,
            pod_identity(&url, token.path()),
            [unknown, "SSL_CERT_FILE", "of the container credential"],
        ),
    ] {
        let came = came(profiler, 1, &[set, variables(&[("SSL_CERT_FILE", trusted)])].concat()).await;
        let [[reason, class, message, detail]] = came.lists.as_slice() else { panic!("{came:?}") };
        assert_eq!((reason.as_str(), class.as_str()), ("Unreachable", "Transient"), "{detail}");
        for part in expected {
            assert!(message.contains(part), "{message} ({detail})");
        }
    }
    assert!(plain.requests().is_empty());
}

#[tokio::test]
async fn a_bundle_that_holds_no_certificate_is_refused_with_its_path() {
    let plain = Server::start(empty_list()).await;
    let cut = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    for (text, expected) in
        [("", "it holds no certificate"), (cut, "invalid peer certificate"), ("-----BEGIN CERTIFICATE-----\n", "")]
    {
        let file = token_file(text);
        let path = file.path().to_str().unwrap();
        let refused = came(&plain.url(), 1, &variables(&[("AWS_CA_BUNDLE", path)])).await.refused.unwrap();
        assert!(refused.starts_with(&format!("the CA bundle {path} (AWS_CA_BUNDLE) can't be used")), "{refused}");
        assert!(refused.contains(expected), "{refused}");
    }
    let missing = variables(&[("AWS_CA_BUNDLE", "/nowhere/ca.pem")]);
    let refused = came(&plain.url(), 1, &missing).await.refused.unwrap();
    assert!(refused.contains("/nowhere/ca.pem") && refused.contains("No such file"), "{refused}");
    let came = came(&plain.url(), 1, &variables(&[("AWS_CA_BUNDLE", ""), ("AWS_REGION", REGION)])).await;
    assert_eq!(came.refused, None, "an empty variable counts as not set");
    assert!(plain.requests().is_empty());
}
