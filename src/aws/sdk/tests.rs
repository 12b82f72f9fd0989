//! The real SDK client against canned answers on loopback.

mod codes;
mod environment;
mod failures;
mod server;
mod successes;

use std::{sync::Arc, time::Duration};

use aws_credential_types::Credentials;
use prometheus_client::{encoding::text::encode, registry::Registry};

use self::server::{Behaviour, Server, answer};
use super::{AwsMetrics, ConfigLoader, Configured, Region, SdkServices, SdkSettings, configuration};
use crate::{
    aws::{
        error::{AwsError, Operation},
        service::ProfilerService,
    },
    domain::{facet::NewGroup, failure::Failure, lane_id::LaneId},
};

const REGION: &str = "eu-west-1";
const SECRET: &str = "TheSecretAccessKey";
const TOKEN: &str = "TheSessionToken";

fn settings(endpoint_url: &str) -> SdkSettings {
    SdkSettings {
        region: None,
        endpoint_url: Some(endpoint_url.to_owned()),
        connect_timeout: Duration::from_secs(1),
        attempt_timeout: Duration::from_secs(3),
    }
}

fn loader(settings: &SdkSettings) -> ConfigLoader {
    let credentials = Credentials::new("AKIATHEACCESSKEY", SECRET, Some(TOKEN.to_owned()), None, "test");
    configuration(settings).empty_test_environment().credentials_provider(credentials)
}

/// Where credentials come from when no variable and no profile configures a source.
fn unconfigured() -> Configured {
    Configured::from(REGION, |_| None, |_| None)
}

/// A client of the server, and what it counts.
async fn client(settings: SdkSettings, loader: ConfigLoader) -> (Arc<dyn ProfilerService>, Registry) {
    let mut registry = Registry::default();
    let metrics = Arc::new(AwsMetrics::register(&mut registry));
    let services = SdkServices::load_with(loader, settings, unconfigured(), Some(REGION.into()), metrics).await;
    (services.for_lane(&LaneId::of_region(REGION)), registry)
}

async fn client_of(server: &Server) -> (Arc<dyn ProfilerService>, Registry) {
    let settings = settings(&server.url());
    let loader = loader(&settings);
    client(settings, loader).await
}

fn counted(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    text.lines().filter(|line| line.starts_with("codeguru_profiler_aws_requests_total{")).collect()
}

const ROLE: &str = "arn:aws:iam::111122223333:role/agent";
const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:anomalies";
const ARN: &str = "arn:aws:codeguru-profiler:eu-west-1:111122223333:profilingGroup/Checkout";

async fn call(client: &Arc<dyn ProfilerService>, operation: Operation) -> Result<(), AwsError> {
    match operation {
        Operation::List => client.list_page(None).await.map(drop),
        Operation::Describe => client.describe("Checkout").await.map(drop),
        Operation::Create => {
            let (token, platform, tags) = ("uid-1".to_owned(), None, None);
            client.create("Checkout", &NewGroup { token, platform, profiling_enabled: true, tags }).await.map(drop)
        }
        Operation::Delete => client.delete("Checkout").await,
        Operation::Update => client.update("Checkout", true).await.map(drop),
        Operation::ListTags => client.list_tags("Checkout", ARN).await.map(drop),
        Operation::Tag => client.tag("Checkout", ARN, &[("team".to_owned(), "shop".to_owned())].into()).await,
        Operation::Untag => client.untag("Checkout", ARN, &["team".to_owned()].into()).await,
        Operation::GetPolicy => client.policy("Checkout").await.map(drop),
        Operation::PutPermission => client.put_permission("Checkout", &[ROLE.to_owned()].into(), None).await.map(drop),
        Operation::RemovePermission => client.remove_permission("Checkout", "revision").await.map(drop),
        Operation::GetChannels => client.channels("Checkout").await.map(drop),
        Operation::AddChannels => client.add_channels("Checkout", &[TOPIC.to_owned()].into()).await.map(drop),
        Operation::RemoveChannel => client.remove_channel("Checkout", "channel").await.map(drop),
        Operation::GetCallerIdentity => client.account().await.map(drop),
    }
}

/// Fails the call, and checks what holds for every failure.
async fn failure(server: &Server, operation: Operation) -> (AwsError, String) {
    let (client, registry) = client_of(server).await;
    checked(call(&client, operation).await.unwrap_err(), &registry)
}

fn checked(error: AwsError, registry: &Registry) -> (AwsError, String) {
    let Failure { reason, message, detail, retry_after } = Failure::from(&error);
    assert_eq!((reason, retry_after), (error.reason, error.retry_after));
    for text in [&message, &detail, &format!("{error:?}")] {
        assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{text}");
    }
    for volatile in ["REQUEST-ID", "session-name"] {
        assert!(!message.contains(volatile), "{message}");
    }
    assert!(!message.ends_with(['.', ' ']) && !message.contains('\n'), "{message}");
    if let Some(id) = error.request_id() {
        assert!(detail.contains(id), "{detail}");
    }
    (error, counted(registry))
}

const ID: (&str, &str) = ("x-amzn-requestid", "REQUEST-ID");

/// An error as AWS sends it.
fn refusal(status: u16, code: &str) -> Behaviour {
    let words = if code == "ValidationException" { "Its words" } else { "Words about session-name" };
    answer(status, &[("x-amzn-errortype", code), ID], &format!(r#"{{"message": "{words}"}}"#))
}
