//! What clients see of the faults that are ordered.

use serde_json::{Value, json};

use crate::rig::{ACCOUNT, Answer, Rig, bytes_of, eventually, exchange, signed};

#[tokio::test]
async fn an_error_fault_answers_so_many_times_and_changes_nothing() {
    let rig = Rig::start().await;
    rig.create("a").await;
    rig.fault(json!({
        "account": ACCOUNT, "operation": "UpdateProfilingGroup", "group": "a", "count": 2,
        "effect": {"type": "error", "code": "ThrottlingException", "message": "slow down", "headers": {"x-amz-retry-after": "300"}},
    }))
    .await;
    for _ in 0..2 {
        let answer = rig.update("a", false).await;
        assert_eq!(answer.error(), (429, "ThrottlingException".into()), "the status comes from the table");
        assert_eq!(answer.json(), json!({"message": "slow down"}));
        assert_eq!(answer.header("x-amz-retry-after"), Some("300"));
    }
    assert_eq!(rig.truth("a").await["agentOrchestrationConfig"]["profilingEnabled"], true);
    assert_eq!(rig.update("a", false).await.status, 200);
    let journal = rig.journal("operation=UpdateProfilingGroup").await;
    let seen: Vec<_> = journal.iter().map(|entry| (&entry["fault"], &entry["errorCode"])).collect();
    let throttled = (&json!(true), &json!("ThrottlingException"));
    assert_eq!(seen, [throttled, throttled, (&json!(false), &Value::Null)]);
}

#[tokio::test]
async fn a_fault_after_the_effect_hides_a_change_that_happened() {
    let rig = Rig::start().await;
    rig.create("a").await;
    rig.fault(json!({"after": true, "count": 1, "effect": {"type": "error", "code": "InternalServerException"}})).await;
    assert_eq!(rig.update("a", false).await.error(), (500, "InternalServerException".into()));
    assert_eq!(rig.truth("a").await["agentOrchestrationConfig"]["profilingEnabled"], false);
}

#[tokio::test]
async fn a_reset_fault_resets_the_connection() {
    let rig = Rig::start().await;
    rig.fault(json!({"effect": {"type": "reset"}})).await;
    let error =
        exchange(&rig.emulator.service_url, &bytes_of("GET", "/profilingGroups", &signed(), "")).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let journal = rig.journal("").await;
    assert_eq!((&journal[0]["httpStatus"], journal[0]["endedAt"].is_string()), (&json!(0), true));
}

#[tokio::test]
async fn a_hanging_request_is_in_the_journal_without_an_end_until_its_client_leaves() {
    let rig = Rig::start().await;
    rig.fault(json!({"effect": {"type": "hang"}})).await;
    let client = rig.spawn_exchange(bytes_of("GET", "/profilingGroups/a", &signed(), ""));
    eventually("the request arrives", || async {
        rig.journal("").await.iter().any(|entry| entry["endedAt"].is_null() && entry["fault"] == true)
    })
    .await;
    assert!(!client.is_finished());
    client.abort();
    eventually("the end is noted", || async {
        rig.journal("").await.iter().all(|entry| entry["endedAt"].is_string() && entry["httpStatus"] == 0)
    })
    .await;
}

#[tokio::test]
async fn what_a_client_requested_happens_although_the_client_left() {
    let rig = Rig::start().await;
    rig.create("a").await;
    rig.fault(json!({"operation": "UpdateProfilingGroup", "delayMs": 1000, "effect": {"type": "delay"}})).await;
    let body = r#"{"agentOrchestrationConfig":{"profilingEnabled":false}}"#;
    let client = rig.spawn_exchange(bytes_of("PUT", "/profilingGroups/a", &signed(), body));
    eventually("the request arrives", || async { !rig.journal("operation=UpdateProfilingGroup").await.is_empty() })
        .await;
    client.abort();
    assert_eq!(rig.truth("a").await["agentOrchestrationConfig"]["profilingEnabled"], true, "it is still waiting");
    eventually("the update happens", || async {
        rig.truth("a").await["agentOrchestrationConfig"]["profilingEnabled"] == false
    })
    .await;
}

#[tokio::test]
async fn a_delay_after_the_effect_answers_with_the_older_state() {
    let rig = Rig::start().await;
    rig.create("a").await;
    let order = json!({"operation": "DescribeProfilingGroup", "count": 1, "delayMs": 400, "after": true, "effect": {"type": "delay"}});
    rig.fault(order).await;
    let late = rig.spawn_exchange(bytes_of("GET", "/profilingGroups/a", &signed(), ""));
    eventually("the read arrives", || async { !rig.journal("operation=DescribeProfilingGroup").await.is_empty() })
        .await;
    rig.update("a", false).await;
    let late = Answer::parse(&late.await.unwrap().unwrap());
    assert_eq!(late.json()["agentOrchestrationConfig"]["profilingEnabled"], true);
}

#[tokio::test]
async fn body_faults_answer_with_any_bytes() {
    let rig = Rig::start().await;
    rig.fault(
        json!({"count": 1, "effect": {"type": "body", "status": 503, "contentType": "text/html", "body": "<html>"}}),
    )
    .await;
    let answer = rig.describe("a").await;
    assert_eq!(
        (answer.status, answer.header("content-type"), answer.text()),
        (503, Some("text/html"), "<html>".into())
    );
    assert_eq!(answer.header("x-amzn-errortype"), None);
    rig.fault(json!({"count": 1, "effect": {"type": "body", "body": "{}"}})).await;
    let answer = rig.describe("a").await;
    assert_eq!((answer.status, answer.json()), (200, json!({})));
}

#[tokio::test]
async fn a_truncated_answer_promises_the_whole_and_breaks_off_in_the_middle() {
    let rig = Rig::start().await;
    rig.create("a").await;
    let whole = rig.describe("a").await;
    rig.fault(json!({"count": 1, "effect": {"type": "truncate"}})).await;
    let half = rig.describe("a").await;
    assert_eq!(half.header("content-length"), Some(whole.body.len().to_string().as_str()));
    assert_eq!(half.body, whole.body[..whole.body.len() / 2]);
}
