//! AWS throttles everything for a while, and then takes little: what is urgent goes first, and nothing is sent in a rush.

use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use crate::{by_hand, record::UPDATE, rest::comes_to_rest, world::World};

const CAP: usize = 20;
/// What AWS takes in a second once the storm is over.
const RELIEF: usize = 10;
/// From the end of the storm to the Update of an edit.
const EDIT_SERVED: Duration = Duration::from_secs(10);

#[tokio::test]
async fn after_a_storm_of_throttling_an_edit_goes_before_everything_that_waits() {
    let (lasts, pending) = (by_hand("FLEET_STORM", 15), by_hand("FLEET_PENDING", 60));
    let world = World::new().await;
    let start = world.operator().await;
    let operator = start.flag("--aws-calls-per-second", &CAP.to_string()).start().await.unwrap();
    world.flip("edited", true).await;
    world.create("edited", true, json!({})).await;
    world.condition("edited", "Ready", "True", "InSync").await;

    let throttled = json!({ "type": "error", "code": "ThrottlingException", "status": 429, "message": "no" });
    world.aws.fault(json!({ "effect": throttled })).await.unwrap();
    let began = Timestamp::now();
    for number in 0..pending {
        let name = format!("pending-{number}");
        world.flip(&name, false).await;
        world.create(&name, true, json!({})).await;
    }
    // The length of the storm is what this is about.
    tokio::time::sleep(Duration::from_secs(lasts as u64)).await;
    world.aws.limits(json!({ UPDATE: { "perSecond": RELIEF } })).await.unwrap();
    world.aws.clear_faults().await.unwrap();
    let relief = (Instant::now(), Timestamp::now());
    world.patch("edited", json!({ "spec": { "profilingEnabled": false } })).await;
    world.eventually("the edit", async || world.enabled("edited").await.filter(|on| !on)).await;
    let served = relief.0.elapsed();
    comes_to_rest(&world).await;
    let all = relief.0.elapsed();

    let calls = calls_since(&world, began).await;
    let in_storm = calls.iter().filter(|at| **at < relief.1).count();
    let most = busiest_second(&calls);
    println!(
        "{lasts} s of storm: {in_storm} calls, at most {most} in a second; the edit {served:?}, all {pending} {all:?} after it"
    );
    assert!(served <= EDIT_SERVED, "{served:?}");
    assert!(most <= 2 * CAP, "{most} calls in a second: the cap is {CAP}, and a bucket holds as many");
    assert!(operator.process().ended().is_none(), "{}", operator.logs());
    world.judge().await;
}

async fn calls_since(world: &World, began: Timestamp) -> Vec<Timestamp> {
    let journal = world.aws.journal().await.unwrap();
    let mut times: Vec<Timestamp> = journal.iter().map(|call| call.started_at.parse().unwrap()).collect();
    times.retain(|at| *at >= began);
    times.sort_unstable();
    times
}

/// The most of these, in order, that are within a second.
fn busiest_second(times: &[Timestamp]) -> usize {
    let end_of = |first: &Timestamp| *first + Duration::from_secs(1);
    let within = |from: usize| times[from..].iter().take_while(|at| **at < end_of(&times[from])).count();
    (0..times.len()).map(within).max().unwrap_or_default()
}
