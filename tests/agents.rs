//! Whether profiling really happens: what the resource reports of the agents.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::{REGION, World, condition};

#[tokio::test]
async fn what_the_agents_do_is_reported_whatever_the_switch_is() {
    let world = World::new().await;
    let long_ago = "2026-06-01T13:00:00Z";
    // Late enough to be no leftover of the time before the switch moved, and never stale while this story runs.
    let fresh = (Timestamp::now() + SignedDuration::from_hours(1)).to_string();
    let seen = |at: &str| json!({ "latestAgentOrchestratedAt": at, "latestAgentProfileReportedAt": at });
    let table = [
        ("reporting", true, seen(&fresh), "AgentsReporting", "AgentsUpToDate"),
        ("silent", true, seen(long_ago), "AgentsSilent", "WaitingForAgents"),
        ("never-seen", true, json!({}), "NoAgentEverSeen", "WaitingForAgents"),
        ("off", false, seen(long_ago), "ProfilingOff", "WaitingForAgents"),
        ("disobeying", false, seen(&fresh), "ReportsAlthoughOff", "AgentsUpToDate"),
        ("lambda", true, json!({ "computePlatform": "AWSLambda" }), "NotJudged", "NotJudged"),
    ];
    for (name, enabled, agents, ..) in &table {
        let mut group: Value = json!({ "profilingEnabled": enabled });
        group.as_object_mut().unwrap().extend(agents.as_object().unwrap().clone());
        world.aws.put_group(REGION, name, group).await.unwrap();
    }
    let _operator = world.operator().await.flag("--agent-stale-after", "3s").start().await.unwrap();
    for (name, enabled, ..) in &table {
        world.create(name, *enabled, json!({})).await;
    }
    for (name, _, _, reporting, up_to_date) in table {
        let told = |object: &Value| {
            let reason = |kind| condition(&object["status"], kind)["reason"].clone();
            reason("AgentsReporting") == reporting && reason("AgentsUpToDate") == up_to_date
        };
        let status = world.until(name, reporting, told).await;
        assert_eq!(condition(&status, "Ready")["reason"], "InSync", "{name}: agents never hold back Ready");
    }
    world.judge().await;
}
