//! AWS's SDK for Rust drives the emulator: every operation through its builder, the paginators, and its ways to an identity. Every request
//! is signed, and verified.
// A helper that panics fails its test, as it should; and a test has the time of the machine.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_codeguruprofiler::Client;
use aws_sdk_codeguruprofiler::config::Credentials;
use aws_sdk_codeguruprofiler::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_codeguruprofiler::operation::RequestId;
use aws_sdk_codeguruprofiler::primitives::{Blob, DateTime};
use aws_sdk_codeguruprofiler::types::{
    ActionGroup, AgentOrchestrationConfig, AggregationPeriod, Channel, ComputePlatform, EventPublisher, FeedbackType,
    FrameMetric, MetadataField, MetricType, OrderBy,
};
use codeguru_profiler_emulator::{Config, Emulator};
use serde_json::Value;
use tempfile::NamedTempFile;

const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";
const ROLE: &str = "arn:aws:iam::111122223333:role/app";

struct Rig {
    emulator: Emulator,
    journal: NamedTempFile,
}

impl Rig {
    async fn start() -> Self {
        let journal = NamedTempFile::new().unwrap();
        let config = Config {
            access_keys: vec!["AKIDEXAMPLE=secret,111122223333".parse().unwrap()],
            journal: Some(journal.path().to_owned()),
            ..Config::default()
        };
        Self { emulator: Emulator::start(config).await.unwrap(), journal }
    }

    async fn config(&self, secret: &str) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(&self.emulator.service_url)
            .credentials_provider(Credentials::new("AKIDEXAMPLE", secret, None, None, "test"))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .load()
            .await
    }

    async fn client(&self, region: &'static str) -> Client {
        Client::new(&self.config("secret").await.into_builder().region(Region::new(region)).build())
    }

    /// What was requested of the emulator, and what it has done.
    fn operations(&self) -> BTreeSet<String> {
        let lines = std::fs::read_to_string(&self.journal).unwrap();
        let entries = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let done = entries.filter(|entry| (200..300).contains(&entry["httpStatus"].as_u64().unwrap()));
        done.map(|entry| entry["operation"].as_str().unwrap().to_owned()).collect()
    }
}

fn switch(enabled: bool) -> AgentOrchestrationConfig {
    AgentOrchestrationConfig::builder().profiling_enabled(enabled).build().unwrap()
}

fn hours_ago(hours: u64) -> DateTime {
    DateTime::from(SystemTime::now() - Duration::from_secs(hours * 3600))
}

#[tokio::test]
async fn every_operation_of_the_table_is_done_through_its_builder() {
    let rig = Rig::start().await;
    // Each in a region of its own, so that none sees the groups of another.
    groups_and_tags(&rig.client("eu-west-1").await).await;
    paginators_that_see_every_entry_once(&rig.client("eu-west-2").await).await;
    permissions_and_channels(&rig.client("eu-west-3").await).await;
    agents_profiles_and_reports(&rig.client("eu-north-1").await).await;

    let table = codeguru_profiler_emulator::table_json();
    let rows = table["operations"].as_array().unwrap().iter();
    let of_the_service = rows.filter(|row| row["service"] == "codeguru-profiler");
    let names = of_the_service.map(|row| row["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(rig.operations(), names);
}

async fn groups_and_tags(client: &Client) {
    let created = client
        .create_profiling_group()
        .profiling_group_name("a_B-1")
        .compute_platform(ComputePlatform::Awslambda)
        .agent_orchestration_config(switch(true))
        .tags("k", "v")
        .send()
        .await
        .unwrap()
        .profiling_group
        .unwrap();
    let arn = created.arn.clone().unwrap();
    assert_eq!(arn, "arn:aws:codeguru-profiler:eu-west-1:111122223333:profilingGroup/a_B-1");
    let updated = client
        .update_profiling_group()
        .profiling_group_name("a_B-1")
        .agent_orchestration_config(switch(false))
        .send()
        .await
        .unwrap();
    let described = client.describe_profiling_group().profiling_group_name("a_B-1").send().await.unwrap();
    assert_eq!(described.profiling_group, updated.profiling_group);
    assert!(!described.profiling_group.unwrap().agent_orchestration_config.unwrap().profiling_enabled);

    client.tag_resource().resource_arn(&arn).tags("a b/ä", "1").send().await.unwrap();
    client.untag_resource().resource_arn(&arn).tag_keys("k").tag_keys("x y").send().await.unwrap();
    let tags = client.list_tags_for_resource().resource_arn(&arn).send().await.unwrap().tags.unwrap();
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("a b/ä".to_owned(), "1".to_owned())]);

    client.delete_profiling_group().profiling_group_name("a_B-1").send().await.unwrap();
    let gone = client.describe_profiling_group().profiling_group_name("a_B-1").send().await.unwrap_err();
    assert!(gone.request_id().is_some());
    assert!(gone.into_service_error().is_resource_not_found_exception());
}

async fn paginators_that_see_every_entry_once(client: &Client) {
    for number in 0..7 {
        client.create_profiling_group().profiling_group_name(format!("g{number}")).send().await.unwrap();
    }
    for described in [true, false] {
        let mut pages =
            client.list_profiling_groups().include_description(described).max_results(3).into_paginator().send();
        let (mut names, mut sizes) = (Vec::new(), Vec::new());
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            let groups = page.profiling_groups.unwrap_or_default();
            let mut on_page = page.profiling_group_names;
            on_page.extend(groups.into_iter().map(|group| group.name.unwrap()));
            sizes.push(on_page.len());
            names.extend(on_page);
        }
        assert_eq!(names, (0..7).map(|number| format!("g{number}")).collect::<Vec<_>>());
        assert_eq!(sizes, [3, 3, 1]);
    }

    let profile = Blob::new("{}");
    client
        .post_agent_profile()
        .profiling_group_name("g0")
        .agent_profile(profile)
        .content_type("application/json")
        .send()
        .await
        .unwrap();
    let mut times = client
        .list_profile_times()
        .profiling_group_name("g0")
        .start_time(hours_ago(1))
        .end_time(hours_ago(0))
        .period(AggregationPeriod::Pt5M)
        .order_by(OrderBy::TimestampAscending)
        .max_results(1)
        .into_paginator()
        .items()
        .send();
    let start = times.next().await.unwrap().unwrap().start.unwrap();
    assert_eq!(start.secs() % 300, 0);
    assert!(times.next().await.is_none());

    let reports = client
        .list_findings_reports()
        .profiling_group_name("g0")
        .start_time(hours_ago(2))
        .end_time(hours_ago(1))
        .into_paginator()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .unwrap();
    assert!(reports.iter().all(|page| page.findings_report_summaries.is_empty()));
    let summaries = client.get_findings_report_account_summary().into_paginator().send().collect::<Result<Vec<_>, _>>();
    assert!(summaries.await.unwrap().iter().all(|page| page.report_summaries.is_empty()));
}

async fn permissions_and_channels(client: &Client) {
    client.create_profiling_group().profiling_group_name("a").send().await.unwrap();
    let put = client
        .put_permission()
        .profiling_group_name("a")
        .action_group(ActionGroup::AgentPermissions)
        .principals(ROLE)
        .send()
        .await
        .unwrap();
    assert!(put.policy.contains(ROLE));
    let read = client.get_policy().profiling_group_name("a").send().await.unwrap();
    assert_eq!((read.policy, &read.revision_id), (put.policy, &put.revision_id));
    let remove = |revision: &str| {
        client
            .remove_permission()
            .profiling_group_name("a")
            .action_group(ActionGroup::AgentPermissions)
            .revision_id(revision)
            .send()
    };
    assert!(remove(UUID).await.unwrap_err().into_service_error().is_conflict_exception());
    assert_ne!(remove(&put.revision_id).await.unwrap().revision_id, put.revision_id);

    let channel = Channel::builder()
        .uri("arn:aws:sns:eu-west-1:111122223333:alarms")
        .event_publishers(EventPublisher::AnomalyDetection)
        .build()
        .unwrap();
    let added = client.add_notification_channels().profiling_group_name("a").channels(channel).send().await.unwrap();
    let id = added.notification_configuration.unwrap().channels.unwrap()[0].id.clone().unwrap();
    let read = client.get_notification_configuration().profiling_group_name("a").send().await.unwrap();
    assert_eq!(read.notification_configuration.unwrap().channels().len(), 1);
    let left = client.remove_notification_channel().profiling_group_name("a").channel_id(&id).send().await.unwrap();
    assert!(left.notification_configuration.unwrap().channels().is_empty());
}

async fn agents_profiles_and_reports(client: &Client) {
    client.create_profiling_group().profiling_group_name("a").send().await.unwrap();
    let told = client
        .configure_agent()
        .profiling_group_name("a")
        .fleet_instance_id("i-1")
        .metadata(MetadataField::AgentId, "1")
        .send()
        .await
        .unwrap()
        .configuration
        .unwrap();
    assert!(told.should_profile);
    assert_eq!(told.period_in_seconds, 300);
    let profile = client.get_profile().profiling_group_name("a").period("PT1H").send().await.unwrap();
    assert_eq!(profile.content_type, "application/x-amzn-ion");
    let metric = FrameMetric::builder()
        .frame_name("f")
        .r#type(MetricType::AggregatedRelativeTotalTime)
        .thread_states("RUNNABLE")
        .build()
        .unwrap();
    let metrics = client
        .batch_get_frame_metric_data()
        .profiling_group_name("a")
        .period("PT1H")
        .frame_metrics(metric)
        .send()
        .await
        .unwrap();
    assert_eq!(metrics.frame_metric_data.len(), 1);
    let recommended = client
        .get_recommendations()
        .profiling_group_name("a")
        .start_time(hours_ago(2))
        .end_time(hours_ago(1))
        .send()
        .await
        .unwrap();
    assert!(recommended.recommendations.is_empty() && recommended.anomalies.is_empty());
    client
        .submit_feedback()
        .profiling_group_name("a")
        .anomaly_instance_id(UUID)
        .r#type(FeedbackType::Positive)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_wrong_secret_is_an_error_by_its_code_alone() {
    let rig = Rig::start().await;
    let client = Client::new(&rig.config("guessed").await);
    let error = client.list_profiling_groups().send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidSignatureException"));
    assert!(matches!(error, SdkError::ServiceError(_)));
}

#[tokio::test]
async fn a_role_is_assumed_by_the_sdks_own_provider() {
    let rig = Rig::start().await;
    let provider = AssumeRoleProvider::builder("arn:aws:iam::444455556666:role/other")
        .session_name("it")
        .external_id("x-1")
        .configure(&rig.config("secret").await)
        .build()
        .await;
    let config = rig
        .config("secret")
        .await
        .into_builder()
        .credentials_provider(aws_sdk_codeguruprofiler::config::SharedCredentialsProvider::new(provider));
    let client = Client::new(&config.build());
    let group =
        client.create_profiling_group().profiling_group_name("a").send().await.unwrap().profiling_group.unwrap();
    assert!(group.arn.unwrap().contains(":444455556666:"));
}
