//! Permissions are taken away and returned: nothing is done twice, nothing loops, and nothing needs a restart.

use std::{collections::BTreeMap, time::Duration};

use devkit::faultproxy::FaultProxy;
use serde_json::json;

use crate::{
    accounts::{PUBLISH, READ, WRITE_STATUS, allow},
    record::UPDATE,
    replicas::{ALL, Fleet, Replica, SHORT, USE_LEASES},
    rest::comes_to_rest,
    world::World,
};

/// How long permissions are missing: longer than the lease.
const MISSING: Duration = Duration::from_secs(6);
/// Requests of both replicas that are denied meanwhile, those for the Lease left out.
const DENIED_AT_MOST: usize = 40;
const READ_ONE: &str = "{ apiGroups: [codeguruprofiler.dev], resources: [profilinggroups], verbs: [get] }";

#[derive(Debug)]
struct Loss {
    what: &'static str,
    left: &'static [&'static str],
    /// How often at most the drift of one group is corrected, that comes back once.
    corrections: usize,
}

const LOSSES: [Loss; 5] = [
    Loss { what: "status", left: &[READ, PUBLISH, USE_LEASES], corrections: 1 },
    Loss { what: "events", left: &[READ, WRITE_STATUS, USE_LEASES], corrections: 2 },
    Loss { what: "leases", left: &[READ, WRITE_STATUS, PUBLISH], corrections: 0 },
    Loss { what: "watch", left: &[READ_ONE, WRITE_STATUS, PUBLISH, USE_LEASES], corrections: 2 },
    Loss { what: "all", left: &[], corrections: 0 },
];

#[tokio::test]
async fn a_permission_that_is_taken_away_and_returned_costs_no_second_update_and_no_restart() {
    let world = World::new().await;
    let fleet = Fleet::new(&world);
    let proxy = FaultProxy::start(&world.plane).await.unwrap();
    let mut replicas = vec![fleet.candidate_through(proxy.url()).await.start().await];
    fleet.until_leads(&replicas[0]).await;
    replicas.push(fleet.candidate_through(proxy.url()).await.start().await);
    for loss in &LOSSES {
        is_missed(&world, &proxy, &replicas, loss).await;
        let ended = replicas.iter().filter(|replica| replica.ended().is_some()).count();
        if loss.left.contains(&USE_LEASES) {
            assert_eq!(ended, 0, "{}", loss.what);
        }
        assert!(ended <= 1, "{}", loss.what);
        if ended > 0 {
            println!("{}: the other replica was faster to take the Lease", loss.what);
            replicas.retain(|replica| replica.ended().is_none());
            replicas.push(fleet.candidate_through(proxy.url()).await.start().await);
        }
    }
    world.judge().await;
}

async fn is_missed(world: &World, proxy: &FaultProxy, replicas: &[Replica], loss: &Loss) {
    // Groups of its own: one that drifts all the time would count as contested.
    let [drifts, edited] = ["drifts", "edited"].map(|what| format!("{}-{what}", loss.what));
    for name in [&drifts, &edited] {
        world.flip(name, true).await;
        world.create(name, true, json!({})).await;
        world.condition(name, "Ready", "True", "InSync").await;
    }
    let position = world.plane.audit().await.unwrap().position();
    permit(world, replicas, loss.left).await;
    proxy.cut_watches();
    if !loss.left.contains(&USE_LEASES) {
        // What is granted already may be used until then.
        tokio::time::sleep(SHORT.lease).await;
    }
    for _ in 0..2 {
        world.flip(&drifts, false).await;
        world.patch(&edited, json!({ "spec": { "profilingEnabled": false } })).await;
        // How long it lasts is what this is about.
        tokio::time::sleep(MISSING / 2).await;
    }
    let audit = world.plane.audit_since(position).await.unwrap();
    let ours = audit.only(|event| replicas.iter().any(|replica| replica.user == event.user));
    let denied = ours.only(|event| event.code == 403);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for event in &denied.events {
        *kinds.entry(format!("{} {}/{}", event.verb, event.resource, event.subresource)).or_default() += 1;
    }
    let (corrections, edits) = (world.calls_for(UPDATE, &drifts).await, world.calls_for(UPDATE, &edited).await);
    println!("without {}: {corrections} corrections, {edits} Updates for an edit; denied: {kinds:?}", loss.what);
    assert!(denied.count() > 0, "{} is not missed", loss.what);
    let (leases, others): (Vec<_>, Vec<_>) = denied.events.iter().partition(|event| event.resource == "leases");
    assert!(others.len() <= DENIED_AT_MOST, "{}: {kinds:?}", loss.what);
    // A read and a watch each time, and one more time.
    let attempts = 1 + (SHORT.lease + MISSING).as_millis() / SHORT.retry.as_millis();
    assert!(leases.len() as u128 <= attempts * 2 * replicas.len() as u128, "{}: {kinds:?}", loss.what);
    assert!(corrections <= loss.corrections, "{}: {corrections} corrections", loss.what);
    assert!(edits <= loss.corrections.min(1), "{}: {edits} Updates for one edit", loss.what);
    for replica in replicas {
        assert_eq!(replica.ended(), None, "{}: {}", loss.what, replica.operator.logs());
    }
    permit(world, replicas, &ALL).await;
    comes_to_rest(world).await;
    let corrected = world.calls_for(UPDATE, &drifts).await;
    assert!(corrected <= 2, "{}: {corrected} corrections of two drifts", loss.what);
    assert_eq!(world.calls_for(UPDATE, &edited).await, 1, "{}", loss.what);
}

async fn permit(world: &World, replicas: &[Replica], rules: &[&str]) {
    for replica in replicas {
        allow(world, &world.namespace, &replica.name, rules).await;
    }
}
