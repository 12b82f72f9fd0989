//! Every reading of what AWS leaves undocumented: Lists that return little, reads that lag behind writes.

use std::time::Duration;

use serde_json::json;

use crate::world::{REGION, World, condition};

/// In sync, an edit, somebody's change: the same under every reading.
async fn lives(world: &World, names: &[&str]) {
    for name in names {
        world.flip(name, true).await;
    }
    let _operator = world.start().await;
    for name in names {
        world.create(name, true, json!({})).await;
    }
    for name in names {
        world.condition(name, "Ready", "True", "InSync").await;
    }
    world.patch(names[0], json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition(names[0], "Ready", "True", "InSync").await;
    assert_eq!(world.enabled(names[0]).await, Some(false));
    world.flip(names[1], false).await;
    world.until(names[1], "a correction", |o| o["status"]["drift"]["corrections"] == 1).await;
    assert_eq!(world.enabled(names[1]).await, Some(true));
    assert_eq!(world.calls("UpdateProfilingGroup").await, 2);
}

#[tokio::test]
async fn lists_without_the_switch_are_filled_in_by_describes() {
    let world = World::new().await;
    world.aws.settings(REGION, json!({ "thinList": "noOrchestrationConfig" })).await.unwrap();
    lives(&world, &["a", "b", "c"]).await;
    world.judge().await;
}

#[tokio::test]
async fn lists_of_bare_groups_or_of_names_only_are_filled_in_by_describes() {
    for thin in ["bare", "namesOnly"] {
        let world = World::new().await;
        world.aws.settings(REGION, json!({ "thinList": thin })).await.unwrap();
        lives(&world, &["a", "b", "c"]).await;
        world.judge().await;
    }
}

#[tokio::test]
async fn lists_without_the_agents_timestamps_are_filled_in_by_describes() {
    let world = World::new().await;
    world.aws.settings(REGION, json!({ "thinList": "noProfilingStatus" })).await.unwrap();
    let seen = "2026-06-01T13:15:02.001Z";
    world
        .aws
        .put_group(REGION, "a", json!({ "profilingEnabled": true, "latestAgentProfileReportedAt": seen }))
        .await
        .unwrap();
    lives(&world, &["a", "b"]).await;
    let status = world.status("a").await;
    assert_eq!(status["profilingStatus"]["latestAgentProfileReportedAt"], seen);
    world.judge().await;
}

#[tokio::test]
async fn reads_that_lag_behind_our_own_write_are_never_taken_for_drift() {
    let world = World::new().await;
    world.flip("a", true).await;
    let operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    // The group gets older than the lag: a late read shows it as it was, and does not miss it.
    world.lists(6).await;
    world.aws.settings(REGION, json!({ "readLagMs": 10_000 })).await.unwrap();
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.lists(3).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 1);
    operator.stop_gracefully().await.unwrap();
    let _operator = world.start().await;
    world.lists(3).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 1, "nor after a restart");
    let journal = world.aws.journal().await.unwrap();
    assert!(journal.iter().all(|entry| entry.http_status == Some(200)), "no read missed the group");
    assert!(world.status("a").await.get("drift").is_none());
    assert_eq!(world.enabled("a").await, Some(false));
    world.judge().await;
}

#[tokio::test]
async fn many_pages_are_one_list() {
    let world = World::new().await;
    world.aws.settings(REGION, json!({ "maxPageSize": 7 })).await.unwrap();
    world.aws.seed(REGION, 30, "g", true).await.unwrap();
    let _operator = world.start().await;
    for name in ["g-00000", "g-00013", "g-00029"] {
        world.create(name, true, json!({})).await;
    }
    for name in ["g-00000", "g-00013", "g-00029"] {
        world.condition(name, "Ready", "True", "InSync").await;
    }
    assert_eq!(world.calls("DescribeProfilingGroup").await, 0);
    world.judge().await;
}

#[tokio::test]
#[ignore = "takes more than five minutes: so long an inventory is believed"]
async fn a_long_silence_of_aws_leaves_ready_alone_and_reports_that_nobody_can_vouch() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.aws.fault(json!({ "effect": { "type": "hang" } })).await.unwrap();
    let stale = || async {
        let status = world.status("a").await;
        (condition(&status, "Synced")["reason"] == "InventoryStale").then_some(status)
    };
    let status = devkit::wait::until("the inventory is stale", Duration::from_mins(7), stale).await.unwrap();
    assert_eq!(condition(&status, "Ready")["reason"], "InSync");
    world.aws.clear_faults().await.unwrap();
    world.condition("a", "Synced", "True", "InSync").await;
    world.judge().await;
}
