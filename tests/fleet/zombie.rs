//! A leader that stands still for longer than its lease, and goes on.

use devkit::process::Signal;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use crate::{
    record::{UPDATE, writes_of},
    replicas::{Fleet, Replica},
    rest::comes_to_rest,
    world::{LIMIT, REGION, World},
};

const GROUPS: usize = 8;
const ROUNDS: usize = 2;
/// The exit code when another replica has become the leader.
const LOST: i32 = 3;

#[tokio::test]
async fn a_leader_that_was_stopped_longer_than_its_lease_writes_nothing_when_it_goes_on_and_ends() {
    let world = World::new().await;
    world.aws.seed(REGION, GROUPS, "g", true).await.unwrap();
    let names: Vec<_> = (0..GROUPS).map(|i| format!("g-{i:05}")).collect();
    for name in &names {
        world.create(name, true, json!({})).await;
    }
    let fleet = Fleet::new(&world);
    for _ in 0..ROUNDS {
        let leader = slow(&fleet).await;
        fleet.until_leads(&leader).await;
        comes_to_rest(&world).await;
        let standby = fleet.replica().await;
        let position = world.aws.journal().await.unwrap().len();
        turn_all(&world, &names, false).await;
        between_two_calls(&world, position, &names).await;
        leader.signal(Signal::STOP);
        let stopped = Timestamp::now();
        fleet.until_leads(&standby).await;
        comes_to_rest(&world).await;
        // Now AWS is not what the stopped process wants of it.
        turn_all(&world, &names, true).await;
        comes_to_rest(&world).await;

        leader.signal(Signal::CONT);
        let resumed = Timestamp::now();
        let status = leader.operator.process().wait(LIMIT).await.unwrap();
        assert_eq!(status.code(), Some(LOST), "{}", leader.operator.logs());
        let writes = writes_of(&world, &leader).await;
        let (before, late): (Vec<_>, Vec<_>) = writes.into_iter().partition(|write| write.at < resumed);
        assert!(late.is_empty(), "stopped at {stopped}, resumed at {resumed}: {late:?}, after {:?}", before.last());
        comes_to_rest(&world).await;
        standby.operator.stop_gracefully().await.unwrap();
    }
    let _last = fleet.replica().await;
    comes_to_rest(&world).await;
    world.judge().await;
}

/// A replica whose calls are some time apart: much is left to do whenever it is stopped.
async fn slow(fleet: &Fleet<'_>) -> Replica {
    fleet.candidate().await.flag("--aws-calls-per-second", "1").start().await
}

async fn turn_all(world: &World, names: &[String], enabled: bool) {
    for name in names {
        world.patch(name, json!({ "spec": { "profilingEnabled": enabled } })).await;
    }
}

/// Waits until some calls of the leader are answered and reported, and none is under way: a request that is half sent
/// when the process is stopped can't be called back by anybody.
async fn between_two_calls(world: &World, position: usize, names: &[String]) {
    world
        .eventually("some calls are done, and none is under way", async || {
            let journal = world.aws.journal().await.unwrap();
            let sent: Vec<_> = journal[position..].iter().filter(|entry| entry.is(UPDATE)).collect();
            for entry in &sent {
                let group = world.get(entry.group.as_deref().unwrap()).await;
                let reported = group["status"]["observedGeneration"] == group["metadata"]["generation"];
                if entry.ended_at.is_none() || !reported {
                    return None;
                }
            }
            (!sent.is_empty() && sent.len() < names.len()).then_some(())
        })
        .await;
}
