//! External changes in AWS: corrected and recorded, or only reported, as the resource requests.

use serde_json::json;

use crate::world::{World, condition};

#[tokio::test]
async fn drift_is_corrected_within_an_interval_and_recorded() {
    let world = World::new().await;
    world.flip("a", true).await;
    let operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.flip("a", false).await;
    let status = world.until("a", "a recorded correction", |o| o["status"]["drift"]["corrections"] == 1).await;
    assert_eq!(world.enabled("a").await, Some(true));
    assert_eq!(world.calls("UpdateProfilingGroup").await, 1);
    let correction = &status["drift"]["recentCorrections"][0];
    assert_eq!((&correction["observed"], &correction["desired"]), (&json!("false"), &json!("true")));
    assert!(status["drift"]["lastDetectedAt"].is_string() && status["drift"]["lastCorrectedAt"].is_string());
    world.has_event("a", "DriftCorrected").await;
    let counted = operator.metric("codeguru_profiler_drift_corrections_total", &[]).await.unwrap();
    assert!((counted - 1.0).abs() < 0.1, "{counted}");
    world.lists(2).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 1, "once is enough");
    world.judge().await;
}

#[tokio::test]
async fn report_names_what_differs_and_still_applies_the_users_own_changes() {
    let world = World::new().await;
    world.flip("a", true).await;
    let _operator = world.start().await;
    world.create("a", true, json!({ "driftPolicy": "Report" })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.flip("a", false).await;
    let status = world.condition("a", "Ready", "True", "DriftReported").await;
    let synced = condition(&status, "Synced");
    assert_eq!(synced["status"], "False");
    assert!(synced["message"].as_str().unwrap().contains("profilingEnabled is false in AWS"), "{synced}");
    assert_eq!(status["drift"]["fields"][0]["observed"], "false");
    world.has_event("a", "DriftReported").await;
    world.lists(2).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0);

    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.patch("a", json!({ "spec": { "profilingEnabled": true } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(true));
    assert_eq!(world.calls("UpdateProfilingGroup").await, 2);
    world.judge().await;
}

#[tokio::test]
async fn an_observed_group_is_never_written_to() {
    let world = World::new().await;
    world.flip("a", false).await;
    world.flip("b", false).await;
    let _operator = world.start().await;
    world.create("a", true, json!({ "managementPolicy": "Observe" })).await;
    let status = world.condition("a", "Ready", "True", "Observed").await;
    assert_eq!(condition(&status, "Synced")["reason"], "Differs");
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    world.patch("a", json!({ "spec": { "profilingEnabled": true } })).await;
    world.condition("a", "Synced", "False", "Differs").await;
    world.lists(1).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0);

    world.patch("a", json!({ "spec": { "managementPolicy": "Manage" } })).await;
    world.condition("a", "Ready", "True", "InSync").await;
    assert_eq!(world.enabled("a").await, Some(true));
    world.judge().await;
}

#[tokio::test]
async fn an_operator_that_only_observes_wins_over_every_resource() {
    let world = World::new().await;
    world.flip("a", false).await;
    let _operator = world.operator().await.arg("--observe-only").start().await.unwrap();
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "Observed").await;
    world.lists(1).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0);
    world.judge().await;
}

#[tokio::test]
async fn a_fight_is_noticed_and_slowed_down_and_a_restart_does_not_forget_it() {
    let world = World::new().await;
    world.flip("a", true).await;
    let operator = world.start().await;
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    for correction in 1..=4 {
        world.flip("a", false).await;
        world.until("a", "a correction", |o| o["status"]["drift"]["corrections"] == correction).await;
    }
    let status = world.condition("a", "Ready", "False", "Contested").await;
    assert_eq!(condition(&status, "Reconciling")["reason"], "Contested");
    assert_eq!(status["drift"]["slowdown"]["step"], 1);
    world.has_event("a", "Contested").await;
    world.flip("a", false).await;
    world.lists(2).await;
    assert_eq!(world.enabled("a").await, Some(false), "the next correction waits for its minute");

    operator.stop_gracefully().await.unwrap();
    let _operator = world.start().await;
    world.lists(2).await;
    assert_eq!(world.enabled("a").await, Some(false));
    assert_eq!(world.status("a").await["drift"]["slowdown"]["step"], 1);
    assert_eq!(world.calls("UpdateProfilingGroup").await, 4);
    world.judge().await;
}
