//! What was taken back before a process led: its own watch may not have reported that yet, and it must not send it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{Oracle, wanted_switch};
use crate::{process::Process, world::World};

/// Until when specs requested which value of which group, and since when each process leads.
#[derive(Default)]
pub struct TakenBack {
    requested: BTreeMap<(String, bool), Duration>,
    leads_since: BTreeMap<u64, Duration>,
}

impl TakenBack {
    /// This process leads, since its first write of the Lease.
    pub fn leads(&mut self, process: &Process) {
        self.leads_since.entry(process.id()).or_insert_with(|| process.world().elapsed());
    }

    /// Somebody is about to change a spec.
    pub fn specs_change(&mut self, world: &World) {
        let requested = requested(world);
        self.requested.extend(requested.into_iter().map(|requested| (requested, world.elapsed())));
    }

    /// A process sends an Update.
    pub fn sends(&self, world: &World, process: &Process, group: &str, to: bool) -> Result<(), String> {
        let Some(since) = self.leads_since.get(&process.id()) else { return Ok(()) };
        let value = (group.to_owned(), to);
        let in_time = self.requested.get(&value).is_some_and(|until| until >= since);
        if in_time || requested(world).contains(&value) {
            return Ok(());
        }
        Err(format!("{} sets {group} to {to}, which was taken back before it led", process.name()))
    }
}

impl Oracle {
    /// Somebody is about to change a spec.
    pub fn specs_change(&mut self, world: &World) {
        self.taken_back.specs_change(world);
    }
}

fn requested(world: &World) -> Vec<(String, bool)> {
    let of = |object: &Value| Some((object["spec"]["profilingGroupName"].as_str()?.to_owned(), wanted_switch(object)?));
    world.api().objects("profilinggroups").filter_map(|object| of(object)).collect()
}
