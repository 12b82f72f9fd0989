//! What happens in AWS when a resource is deleted.

use devkit::operator::Operator;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::world::{REGION, World, condition, example, message};

const DELETE: &str = "DeleteProfilingGroup";
const UPDATE: &str = "UpdateProfilingGroup";
const FINALIZER: &str = "codeguruprofiler.dev/finalizer";

async fn start(world: &World) -> Operator {
    world.operator().await.arg("--allowed-facets=create,delete,restore").start().await.unwrap()
}

async fn world() -> World {
    let world = World::new().await;
    world.allow_finalizers().await;
    world
}

/// Created with the resource, and deleted with it.
fn owned() -> Value {
    json!({ "creationPolicy": "IfMissing", "deletionPolicy": "Delete" })
}

impl World {
    async fn is_held(&self, name: &str) {
        self.until(name, "the finalizer", |object| object["metadata"]["finalizers"] == json!([FINALIZER])).await;
    }

    /// Returns at once, while the operator holds it.
    async fn begin_deletion(&self, name: &str) {
        self.groups.delete(name, &DeleteParams::default()).await.unwrap();
    }

    async fn has_gone(&self, name: &str) {
        self.eventually("it is gone", async || self.groups.get_opt(name).await.unwrap().is_none().then_some(())).await;
    }

    async fn exists(&self, group: &str) -> bool {
        self.aws.group(REGION, group).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn delete_deletes_what_the_resource_created_and_nothing_else() {
    let world = world().await;
    world.flip("found", true).await;
    let _operator = start(&world).await;
    world.create("created", true, owned()).await;
    world.create("found", true, owned()).await;
    let status = world.condition("created", "Synced", "True", "InSync").await;
    assert!(status["managed"]["created"]["groupCreatedAt"].is_string(), "{status}");
    world.condition("found", "Ready", "True", "InSync").await;
    let status = world.condition("found", "Synced", "True", "NotCreatedHere").await;
    let message = message(&status, "Synced");
    assert!(message.contains("stays in AWS"), "{message}");
    world.has_event("found", "NotCreatedHere").await;
    for name in ["created", "found"] {
        world.is_held(name).await;
        world.delete(name).await;
    }
    assert_eq!((world.exists("created").await, world.exists("found").await), (false, true));
    assert_eq!((world.calls(DELETE).await, world.calls(UPDATE).await), (1, 0));
    world.has_event("created", "Deleted").await;
    let note = world.has_event("found", "Retained").await;
    assert!(note.contains("did not create the group"), "{note}");
    world.judge().await;
}

#[tokio::test]
async fn disable_turns_profiling_off_and_restore_sets_the_value_that_was_found() {
    let world = world().await;
    for (name, enabled) in [("disabled", true), ("restored", false), ("edited", false), ("unchanged", true)] {
        world.flip(name, enabled).await;
    }
    let _operator = start(&world).await;
    world.create("disabled", true, json!({ "deletionPolicy": "Disable" })).await;
    for name in ["restored", "edited", "unchanged"] {
        world.create(name, true, json!({ "deletionPolicy": "Restore" })).await;
    }
    for name in ["disabled", "restored", "edited", "unchanged"] {
        world.condition(name, "Ready", "True", "InSync").await;
        world.is_held(name).await;
    }
    let original = world.status("restored").await["original"].clone();
    assert_eq!((&original["profilingEnabled"], &original["atAdoption"]), (&json!(false), &json!(true)));
    world.patch("edited", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("edited", "Ready", "True", "InSync").await;
    world.aws.clear_journal().await.unwrap();
    for name in ["disabled", "restored", "edited", "unchanged"] {
        world.delete(name).await;
    }
    for (name, enabled) in [("disabled", false), ("restored", false), ("edited", false), ("unchanged", true)] {
        assert_eq!(world.enabled(name).await, Some(enabled), "{name}");
    }
    assert_eq!(world.calls(UPDATE).await, 2, "one call each, and none where nothing is to be changed");
    world.judge().await;
}

/// What comes first is in the audit log and the journal: the record, the finalizer, the call.
#[tokio::test]
async fn what_will_be_restored_and_the_finalizer_are_stored_before_aws_is_written_to() {
    let world = world().await;
    world.flip("a", false).await;
    let deny = json!({ "type": "error", "code": "InternalServerException", "status": 500, "message": "no" });
    world.aws.fault(json!({ "operation": UPDATE, "count": 1, "effect": deny })).await.unwrap();
    let _operator = start(&world).await;
    world.create("a", true, json!({ "deletionPolicy": "Restore" })).await;
    world.eventually("the call", async || (world.calls(UPDATE).await > 0).then_some(())).await;
    let object = world.get("a").await;
    assert_eq!(object["metadata"]["finalizers"], json!([FINALIZER]));
    assert_eq!(object["status"]["original"]["profilingEnabled"], false);
    world.condition("a", "Ready", "True", "InSync").await;
    world.judge().await;
}

#[tokio::test]
async fn without_the_permission_to_patch_nothing_is_written_to_aws_and_the_status_names_what_to_allow() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = start(&world).await;
    world.create("a", false, json!({ "deletionPolicy": "Disable" })).await;
    let status = world.condition("a", "Stalled", "True", "FinalizerDenied").await;
    let message = message(&status, "Ready");
    assert!(message.contains("the verb patch on profilinggroups"), "{message}");
    world.lists(2).await;
    assert_eq!((world.calls(UPDATE).await, world.enabled("a").await), (0, Some(true)));
    world.allow_finalizers().await;
    world.request("a", "now").await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.is_held("a").await;
    world.judge().await;
}

#[tokio::test]
async fn a_policy_that_the_platform_does_not_allow_is_refused_and_holds_nothing() {
    let world = world().await;
    world.flip("a", true).await;
    let _operator = world.operator().await.arg("--allowed-facets=restore").start().await.unwrap();
    world.create("a", true, json!({ "deletionPolicy": "Delete" })).await;
    let status = world.condition("a", "Stalled", "True", "FacetNotAllowed").await;
    let message = message(&status, "Ready");
    assert!(
        message.contains("spec.deletionPolicy: Delete") && message.contains("--allowed-facets=delete"),
        "{message}"
    );
    assert!(world.get("a").await["metadata"]["finalizers"].is_null());
    world.delete("a").await;
    world.judge().await;
}

#[tokio::test]
async fn a_deletion_that_aws_denies_is_reported_and_editing_to_retain_releases_the_resource() {
    let world = world().await;
    let rule = |effect: &str, action: &str| json!({ "effect": effect, "action": action });
    let denied = [rule("allow", "codeguru-profiler:*"), rule("deny", "codeguru-profiler:DeleteProfilingGroup")];
    world.aws.rules(&denied).await.unwrap();
    let _operator = start(&world).await;
    world.create("a", true, owned()).await;
    world.create("b", true, owned()).await;
    for name in ["a", "b"] {
        world.condition(name, "Ready", "True", "InSync").await;
        world.is_held(name).await;
        world.begin_deletion(name).await;
        let status = world.condition(name, "Stalled", "True", "DeletionFailed").await;
        let message = message(&status, "Ready");
        assert!(message.contains("codeguru-profiler:DeleteProfilingGroup"), "{message}");
        assert!(message.contains("spec.deletionPolicy to Retain"), "{message}");
    }
    world.patch("a", json!({ "spec": { "deletionPolicy": "Retain" } })).await;
    world.has_gone("a").await;
    world.aws.rules(&denied[..1]).await.unwrap();
    world.request("b", "now").await;
    world.has_gone("b").await;
    assert_eq!((world.exists("a").await, world.exists("b").await), (true, false));
    world.judge().await;
}

/// A namespace is deleted while AWS is down: it ends once AWS is back.
#[tokio::test]
async fn a_namespace_is_deleted_while_aws_is_down_and_ends_when_it_is_back() {
    let world = World::apart().await;
    world.allow_finalizers_everywhere().await;
    let _operator = start(&world).await;
    world.create("a", true, owned()).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.is_held("a").await;
    let down = json!({ "type": "error", "code": "ServiceUnavailable", "status": 503, "message": "down" });
    world.aws.fault(json!({ "effect": down })).await.unwrap();
    let output = world.plane.kubectl(&["delete", "namespace", &world.namespace, "--wait=false"]).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    world.until("a", "the failure", |object| condition(&object["status"], "Ready")["reason"] == "DeletionFailed").await;
    world.aws.clear_faults().await.unwrap();
    world.request("a", "now").await;
    world.has_gone("a").await;
    assert!(!world.exists("a").await);
    world.judge().await;
}

/// A backup brings the whole object back under another UID: what it reports of the former resource counts for nothing.
#[tokio::test]
async fn a_resource_that_is_restored_or_copied_deletes_nothing() {
    let world = world().await;
    let operator = start(&world).await;
    world.create("a", true, owned()).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.is_held("a").await;
    let backup = world.get("a").await;
    operator.stop_gracefully().await.unwrap();
    // The group outlives the resource: its finalizer is removed by hand.
    world.patch("a", json!({ "metadata": { "finalizers": null } })).await;
    world.delete("a").await;
    assert!(world.exists("a").await);
    world.try_create("a", backup["spec"].clone()).await.unwrap();
    world.patch_status("a", backup["status"].clone()).await;
    let _operator = start(&world).await;
    world.condition("a", "Synced", "True", "NotCreatedHere").await;
    world.is_held("a").await;
    world.delete("a").await;
    assert!(world.exists("a").await);
    assert_eq!(world.calls(DELETE).await, 0);
    world.judge().await;
}

#[tokio::test]
async fn a_group_that_others_created_again_and_one_that_is_gone_are_not_deleted() {
    let world = world().await;
    let _operator = start(&world).await;
    let reports = json!({ "creationPolicy": "IfMissing", "deletionPolicy": "Delete", "driftPolicy": "Report" });
    for name in ["again", "gone"] {
        world.create(name, true, reports.clone()).await;
        world.condition(name, "Ready", "True", "InSync").await;
        world.is_held(name).await;
        world.aws.delete_group(REGION, name).await.unwrap();
        world.condition(name, "Ready", "True", "DriftReported").await;
    }
    world.flip("again", true).await;
    world.condition("again", "Synced", "True", "NotCreatedHere").await;
    for name in ["again", "gone"] {
        world.delete(name).await;
    }
    assert_eq!((world.exists("again").await, world.calls(DELETE).await), (true, 0));
    world.judge().await;
}

#[tokio::test]
async fn a_suspended_resource_goes_without_a_call() {
    let world = world().await;
    let _operator = start(&world).await;
    world.create("a", true, owned()).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.is_held("a").await;
    world.patch("a", json!({ "spec": { "suspend": true } })).await;
    world.condition("a", "Ready", "True", "Suspended").await;
    world.delete("a").await;
    assert_eq!((world.exists("a").await, world.calls(DELETE).await), (true, 0));
    assert!(world.has_event("a", "Retained").await.contains("suspended"));
    world.judge().await;
}

#[tokio::test]
async fn a_resource_that_is_deleted_in_the_foreground_keeps_the_order_and_the_finalizers_of_others() {
    let world = world().await;
    let _operator = start(&world).await;
    world.create("a", true, owned()).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.is_held("a").await;
    let theirs = "example.com/theirs";
    world.patch("a", json!({ "metadata": { "finalizers": [FINALIZER, theirs] } })).await;
    world.groups.delete("a", &DeleteParams::foreground()).await.unwrap();
    world.eventually("the deletion", async || (!world.exists("a").await).then_some(())).await;
    world.until("a", "the others alone", |object| object["metadata"]["finalizers"] == json!([theirs])).await;
    assert_eq!(world.calls(DELETE).await, 1);
    world.patch("a", json!({ "metadata": { "finalizers": null } })).await;
    world.has_gone("a").await;
    world.judge().await;
}

#[tokio::test]
async fn a_policy_that_is_withdrawn_takes_the_finalizer_with_it() {
    let world = world().await;
    world.flip("a", true).await;
    let _operator = start(&world).await;
    world.create("a", true, json!({ "deletionPolicy": "Disable" })).await;
    world.is_held("a").await;
    world.patch("a", json!({ "spec": { "deletionPolicy": null } })).await;
    world.until("a", "no finalizer", |object| object["metadata"]["finalizers"].is_null()).await;
    world.delete("a").await;
    assert_eq!(world.enabled("a").await, Some(true));
    world.judge().await;
}

/// kill -9 between the call that creates the group and the record of its answer, and the resource is deleted before an
/// operator is back.
#[tokio::test]
async fn a_group_whose_creation_was_cut_off_is_deleted_with_its_resource() {
    let world = world().await;
    for after in [true, false] {
        let name = if after { "made" } else { "not-made" };
        let hang =
            json!({ "operation": "CreateProfilingGroup", "count": 1, "after": after, "effect": { "type": "hang" } });
        world.aws.fault(hang).await.unwrap();
        let operator = start(&world).await;
        world.create(name, true, owned()).await;
        world
            .eventually("the call", async || {
                let journal = world.aws.journal().await.unwrap();
                journal.iter().any(|entry| entry.fault == true && entry.is("CreateProfilingGroup")).then_some(())
            })
            .await;
        operator.kill().await.unwrap();
        world.aws.clear_journal().await.unwrap();
        world.begin_deletion(name).await;
        let operator = start(&world).await;
        world.has_gone(name).await;
        assert!(!world.exists(name).await, "{name}");
        operator.stop_gracefully().await.unwrap();
    }
    world.judge().await;
}

#[tokio::test]
async fn the_examples_work_for_an_operator_that_allows_them() {
    let world = world().await;
    world.flip("Checkout_Service", false).await;
    let _operator = start(&world).await;
    for name in ["delete", "restore"] {
        world.try_create(name, example(name)).await.unwrap();
        world.condition(name, "Ready", "True", "InSync").await;
        world.is_held(name).await;
    }
    assert_eq!(
        (world.enabled("Preview_Service").await, world.enabled("Checkout_Service").await),
        (Some(true), Some(true))
    );
    world.delete("delete").await;
    world.delete("restore").await;
    assert_eq!((world.enabled("Preview_Service").await, world.enabled("Checkout_Service").await), (None, Some(false)));
    world.judge().await;
}

#[tokio::test]
async fn a_deletion_whose_answer_is_lost_is_carried_out_once_more_and_ends() {
    let world = world().await;
    let _operator = start(&world).await;
    world.create("a", true, owned()).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.is_held("a").await;
    let reset = json!({ "operation": DELETE, "count": 1, "after": true, "effect": { "type": "reset" } });
    world.aws.fault(reset).await.unwrap();
    world.delete("a").await;
    assert!(!world.exists("a").await);
    assert_eq!(world.calls(DELETE).await, 1, "a List shows that it is gone");
    world.judge().await;
}
