//! Permissions of agents: the set of the spec is the whole set, whatever its order and however AWS shows it.

use codeguru_profiler_operator::api::Timestamp;
use devkit::emulator::Entry;
use serde_json::{Value, json};

use crate::world::{REGION, World, condition, correction, message};

const GET: &str = "GetPolicy";
const PUT: &str = "PutPermission";
const REMOVE: &str = "RemovePermission";

fn role(name: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{name}")
}

fn roles(names: &[&str]) -> Value {
    names.iter().map(|name| role(name)).collect()
}

fn permits(names: &[&str]) -> Value {
    json!({ "agentPermissions": { "principals": roles(names) } })
}

/// A group that is on, whose policy has these principals.
async fn group(world: &World, name: &str, names: &[&str]) {
    world.aws.put_group(REGION, name, json!({ "profilingEnabled": true, "principals": roles(names) })).await.unwrap();
}

async fn operator(world: &World) -> devkit::operator::Operator {
    let start = world.operator().await;
    start.arg("--allowed-facets=permissions").arg(&format!("--allowed-principals={}", role("*"))).start().await.unwrap()
}

/// Reads, Puts and removals so far.
async fn calls(world: &World) -> [usize; 3] {
    [world.calls(GET).await, world.calls(PUT).await, world.calls(REMOVE).await]
}

/// AWS has these principals, and the status of this generation reports them.
async fn permitted(world: &World, name: &str, names: &[&str]) -> Value {
    let expected = roles(names);
    let status = world.until(name, "the permission", |object| {
        let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let (ready, details) = (condition(&object["status"], "Ready"), &object["status"]["details"]);
        current && ready["reason"] == "InSync" && details["principals"] == expected
    });
    let status = status.await;
    assert_eq!(status["lastApplied"]["principals"], expected);
    let mut actual = world.details(name).await["principals"].take();
    actual.as_array_mut().unwrap().sort_by_key(ToString::to_string);
    assert_eq!(actual, expected);
    status
}

#[tokio::test]
async fn principals_are_permitted_changed_and_removed_and_a_removed_field_leaves_them_alone() {
    for missing in ["empty", "notFound"] {
        let world = World::new().await;
        world.aws.settings(REGION, json!({ "missingPolicy": missing })).await.unwrap();
        group(&world, "a", &[]).await;
        group(&world, "unmanaged", &["theirs"]).await;
        let _operator = operator(&world).await;
        world.create("unmanaged", true, json!({})).await;
        world.create("a", true, permits(&["shop", "cart"])).await;
        let status = permitted(&world, "a", &["cart", "shop"]).await;
        assert_eq!(status["details"]["policyRevisionId"], status["lastApplied"]["policyRevisionId"]);
        assert!(status["details"]["readAt"].is_string());
        assert_eq!(calls(&world).await, [1, 1, 0], "{missing}");
        world.has_event("a", "Updated").await;

        world.patch("a", json!({ "spec": permits(&["cart", "shop"]) })).await;
        permitted(&world, "a", &["cart", "shop"]).await;
        assert_eq!(calls(&world).await, [1, 1, 0], "another order is no difference");

        world.patch("a", json!({ "spec": permits(&["shop", "till"]) })).await;
        permitted(&world, "a", &["shop", "till"]).await;
        assert_eq!(calls(&world).await, [1, 2, 0], "the answer to a change is what is known");

        world.patch("a", json!({ "spec": permits(&[]) })).await;
        permitted(&world, "a", &[]).await;
        assert_eq!(calls(&world).await, [2, 2, 1], "{missing}");

        world.patch("a", json!({ "spec": permits(&["shop"]) })).await;
        permitted(&world, "a", &["shop"]).await;
        world.patch("a", json!({ "spec": { "agentPermissions": null } })).await;
        let released = world.until("a", "the release", |o| o["status"]["lastApplied"]["principals"].is_null()).await;
        assert_eq!(released["details"], Value::Null);
        assert_eq!(released["lastApplied"], json!({ "profilingEnabled": true }));
        world.lists(2).await;
        assert_eq!(world.details("a").await["principals"], roles(&["shop"]));
        assert_eq!(calls(&world).await, [2, 3, 1]);
        assert_eq!(world.calls_for(GET, "unmanaged").await, 0, "what is not managed is not read");
        world.judge().await;
    }
}

#[tokio::test]
async fn a_policy_that_is_as_wanted_is_adopted_without_a_write_and_a_restart_writes_nothing_either() {
    let world = World::new().await;
    group(&world, "a", &["shop", "cart"]).await;
    let first = operator(&world).await;
    world.create("a", true, permits(&["cart", "shop"])).await;
    permitted(&world, "a", &["cart", "shop"]).await;
    assert_eq!(calls(&world).await, [1, 0, 0]);
    first.stop_gracefully().await.unwrap();
    let writes = world.status_writes().await;

    let second = operator(&world).await;
    world.eventually("the policy is read", async || (world.calls(GET).await == 2).then_some(())).await;
    world.lists(2).await;
    assert_eq!((calls(&world).await, world.status_writes().await), ([2, 0, 0], writes));
    second.stop_gracefully().await.unwrap();

    // Edited while no operator was there: an edit, not drift.
    world.patch("a", json!({ "spec": permits(&["shop"]) })).await;
    let _third = operator(&world).await;
    let status = permitted(&world, "a", &["shop"]).await;
    assert_eq!(status["drift"], Value::Null);
    world.judge().await;
}

#[tokio::test]
async fn drift_of_permissions_is_corrected_and_recorded_reported_or_observed() {
    let world = World::new().await;
    let start = world.operator().await.arg("--allowed-facets=permissions").arg("--allowed-principals=*");
    let operator = start.arg("--details-interval=2s").start().await.unwrap();
    let more =
        [("a", json!({})), ("b", json!({ "driftPolicy": "Report" })), ("c", json!({ "managementPolicy": "Observe" }))];
    for (name, mut spec) in more {
        group(&world, name, &["shop"]).await;
        spec.as_object_mut().unwrap().extend(permits(&["shop"]).as_object().unwrap().clone());
        world.create(name, true, spec).await;
        permitted(&world, name, &["shop"]).await;
    }
    group(&world, "a", &["theirs"]).await;
    group(&world, "b", &["shop", "theirs"]).await;
    group(&world, "c", &[]).await;
    let status = world.until("a", "a correction", |o| o["status"]["drift"]["corrections"] == 1).await;
    assert_eq!(correction(&status), ["agentPermissions".to_owned(), role("theirs"), role("shop")]);
    permitted(&world, "a", &["shop"]).await;
    world.has_event("a", "DriftCorrected").await;
    let counted = operator.metric("codeguru_profiler_drift_corrections_total", &["facet=\"agentPermissions\""]).await;
    assert!((counted.unwrap() - 1.0).abs() < 0.1);

    let status = world.condition("b", "Ready", "True", "DriftReported").await;
    let expected = format!(
        "agentPermissions are {}, {} in AWS, but {} in this resource.",
        role("shop"),
        role("theirs"),
        role("shop")
    );
    assert_eq!(condition(&status, "Synced")["message"], expected);
    let status = world.condition("c", "Ready", "True", "Observed").await;
    let expected = format!("agentPermissions are none in AWS, but {} in this resource.", role("shop"));
    assert_eq!(condition(&status, "Synced")["message"], expected);
    assert_eq!(calls(&world).await[1..], [1, 0]);
    world.judge().await;
}

/// Whether PutPermission adds is not documented: its answer shows it.
#[tokio::test]
async fn where_a_put_adds_principals_the_others_are_removed_all_the_same() {
    let world = World::new().await;
    world.aws.settings(REGION, json!({ "putPermissionMerges": true })).await.unwrap();
    group(&world, "a", &["theirs"]).await;
    group(&world, "b", &["theirs"]).await;
    let _operator = operator(&world).await;
    world.create("a", true, permits(&["shop"])).await;
    permitted(&world, "a", &["shop"]).await;
    assert_eq!(calls(&world).await, [2, 2, 1], "added, removed, read and set");
    world.create("b", true, permits(&["shop"])).await;
    permitted(&world, "b", &["shop"]).await;
    assert_eq!(calls(&world).await, [4, 3, 2], "known by now: removed, read and set");
    world.patch("b", json!({ "spec": permits(&["shop", "cart"]) })).await;
    permitted(&world, "b", &["cart", "shop"]).await;
    assert_eq!(calls(&world).await, [4, 4, 2], "nothing has to go");
    world.judge().await;
}

/// IAM shows a role that was deleted by its unique id, and the spec can't name that.
#[tokio::test]
async fn a_deleted_role_is_reported_and_never_fought() {
    let world = World::new().await;
    let start = world.operator().await.arg("--allowed-facets=permissions").arg("--allowed-principals=*");
    let _operator = start.arg("--details-interval=1s").start().await.unwrap();
    group(&world, "a", &[]).await;
    world.create("a", true, permits(&["shop", "cart"])).await;
    permitted(&world, "a", &["cart", "shop"]).await;
    world.aws.put_group(REGION, "a", json!({ "deletedPrincipals": roles(&["cart"]) })).await.unwrap();
    let status = world
        .until("a", "the unique id", |object| object["status"]["details"]["principals"].to_string().contains("AROA"));
    let status = status.await;
    let message = message(&status, "Synced");
    assert!(message.contains("AROA") && message.contains("remove that from spec.agentPermissions"), "{message}");
    let reads = world.calls(GET).await;
    world.eventually("more reads", async || (world.calls(GET).await > reads + 2).then_some(())).await;
    assert_eq!(calls(&world).await[1..], [1, 0]);
    world.condition("a", "Ready", "True", "InSync").await;

    world.patch("a", json!({ "spec": permits(&["shop"]) })).await;
    permitted(&world, "a", &["shop"]).await;
    world.judge().await;
}

#[tokio::test]
async fn a_policy_that_has_changed_meanwhile_is_read_again() {
    let world = World::new().await;
    group(&world, "a", &["shop"]).await;
    let _operator = operator(&world).await;
    world.create("a", true, permits(&["shop"])).await;
    permitted(&world, "a", &["shop"]).await;
    // Another revision than the one that is known.
    group(&world, "a", &["theirs"]).await;
    world.patch("a", json!({ "spec": permits(&["cart"]) })).await;
    permitted(&world, "a", &["cart"]).await;
    assert_eq!(calls(&world).await, [2, 2, 0], "refused, read, and put on top of it");
    assert_eq!(world.status("a").await["drift"], Value::Null, "it was edited");
    world.judge().await;
}

#[tokio::test]
async fn after_a_lost_answer_the_policy_is_read_and_an_edit_that_is_taken_back_is_no_drift() {
    let world = World::new().await;
    group(&world, "a", &["shop"]).await;
    let _operator = operator(&world).await;
    world.create("a", true, permits(&["shop"])).await;
    permitted(&world, "a", &["shop"]).await;
    let lost = json!({ "operation": PUT, "count": 1, "after": true, "effect": { "type": "reset" } });
    world.aws.fault(lost.clone()).await.unwrap();
    world.patch("a", json!({ "spec": permits(&["cart"]) })).await;
    permitted(&world, "a", &["cart"]).await;
    assert_eq!(calls(&world).await, [2, 1, 0], "what was lost was done");

    world.aws.fault(lost).await.unwrap();
    world.patch("a", json!({ "spec": permits(&["till"]) })).await;
    world.eventually("the Put", async || (world.calls(PUT).await == 2).then_some(())).await;
    world.patch("a", json!({ "spec": permits(&["cart"]) })).await;
    let status = permitted(&world, "a", &["cart"]).await;
    assert_eq!(status["drift"], Value::Null);
    world.judge().await;
}

/// Whoever may act as an agent may write profiles: a tenant permits nobody unless the platform team allows it.
#[tokio::test]
async fn principals_that_the_platform_does_not_allow_are_refused_without_any_call() {
    let world = World::new().await;
    group(&world, "a", &[]).await;
    let first = world.start().await;
    world.create("a", true, permits(&["shop"])).await;
    let refused = async |reason: &str, flag: &str| {
        let status = world.condition("a", "Stalled", "True", reason).await;
        let message = message(&status, "Ready");
        assert!(message.contains("spec.agentPermissions") && message.contains(flag), "{message}");
    };
    refused("FacetNotAllowed", "--allowed-facets=permissions").await;
    first.stop_gracefully().await.unwrap();
    let start = world.operator().await.arg("--allowed-facets=permissions");
    let second = start.arg(&format!("--allowed-principals={}", role("cart*"))).start().await.unwrap();
    refused("PrincipalNotAllowed", "--allowed-principals").await;
    assert_eq!(world.calls("ListProfilingGroups").await, 0, "not even a List");
    world.patch("a", json!({ "spec": permits(&["cart-1"]) })).await;
    permitted(&world, "a", &["cart-1"]).await;
    second.stop_gracefully().await.unwrap();

    let _third = world.operator().await.arg("--allowed-facets=permissions").start().await.unwrap();
    refused("PrincipalNotAllowed", &role("cart-1")).await;
    world.patch("a", json!({ "spec": permits(&[]) })).await;
    permitted(&world, "a", &[]).await;
    world.judge().await;
}

#[tokio::test]
async fn where_a_call_is_denied_the_action_is_named_and_the_switch_still_works() {
    let rule =
        |effect: &str, action: &str| json!({ "effect": effect, "action": format!("codeguru-profiler:{action}") });
    for denied in [GET, PUT] {
        let world = World::new().await;
        group(&world, "a", &["theirs"]).await;
        world.aws.rules(&[rule("allow", "*"), rule("deny", denied)]).await.unwrap();
        let _operator = operator(&world).await;
        world.create("a", true, permits(&["shop"])).await;
        let status = world.condition("a", "Stalled", "True", "AccessDenied").await;
        let message = message(&status, "Ready");
        assert!(message.contains(&format!("codeguru-profiler:{denied}")), "{message}");
        world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
        world.eventually("the switch", async || world.enabled("a").await.filter(|on| !on)).await;
        world.condition("a", "Stalled", "True", "AccessDenied").await;

        world.aws.rules(&[rule("allow", "*")]).await.unwrap();
        world.request("a", "now").await;
        permitted(&world, "a", &["shop"]).await;
        world.judge().await;
    }
}

#[tokio::test]
async fn what_is_in_no_list_is_read_at_its_interval_when_it_is_requested_and_not_more_often() {
    let world = World::new().await;
    group(&world, "a", &["shop"]).await;
    let start = world.operator().await.arg("--allowed-facets=permissions").arg("--allowed-principals=*");
    let first = start.arg("--details-interval=1h").start().await.unwrap();
    world.create("a", true, permits(&["shop"])).await;
    permitted(&world, "a", &["shop"]).await;
    world.lists(4).await;
    assert_eq!(calls(&world).await, [1, 0, 0], "Lists cost no read");
    for token in ["monday", "tuesday"] {
        world.request("a", token).await;
        world.until("a", "the request", |o| o["status"]["lastHandledReconcileAt"] == token).await;
    }
    assert_eq!(calls(&world).await, [3, 0, 0]);
    first.stop_gracefully().await.unwrap();

    let start = world.operator().await.arg("--allowed-facets=permissions").arg("--allowed-principals=*");
    let _second = start.arg("--details-interval=3s").start().await.unwrap();
    world.eventually("reads", async || (world.calls(GET).await >= 6).then_some(())).await;
    let journal = world.aws.journal().await.unwrap();
    let reads: Vec<_> = journal.iter().filter(|entry| entry.is(GET)).skip(3).collect();
    let between = |pair: &[&Entry]| {
        let [one, other] = [pair[0], pair[1]].map(|entry| entry.started_at.parse::<Timestamp>().unwrap());
        other.since(one).as_millis()
    };
    assert!(reads.windows(2).map(between).all(|millis| millis >= 2_600), "not before nine tenths of the interval");
    world.judge().await;
}
