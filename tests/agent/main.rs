//! AWS's own agent, through the operator: the switch of a resource starts and stops the sampling of a real program. Needs python3.
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends here")]

#[path = "../phases.rs"]
mod phases;
#[path = "../world.rs"]
#[allow(dead_code, reason = "the stories need more of it")]
mod world;

use std::time::{Duration, Instant};

use devkit::agent::{self, Agent};
use serde_json::json;

use crate::world::{LIMIT, REGION, World};

const GROUP: &str = "Checkout_Service";
const PERIOD: Duration = Duration::from_secs(3);
/// How much later than a period the end of the sampling may be seen on a busy machine: two requests, and looking.
const SLACK: Duration = Duration::from_secs(2);

/// As a user does it.
async fn apply(world: &World, enabled: bool) {
    let manifest = json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup",
        "metadata": { "name": "checkout", "namespace": world.namespace },
        "spec": { "profilingGroupName": GROUP, "profilingEnabled": enabled },
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), manifest.to_string()).unwrap();
    let output = world.plane.kubectl(&["apply", "--filename", file.path().to_str().unwrap()]).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until the agent has called AWS so often again.
async fn calls(world: &World, operation: &str, times: usize) {
    let before = world.calls(operation).await;
    world
        .eventually(&format!("{times} more {operation}"), async || {
            (world.calls(operation).await >= before + times).then_some(())
        })
        .await;
}

#[tokio::test]
async fn an_applied_false_stops_the_sampling_of_awss_own_agent_within_a_period_and_a_true_resumes_it() {
    let world = World::new().await;
    world.aws.settings(REGION, agent::period(PERIOD.as_secs())).await.unwrap();
    world.flip(GROUP, true).await;
    let agent = Agent::start(&world.emulator, &world.aws, REGION, GROUP).await.unwrap();
    calls(&world, "PostAgentProfile", 1).await;

    let _operator = world.operator().await.flag("--agent-stale-after", "15s").start().await.unwrap();
    apply(&world, true).await;
    world.condition("checkout", "AgentsReporting", "True", "AgentsReporting").await;
    world.condition("checkout", "AgentsUpToDate", "True", "AgentsUpToDate").await;
    assert!(agent.samples().unwrap() > 0);

    apply(&world, false).await;
    world.eventually("AWS reports off", async || (world.enabled(GROUP).await == Some(false)).then_some(())).await;
    let switched = Instant::now();
    let took = agent.rests(2 * PERIOD, LIMIT).await.unwrap().saturating_duration_since(switched);
    println!("the sampling ended {:.1} s after AWS had agreed, of a period of {PERIOD:?}", took.as_secs_f64());
    assert!(took <= PERIOD + SLACK, "the sampling ended only {took:?} after AWS had agreed");
    let status = world.condition("checkout", "AgentsReporting", "False", "ProfilingOff").await;
    assert_eq!(status["profilingEnabled"], false);
    world.condition("checkout", "AgentsUpToDate", "True", "AgentsUpToDate").await;
    let posted = world.calls("PostAgentProfile").await;
    calls(&world, "ConfigureAgent", 4).await;
    assert_eq!(world.calls("PostAgentProfile").await, posted, "it polls, and posts nothing");

    let at_rest = agent.samples().unwrap();
    apply(&world, true).await;
    calls(&world, "PostAgentProfile", 1).await;
    assert!(agent.samples().unwrap() > at_rest);
    world.condition("checkout", "AgentsReporting", "True", "AgentsReporting").await;
    world.condition("checkout", "AgentsUpToDate", "True", "AgentsUpToDate").await;
    drop(agent);
    world.judge().await;
}
