//! A status that does not stay as written is not written again and again, and the cause is reported once.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::world::{World, condition};

const KIND: &str = "profilinggroups.codeguruprofiler.dev";
const NOT_KEPT: &str = "codeguru_profiler_status_not_kept_total";

/// The notes of the events about a status that does not stay as written.
async fn not_kept(world: &World, name: &str) -> Vec<String> {
    let events = world.events(name).await.into_iter();
    events.filter(|(reason, _)| reason == "StatusNotKept").map(|(_, note)| note).collect()
}

#[tokio::test]
async fn a_crd_that_lacks_a_member_of_the_status_costs_no_stream_of_writes_and_is_named_once() {
    let world = World::apart().await;
    let member = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/lastApplied";
    let removal = json!([{ "op": "remove", "path": member }]).to_string();
    let patched = world.plane.kubectl(&["patch", "crd", KIND, "--type=json", "-p", &removal]).await.unwrap();
    assert!(patched.status.success(), "{}", String::from_utf8_lossy(&patched.stderr));
    world.flip("a", true).await;
    world.create("a", true, json!({})).await;
    world
        .eventually("the member is pruned", async || {
            world.patch_status("a", json!({ "lastApplied": { "profilingEnabled": true } })).await;
            world.status("a").await.get("lastApplied").is_none().then_some(())
        })
        .await;

    let operator = world.start().await;
    world.condition("a", "Ready", "True", "InSync").await;
    let note = world.has_event("a", "StatusNotKept").await;
    assert!(note.contains("the CRD in the cluster is older than the operator"), "{note}");
    sleep(Duration::from_secs(10)).await;
    let writes = world.status_writes().await;
    assert!(writes <= 3, "{writes} writes of one status");
    assert_eq!(not_kept(&world, "a").await.len(), 1);
    let counted = operator.metric(NOT_KEPT, &[r#"cause="server""#]).await.unwrap();
    assert!((counted - 1.0).abs() < 0.1, "{counted}");

    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(false), "an edit does not wait for the pause");
    world.judge().await;
}

#[tokio::test]
async fn two_operators_that_disagree_about_a_status_slow_down_and_each_names_the_cause_once() {
    let world = World::new().await;
    world.flip("a", true).await;
    world.aws.put_group("us-east-1", "a", json!({ "profilingEnabled": true })).await.unwrap();
    world.create("a", true, json!({})).await;
    let one = world.start().await;
    let elsewhere = world.operator().await.flag("--region", "us-east-1").flag("--pod-name", "elsewhere");
    let other = elsewhere.start().await.unwrap();
    sleep(Duration::from_secs(15)).await;
    let writes = world.audit().await.resource("profilinggroups").subresource("status").count();
    assert!(writes <= 12, "{writes} status writes in 15 s");
    let notes = not_kept(&world, "a").await;
    assert_eq!(notes.len(), 2, "one of each operator: {notes:?}");
    assert!(notes.iter().all(|note| note.contains("second operator")), "{notes:?}");
    for operator in [&one, &other] {
        let counted = operator.metric(NOT_KEPT, &[r#"cause="others""#]).await.unwrap();
        assert!((counted - 1.0).abs() < 0.1, "{counted}");
    }
    let events = world.events("a").await;
    assert!(events.len() <= 8, "{events:?}");

    other.stop_gracefully().await.unwrap();
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    let status = world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(condition(&status, "Synced")["status"], "True", "{status:#}");
    world.judge().await;
}
