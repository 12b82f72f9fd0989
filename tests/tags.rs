//! Tags: those of the spec are managed, and those of others are left alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{REGION, World, condition, correction, message};

const TAG: &str = "TagResource";
const UNTAG: &str = "UntagResource";
const LIST_TAGS: &str = "ListTagsForResource";

/// A group that is on, with these tags.
async fn group(world: &World, name: &str, tags: Value) {
    world.aws.put_group(REGION, name, json!({ "profilingEnabled": true, "tags": tags })).await.unwrap();
}

async fn spec_tags(world: &World, name: &str, tags: Value) {
    world.patch(name, json!({ "spec": { "tags": tags } })).await;
}

async fn calls(world: &World) -> [usize; 3] {
    [world.calls(TAG).await, world.calls(UNTAG).await, world.calls(LIST_TAGS).await]
}

/// AWS has these tags, and the status of this generation reports them.
async fn tagged(world: &World, name: &str, expected: Value) -> Value {
    let status = world.until(name, "the tags", |object| {
        let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        current && condition(&object["status"], "Ready")["reason"] == "InSync" && object["status"]["tags"] == expected
    });
    let status = status.await;
    assert_eq!(world.tags(name).await, expected);
    status
}

#[tokio::test]
async fn tags_of_the_spec_are_set_changed_and_removed_and_those_of_others_stay() {
    let world = World::new().await;
    group(&world, "a", json!({ "owner": "them", "team": "old" })).await;
    let _operator = world.operator().await.arg("--allowed-facets=tags").start().await.unwrap();
    world.create("a", true, json!({ "tags": { "team": "shop", "stage": "prod" } })).await;
    let status = tagged(&world, "a", json!({ "owner": "them", "team": "shop", "stage": "prod" })).await;
    assert_eq!(status["lastApplied"], json!({ "profilingEnabled": true, "tags": { "team": "shop", "stage": "prod" } }));
    assert_eq!(calls(&world).await, [1, 0, 0], "one call for both");
    world.has_event("a", "Updated").await;

    spec_tags(&world, "a", json!({ "stage": "test", "team": null, "Cost Center": "a/b=c" })).await;
    tagged(&world, "a", json!({ "owner": "them", "stage": "test", "Cost Center": "a/b=c" })).await;
    assert_eq!(calls(&world).await, [2, 1, 0], "one call for what is set, one for what is removed");

    spec_tags(&world, "a", Value::Null).await;
    let released = world.until("a", "the release", |o| o["status"]["lastApplied"]["tags"].is_null()).await;
    assert_eq!(released["tags"], json!({ "owner": "them", "stage": "test", "Cost Center": "a/b=c" }));
    world.lists(2).await;
    assert_eq!(calls(&world).await, [2, 1, 0]);
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0);
    world.judge().await;
}

#[tokio::test]
async fn a_group_that_is_tagged_as_wanted_costs_no_call_and_a_restart_none_either() {
    let world = World::new().await;
    group(&world, "a", json!({ "owner": "them", "team": "shop" })).await;
    let start = async || world.operator().await.arg("--allowed-facets=tags").start().await.unwrap();
    let operator = start().await;
    world.create("a", true, json!({ "tags": { "team": "shop" } })).await;
    tagged(&world, "a", json!({ "owner": "them", "team": "shop" })).await;
    operator.stop_gracefully().await.unwrap();
    let writes = world.status_writes().await;

    // Edited while no operator was there: an edit, not drift.
    spec_tags(&world, "a", json!({ "team": "cart" })).await;
    let operator = start().await;
    let status = tagged(&world, "a", json!({ "owner": "them", "team": "cart" })).await;
    assert_eq!(status["drift"], Value::Null);
    world.lists(2).await;
    operator.stop_gracefully().await.unwrap();
    let _operator = start().await;
    world.lists(2).await;
    assert_eq!((calls(&world).await, world.status_writes().await), ([1, 0, 0], writes + 1));
    world.judge().await;
}

#[tokio::test]
async fn drift_of_tags_is_corrected_and_recorded_or_reported() {
    let world = World::new().await;
    group(&world, "a", json!({ "team": "shop" })).await;
    group(&world, "b", json!({ "team": "shop" })).await;
    let operator = world.operator().await.arg("--allowed-facets=tags").start().await.unwrap();
    world.create("a", true, json!({ "tags": { "team": "shop" } })).await;
    world.create("b", true, json!({ "tags": { "team": "shop" }, "driftPolicy": "Report" })).await;
    tagged(&world, "a", json!({ "team": "shop" })).await;
    tagged(&world, "b", json!({ "team": "shop" })).await;

    group(&world, "a", json!({ "team": "theirs", "more": "theirs" })).await;
    group(&world, "b", json!({})).await;
    let status = world.until("a", "a correction", |o| o["status"]["drift"]["corrections"] == 1).await;
    assert_eq!(correction(&status), ["tags", "team=theirs", "team=shop"]);
    assert_eq!(world.tags("a").await, json!({ "team": "shop", "more": "theirs" }));
    world.has_event("a", "DriftCorrected").await;
    let counted = operator.metric("codeguru_profiler_drift_corrections_total", &["facet=\"tags\""]).await.unwrap();
    assert!((counted - 1.0).abs() < 0.1, "{counted}");

    let status = world.condition("b", "Ready", "True", "DriftReported").await;
    let synced = condition(&status, "Synced");
    assert_eq!(synced["message"], "tags are team absent in AWS, but team=shop in this resource.");
    world.lists(2).await;
    assert_eq!(calls(&world).await, [1, 0, 0]);
    spec_tags(&world, "b", json!({ "team": "cart" })).await;
    tagged(&world, "b", json!({ "team": "cart" })).await;
    world.judge().await;
}

/// Tags decide on costs and permissions: a tenant changes none unless the platform team allows it.
#[tokio::test]
async fn tags_that_the_platform_does_not_allow_are_refused_without_any_call() {
    let world = World::new().await;
    group(&world, "a", json!({ "team": "shop" })).await;
    let operator = world.start().await;
    world.create("a", false, json!({ "tags": { "team": "mine" } })).await;
    let status = world.condition("a", "Stalled", "True", "FacetNotAllowed").await;
    let message = message(&status, "Ready");
    assert!(message.contains("spec.tags") && message.contains("--allowed-facets=tags"), "{message}");
    assert_eq!(world.calls("ListProfilingGroups").await, 0, "not even a List");
    operator.stop_gracefully().await.unwrap();

    let _operator = world.operator().await.arg("--allowed-facets=tags").start().await.unwrap();
    tagged(&world, "a", json!({ "team": "mine" })).await;
    assert_eq!(world.enabled("a").await, Some(false));
    world.judge().await;
}

#[tokio::test]
async fn where_tagging_is_denied_the_switch_still_works_and_the_action_is_named() {
    let world = World::new().await;
    group(&world, "a", json!({})).await;
    let rule = |effect: &str, action: &str| json!({ "effect": effect, "action": action });
    let all = rule("allow", "codeguru-profiler:*");
    world.aws.rules(&[all.clone(), rule("deny", "codeguru-profiler:TagResource")]).await.unwrap();
    let _operator = world.operator().await.arg("--allowed-facets=tags").start().await.unwrap();
    world.create("a", true, json!({ "tags": { "team": "shop" } })).await;
    let status = world.condition("a", "Stalled", "True", "AccessDenied").await;
    let message = message(&status, "Ready");
    assert!(message.contains("codeguru-profiler:TagResource"), "{message}");
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.eventually("the switch", async || world.enabled("a").await.filter(|on| !on)).await;
    world.condition("a", "Stalled", "True", "AccessDenied").await;

    world.aws.rules(&[all]).await.unwrap();
    world.request("a", "now").await;
    tagged(&world, "a", json!({ "team": "shop" })).await;
    world.judge().await;
}

/// What AWS omits is unknown, not empty: it is read before tags are written, and from time to time.
#[tokio::test]
async fn tags_that_lists_leave_out_are_read_before_any_is_written() {
    for (thin, reads) in [("noTags", 1), ("noEmptyTags", 1), ("bare", 0)] {
        let world = World::new().await;
        world.aws.settings(REGION, json!({ "thinList": thin })).await.unwrap();
        group(&world, "a", json!({})).await;
        group(&world, "unmanaged", json!({})).await;
        let _operator = world.operator().await.arg("--allowed-facets=tags").start().await.unwrap();
        world.create("unmanaged", true, json!({})).await;
        world.create("a", true, json!({ "tags": { "team": "shop" } })).await;
        tagged(&world, "a", json!({ "team": "shop" })).await;
        world.condition("unmanaged", "Ready", "True", "InSync").await;
        world.lists(3).await;
        let by_call: BTreeMap<_, _> = [(TAG, world.calls(TAG).await), (LIST_TAGS, world.calls(LIST_TAGS).await)].into();
        assert_eq!(by_call, [(TAG, 1), (LIST_TAGS, reads)].into(), "{thin}");
        world.judge().await;
    }
}
