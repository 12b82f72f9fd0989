//! The process: its probes, metrics and logs, its end and what it refuses to start with.

use std::{
    process::Output,
    time::{Duration, Instant},
};

use devkit::{
    faultproxy::{Effect, FaultProxy, Rule},
    http,
    process::Signal,
};
use serde_json::{Value, json};

use crate::world::{LIMIT, PROGRAM, REGION, SECRET, World};

const UPDATE: &str = "UpdateProfilingGroup";

async fn run(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = tokio::process::Command::new(PROGRAM);
    let run = command.args(args).env_clear().envs(env.iter().copied()).kill_on_drop(true).output();
    tokio::time::timeout(LIMIT, run).await.unwrap().unwrap()
}

#[tokio::test]
async fn it_is_ready_when_the_watch_has_listed_and_not_before() {
    let world = World::new().await;
    let proxy = FaultProxy::start(&world.plane).await.unwrap();
    let rule = proxy.add(Rule::new(Effect::Answer { code: 503, retry_after: None }));
    let kubeconfig = world.plane.kubeconfig_through(proxy.url(), &world.token().await).unwrap();
    let operator = world.operator_with(&kubeconfig).start_unready().await.unwrap();
    world.eventually("a try", async || (proxy.hits(rule) > 1).then_some(())).await;
    let ready = http::get(&format!("{}/readyz", operator.url())).await.unwrap();
    assert_eq!(ready.status, 503, "{}", ready.text);
    assert!(ready.text.contains("waiting for the first list of ProfilingGroups"), "{}", ready.text);
    assert_eq!(http::get(&format!("{}/livez", operator.url())).await.unwrap().status, 200);
    proxy.clear();
    operator.ready(LIMIT).await.unwrap();
    world.judge().await;
}

/// Behind a company's proxy, which nothing reaches the API server through.
#[tokio::test]
async fn with_a_proxy_that_no_proxy_keeps_it_from_it_starts_and_works() {
    let world = World::new().await;
    world.flip("a", false).await;
    let start = world.operator().await.env("HTTPS_PROXY", "http://proxy.invalid:3128").env("NO_PROXY", "127.0.0.1");
    let _operator = start.start().await.unwrap();
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.judge().await;
}

#[tokio::test]
async fn it_is_ready_and_alive_though_aws_is_down() {
    let world = World::new().await;
    world.aws.fault(json!({ "effect": { "type": "reset" } })).await.unwrap();
    let operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "False", "Unreachable").await;
    for probe in ["livez", "readyz"] {
        assert_eq!(http::get(&format!("{}/{probe}", operator.url())).await.unwrap().status, 200, "{probe}");
    }
    world.judge().await;
}

#[tokio::test]
async fn the_metrics_report_reconciles_aws_kubernetes_and_the_objects() {
    let world = World::new().await;
    world.flip("a", true).await;
    let operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    let throttled = json!({ "type": "error", "code": "ThrottlingException", "status": 429 });
    world.aws.fault(json!({ "operation": UPDATE, "count": 1, "effect": throttled })).await.unwrap();
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "False", "Throttled").await;
    world.condition("a", "Ready", "True", "InSync").await;

    let requests = "codeguru_profiler_aws_requests_total";
    let update = r#"operation="UpdateProfilingGroup""#;
    for (name, labels, value) in [
        (requests, &[update, r#"http_status="429""#, r#"code="ThrottlingException""#][..], 1.0),
        (requests, &[update, r#"http_status="200""#, r#"code="""#], 1.0),
        (requests, &[update, r#"region="eu-west-1""#], 2.0),
        ("codeguru_profiler_aws_request_duration_seconds_count", &[update], 2.0),
        ("controller_runtime_reconcile_panics_total", &[r#"controller="profilinggroup""#], 0.0),
        ("controller_runtime_reconcile_total", &[r#"result="error""#], 1.0),
        ("controller_runtime_reconcile_errors_total", &[], 1.0),
    ] {
        let found = operator.metric(name, labels).await.unwrap();
        assert!((found - value).abs() < 0.1, "{name} {labels:?}: {found}");
    }
    let objects = "codeguru_profiler_resources";
    world
        .eventually("one object that is ready", async || {
            let ready = operator.metric(objects, &[r#"condition="Ready""#, r#"status="True""#]).await.unwrap();
            ((ready - 1.0).abs() < 0.1).then_some(())
        })
        .await;
    for (name, labels) in [
        (requests, &[r#"operation="ListProfilingGroups""#, r#"http_status="200""#][..]),
        ("controller_runtime_reconcile_total", &[r#"result="success""#]),
        ("controller_runtime_reconcile_time_seconds_count", &[]),
        ("workqueue_adds_total", &[r#"name="profilinggroup""#]),
        ("rest_client_requests_total", &[r#"method="PUT""#, r#"code="200""#]),
        ("rest_client_requests_total", &[r#"code="201""#]),
    ] {
        assert!(operator.metric(name, labels).await.unwrap() > 0.5, "{name} {labels:?}");
    }
    world
        .eventually("the inventory's age", async || {
            let age = operator.metric("codeguru_profiler_inventory_age_seconds", &[r#"region="eu-west-1""#]).await;
            (0.001..10.0).contains(&age.unwrap()).then_some(())
        })
        .await;
    let text = operator.metrics().await.unwrap();
    let corrections = "codeguru_profiler_drift_corrections_total{region=\"eu-west-1\",facet=\"profilingEnabled\"} 0\n";
    assert!(text.contains(corrections), "shown before the first one: {text}");
    for family in ["workqueue_depth", "controller_runtime_active_workers", "codeguru_profiler_inventory_age_seconds"] {
        assert!(text.contains(&format!("# TYPE {family} gauge")), "{family}");
    }
    world.judge().await;
}

#[tokio::test]
async fn sigterm_lets_an_update_in_flight_finish_and_reports_it() {
    let world = World::new().await;
    world.flip("a", true).await;
    let operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    let slow = json!({ "operation": UPDATE, "delayMs": 2500, "effect": { "type": "delay" } });
    world.aws.fault(slow).await.unwrap();
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.eventually("the Update", async || (world.calls(UPDATE).await > 0).then_some(())).await;
    let journal = world.aws.journal().await.unwrap();
    assert!(journal.iter().any(|entry| entry.is(UPDATE) && entry.ended_at.is_none()), "it is in flight");
    let ended = operator.stop_gracefully().await.unwrap();
    assert_eq!(ended.code(), Some(0), "{}", operator.logs());
    assert_eq!(world.enabled("a").await, Some(false));
    assert_eq!(world.calls(UPDATE).await, 1);
    let object = world.get("a").await;
    let status = &object["status"];
    assert_eq!(status["observedGeneration"], 2, "{status:#}");
    assert_eq!(status["profilingEnabled"], false);
    assert_eq!(status["lastApplied"]["profilingEnabled"], false);
    assert_eq!(crate::world::condition(status, "Ready")["reason"], "InSync", "{status:#}");
    assert!(world.events("a").await.iter().any(|(reason, _)| reason == "Updated"));
    world.judge().await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let world = World::new().await;
    world.flip("a", true).await;
    let operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.aws.fault(json!({ "operation": UPDATE, "effect": { "type": "hang" } })).await.unwrap();
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "Unknown", "Progressing").await;
    let process = operator.process();
    process.signal(Signal::TERM).unwrap();
    let stopping = |log: &str| log.contains("a second signal ends the process at once").then_some(());
    process.output_with("the first signal is heard", LIMIT, stopping).await.unwrap();
    assert!(process.ended().is_none(), "it waits for the Update");
    let sent = Instant::now();
    process.signal(Signal::INT).unwrap();
    let ended = process.wait(LIMIT).await.unwrap();
    assert_eq!(ended.code(), Some(1));
    assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    world.aws.clear_faults().await.unwrap();
    let _again = world.start().await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(false));
    world.judge().await;
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused_unless_it_is_allowed() {
    let remote = "http://10.77.0.1:8000";
    for (args, env) in [
        (&["run", "--endpoint-url", remote][..], &[][..]),
        (&["run"], &[("AWS_ENDPOINT_URL_STS", remote)]),
        (&["run"], &[("CODEGURU_PROFILER_OPERATOR_ENDPOINT_URL", remote)]),
    ] {
        let refused = run(args, env).await;
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success(), "{args:?} {env:?}");
        assert!(text.contains("--allow-plain-http-endpoint") && text.contains(remote), "{text}");
    }
    // Allowed, it goes on to the next thing that is missing.
    let no_cluster = [("KUBECONFIG", "/nowhere")];
    let allowed = run(&["run", "--endpoint-url", remote, "--allow-plain-http-endpoint"], &no_cluster).await;
    let text = String::from_utf8(allowed.stderr).unwrap();
    assert!(!allowed.status.success() && text.contains("KUBECONFIG"), "{text}");
}

#[tokio::test]
async fn a_switch_in_the_environment_is_on_or_off_and_never_guessed() {
    for (value, expected) in [
        ("yes", "KUBECONFIG"),
        ("FALSE", "KUBECONFIG"),
        ("maybe", "invalid value 'maybe' for '--observe-only'"),
        ("", "--observe-only"),
    ] {
        let env = [("KUBECONFIG", "/nowhere"), ("CODEGURU_PROFILER_OPERATOR_OBSERVE_ONLY", value)];
        let found = String::from_utf8(run(&["run"], &env).await.stderr).unwrap();
        assert!(found.contains(expected), "{value}: {found}");
    }
}

#[tokio::test]
async fn crds_prints_what_the_repository_holds() {
    let printed = run(&["crds"], &[]).await;
    assert!(printed.status.success());
    let groups = include_str!("../crds/profilinggroups.codeguruprofiler.dev.yaml");
    let accounts = include_str!("../crds/profileraccounts.codeguruprofiler.dev.yaml");
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), [groups, accounts].join("---\n"));
    let printed = run(&["crds", "profileraccounts.codeguruprofiler.dev"], &[]).await;
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), accounts);
}

#[tokio::test]
async fn the_log_is_json_lines_that_name_the_object_and_hold_no_secret() {
    let world = World::new().await;
    let token = "FwoGZXIvYXdzEXAMPLETOKEN//////////wEaDNOTTOBESEEN";
    let denied = json!({ "type": "error", "code": "AccessDeniedException", "status": 403, "message": "not you" });
    let rejected = json!({
        "type": "error", "code": "InvalidSignatureException", "status": 403,
        "message": format!("The canonical request was: x-amz-security-token:{token}"),
    });
    for (group, effect) in [("Denied_1", denied), ("Rejected_1", rejected)] {
        world.flip(group, true).await;
        world.aws.fault(json!({ "operation": UPDATE, "group": group, "effect": effect })).await.unwrap();
    }
    let start = world.operator().await.flag("--log-level", "debug").env("AWS_SESSION_TOKEN", token);
    let operator = start.start().await.unwrap();
    for (group, name) in [("Denied_1", "denied-1"), ("Rejected_1", "rejected-1")] {
        world.create(group, true, json!({})).await;
        world.condition(name, "Ready", "True", "InSync").await;
        world.patch(name, json!({ "spec": { "profilingEnabled": false } })).await;
    }
    world.condition("denied-1", "Ready", "False", "AccessDenied").await;
    world.condition("rejected-1", "Ready", "False", "SignatureRejected").await;
    world.has_event("rejected-1", "SignatureRejected").await;
    let ended = operator.stop_gracefully().await.unwrap();
    assert_eq!(ended.code(), Some(0));

    let log = operator.logs();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        assert!(["ts", "level", "msg", "target"].iter().all(|member| line.get(*member).is_some()), "{line}");
    }
    let warning = lines.iter().find(|line| line["level"] == "warn" && line["name"] == "denied-1");
    let warning = warning.unwrap_or_else(|| panic!("no warning about denied-1 in\n{log}"));
    assert_eq!(warning["namespace"], world.namespace.as_str(), "{warning}");
    assert_eq!((&warning["generation"], &warning["region"]), (&json!(2), &json!(REGION)), "{warning}");
    let journal = world.aws.journal().await.unwrap();
    let update = journal.iter().find(|e| e.is(UPDATE) && e.group.as_deref() == Some("Denied_1")).unwrap();
    assert!(warning.to_string().contains(update.request_id.as_deref().unwrap()), "{warning}");

    let events = [world.events("denied-1").await, world.events("rejected-1").await];
    let stored = [world.get("denied-1").await, world.get("rejected-1").await];
    for (place, text) in [("log", log), ("events", format!("{events:?}")), ("status", format!("{stored:?}"))] {
        for secret in [SECRET, token] {
            assert!(!text.contains(secret), "{secret} in the {place}: {text}");
        }
    }
    world.judge().await;
}
