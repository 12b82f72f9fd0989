//! Whoever annotates a resource gets a fresh List, and sees when it has ended.

use serde_json::json;

use crate::world::World;

const ANNOTATION: &str = "codeguruprofiler.dev/reconcile-requested-at";

#[tokio::test]
async fn many_requests_at_once_cost_a_list_or_two_and_each_is_echoed() {
    let world = World::new().await;
    world.aws.seed("eu-west-1", 60, "g", true).await.unwrap();
    let _operator = world.operator().await.flag("--poll-interval", "10m").start().await.unwrap();
    for i in 0..60 {
        world.create(&format!("g-{i:05}"), true, json!({})).await;
    }
    for i in 0..60 {
        world.condition(&format!("g-{i:05}"), "Ready", "True", "InSync").await;
    }
    world.aws.clear_journal().await.unwrap();
    let writes = world.status_writes().await;
    let annotate = json!({ "metadata": { "annotations": { ANNOTATION: "2026-11-22T08:00:00Z" } } });
    let names: Vec<String> = (0..60).map(|i| format!("g-{i:05}")).collect();
    futures::future::join_all(names.iter().map(|name| world.patch(name, annotate.clone()))).await;
    for i in 0..60 {
        world
            .until(&format!("g-{i:05}"), "the echo", |o| {
                o["status"]["lastHandledReconcileAt"] == "2026-11-22T08:00:00Z"
            })
            .await;
    }
    let lists = world.calls("ListProfilingGroups").await;
    assert!((1..=2).contains(&lists), "{lists} Lists");
    assert_eq!(world.aws.journal().await.unwrap().len(), lists, "and nothing else");
    assert_eq!(world.status_writes().await, writes + 60);
    world.judge().await;
}

#[tokio::test]
async fn a_request_is_echoed_though_the_attempt_failed() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.operator().await.flag("--poll-interval", "10m").start().await.unwrap();
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world
        .aws
        .fault(json!({ "operation": "ListProfilingGroups", "effect": { "type": "error", "code": "InternalServerException", "status": 500, "message": "no" } }))
        .await
        .unwrap();
    world.patch("a", json!({ "metadata": { "annotations": { ANNOTATION: "one" } } })).await;
    let status = world.until("a", "the echo", |o| o["status"]["lastHandledReconcileAt"] == "one").await;
    assert_eq!(crate::world::condition(&status, "Ready")["status"], "True", "a failed look breaks nobody's word");
    world.judge().await;
}

#[tokio::test]
async fn a_request_shows_drift_at_once() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.operator().await.flag("--poll-interval", "10m").start().await.unwrap();
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.flip("a", false).await;
    world.patch("a", json!({ "metadata": { "annotations": { ANNOTATION: "one" } } })).await;
    world.until("a", "the correction", |o| o["status"]["drift"]["corrections"] == 1).await;
    assert_eq!(world.enabled("a").await, Some(true));
    world.judge().await;
}
