//! Two resources for one group never fight.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::world::{World, message};

#[tokio::test]
async fn the_second_resource_for_a_group_stands_back_and_takes_over_when_the_first_has_been_gone_for_a_while() {
    let world = World::new().await;
    world.flip("Shared", true).await;
    let _operator = world.start().await;
    let spec = |on: bool| json!({ "profilingGroupName": "Shared", "profilingEnabled": on });
    world.try_create("first", spec(true)).await.unwrap();
    world.condition("first", "Ready", "True", "InSync").await;
    world.try_create("second", spec(false)).await.unwrap();
    let status = world.condition("second", "Stalled", "True", "ClaimedByAnother").await;
    let message = message(&status, "Ready");
    assert!(message.contains(&format!("{}/first", world.namespace)), "{message}");
    assert!(status.get("arn").is_none());
    world.lists(2).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0, "nobody fights");
    assert_eq!(world.enabled("Shared").await, Some(true));

    world.delete("first").await;
    let gone = Instant::now();
    world.condition("second", "Ready", "True", "InSync").await;
    assert!(gone.elapsed() > Duration::from_secs(25), "it waits for the former owner: {:?}", gone.elapsed());
    assert_eq!(world.enabled("Shared").await, Some(false));
    assert_eq!(world.calls("UpdateProfilingGroup").await, 1);
    world.judge().await;
}

#[tokio::test]
async fn deleting_and_creating_the_owner_again_keeps_the_group_though_another_one_waits_for_it() {
    let world = World::new().await;
    world.flip("Shared", true).await;
    let _operator = world.start().await;
    let spec = |on: bool| json!({ "profilingGroupName": "Shared", "profilingEnabled": on });
    world.try_create("first", spec(true)).await.unwrap();
    world.condition("first", "Ready", "True", "InSync").await;
    world.try_create("second", spec(false)).await.unwrap();
    world.condition("second", "Stalled", "True", "ClaimedByAnother").await;

    world.delete("first").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.try_create("first", spec(true)).await.unwrap();
    world.condition("first", "Ready", "True", "InSync").await;
    world.lists(2).await;
    world.condition("second", "Stalled", "True", "ClaimedByAnother").await;
    assert_eq!(world.enabled("Shared").await, Some(true));
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0);
    world.judge().await;
}

#[tokio::test]
async fn deleting_the_loser_touches_nothing_and_the_incumbent_survives_a_restart() {
    let world = World::new().await;
    world.flip("Shared", true).await;
    let operator = world.start().await;
    let spec = |on: bool| json!({ "profilingGroupName": "Shared", "profilingEnabled": on });
    world.try_create("zebra", spec(true)).await.unwrap();
    world.condition("zebra", "Ready", "True", "InSync").await;
    world.try_create("aardvark", spec(false)).await.unwrap();
    world.condition("aardvark", "Stalled", "True", "ClaimedByAnother").await;
    operator.stop_gracefully().await.unwrap();
    let _operator = world.start().await;
    world.lists(2).await;
    world.condition("zebra", "Ready", "True", "InSync").await;
    world.condition("aardvark", "Stalled", "True", "ClaimedByAnother").await;
    world.delete("aardvark").await;
    world.lists(1).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0);
    world.judge().await;
}
