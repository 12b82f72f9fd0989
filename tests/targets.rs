//! Where a group is looked for: a region that nobody named, another one than before, and a spec that can't be read.

use std::path::Path;

use devkit::operator::Start;
use serde_json::{Value, json};

use crate::world::{PROGRAM, World, condition};

/// An operator without a default region.
async fn without_a_region(world: &World) -> Start {
    Start::new(Path::new(PROGRAM), &world.kubeconfig().await)
        .flag("--namespace", &world.namespace)
        .flag("--poll-interval", "2s")
        .aws(&world.emulator, &world.aws)
}

#[tokio::test]
async fn without_a_region_the_resource_reports_where_to_name_one() {
    let world = World::new().await;
    let _operator = without_a_region(&world).await.start().await.unwrap();
    world.create("a", true, json!({})).await;
    let status = world.condition("a", "Stalled", "True", "RegionMissing").await;
    assert!(condition(&status, "Stalled")["message"].as_str().unwrap().contains("--region"), "{status:#}");
    assert!(world.aws.journal().await.unwrap().is_empty());
    world.judge().await;
}

#[tokio::test]
async fn a_group_that_was_found_is_never_looked_for_elsewhere() {
    let world = World::new().await;
    world.flip("a", true).await;
    let operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    operator.stop_gracefully().await.unwrap();

    world.aws.put_group("us-east-1", "a", json!({ "profilingEnabled": false })).await.unwrap();
    let elsewhere = without_a_region(&world).await.flag("--region", "us-east-1").start().await.unwrap();
    world.condition("a", "Stalled", "True", "TargetChanged").await;
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Stalled", "True", "TargetChanged").await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0);
    elsewhere.stop_gracefully().await.unwrap();

    let _operator = world.start().await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(false));
    world.judge().await;
}

/// The CRD as somebody would leave it who wants no rules.
fn lenient() -> String {
    let mut definition: Value = serde_json::to_value(codeguru_profiler_operator::api::crd()).unwrap();
    let version = &mut definition["spec"]["versions"][0];
    version["schema"] = json!({ "openAPIV3Schema": {
        "type": "object",
        "properties": {
            "spec": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
            "status": { "type": "object", "default": { "observedGeneration": -1 }, "x-kubernetes-preserve-unknown-fields": true },
        },
    } });
    version.as_object_mut().unwrap().remove("selectableFields");
    definition.to_string()
}

#[tokio::test]
async fn a_spec_that_can_not_be_read_stalls_that_resource_alone() {
    let world = World::apart().await;
    world.plane.apply(&lenient()).await.unwrap();
    world.flip("a", true).await;
    let _operator = world.start().await;
    let unreadable = json!({ "profilingGroupName": "b", "profilingEnabled": "perhaps" });
    world.eventually("the rules are gone", async || world.try_create("b", unreadable.clone()).await.ok()).await;
    world.condition("b", "Stalled", "True", "InvalidSpec").await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.calls_for("UpdateProfilingGroup", "b").await, 0);
    world.judge().await;
}
