//! Nothing is written when nothing changed, and one List serves every object: exact counts, from the journal and the
//! audit log.

use serde_json::json;

use crate::world::{REGION, World};

const GROUPS: usize = 100;

fn names() -> impl Iterator<Item = String> {
    (0..GROUPS).map(|i| format!("g-{i:05}"))
}

async fn converged(world: &World) {
    for name in names() {
        world.condition(&name, "Ready", "True", "InSync").await;
    }
}

#[tokio::test]
async fn a_hundred_groups_cost_what_they_must_and_no_more() {
    let world = World::new().await;
    world.aws.seed(REGION, GROUPS, "g", true).await.unwrap();
    for name in names() {
        world.create(&name, true, json!({})).await;
    }

    let operator = world.operator().await.flag("--poll-interval", "1m").start().await.unwrap();
    converged(&world).await;
    assert_eq!(world.aws.journal().await.unwrap().len(), 1, "adopting all of them is one List");
    assert_eq!(world.status_writes().await, GROUPS, "and one status write each");

    operator.stop_gracefully().await.unwrap();
    world.aws.clear_journal().await.unwrap();
    let operator = world.operator().await.flag("--poll-interval", "1s").start().await.unwrap();
    world.lists(5).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, 0);
    assert_eq!(world.status_writes().await, GROUPS, "a restart and rest write nothing");
    let reconciles = operator.metric("controller_runtime_reconcile_total", &[]).await.unwrap();
    assert!(reconciles < 0.5, "nothing to do is no reconcile: {reconciles}");
    operator.stop_gracefully().await.unwrap();

    world.aws.clear_journal().await.unwrap();
    let operator = world.operator().await.flag("--poll-interval", "1m").start().await.unwrap();
    world.listed().await;
    for name in names() {
        world.patch(&name, json!({ "spec": { "profilingEnabled": false } })).await;
    }
    converged(&world).await;
    assert_eq!(world.calls("UpdateProfilingGroup").await, GROUPS, "a flip is one call");
    assert_eq!(world.calls("DescribeProfilingGroup").await, 0);
    assert!(world.calls("ListProfilingGroups").await <= 3);
    assert_eq!(world.status_writes().await, 2 * GROUPS);
    operator.stop_gracefully().await.unwrap();

    world.aws.clear_journal().await.unwrap();
    world.aws.flip_all(REGION).await.unwrap();
    let _operator = world.operator().await.flag("--poll-interval", "1m").start().await.unwrap();
    for name in names() {
        world.until(&name, "a correction", |o| o["status"]["drift"]["corrections"] == 1).await;
    }
    assert_eq!(world.calls("UpdateProfilingGroup").await, GROUPS, "and so is a correction");
    assert_eq!(world.calls("DescribeProfilingGroup").await, 0);
    world.judge().await;
}

#[tokio::test]
async fn agents_that_report_every_while_do_not_cost_a_write_each_time() {
    let world = World::new().await;
    let report = async |minute: u32| {
        let at = format!("2026-06-01T13:{minute:02}:00.000Z");
        let group =
            json!({ "profilingEnabled": true, "latestAgentOrchestratedAt": at, "latestAgentProfileReportedAt": at });
        world.aws.put_group(REGION, "a", group).await.unwrap();
    };
    report(0).await;
    // Old times are silent agents: only their moving is of interest here.
    let _operator = world.operator().await.flag("--poll-interval", "1s").start().await.unwrap();
    world.create("a", true, json!({})).await;
    world.condition("a", "Ready", "True", "InSync").await;
    let writes = world.status_writes().await;
    for minute in 1..=4 {
        report(minute).await;
        world.lists(1).await;
    }
    let more = world.status_writes().await - writes;
    assert!(more <= 1, "at most one slot may turn meanwhile: {more}");

    world.patch("a", json!({ "spec": { "driftPolicy": "Report" } })).await;
    let status = world.until("a", "the new generation", |o| o["status"]["observedGeneration"] == 2).await;
    assert_eq!(
        status["profilingStatus"]["latestAgentProfileReportedAt"], "2026-06-01T13:04:00.000Z",
        "they ride along with whatever else is written"
    );
    world.judge().await;
}
