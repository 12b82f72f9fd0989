//! Limits of requests, by what clients see of them.

use serde_json::{Value, json};

use crate::rig::{ACCOUNT, Rig, eventually, signed_for};

async fn limit(rig: &Rig, limits: Value) {
    assert_eq!(rig.admin("PUT", &format!("/limits/{ACCOUNT}"), limits).await.status, 204);
}

#[tokio::test]
async fn what_is_beyond_the_limit_of_an_operation_is_throttled_and_changes_nothing() {
    let rig = Rig::start().await;
    rig.create("a").await;
    limit(&rig, json!({"UpdateProfilingGroup": {"perSecond": 0, "burst": 2}})).await;
    assert_eq!([rig.update("a", true).await.status, rig.update("a", true).await.status], [200, 200]);
    assert_eq!(rig.update("a", false).await.error(), (429, "ThrottlingException".into()));
    assert_eq!(rig.describe("a").await.json()["agentOrchestrationConfig"]["profilingEnabled"], true);
    let journal = rig.journal("operation=UpdateProfilingGroup").await;
    let last = journal.last().unwrap();
    assert_eq!((&last["errorCode"], &last["fault"]), (&json!("ThrottlingException"), &json!(false)));

    let elsewhere = signed_for("444455556666", "eu-west-1", "codeguru-profiler");
    let body = r#"{"agentOrchestrationConfig":{"profilingEnabled":true}}"#;
    assert_eq!(rig.send("PUT", "/profilingGroups/a", &elsewhere, body).await.status, 404, "other accounts have none");

    limit(&rig, json!({})).await;
    assert_eq!(rig.update("a", false).await.status, 200);
}

#[tokio::test]
async fn a_bucket_fills_again() {
    let rig = Rig::start().await;
    limit(&rig, json!({"*": {"perSecond": 20, "burst": 1}})).await;
    eventually("the bucket is empty", || async { rig.describe("a").await.status == 429 }).await;
    eventually("the bucket fills", || async { rig.describe("a").await.status == 404 }).await;
    assert_eq!(
        rig.admin("GET", &format!("/limits/{ACCOUNT}"), Value::Null).await.json(),
        json!({"*": {"perSecond": 20.0, "burst": 1.0}})
    );
}

#[tokio::test]
async fn sts_throttles_in_its_own_words() {
    let rig = Rig::start().await;
    limit(&rig, json!({"GetCallerIdentity": {"perSecond": 0}})).await;
    let headers = signed_for(ACCOUNT, "us-east-1", "sts");
    let ask = async || rig.send("POST", "/", &headers, "Action=GetCallerIdentity&Version=2011-06-15").await;
    assert_eq!(ask().await.status, 200, "a bucket holds at least one");
    let throttled = ask().await;
    assert_eq!(throttled.status, 400);
    assert!(throttled.text().contains("<Code>Throttling</Code>"), "{}", throttled.text());
}
