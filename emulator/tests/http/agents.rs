//! Simulated agents, by what clients see of them.

use serde_json::{Value, json};

use crate::rig::{ACCOUNT, Rig, eventually};

async fn start(rig: &Rig, order: Value) -> Value {
    let mut whole = json!({"account": ACCOUNT, "region": "eu-west-1"});
    whole.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
    let answer = rig.admin("POST", "/agents", whole).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["agents"].clone()
}

async fn seed(rig: &Rig, count: usize) {
    let seed = json!({"account": ACCOUNT, "region": "eu-west-1", "count": count, "prefix": "g"});
    assert_eq!(rig.admin("POST", "/seed", seed).await.json()["created"], count);
}

/// One timestamp of every group, in the order of names; empty where there is none.
async fn all(rig: &Rig, timestamp: &str) -> Vec<String> {
    let list = rig.list("includeDescription=true&maxResults=1000").await;
    let groups = list["profilingGroups"].as_array().unwrap();
    groups.iter().map(|group| group["profilingStatus"][timestamp].as_str().unwrap_or_default().to_owned()).collect()
}

async fn orchestrated(rig: &Rig) -> Vec<String> {
    all(rig, "latestAgentOrchestratedAt").await
}

async fn reported(rig: &Rig) -> Vec<String> {
    all(rig, "latestAgentProfileReportedAt").await
}

/// Every group's agents have polled once more.
async fn a_period_passes(rig: &Rig) {
    let before = orchestrated(rig).await;
    eventually("every group's agents ask again", || async {
        orchestrated(rig).await.iter().zip(&before).all(|(now, before)| now > before)
    })
    .await;
}

#[tokio::test]
async fn thousands_of_agents_report_and_stop_when_they_are_to() {
    let rig = Rig::start().await;
    seed(&rig, 1000).await;
    assert_eq!(start(&rig, json!({"agentsPerGroup": 5, "periodMs": 500})).await, 5000);
    eventually("all groups have reports", || async { reported(&rig).await.iter().all(|at| !at.is_empty()) }).await;

    let place = json!({"account": ACCOUNT, "region": "eu-west-1"});
    assert_eq!(rig.admin("POST", "/flip", place).await.json(), json!({"flipped": 1000}));
    // The profile of the period in which they were told still comes.
    eventually("nobody reports any more", || async {
        let before = reported(&rig).await;
        a_period_passes(&rig).await;
        a_period_passes(&rig).await;
        reported(&rig).await == before
    })
    .await;
    assert_eq!(rig.admin("GET", "/agents", Value::Null).await.json(), json!({"agents": 5000}));
}

#[tokio::test]
async fn an_agent_that_disobeys_reports_although_it_is_not_to() {
    let rig = Rig::start().await;
    rig.create("g").await;
    rig.update("g", false).await;
    assert_eq!(start(&rig, json!({"periodMs": 20, "disobey": true})).await, 1);
    eventually("it reports", || async { reported(&rig).await[0] > String::new() }).await;
}

#[tokio::test]
async fn agents_are_only_in_groups_with_the_prefix_and_end_when_they_are_to() {
    let rig = Rig::start().await;
    rig.create("app-1").await;
    rig.create("other").await;
    assert_eq!(start(&rig, json!({"prefix": "app-", "periodMs": 20})).await, 1);
    eventually("it asks", || async { !orchestrated(&rig).await[0].is_empty() }).await;
    assert_eq!(orchestrated(&rig).await[1], "");

    assert_eq!(rig.admin("DELETE", &format!("/agents?account={ACCOUNT}"), Value::Null).await.status, 204);
    assert_eq!(rig.admin("GET", "/agents", Value::Null).await.json(), json!({"agents": 0}));
}

#[tokio::test]
async fn more_agents_than_the_emulator_can_bear_are_refused() {
    let rig = Rig::start().await;
    rig.create("g").await;
    for order in [json!({"agentsPerGroup": 100_001}), json!({"periodMs": 1})] {
        let mut whole = json!({"account": ACCOUNT, "region": "eu-west-1"});
        whole.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
        assert_eq!(rig.admin("POST", "/agents", whole).await.status, 400, "{order}");
    }
}
