//! AWS refuses, breaks or is silent: the resource reports what to do, AWS is never written to by mistake, and all recovers.

use devkit::operator::Operator;
use serde_json::{Value, json};

use crate::world::{REGION, SECRET, World, condition, message};

const UPDATE: &str = "UpdateProfilingGroup";
const LIST: &str = "ListProfilingGroups";
const DESCRIBE: &str = "DescribeProfilingGroup";

fn error(code: &str, status: u16) -> Value {
    json!({ "type": "error", "code": code, "status": status, "message": "no" })
}

fn body(body: &str) -> Value {
    json!({ "type": "body", "body": body })
}

fn html() -> Value {
    json!({ "type": "body", "status": 503, "contentType": "text/html", "body": "<html><h1>503 Bad</h1></html>" })
}

async fn no_panics(operator: &Operator) {
    let panics = operator.metric("controller_runtime_reconcile_panics_total", &[]).await.unwrap();
    assert!(panics < 0.5, "{}", operator.logs());
}

/// Turns every group off in the face of a fault of its own, and waits until each resource reports it.
async fn turn_off_in_trouble(world: &World, troubles: &[(&str, Value, &str)], stalled: bool) {
    for (group, effect, _) in troubles {
        world.flip(group, true).await;
        world.aws.fault(json!({ "operation": UPDATE, "group": group, "effect": effect })).await.unwrap();
    }
    for (group, ..) in troubles {
        world.create(group, true, json!({})).await;
    }
    for (group, ..) in troubles {
        world.condition(group, "Ready", "True", "InSync").await;
    }
    for (group, ..) in troubles {
        world.patch(group, json!({ "spec": { "profilingEnabled": false } })).await;
    }
    for (group, _, reason) in troubles {
        let status = world.condition(group, "Ready", "False", reason).await;
        let (kind, why) = if stalled { ("Stalled", *reason) } else { ("Reconciling", "ProgressingWithRetry") };
        assert_eq!(condition(&status, kind)["reason"], why, "{group}: {status:#}");
        assert_eq!(condition(&status, "Synced")["reason"], *reason, "{group}");
        world.has_event(group, reason).await;
        assert_eq!(world.warnings(group).await, [*reason], "{group}");
    }
}

#[tokio::test]
async fn a_refused_update_stalls_until_the_cause_is_gone_and_somebody_requests_it_again() {
    let world = World::new().await;
    let operator = world.start().await;
    let troubles = [
        ("denied", error("AccessDeniedException", 403), "AccessDenied"),
        ("expired", error("ExpiredTokenException", 403), "CredentialsExpired"),
        ("unrecognized", error("UnrecognizedClientException", 403), "CredentialsInvalid"),
        ("signature", error("InvalidSignatureException", 403), "SignatureRejected"),
        ("invalid", error("ValidationException", 400), "InvalidRequest"),
        ("quota", error("ServiceQuotaExceededException", 402), "QuotaExceeded"),
    ];
    turn_off_in_trouble(&world, &troubles, true).await;
    let text = message(&world.status("denied").await, "Stalled");
    for part in ["codeguru-profiler:UpdateProfilingGroup", "profilingGroup/denied", "allow it"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let journal = world.aws.journal().await.unwrap();
    let refused = journal.iter().find(|entry| entry.is(UPDATE) && entry.group.as_deref() == Some("denied")).unwrap();
    let note = world.has_event("denied", "AccessDenied").await;
    assert!(note.contains(refused.request_id.as_deref().unwrap()), "the event names the request: {note}");

    world.aws.clear_faults().await.unwrap();
    for (group, ..) in &troubles {
        world.request(group, "once more").await;
    }
    for (group, ..) in &troubles {
        world.condition(group, "Ready", "True", "InSync").await;
        assert_eq!(world.enabled(group).await, Some(false));
        assert_eq!(world.calls_for(UPDATE, group).await, 2, "{group}: refused once, then done");
        world.has_event(group, "Recovered").await;
    }
    no_panics(&operator).await;
    world.judge().await;
}

#[tokio::test]
async fn an_update_that_may_work_the_next_time_is_retried_until_it_does() {
    let world = World::new().await;
    let operator = world.start().await;
    let troubles = [
        ("throttled-400", error("ThrottlingException", 400), "Throttled"),
        ("throttled-429", error("ThrottlingException", 429), "Throttled"),
        ("conflict", error("ConflictException", 409), "Conflict"),
        ("unavailable", error("ServiceUnavailableException", 503), "ServiceUnavailable"),
        ("internal", error("InternalServerException", 500), "ServiceUnavailable"),
        ("html", html(), "ServiceUnavailable"),
        ("reset", json!({ "type": "reset" }), "Unreachable"),
        ("truncated", json!({ "type": "truncate" }), "MalformedAnswer"),
        ("empty", body("{}"), "MalformedAnswer"),
        ("nothing", body(""), "MalformedAnswer"),
        ("types", body(r#"{"name":7,"agentOrchestrationConfig":"on"}"#), "MalformedAnswer"),
        ("list", body("[]"), "MalformedAnswer"),
        (
            "contrary",
            body(r#"{"name":"contrary","agentOrchestrationConfig":{"profilingEnabled":true}}"#),
            "MalformedAnswer",
        ),
        (
            "another",
            body(r#"{"name":"denied","agentOrchestrationConfig":{"profilingEnabled":false}}"#),
            "MalformedAnswer",
        ),
    ];
    turn_off_in_trouble(&world, &troubles, false).await;
    world.aws.clear_faults().await.unwrap();
    for (group, ..) in &troubles {
        world.condition(group, "Ready", "True", "InSync").await;
        assert_eq!(world.enabled(group).await, Some(false), "{group}");
    }
    no_panics(&operator).await;
    world.judge().await;
}

#[tokio::test]
async fn an_update_that_hangs_is_reported_after_a_second_given_up_and_tried_again() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.operator().await.flag("--aws-timeout", "2s").start().await.unwrap();
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.aws.fault(json!({ "operation": UPDATE, "count": 1, "effect": { "type": "hang" } })).await.unwrap();
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    let status = world.condition("a", "Ready", "Unknown", "Progressing").await;
    assert_eq!(condition(&status, "Reconciling")["message"], "Turning profiling off in AWS.");
    let status = world.condition("a", "Ready", "False", "TimedOut").await;
    assert_eq!(condition(&status, "Reconciling")["reason"], "ProgressingWithRetry");
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(false));
    assert_eq!(world.calls(UPDATE).await, 2);
    world.judge().await;
}

#[tokio::test]
async fn a_list_that_is_denied_before_a_group_was_seen_names_the_action_and_recovers() {
    let world = World::new().await;
    world.flip("a", false).await;
    world.aws.fault(json!({ "operation": LIST, "effect": error("AccessDeniedException", 403) })).await.unwrap();
    let _operator = world.start().await;
    world.create("a", true, json!({})).await;
    let status = world.condition("a", "Ready", "False", "ListDenied").await;
    assert_eq!(condition(&status, "Stalled")["reason"], "ListDenied");
    let text = message(&status, "Stalled");
    assert!(text.contains("codeguru-profiler:ListProfilingGroups") && text.contains("Resource \"*\""), "{text}");
    let writes = world.status_writes().await;
    world.lists(2).await;
    assert_eq!(world.status_writes().await, writes, "the same refusal again is no news");
    assert_eq!((world.calls(UPDATE).await, world.calls(DESCRIBE).await), (0, 0));
    world.has_event("a", "ListDenied").await;
    assert_eq!(world.warnings("a").await, ["ListDenied"]);

    world.aws.clear_faults().await.unwrap();
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.calls(UPDATE).await, 1);
    world.judge().await;
}

#[tokio::test]
async fn a_list_that_fails_breaks_nobodys_word() {
    let world = World::new().await;
    world.flip("a", true).await;
    let operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    let writes = world.status_writes().await;
    for effect in [error("AccessDeniedException", 403), error("ThrottlingException", 400), html(), body("{}")] {
        world.aws.clear_faults().await.unwrap();
        world.aws.fault(json!({ "operation": LIST, "effect": effect })).await.unwrap();
        world.lists(2).await;
        assert_eq!(condition(&world.status("a").await, "Ready")["reason"], "InSync", "{effect}");
    }
    assert_eq!(world.status_writes().await, writes);
    assert_eq!(world.calls(UPDATE).await + world.calls(DESCRIBE).await, 0);

    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.calls(UPDATE).await, 1, "an edit needs no List");
    no_panics(&operator).await;
    world.judge().await;
}

#[tokio::test]
async fn a_bad_list_never_causes_an_update_and_each_resource_reports_why() {
    let world = World::new().await;
    let troubles = [
        ("us-east-1", body("{}"), "MalformedAnswer"),
        ("us-east-2", body(""), "MalformedAnswer"),
        ("us-west-1", body("[]"), "MalformedAnswer"),
        ("us-west-2", body("null"), "MalformedAnswer"),
        ("eu-west-2", body(r#"{"profilingGroups":"all"}"#), "MalformedAnswer"),
        ("eu-west-3", body(r#"{"profilingGroups":[{"name":7}]}"#), "MalformedAnswer"),
        (
            "eu-north-1",
            body(r#"{"profilingGroups":[{"name":"a","agentOrchestrationConfig":{"profilingEnabled":"no"}}]}"#),
            "MalformedAnswer",
        ),
        ("eu-south-1", json!({ "type": "truncate" }), "MalformedAnswer"),
        ("sa-east-1", html(), "ServiceUnavailable"),
        ("ca-central-1", json!({ "type": "reset" }), "Unreachable"),
        ("ap-south-1", error("ThrottlingException", 400), "Throttled"),
        ("ap-east-1", error("ThrottlingException", 429), "Throttled"),
        ("af-south-1", error("SomethingNewException", 418), "InvalidRequest"),
        ("me-south-1", json!({ "type": "hang" }), "TimedOut"),
    ];
    for (region, effect, _) in &troubles {
        world.aws.put_group(region, "a", json!({ "profilingEnabled": false })).await.unwrap();
        world.aws.fault(json!({ "operation": LIST, "region": region, "effect": effect })).await.unwrap();
    }
    let operator = world.operator().await.flag("--aws-timeout", "1s").start().await.unwrap();
    for (region, ..) in &troubles {
        let spec = json!({ "profilingGroupName": "a", "profilingEnabled": true, "region": region });
        world.try_create(region, spec).await.unwrap();
    }
    for (region, _, reason) in &troubles {
        world.condition(region, "Ready", "False", reason).await;
    }
    world.lists(troubles.len()).await;
    assert_eq!((world.calls(UPDATE).await, world.calls(DESCRIBE).await), (0, 0));
    no_panics(&operator).await;

    world.aws.clear_faults().await.unwrap();
    for (region, ..) in &troubles {
        world.condition(region, "Ready", "True", "InSync").await;
    }
    assert_eq!(world.calls(UPDATE).await, troubles.len());
    world.judge().await;
}

#[tokio::test]
async fn a_bad_description_never_causes_an_update_and_each_resource_reports_why() {
    let world = World::new().await;
    let troubles = [
        ("denied", error("AccessDeniedException", 403), "False", "AccessDenied"),
        ("throttled", error("ThrottlingException", 400), "False", "Throttled"),
        ("html", html(), "False", "ServiceUnavailable"),
        ("reset", json!({ "type": "reset" }), "False", "Unreachable"),
        ("empty", body("{}"), "False", "SwitchUnknown"),
        ("nothing", body(""), "False", "SwitchUnknown"),
        ("list", body("[]"), "False", "MalformedAnswer"),
        ("types", body(r#"{"name":7}"#), "False", "MalformedAnswer"),
        (
            "another",
            body(r#"{"name":"html","agentOrchestrationConfig":{"profilingEnabled":false}}"#),
            "False",
            "MalformedAnswer",
        ),
        ("half", body(r#"{"name":"half","agentOrchestrationConfig":{}}"#), "False", "SwitchUnknown"),
        (
            "odd",
            body(r#"{"name":"odd","agentOrchestrationConfig":{"profilingEnabled":"no"}}"#),
            "False",
            "MalformedAnswer",
        ),
    ];
    for (group, effect, ..) in &troubles {
        world.aws.fault(json!({ "operation": DESCRIBE, "group": group, "effect": effect })).await.unwrap();
    }
    let operator = world.start().await;
    for (group, ..) in &troubles {
        world.create(group, true, json!({})).await;
    }
    for (group, _, ready, reason) in &troubles {
        world.condition(group, "Ready", ready, reason).await;
    }
    world.lists(2).await;
    assert_eq!(world.calls(UPDATE).await, 0);
    no_panics(&operator).await;

    world.aws.clear_faults().await.unwrap();
    for (group, ..) in &troubles {
        world.flip(group, false).await;
        world.request(group, "once more").await;
    }
    for (group, ..) in &troubles {
        world.condition(group, "Ready", "True", "InSync").await;
        assert_eq!(world.calls_for(UPDATE, group).await, 1, "{group}");
    }
    world.judge().await;
}

#[tokio::test]
async fn without_a_connection_the_resource_reports_it() {
    let world = World::new().await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let start = world
        .operator_without_aws(&world.kubeconfig().await)
        .flag("--endpoint-url", &closed)
        .env("AWS_ENDPOINT_URL_STS", &closed)
        .env("AWS_ACCESS_KEY_ID", &world.aws.access_key())
        .env("AWS_SECRET_ACCESS_KEY", SECRET);
    let operator = start.start().await.unwrap();
    world.create("a", true, json!({})).await;
    let status = world.condition("a", "Ready", "False", "Unreachable").await;
    assert_eq!(condition(&status, "Reconciling")["reason"], "ProgressingWithRetry");
    assert!(message(&status, "Ready").contains("VPC endpoint"), "{status:#}");
    world.has_event("a", "Unreachable").await;
    assert!(world.aws.journal().await.unwrap().is_empty());
    no_panics(&operator).await;
    world.judge().await;
}

#[tokio::test]
async fn without_credentials_the_resource_reports_where_they_are_looked_for() {
    let world = World::new().await;
    let start = world.operator_without_aws(&world.kubeconfig().await);
    let start = start.flag("--endpoint-url", world.emulator.service_url());
    let operator = start.start().await.unwrap();
    world.create("a", true, json!({})).await;
    let status = world.condition("a", "Ready", "False", "CredentialsMissing").await;
    assert_eq!(condition(&status, "Stalled")["reason"], "CredentialsMissing");
    assert!(message(&status, "Stalled").contains("IRSA"), "{status:#}");
    assert!(world.aws.journal().await.unwrap().is_empty(), "nothing was sent unsigned");
    no_panics(&operator).await;
    world.judge().await;
}

#[tokio::test]
async fn a_missing_group_costs_one_describe_and_recovers_when_it_appears() {
    let world = World::new().await;
    let _operator = world.start().await;
    world.create("Checkout_Service", true, json!({})).await;
    let name = "checkout-service";
    let status = world.condition(name, "Ready", "False", "GroupNotFound").await;
    let text = message(&status, "Stalled");
    for part in ["Checkout_Service", REGION, "create it in AWS", "spec.profilingGroupName"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    world.has_event(name, "GroupNotFound").await;
    let writes = world.status_writes().await;
    world.lists(3).await;
    assert_eq!(world.calls(DESCRIBE).await, 1, "however many Lists pass");
    assert_eq!(world.calls(UPDATE).await, 0);
    // The account may have been learnt after the first word.
    assert!(world.status_writes().await <= writes + 1);

    world.flip("Checkout_Service", false).await;
    let before = world.calls(LIST).await;
    world.condition(name, "Ready", "True", "InSync").await;
    assert!(world.calls(LIST).await <= before + 2, "within an interval");
    assert_eq!((world.calls(DESCRIBE).await, world.calls(UPDATE).await), (1, 1));
    world.has_event(name, "Recovered").await;
    world.judge().await;
}

#[tokio::test]
async fn a_group_that_is_deleted_in_aws_is_missed_and_taken_up_again() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.aws.delete_group(REGION, "a").await.unwrap();
    let status = world.condition("a", "Ready", "False", "GroupNotFound").await;
    assert!(status["profilingEnabled"].is_null(), "{status:#}");
    assert!(status["arn"].is_string(), "what it was is still known");
    world.has_event("a", "GroupNotFound").await;
    assert_eq!(world.warnings("a").await, ["GroupNotFound"]);
    world.lists(2).await;
    assert_eq!((world.calls(DESCRIBE).await, world.calls(UPDATE).await), (1, 0));

    world.flip("a", true).await;
    let status = world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(status["profilingEnabled"], true);
    assert_eq!(world.calls(UPDATE).await, 0);
    world.judge().await;
}

#[tokio::test]
async fn an_edit_of_a_group_that_is_gone_stalls_after_one_update() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.operator().await.flag("--poll-interval", "10m").start().await.unwrap();
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.aws.delete_group(REGION, "a").await.unwrap();
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    let status = world.condition("a", "Ready", "False", "GroupNotFound").await;
    assert_eq!(condition(&status, "Stalled")["reason"], "GroupNotFound");
    assert_eq!(world.calls(UPDATE).await, 1);

    world.flip("a", true).await;
    world.request("a", "it is back").await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(false));
    assert_eq!(world.calls(UPDATE).await, 2);
    world.judge().await;
}
