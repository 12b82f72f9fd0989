//! The namespaces that an operator was given: those alone, and each by itself.

use devkit::auditor::profiling_groups;
use kube::{
    Api,
    api::{DynamicObject, PostParams},
};
use serde_json::json;

use crate::{
    accounts::{PUBLISH, READ, WRITE_STATUS, account, allow},
    world::World,
};

const UPDATE: &str = "UpdateProfilingGroup";

/// Makes a resource `name` for the group `name` in another namespace than the story's.
async fn create_in(world: &World, namespace: &str, name: &str) -> Api<DynamicObject> {
    let groups = Api::namespaced_with(world.client.clone(), namespace, &profiling_groups());
    let object = json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup", "metadata": { "name": name },
        "spec": { "profilingGroupName": name, "profilingEnabled": true },
    });
    groups.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    groups
}

#[tokio::test]
async fn one_operator_works_in_the_namespaces_that_it_was_given_and_in_no_other() {
    let world = World::new().await;
    let second = world.plane.namespace("story").await.unwrap();
    let third = world.plane.namespace("story").await.unwrap();
    for group in ["first", "second", "third"] {
        world.flip(group, false).await;
    }
    let operator = world.operator().await.arg(&format!("--namespace={second}")).start().await.unwrap();
    let left_alone = create_in(&world, &third, "third").await;
    create_in(&world, &second, "second").await;
    world.create("first", true, json!({})).await;
    world.condition("first", "Ready", "True", "InSync").await;
    world.eventually("the second", async || world.enabled("second").await.filter(|on| *on)).await;
    world.lists(2).await;
    assert_eq!(world.enabled("third").await, Some(false), "{}", operator.logs());
    let third = left_alone.get("third").await.unwrap();
    assert_eq!(third.data["status"], json!({ "observedGeneration": -1 }));
    assert_eq!(world.calls(UPDATE).await, 2);
    world.judge().await;
}

#[tokio::test]
async fn a_namespace_that_may_not_be_listed_does_not_stop_the_others_and_joins_when_it_may() {
    let world = World::new().await;
    let refused = world.plane.namespace("story").await.unwrap();
    for group in ["a", "b"] {
        world.flip(group, false).await;
    }
    let everything = [READ, WRITE_STATUS, PUBLISH];
    let (_, kubeconfig) = account(&world, "divided", &everything).await;
    world.create("a", true, json!({})).await;
    create_in(&world, &refused, "b").await;
    let start = world.operator_with(&kubeconfig).arg(&format!("--namespace={refused}"));
    let start = start.flag("--pod-name", "divided-0").flag("--pod-namespace", &world.namespace);
    let operator = start.start_unready().await.unwrap();
    operator.ready(std::time::Duration::from_secs(20)).await.unwrap();
    world.condition("a", "Ready", "True", "InSync").await;
    let note = world.has_event("divided-0", "NamespaceRefused").await;
    assert!(note.contains(&format!("namespace {refused}")) && note.contains("is allowed to list and watch"), "{note}");
    let counted = operator.metric("codeguru_profiler_namespaces_refused_total", &[&refused]).await.unwrap();
    assert!((counted - 1.0).abs() < 0.1, "{counted}");
    assert_eq!(world.calls_for(UPDATE, "b").await, 0);

    allow(&world, &refused, "divided", &everything).await;
    world.eventually("the namespace has joined", async || world.enabled("b").await.filter(|on| *on)).await;
    assert_eq!(world.calls(UPDATE).await, 2);
    world.judge().await;
}
