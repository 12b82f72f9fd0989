//! The API server is gone, or hangs, and comes back: the replicas wait, and put right what has changed meanwhile.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    by_hand,
    record::UPDATE,
    replicas::{Fleet, Replica},
    rest::comes_to_rest,
    world::World,
};

/// From the return of the API server to the first write.
const RECOVERY: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
enum Outage {
    Gone,
    Frozen,
}

#[tokio::test]
async fn an_api_server_that_is_away_for_a_while_ends_at_most_one_replica_and_none_that_is_alone() {
    let world = World::apart().await;
    let fleet = Fleet::new(&world);
    let (leader, standby) = fleet.pair().await;
    let mut replicas = vec![leader, standby];
    for outage in [Outage::Gone, Outage::Frozen] {
        happens(&world, "two", outage).await;
        comes_to_rest(&world).await;
        let ended = replicas.iter().filter(|replica| replica.ended().is_some()).count();
        assert!(ended <= 1, "{outage:?} ends {ended}");
        replicas.retain(running);
        if ended > 0 {
            replicas.push(fleet.replica().await);
        }
    }
    let waiting = world.eventually("a leader", async || fleet.leader().await).await;
    let standby = replicas.iter().position(|replica| replica.name != waiting).unwrap();
    replicas.remove(standby).operator.stop_gracefully().await.unwrap();
    for outage in [Outage::Gone, Outage::Frozen] {
        happens(&world, "one", outage).await;
        comes_to_rest(&world).await;
        assert!(replicas.iter().all(running), "{outage:?} ends the only one");
    }
    world.judge().await;
}

fn running(replica: &Replica) -> bool {
    let ended = replica.ended();
    if let Some(code) = ended {
        println!("{} has ended with {code}", replica.name);
        assert_eq!(code, 3, "{}", replica.operator.logs());
    }
    ended.is_none()
}

/// One outage, in which AWS is changed, and an edit after it.
async fn happens(world: &World, replicas: &str, outage: Outage) {
    // Groups of its own: one that is changed every minute would count as contested.
    let [drifts, edited] = ["drifts", "edited"].map(|what| format!("{replicas}-{what}-{outage:?}").to_lowercase());
    for name in [&drifts, &edited] {
        world.flip(name, true).await;
        world.create(name, true, json!({})).await;
        world.condition(name, "Ready", "True", "InSync").await;
    }
    let updates = world.calls(UPDATE).await;
    match outage {
        Outage::Gone => world.plane.stop_api_server(),
        Outage::Frozen => world.plane.freeze_api_server().unwrap(),
    }
    world.flip(&drifts, false).await;
    // The length of the outage is what this is about.
    tokio::time::sleep(Duration::from_secs(by_hand("FLEET_OUTAGE", 10) as u64)).await;
    assert_eq!(world.calls(UPDATE).await, updates, "{outage:?}: nobody confirms the spec");
    match outage {
        Outage::Gone => world.plane.start_api_server().await.unwrap(),
        Outage::Frozen => world.plane.thaw_api_server().unwrap(),
    }
    let back = Instant::now();
    world.eventually("the correction", async || world.enabled(&drifts).await.filter(|on| *on)).await;
    let corrected = back.elapsed();
    world.patch(&edited, json!({ "spec": { "profilingEnabled": false } })).await;
    world.condition(&edited, "Ready", "True", "InSync").await;
    let followed = back.elapsed();
    println!(
        "{outage:?}, {replicas}: corrected {corrected:?} after the return, an edit followed {followed:?} after it"
    );
    assert!(corrected <= RECOVERY && followed <= RECOVERY, "{outage:?}: {corrected:?}, {followed:?}");
    assert_eq!(world.calls(UPDATE).await, updates + 2, "{outage:?}");
}
