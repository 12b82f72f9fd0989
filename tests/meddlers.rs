//! Others write to the same objects: what is theirs survives, what is ours is put right.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::{World, condition};

#[tokio::test]
async fn what_others_keep_in_the_status_survives_and_what_they_change_of_ours_is_put_right() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    let status = world.condition("a", "Ready", "True", "InSync").await;
    let mut conditions = status["conditions"].as_array().unwrap().clone();
    conditions.push(json!({
        "type": "example.com/Checked", "status": "True", "reason": "Yes", "message": "by a third party",
        "observedGeneration": 2, "lastTransitionTime": "2026-06-01T00:00:00Z",
    }));
    let meddled = json!({
        "conditions": conditions, "arn": "arn:aws:nonsense", "lastApplied": { "profilingEnabled": true },
    });
    world.patch_status("a", meddled).await;
    world
        .until("a", "our members again", |o| {
            o["status"]["arn"] == status["arn"] && o["status"]["lastApplied"] == status["lastApplied"]
        })
        .await;
    world.lists(2).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 1, "a meddled status moves nothing in AWS");
    let status = world.status("a").await;
    assert_eq!(condition(&status, "example.com/Checked")["message"], "by a third party");
    world.judge().await;
}

#[tokio::test]
async fn a_wiped_status_is_filled_again() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.start().await;
    world.create("a", true, json!({})).await;
    let before = world.condition("a", "Ready", "True", "InSync").await;
    let wipe = serde_json::from_value(json!([{ "op": "remove", "path": "/status" }])).unwrap();
    world.groups.patch_status("a", &PatchParams::default(), &Patch::Json::<()>(wipe)).await.unwrap();
    let after = world.condition("a", "Ready", "True", "InSync").await;
    for member in ["arn", "account", "profilingEnabled", "updatedAt", "lastApplied"] {
        assert_eq!(before[member], after[member], "{member}");
    }
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0);
    world.judge().await;
}

#[tokio::test]
async fn labels_and_annotations_of_others_cost_nothing_and_stay() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    let (writes, calls) = (world.status_writes().await, world.aws.journal().await.unwrap());
    for i in 0..10 {
        world.patch("a", json!({ "metadata": { "labels": { "n": i.to_string() }, "annotations": { "example.com/n": i.to_string() } } })).await;
    }
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.status_writes().await, writes + 1, "the one for the edit");
    let mutations =
        |journal: &[devkit::emulator::Entry]| journal.iter().filter(|e| !e.is("ListProfilingGroups")).count();
    assert_eq!(mutations(&world.aws.journal().await.unwrap()), mutations(&calls) + 1);
    let object: Value = world.get("a").await;
    assert_eq!(object["metadata"]["labels"]["n"], "9");
    assert!(object["metadata"].get("finalizers").is_none(), "nothing to finalize");
    world.judge().await;
}
