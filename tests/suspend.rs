//! A suspended resource is left alone: not one AWS call, and nothing at its deletion.

use kube::api::DeleteParams;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_suspended_resource_makes_not_one_aws_call_and_its_deletion_touches_nothing() {
    let world = World::new().await;
    world.flip("a", false).await;
    let _operator = world.start().await;
    world.create("a", true, json!({ "suspend": true })).await;
    world.condition("a", "Ready", "True", "Suspended").await;
    world
        .patch("a", json!({ "metadata": { "annotations": { "codeguruprofiler.dev/reconcile-requested-at": "now" } } }))
        .await;
    // Something that happens later, in the same lane, is the sign that enough time has passed.
    world.flip("b", true).await;
    world.create("b", true, json!({})).await;
    world.condition("b", "Ready", "True", "InSync").await;
    world.lists(1).await;
    assert!(world.status("a").await.get("lastHandledReconcileAt").is_none());
    world.delete("b").await;
    world.delete("a").await;
    let journal = world.aws.journal().await.unwrap();
    assert!(journal.iter().all(|entry| entry.group.as_deref() != Some("a")), "{journal:?}");
    assert_eq!(world.enabled("a").await, Some(false));
    world.judge().await;
}

#[tokio::test]
async fn a_lane_whose_only_resource_is_suspended_does_not_list() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.start().await;
    world.create("a", false, json!({ "suspend": true })).await;
    world.condition("a", "Ready", "True", "Suspended").await;
    assert_eq!(world.calls("ListProfilingGroups").await, 0);

    world.patch("a", json!({ "spec": { "suspend": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(false));
    world.has_event("a", "Resumed").await;

    world.patch("a", json!({ "spec": { "suspend": true } })).await;
    world.condition("a", "Ready", "True", "Suspended").await;
    world.flip("a", true).await;
    let before = world.aws.journal().await.unwrap().len();
    tokio::time::timeout(std::time::Duration::from_secs(5), world.lists(1)).await.ok();
    // A List that had begun may still end.
    assert!(world.aws.journal().await.unwrap().len() <= before + 1);
    assert_eq!(world.enabled("a").await, Some(true), "what others do meanwhile stays");
    world.judge().await;
}

#[tokio::test]
async fn deleting_a_resource_never_touches_aws() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    let before = world.calls("UpdateProfilingGroup").await;
    world.delete("a").await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, before);
    assert_eq!(world.calls("DeleteProfilingGroup").await, 0);
    assert_eq!(world.enabled("a").await, Some(true));
    world.judge().await;
}

#[tokio::test]
async fn a_resource_that_somebody_else_holds_back_from_deletion_is_let_go_when_they_do() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.patch("a", json!({ "metadata": { "finalizers": ["example.com/hold"] } })).await;
    // Without another resource nobody would list any more.
    world.flip("b", true).await;
    world.create("b", true, json!({})).await;
    world.groups.delete("a", &DeleteParams::default()).await.unwrap();
    world.until("a", "its deletion", |object| !object["metadata"]["deletionTimestamp"].is_null()).await;
    world.lists(1).await;
    world.patch("a", json!({ "metadata": { "finalizers": null } })).await;
    world.eventually("it is gone", async || world.groups.get_opt("a").await.unwrap().is_none().then_some(())).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0);
    world.judge().await;
}
