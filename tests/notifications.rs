//! Notifications of anomalies: the topics of the spec are the whole set, within AWS's limit of two.

use serde_json::{Value, json};

use crate::world::{REGION, World, condition, correction, message};

const GET: &str = "GetNotificationConfiguration";
const ADD: &str = "AddNotificationChannels";
const REMOVE: &str = "RemoveNotificationChannel";

fn topic(name: &str) -> String {
    format!("arn:aws:sns:eu-west-1:111122223333:{name}")
}

fn topics(names: &[&str]) -> Value {
    names.iter().map(|name| topic(name)).collect()
}

fn notifies(names: &[&str]) -> Value {
    json!({ "anomalyNotifications": names.iter().map(|name| json!({ "topicArn": topic(name) })).collect::<Vec<_>>() })
}

/// A group that is on, with channels of these topics.
async fn group(world: &World, name: &str, names: &[&str]) {
    world.aws.put_group(REGION, name, json!({ "profilingEnabled": true, "topics": topics(names) })).await.unwrap();
}

async fn operator(world: &World) -> devkit::operator::Operator {
    let start = world.operator().await;
    start.arg("--allowed-facets=notifications").arg(&format!("--allowed-topics={}", topic("*"))).start().await.unwrap()
}

/// Reads, additions and removals so far.
async fn calls(world: &World) -> [usize; 3] {
    [world.calls(GET).await, world.calls(ADD).await, world.calls(REMOVE).await]
}

/// AWS has these topics, and the status of this generation reports them.
async fn notified(world: &World, name: &str, names: &[&str]) -> Value {
    let expected = topics(names);
    let reported = |status: &Value| -> Value {
        let channels = status["details"]["channels"].as_array().into_iter().flatten();
        channels.map(|channel| channel["topicArn"].clone()).collect()
    };
    let status = world.until(name, "the channels", |object| {
        let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let ready = condition(&object["status"], "Ready");
        current && ready["reason"] == "InSync" && reported(&object["status"]) == expected
    });
    let status = status.await;
    assert_eq!(status["lastApplied"]["topics"], expected);
    let mut actual = world.details(name).await["topics"].take();
    actual.as_array_mut().unwrap().sort_by_key(ToString::to_string);
    assert_eq!(actual, expected);
    status
}

#[tokio::test]
async fn topics_are_added_exchanged_and_removed_and_a_removed_field_leaves_them_alone() {
    let world = World::new().await;
    group(&world, "a", &[]).await;
    group(&world, "unmanaged", &["theirs"]).await;
    let _operator = operator(&world).await;
    world.create("unmanaged", true, json!({})).await;
    world.create("a", true, notifies(&["shop", "cart"])).await;
    let status = notified(&world, "a", &["cart", "shop"]).await;
    assert!(status["details"]["channels"][0]["id"].is_string() && status["details"]["readAt"].is_string());
    assert_eq!(calls(&world).await, [1, 1, 0], "one call for both");
    world.has_event("a", "Updated").await;

    world.patch("a", json!({ "spec": notifies(&["cart", "shop"]) })).await;
    notified(&world, "a", &["cart", "shop"]).await;
    assert_eq!(calls(&world).await, [1, 1, 0], "another order is no difference");

    world.patch("a", json!({ "spec": notifies(&["cart", "till"]) })).await;
    notified(&world, "a", &["cart", "till"]).await;
    assert_eq!(calls(&world).await, [1, 2, 1], "both channels were used: removed, then added");

    world.patch("a", json!({ "spec": notifies(&[]) })).await;
    notified(&world, "a", &[]).await;
    assert_eq!(calls(&world).await, [1, 2, 3]);

    world.patch("a", json!({ "spec": notifies(&["shop"]) })).await;
    notified(&world, "a", &["shop"]).await;
    world.patch("a", json!({ "spec": { "anomalyNotifications": null } })).await;
    let released = world.until("a", "the release", |o| o["status"]["lastApplied"]["topics"].is_null()).await;
    assert_eq!(released["details"], Value::Null);
    world.lists(2).await;
    assert_eq!(world.details("a").await["topics"], topics(&["shop"]));
    assert_eq!(calls(&world).await, [1, 3, 3]);
    assert_eq!(world.calls_for(GET, "unmanaged").await, 0, "what is not managed is not read");
    world.judge().await;
}

#[tokio::test]
async fn channels_that_are_as_wanted_are_adopted_without_a_write_and_those_of_others_are_removed() {
    let world = World::new().await;
    group(&world, "a", &["shop", "cart"]).await;
    group(&world, "b", &["theirs"]).await;
    let _operator = operator(&world).await;
    world.create("a", true, notifies(&["cart", "shop"])).await;
    notified(&world, "a", &["cart", "shop"]).await;
    assert_eq!(calls(&world).await, [1, 0, 0]);
    world.create("b", true, notifies(&["shop"])).await;
    notified(&world, "b", &["shop"]).await;
    let journal = world.aws.journal().await.unwrap();
    let of_b = journal.iter().filter(|entry| entry.group.as_deref() == Some("b"));
    let operations: Vec<_> = of_b.filter_map(|entry| entry.operation.as_deref()).collect();
    assert_eq!(operations, [GET, ADD, REMOVE], "there was room: no anomaly is missed meanwhile");
    world.judge().await;
}

#[tokio::test]
async fn drift_of_notifications_is_corrected_and_recorded_reported_or_observed() {
    let world = World::new().await;
    let start = world.operator().await.arg("--allowed-facets=notifications").arg("--allowed-topics=*");
    let operator = start.arg("--details-interval=2s").start().await.unwrap();
    let more =
        [("a", json!({})), ("b", json!({ "driftPolicy": "Report" })), ("c", json!({ "managementPolicy": "Observe" }))];
    for (name, mut spec) in more {
        group(&world, name, &["shop"]).await;
        spec.as_object_mut().unwrap().extend(notifies(&["shop"]).as_object().unwrap().clone());
        world.create(name, true, spec).await;
        notified(&world, name, &["shop"]).await;
    }
    group(&world, "a", &["theirs"]).await;
    group(&world, "b", &["shop", "theirs"]).await;
    group(&world, "c", &[]).await;
    let status = world.until("a", "a correction", |o| o["status"]["drift"]["corrections"] == 1).await;
    assert_eq!(correction(&status), ["anomalyNotifications".to_owned(), topic("theirs"), topic("shop")]);
    let status = notified(&world, "a", &["shop"]).await;
    assert_eq!(status["drift"]["corrections"], 1, "two calls are one correction");
    world.has_event("a", "DriftCorrected").await;
    let counted =
        operator.metric("codeguru_profiler_drift_corrections_total", &["facet=\"anomalyNotifications\""]).await;
    assert!((counted.unwrap() - 1.0).abs() < 0.1);

    let status = world.condition("b", "Ready", "True", "DriftReported").await;
    let expected = format!(
        "anomalyNotifications are {}, {} in AWS, but {} in this resource.",
        topic("shop"),
        topic("theirs"),
        topic("shop")
    );
    assert_eq!(condition(&status, "Synced")["message"], expected);
    world.condition("c", "Ready", "True", "Observed").await;
    assert_eq!(calls(&world).await[1..], [1, 1]);
    world.judge().await;
}

#[tokio::test]
async fn topics_that_the_platform_does_not_allow_are_refused_without_any_call() {
    let world = World::new().await;
    group(&world, "a", &[]).await;
    let first = world.start().await;
    world.create("a", true, notifies(&["shop"])).await;
    let refused = async |reason: &str, flag: &str| {
        let status = world.condition("a", "Stalled", "True", reason).await;
        let message = message(&status, "Ready");
        assert!(message.contains("spec.anomalyNotifications") && message.contains(flag), "{message}");
    };
    refused("FacetNotAllowed", "--allowed-facets=notifications").await;
    first.stop_gracefully().await.unwrap();
    let _second = world.operator().await.arg("--allowed-facets=notifications").start().await.unwrap();
    refused("TopicNotAllowed", "--allowed-topics").await;
    assert_eq!(world.calls("ListProfilingGroups").await, 0, "not even a List");
    world.patch("a", json!({ "spec": notifies(&[]) })).await;
    notified(&world, "a", &[]).await;
    world.judge().await;
}

#[tokio::test]
async fn where_a_call_is_denied_or_the_topic_is_refused_the_status_reports_what_to_do() {
    let rule =
        |effect: &str, action: &str| json!({ "effect": effect, "action": format!("codeguru-profiler:{action}") });
    let has = async |world: &World, reason: &str, parts: &[&str]| {
        let status = world.condition("a", "Stalled", "True", reason).await;
        let message = message(&status, "Ready");
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    };
    for denied in [GET, REMOVE, ADD] {
        let world = World::new().await;
        group(&world, "a", &["theirs", "more"]).await;
        world.aws.rules(&[rule("allow", "*"), rule("deny", denied)]).await.unwrap();
        let _operator = operator(&world).await;
        world.create("a", true, notifies(&["shop"])).await;
        has(&world, "AccessDenied", &[&format!("codeguru-profiler:{denied}")]).await;
        world.aws.rules(&[rule("allow", "*")]).await.unwrap();
        world.request("a", "now").await;
        notified(&world, "a", &["shop"]).await;
        world.judge().await;
    }

    let world = World::new().await;
    group(&world, "a", &[]).await;
    let refusal = json!({ "type": "error", "code": "ValidationException", "message": "Can't publish to the topic." });
    world.aws.fault(json!({ "operation": ADD, "effect": refusal })).await.unwrap();
    let _operator = operator(&world).await;
    world.create("a", true, notifies(&["shop"])).await;
    let parts = ["Can't publish to the topic. Check", "access policies let codeguru-profiler.amazonaws.com publish"];
    has(&world, "InvalidRequest", &parts).await;
    world.aws.clear_faults().await.unwrap();
    world.request("a", "now").await;
    notified(&world, "a", &["shop"]).await;
    world.judge().await;
}

#[tokio::test]
async fn what_has_changed_meanwhile_or_whose_answer_was_lost_is_read_again() {
    let world = World::new().await;
    group(&world, "a", &["shop"]).await;
    let _operator = operator(&world).await;
    world.create("a", true, notifies(&["shop"])).await;
    notified(&world, "a", &["shop"]).await;
    // Another channel than the one that is known, and no room beside it.
    group(&world, "a", &["theirs", "more"]).await;
    world.patch("a", json!({ "spec": notifies(&["shop", "cart"]) })).await;
    notified(&world, "a", &["cart", "shop"]).await;
    assert_eq!(calls(&world).await, [2, 2, 2], "refused, read, removed and added");
    assert_eq!(world.status("a").await["drift"], Value::Null, "it was edited");

    world
        .aws
        .fault(json!({ "operation": REMOVE, "count": 1, "after": true, "effect": { "type": "reset" } }))
        .await
        .unwrap();
    world.patch("a", json!({ "spec": notifies(&["cart"]) })).await;
    notified(&world, "a", &["cart"]).await;
    assert_eq!(calls(&world).await, [3, 2, 3], "what was lost was done");

    // The channel is gone, and not the group.
    group(&world, "a", &["till"]).await;
    world.patch("a", json!({ "spec": notifies(&[]) })).await;
    notified(&world, "a", &[]).await;
    assert_eq!(calls(&world).await, [4, 2, 5], "not found, read, removed");
    world.judge().await;
}
