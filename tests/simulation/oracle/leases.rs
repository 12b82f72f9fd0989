//! Calls that only the leader may make, and the Lease that names the leader.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::Oracle;
use crate::{
    process::{LEASE, LEASE_NAMESPACE, Process},
    world::World,
};

/// Such calls under way: of which process, and until when at the latest.
#[derive(Default)]
pub struct Acting {
    begun: u64,
    calls: BTreeMap<u64, (u64, Duration)>,
}

/// A call that only the leader may make, for as long as it is under way.
pub struct Acts {
    world: World,
    number: u64,
}

impl Acts {
    /// A process begins one that it cuts off after `bound`.
    pub fn begin(world: &World, process: &Process, bound: Duration) -> Self {
        let mut oracle = world.oracle();
        oracle.acting.begun += 1;
        let number = oracle.acting.begun;
        if process.options().elects {
            let lease = world.api().object("leases", LEASE_NAMESPACE, LEASE).map(|lease| (**lease).clone());
            let holder = lease.and_then(|lease| lease["spec"]["holderIdentity"].as_str().map(str::to_owned));
            if !holder.as_ref().is_some_and(|holder| is_held_by(holder, process)) {
                oracle.violated(world, format!("{} acts while {holder:?} holds the Lease", process.name()));
            }
            oracle.acting.calls.insert(number, (process.id(), world.elapsed() + bound));
        }
        Self { world: world.clone(), number }
    }
}

impl Drop for Acts {
    fn drop(&mut self) {
        self.world.oracle().acting.calls.remove(&self.number);
    }
}

fn is_held_by(holder: &str, process: &Process) -> bool {
    holder.strip_prefix(&process.identity()).is_some_and(|rest| rest.starts_with('_'))
}

impl Oracle {
    /// A process has created or replaced the Lease.
    pub fn lease_written(&mut self, world: &World, process: &Process, lease: &Value) {
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        let others: Vec<_> =
            self.acting.calls.values().filter(|(_, until)| *until > world.elapsed()).copied().collect();
        if is_held_by(holder, process) && others.iter().any(|(other, _)| *other != process.id()) {
            self.violated(world, format!("{} leads while a call of another one is under way", process.name()));
        }
        if is_held_by(holder, process) {
            self.taken_back.leads(process);
        }
        if holder.is_empty() {
            self.counted("releases");
            if others.iter().any(|(other, _)| *other == process.id()) {
                self.violated(world, format!("{} releases the Lease before its calls have ended", process.name()));
            }
        }
    }
}
