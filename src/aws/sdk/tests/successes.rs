//! Good answers, and the requests for them.

use super::*;
use crate::{
    api::{AggregatedProfile, ProfilingStatus},
    domain::observation::Observation,
};

const DESCRIBED: &str = r#"{
    "name": "a",
    "arn": "arn:aws:codeguru-profiler:eu-west-1:111122223333:profilingGroup/a",
    "computePlatform": "AWSLambda",
    "createdAt": "2026-06-01T13:15:02.001Z",
    "updatedAt": "2026-06-02T13:15:02.123456Z",
    "agentOrchestrationConfig": {"profilingEnabled": false},
    "profilingStatus": {
        "latestAgentOrchestratedAt": "2026-06-03T00:00:00Z",
        "latestAgentProfileReportedAt": "2026-06-04T00:00:00Z",
        "latestAggregatedProfile": {"start": "2026-06-05T00:00:00Z", "period": "PT5M"}
    },
    "tags": {"team": "shop"},
    "somethingNew": [1, {"profilingEnabled": true}]
}"#;

fn described() -> Observation {
    let time = |text: &str| Some(text.parse().unwrap());
    Observation {
        name: "a".into(),
        arn: Some("arn:aws:codeguru-profiler:eu-west-1:111122223333:profilingGroup/a".into()),
        compute_platform: Some("AWSLambda".into()),
        created_at: time("2026-06-01T13:15:02.001Z"),
        updated_at: time("2026-06-02T13:15:02.123Z"),
        profiling_enabled: Some(false),
        profiling_status: Some(ProfilingStatus {
            latest_agent_orchestrated_at: time("2026-06-03T00:00:00Z"),
            latest_agent_profile_reported_at: time("2026-06-04T00:00:00Z"),
            latest_aggregated_profile: Some(AggregatedProfile {
                start: time("2026-06-05T00:00:00Z"),
                period: Some("PT5M".into()),
            }),
        }),
        tags: Some([("team".to_owned(), "shop".to_owned())].into()),
    }
}

fn named(name: &str) -> Observation {
    Observation { name: name.into(), ..Observation::default() }
}

#[tokio::test]
async fn every_member_of_a_description_is_read() {
    let server = Server::start(answer(200, &[], DESCRIBED)).await;
    let (client, registry) = client_of(&server).await;
    assert_eq!(client.describe("a").await.unwrap(), described());
    assert_eq!(client.update("a", false).await.unwrap(), described());
    let [describe, update] = server.requests().try_into().unwrap();
    assert!(describe.starts_with("GET /profilingGroups/a HTTP/1.1\r\n"), "{describe}");
    assert!(update.starts_with("PUT /profilingGroups/a HTTP/1.1\r\n"), "{update}");
    assert!(update.ends_with(r#"{"agentOrchestrationConfig":{"profilingEnabled":false}}"#), "{update}");
    assert!(update.contains("app/codeguru-profiler-operator"), "{update}");
    let update = r#"operation="UpdateProfilingGroup",region="eu-west-1",http_status="200",code="""#;
    assert!(counted(&registry).contains(update), "{}", counted(&registry));
}

#[tokio::test]
async fn a_group_of_which_aws_reports_nothing_is_half_described_and_its_switch_unknown() {
    for body in [
        "{}",
        r#"{"name": "a"}"#,
        r#"{"agentOrchestrationConfig": null}"#,
        // The SDK takes each of these for "off".
        r#"{"agentOrchestrationConfig": {}}"#,
        r#"{"agentOrchestrationConfig": {"profilingEnabled": null}}"#,
    ] {
        let server = Server::start(answer(200, &[], body)).await;
        let (client, _) = client_of(&server).await;
        assert_eq!(client.describe("a").await.unwrap(), named("a"), "{body}");
    }
}

#[tokio::test]
async fn a_list_of_descriptions_or_of_names_or_of_both_is_read() {
    let bare = named("b");
    let empty = ProfilingStatus::default();
    let quiet = Observation { profiling_enabled: Some(true), profiling_status: Some(empty), ..named("b") };
    for (body, groups, next_token) in [
        (format!(r#"{{"profilingGroupNames": [], "profilingGroups": [{DESCRIBED}]}}"#), vec![described()], None),
        (r#"{"profilingGroupNames": ["b", ""], "nextToken": "n"}"#.into(), vec![bare.clone()], Some("n")),
        (
            format!(r#"{{"profilingGroupNames": ["a", "b"], "profilingGroups": [{DESCRIBED}]}}"#),
            vec![described(), bare.clone()],
            None,
        ),
        (
            format!(
                r#"{{"profilingGroups": [
                    {{"agentOrchestrationConfig": {{"profilingEnabled": true}}}},
                    {{"name": "b", "agentOrchestrationConfig": {{"profilingEnabled": true}}, "profilingStatus": {{}}}},
                    {DESCRIBED}
                ], "nextToken": ""}}"#
            ),
            vec![quiet, described()],
            None,
        ),
        (r#"{"profilingGroups": [{"name": "b", "agentOrchestrationConfig": {}}]}"#.into(), vec![bare], None),
        (r#"{"profilingGroupNames": []}"#.into(), vec![], None),
    ] {
        let server = Server::start(answer(200, &[], &body)).await;
        let (client, _) = client_of(&server).await;
        let page = client.list_page(Some("token".into())).await.unwrap();
        assert_eq!((page.groups, page.next_token.as_deref()), (groups, next_token), "{body}");
        let [request] = server.requests().try_into().unwrap();
        let line = request.lines().next().unwrap();
        for part in ["/profilingGroups?", "includeDescription=true", "maxResults=1000", "nextToken=token"] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}

#[tokio::test]
async fn the_account_is_requested_from_sts_and_never_from_the_profilers_endpoint() {
    let profiler = Server::start(Behaviour::Close).await;
    let sts = Server::start(answer(
        200,
        &[],
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>",
    ))
    .await;
    let settings = settings(&profiler.url());
    let loader = loader(&settings).endpoint_url(sts.url());
    let (client, _) = client(settings, loader).await;
    assert_eq!(client.account().await.unwrap(), "111122223333");
    assert_eq!((profiler.requests().len(), sts.requests().len()), (0, 1));
}

#[tokio::test]
async fn a_region_that_is_given_is_the_default_one() {
    let settings = SdkSettings { region: Some("eu-north-1".into()), ..settings("http://127.0.0.1:1") };
    let services = SdkServices::load(settings, Arc::new(AwsMetrics::register(&mut Registry::default()))).await.unwrap();
    assert_eq!(services.default_region().as_deref(), Some("eu-north-1"));
}

/// Two crypto providers in one process make rustls panic when a client has to choose.
#[tokio::test]
async fn the_kubernetes_and_the_aws_client_live_in_one_process() {
    let mut config = kube::Config::new("https://127.0.0.1:1".parse().unwrap());
    config.connect_timeout = Some(Duration::from_secs(1));
    let kubernetes = kube::Client::try_from(config).unwrap();
    let settings = settings("https://127.0.0.1:1");
    let loader = loader(&settings);
    let (aws, _) = client(settings, loader).await;
    assert!(aws.describe("a").await.is_err());
    let version = tokio::time::timeout(Duration::from_secs(5), kubernetes.apiserver_version());
    assert!(!matches!(version.await, Ok(Ok(_))));
}
