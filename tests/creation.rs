//! Groups that resources create where there are none.

use serde_json::{Value, json};

use crate::world::{REGION, World, condition, example, message};

const CREATE: &str = "CreateProfilingGroup";

async fn start(world: &World) -> devkit::operator::Operator {
    world.operator().await.arg("--allowed-facets=create,tags").start().await.unwrap()
}

fn if_missing() -> Value {
    json!({ "creationPolicy": "IfMissing" })
}

#[tokio::test]
async fn a_group_that_is_missing_is_created_once_as_the_spec_has_it() {
    let world = World::new().await;
    let operator = start(&world).await;
    let more = json!({ "creationPolicy": "IfMissing", "computePlatform": "AWSLambda", "tags": { "team": "shop" } });
    world.create("a", false, more).await;
    let status = world.condition("a", "Ready", "True", "InSync").await;
    let group = world.aws.group(REGION, "a").await.unwrap().unwrap();
    assert_eq!(group["computePlatform"], "AWSLambda");
    assert_eq!(
        (&group["agentOrchestrationConfig"]["profilingEnabled"], &group["tags"]["team"]),
        (&json!(false), &json!("shop"))
    );
    let created = &status["managed"]["created"];
    let uid = world.get("a").await["metadata"]["uid"].clone();
    assert_eq!((&created["uid"], &created["number"], created["at"].is_string()), (&uid, &json!(1), true));
    world.has_event("a", "Created").await;
    world.lists(2).await;
    operator.stop_gracefully().await.unwrap();
    let _operator = start(&world).await;
    world.lists(2).await;
    let calls =
        [world.calls(CREATE).await, world.calls("UpdateProfilingGroup").await, world.calls("TagResource").await];
    assert_eq!(calls, [1, 0, 0]);

    world.flip("b", true).await;
    world.create("b", true, json!({})).await;
    world.delete("a").await;
    world.lists(2).await;
    assert!(world.aws.group(REGION, "a").await.unwrap().is_some(), "deleting the resource does not delete the group");
    world.judge().await;
}

#[tokio::test]
async fn a_group_that_is_there_is_adopted_and_not_created() {
    let world = World::new().await;
    world.flip("a", false).await;
    let _operator = start(&world).await;
    world.create("a", true, if_missing()).await;
    let status = world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!((world.enabled("a").await, &status["managed"]), (Some(true), &Value::Null));
    assert_eq!(world.calls(CREATE).await, 0);
    world.judge().await;
}

/// Another client was faster: the group is used as it is found, and is not this resource's.
#[tokio::test]
async fn a_conflict_adopts() {
    let world = World::new().await;
    let conflict = json!({ "type": "error", "code": "ConflictException", "status": 409, "message": "exists" });
    world.aws.fault(json!({ "operation": CREATE, "count": 1, "after": true, "effect": conflict })).await.unwrap();
    let _operator = start(&world).await;
    world.create("a", true, if_missing()).await;
    let status = world.condition("a", "Ready", "True", "InSync").await;
    let created = &status["managed"]["created"];
    assert!(created["at"].is_null() && created["foundAt"].is_string(), "{created}");
    world.lists(2).await;
    assert_eq!(world.calls(CREATE).await, 1);
    world.judge().await;
}

#[tokio::test]
async fn a_group_that_others_delete_is_created_again_or_reported_whatever_aws_remembers_of_tokens() {
    for remembers in [false, true] {
        let world = World::new().await;
        world.aws.settings(REGION, json!({ "tokenOutlivesGroup": remembers })).await.unwrap();
        let _operator = start(&world).await;
        world.create("a", true, if_missing()).await;
        world.create("b", true, json!({ "creationPolicy": "IfMissing", "driftPolicy": "Report" })).await;
        for name in ["a", "b"] {
            world.condition(name, "Ready", "True", "InSync").await;
            world.aws.delete_group(REGION, name).await.unwrap();
        }
        let status = world.until("a", "a correction", |o| o["status"]["drift"]["corrections"] == 1).await;
        let correction = &status["drift"]["recentCorrections"][0];
        assert_eq!((&correction["field"], &correction["observed"]), (&json!("existence"), &json!("missing")));
        assert_eq!(status["managed"]["created"]["number"], 2);
        world.condition("a", "Ready", "True", "InSync").await;
        world.has_event("a", "DriftCorrected").await;

        let status = world.condition("b", "Ready", "True", "DriftReported").await;
        assert_eq!(
            condition(&status, "Synced")["message"],
            "The group is missing in AWS, and this resource creates it."
        );
        world.lists(2).await;
        assert_eq!((world.enabled("a").await, world.enabled("b").await), (Some(true), None), "{remembers}");
        assert_eq!(world.calls(CREATE).await, 3);
        world.judge().await;
    }
}

#[tokio::test]
async fn another_compute_platform_is_reported_and_nothing_is_written() {
    let world = World::new().await;
    world.flip("a", false).await;
    let _operator = start(&world).await;
    world.create("a", true, json!({ "creationPolicy": "IfMissing", "computePlatform": "AWSLambda" })).await;
    let status = world.condition("a", "Stalled", "True", "PlatformDiffers").await;
    let message = message(&status, "Ready");
    assert!(message.contains("Default") && message.contains("AWSLambda"), "{message}");
    world.lists(2).await;
    assert_eq!((world.calls("UpdateProfilingGroup").await, world.calls(CREATE).await), (0, 0));
    world.judge().await;
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_named_and_a_raised_one_lets_the_group_be_created() {
    let world = World::new().await;
    world.aws.settings(REGION, json!({ "quota": 1 })).await.unwrap();
    world.flip("first", true).await;
    let _operator = start(&world).await;
    world.create("a", true, if_missing()).await;
    let status = world.condition("a", "Stalled", "True", "QuotaExceeded").await;
    let message = message(&status, "Ready");
    assert!(message.contains("L-DA8D4E8D") && message.contains("Service Quotas"), "{message}");
    world.aws.settings(REGION, json!({ "quota": 2 })).await.unwrap();
    world.request("a", "now").await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.judge().await;
}

#[tokio::test]
async fn where_creation_is_denied_the_actions_are_named_and_nothing_is_created_twice_once_it_is_allowed() {
    let world = World::new().await;
    let rule = |effect: &str, action: &str| json!({ "effect": effect, "action": action });
    let all = rule("allow", "codeguru-profiler:*");
    world.aws.rules(&[all.clone(), rule("deny", "codeguru-profiler:CreateProfilingGroup")]).await.unwrap();
    let _operator = start(&world).await;
    world.create("a", true, json!({ "creationPolicy": "IfMissing", "tags": { "team": "shop" } })).await;
    let status = world.condition("a", "Stalled", "True", "AccessDenied").await;
    let message = message(&status, "Ready");
    for action in ["codeguru-profiler:CreateProfilingGroup", "codeguru-profiler:TagResource"] {
        assert!(message.contains(action), "{message}");
    }
    world.aws.rules(&[all]).await.unwrap();
    world.request("a", "now").await;
    let status = world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(status["managed"]["created"]["number"], 1, "the same creation");
    world.judge().await;
}

#[tokio::test]
async fn what_the_platform_does_not_allow_is_not_created() {
    let world = World::new().await;
    let _operator = world.operator().await.arg("--allowed-facets=tags").start().await.unwrap();
    world.create("a", true, if_missing()).await;
    let status = world.condition("a", "Stalled", "True", "FacetNotAllowed").await;
    let message = message(&status, "Ready");
    assert!(message.contains("spec.creationPolicy") && message.contains("--allowed-facets=create"), "{message}");
    world.patch("a", json!({ "spec": { "creationPolicy": null } })).await;
    world.condition("a", "Stalled", "True", "GroupNotFound").await;
    assert_eq!(world.calls(CREATE).await, 0);
    world.judge().await;
}

#[tokio::test]
async fn the_examples_work_for_an_operator_that_allows_them() {
    let world = World::new().await;
    let start = world.operator().await.arg("--allowed-facets=create,tags,permissions,notifications");
    let start = start.arg("--allowed-principals=arn:aws:iam::111122223333:role/*");
    let _operator = start.arg("--allowed-topics=arn:aws:sns:*:111122223333:*").start().await.unwrap();
    world.try_create("checkout", example("create")).await.unwrap();
    world.condition("checkout", "Ready", "True", "InSync").await;
    world.delete("checkout").await;
    world.try_create("checkout", example("tags")).await.unwrap();
    world.condition("checkout", "Ready", "True", "InSync").await;
    assert_eq!(world.tags("Checkout_Service").await, json!({ "team": "shop", "stage": "prod" }));
    for name in ["permissions", "notifications"] {
        world.delete("checkout").await;
        world.try_create("checkout", example(name)).await.unwrap();
        world.condition("checkout", "Ready", "True", "InSync").await;
    }
    let role = |name: &str| format!("arn:aws:iam::111122223333:role/{name}");
    let topics = ["arn:aws:sns:eu-west-1:111122223333:profiler-anomalies"];
    let expected = json!({ "principals": [role("checkout"), role("checkout-batch")], "topics": topics });
    assert_eq!(world.details("Checkout_Service").await, expected);
    world.judge().await;
}

/// kill -9 between the call and the record of its answer: one group, and this resource's, to be deleted with it.
#[tokio::test]
async fn an_operator_that_is_killed_while_it_creates_creates_one_group() {
    let rounds = std::env::var("CREATION_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let world = World::new().await;
    world.allow_finalizers().await;
    let start =
        async |world: &World| world.operator().await.arg("--allowed-facets=create,delete").start().await.unwrap();
    for round in 0..rounds {
        let name = format!("g-{round:03}");
        let after = round % 2 == 0;
        let hang = json!({ "operation": CREATE, "count": 1, "after": after, "effect": { "type": "hang" } });
        world.aws.fault(hang).await.unwrap();
        let operator = start(&world).await;
        world.create(&name, true, json!({ "creationPolicy": "IfMissing", "deletionPolicy": "Delete" })).await;
        world
            .eventually("the call", async || {
                let journal = world.aws.journal().await.unwrap();
                journal.iter().any(|entry| entry.fault == true && entry.is(CREATE)).then_some(())
            })
            .await;
        operator.kill().await.unwrap();
        world.aws.clear_journal().await.unwrap();
        let operator = start(&world).await;
        let status = world.condition(&name, "Ready", "True", "InSync").await;
        let created = &status["managed"]["created"];
        assert!(created["at"].is_string() && created["number"] == 1, "{name}: {created}");
        assert_eq!(world.calls(CREATE).await, 1, "{name}: the same call, once more");
        operator.stop_gracefully().await.unwrap();
        world.aws.clear_journal().await.unwrap();
    }
    let _operator = start(&world).await;
    for round in 0..rounds {
        let name = format!("g-{round:03}");
        world.delete(&name).await;
        assert!(world.aws.group(REGION, &name).await.unwrap().is_none(), "{name}");
    }
    assert_eq!(world.calls("DeleteProfilingGroup").await, rounds);
    world.judge().await;
}
