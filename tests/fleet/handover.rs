//! The leader ends, in good order or not: the other replica follows what was edited meanwhile, and nothing is done twice.

use std::{
    cell::Cell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    by_hand,
    record::{UPDATE, updates_of, writes_of},
    replicas::{Fleet, Replica},
    rest::comes_to_rest,
    world::{REGION, World},
};

const GROUPS: usize = 100;
/// How often someone edits.
const PACE: Duration = Duration::from_millis(30);
const GAP: SignedDuration = SignedDuration::from_secs(2);

/// The end of a leader, and the next one.
struct Restart {
    former: Replica,
    ended: Timestamp,
    next: String,
}

#[tokio::test]
async fn every_edit_during_restarts_is_one_update_and_the_next_leader_acts_within_two_seconds() {
    let world = World::new().await;
    let (restarts, edits) = (by_hand("FLEET_RESTARTS", 6), by_hand("FLEET_EDITS", 200));
    world.aws.seed(REGION, GROUPS, "g", true).await.unwrap();
    let names: Vec<_> = (0..GROUPS).map(|i| format!("g-{i:05}")).collect();
    for name in &names {
        world.create(name, true, json!({})).await;
    }
    let fleet = Fleet::new(&world);
    let (leader, standby) = fleet.pair().await;
    for name in &names {
        world.condition(name, "Ready", "True", "InSync").await;
    }
    let done = Cell::new(false);
    let restarting = async {
        let done_restarts = restart_all(&fleet, leader, standby, restarts).await;
        done.set(true);
        done_restarts
    };
    let (made, (restarted, last)) = tokio::join!(edit_all(&world, &names, edits, &done), restarting);
    comes_to_rest(&world).await;

    let journal = world.aws.journal().await.unwrap();
    let mut sent: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for entry in journal.into_iter().filter(|entry| entry.is(UPDATE)) {
        assert_eq!(entry.http_status, Some(200), "{entry:?}");
        let enabled = entry.request["agentOrchestrationConfig"]["profilingEnabled"].clone();
        sent.entry(entry.group.unwrap()).or_default().push(enabled);
    }
    for (name, values) in &made {
        assert_eq!(sent.get(name), Some(values), "{name}: each edit is one Update, in their order");
    }
    let total: usize = made.values().map(Vec::len).sum();
    let gaps = gaps(&world, &restarted, &last).await;
    let longest = gaps.iter().max().unwrap();
    println!(
        "{total} edits, {} restarts; from the end of a leader to the first write of the next: {gaps:?}",
        gaps.len()
    );
    println!("the longest gap: {longest:?}");
    assert!(*longest <= GAP, "{gaps:?}");
    world.judge().await;
}

/// Turns one switch after the other, each again only once its last edit is done, until `done` and so many edits. Answers what each was set to.
async fn edit_all(world: &World, names: &[String], edits: usize, done: &Cell<bool>) -> BTreeMap<String, Vec<Value>> {
    let mut made: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for (count, name) in names.iter().cycle().enumerate() {
        if done.get() && count >= edits {
            break;
        }
        pace.tick().await;
        let values = made.entry(name.clone()).or_default();
        if !values.is_empty() {
            world.condition(name, "Ready", "True", "InSync").await;
        }
        let enabled = values.len() % 2 == 1;
        world.patch(name, json!({ "spec": { "profilingEnabled": enabled } })).await;
        values.push(json!(enabled));
    }
    made
}

/// Ends one leader after the other; a new replica takes its place, as a Deployment sees to it. Answers the last leader as well.
async fn restart_all(
    fleet: &Fleet<'_>,
    mut leader: Replica,
    mut standby: Replica,
    times: usize,
) -> (Vec<Restart>, Replica) {
    let mut restarts = Vec::new();
    for _ in 0..times {
        acts(fleet, &leader).await;
        let status = leader.operator.stop_gracefully().await.unwrap();
        let ended = Timestamp::now();
        assert_eq!(status.code(), Some(0), "{}", leader.operator.logs());
        restarts.push(Restart { former: leader, ended, next: standby.name.clone() });
        leader = standby;
        standby = fleet.replica().await;
    }
    acts(fleet, &leader).await;
    (restarts, leader)
}

async fn acts(fleet: &Fleet<'_>, replica: &Replica) {
    let what = format!("{} calls AWS", replica.name);
    fleet.world.eventually(&what, async || (!updates_of(fleet.world, replica).await.is_empty()).then_some(())).await;
}

async fn gaps(world: &World, restarts: &[Restart], last: &Replica) -> Vec<SignedDuration> {
    let mut gaps = Vec::new();
    for (index, restart) in restarts.iter().enumerate() {
        let next = restarts.get(index + 1).map_or(last, |later| &later.former);
        assert_eq!(next.name, restart.next);
        let (before, after) = (writes_of(world, &restart.former).await, writes_of(world, next).await);
        let (last, first) = (before.last().unwrap(), after.first().unwrap());
        assert!(last.at < first.at, "two act at a time: {last:?} {first:?}");
        gaps.push(first.at.duration_since(restart.ended));
    }
    gaps
}

#[tokio::test]
async fn an_edit_whose_leader_is_killed_is_followed_once_the_lease_is_over() {
    let world = World::new().await;
    killed_in_an_update(&world, &Fleet::new(&world)).await;
    world.judge().await;
}

#[tokio::test]
async fn as_installed_an_edit_whose_leader_is_killed_is_followed_within_nineteen_seconds() {
    let world = World::new().await;
    killed_in_an_update(&world, &Fleet::installed(&world)).await;
    world.judge().await;
}

async fn killed_in_an_update(world: &World, fleet: &Fleet<'_>) {
    for name in ["a", "b"] {
        world.flip(name, true).await;
        world.create(name, true, json!({})).await;
    }
    let (leader, _standby) = fleet.pair().await;
    for name in ["a", "b"] {
        world.condition(name, "Ready", "True", "InSync").await;
    }
    let hang = json!({ "operation": UPDATE, "group": "a", "count": 1, "effect": { "type": "hang" } });
    world.aws.fault(hang).await.unwrap();
    world.patch("a", json!({ "spec": { "profilingEnabled": false } })).await;
    world.eventually("the Update", async || (world.calls(UPDATE).await > 0).then_some(())).await;
    leader.operator.kill().await.unwrap();
    let killed = Instant::now();
    world.patch("b", json!({ "spec": { "profilingEnabled": false } })).await;
    for name in ["a", "b"] {
        world.eventually("AWS follows", async || world.enabled(name).await.filter(|on| !on)).await;
    }
    let took = killed.elapsed();
    println!("followed {took:?} after the kill");
    assert!(took <= fleet.terms.takeover(), "{took:?}");
    comes_to_rest(world).await;
    assert_eq!(world.calls_for(UPDATE, "a").await, 2, "the one that was under way, and one more");
    assert_eq!(world.calls_for(UPDATE, "b").await, 1);
}
