//! Every order of reads, writes, edits and faults of one group in a small world, with the real inventory, plan and
//! report in it.
//!
//! A state is a whole [`World`]; the explorer visits all of them, shortest trace first, and remembers each by a
//! fingerprint. Moments are renumbered after each step, so that only their order and the five minutes count, and the
//! world stays finite however often it is listed.
//!
//! That the checks can fail was seen by breaking the inventory in one place at a time: without the rank that a mutation
//! leaves behind, without either guard against stale reads, with an unclear mutation that leaves the switch known, with
//! an answer that leaves the switch as it was, and with a Describe after each Describe.

mod cases;
mod explorer;
mod steps;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use self::steps::{Call, Shaped};
use super::{Answer, Inventory, Known, STALE_READS_LAST};
use crate::{
    api::{DeletionPolicy, ProfilingStatus, Timestamp},
    domain::{
        account::Access,
        deletion::Life,
        desired::Desired,
        lane_id::LaneId,
        moment::Moment,
        observation::Observation,
        remembered::Remembered,
        situation::{Details, Knowledge, LaneView, Limits, Ownership, Situation},
    },
};

const NAME: &str = "g";
const REGION: &str = "r";
const ACCOUNT: &str = "1";
const ARN: &str = "arn:aws:c:r:1:g";
/// The tag that carries the version which an observation's switch is of; nothing decides by it.
const VERSION: &str = "v";

/// Which world is explored.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Rules {
    edits: u8,
    /// Changes by others in AWS.
    remote: u8,
    /// Writes that time out or are refused.
    faults: u8,
    crashes: u8,
    /// Whether others also delete and create the group.
    deletes: bool,
    /// Whether reads may be answered from an earlier version, for less than five minutes.
    lag: bool,
    /// Whether AWS sends `updatedAt`.
    updated_at: bool,
    /// Whether an Update that changes nothing moves `updatedAt`.
    moves: bool,
    lists: Shape,
    /// Whether the answers to Updates include the switch.
    updates_say: bool,
    /// Whether the resource was in sync before the process began, or is new.
    adopted: bool,
    /// Whether everything between two waits happens in one and the same millisecond.
    frozen: bool,
}

/// What the Lists return.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Everything,
    /// They leave the switch out.
    NoSwitch,
    /// They leave the agents' times out.
    NoAgents,
    /// Now everything, now neither.
    Sometimes,
}

const CALM: Rules = Rules {
    edits: 0,
    remote: 0,
    faults: 0,
    crashes: 0,
    deletes: false,
    lag: false,
    updated_at: true,
    moves: true,
    lists: Shape::Everything,
    updates_say: true,
    adopted: true,
    frozen: false,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Writer {
    /// The group was so when the world began.
    Nobody,
    Other,
    Operator,
    /// The operator, but it has never learnt, or has forgotten, that AWS did it.
    Unclear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Version {
    /// `None`: no such group.
    on: Option<bool>,
    by: Writer,
    /// The version in which the group was created.
    born: usize,
}

/// A read under way. AWS may have served it at any time since it began.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Read {
    began: Moment,
    /// The oldest version that it may return.
    oldest: usize,
    /// The newest one, if it was served before five minutes went by.
    newest: Option<usize>,
}

/// An Update under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Write {
    to: bool,
    /// What is remembered if AWS agrees.
    then: Remembered,
    served: bool,
    /// The version that AWS answers with once it is served; `None`: no such group.
    done: Option<usize>,
}

/// What is remembered, and the version that was last agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Memory {
    remembered: Remembered,
    agreed: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    versions: Vec<Version>,
    /// The oldest version that a read may still return.
    visible: usize,
    /// A write that timed out before AWS served it, and may still be served.
    late: Option<bool>,
    desired: bool,
    inventory: Inventory,
    /// Whether the process knows the status: the first List may be faster.
    knows_status: bool,
    memory: Memory,
    stored: Memory,
    list: Option<Read>,
    describe: Option<Read>,
    write: Option<Write>,
    now: Moment,
    /// Since when no read has shown what an unclear write did.
    unclear: Option<Moment>,
    edits: u8,
    remote: u8,
    faults: u8,
    crashes: u8,
    /// How many more Updates can be explained.
    explained: u8,
}

fn time(millis: usize) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + i128::try_from(millis).unwrap())
}

fn version_of(observation: &Observation) -> usize {
    observation.tags.as_ref().map_or(0, |tags| tags[VERSION].parse().unwrap())
}

fn present(inventory: &Inventory) -> Option<&Observation> {
    match inventory.entries.get(NAME)?.presence.as_ref()? {
        Known::Present(observation) => Some(observation),
        Known::Missing => None,
    }
}

impl World {
    fn new(rules: Rules, on: bool) -> Self {
        let remembered = if rules.adopted {
            Remembered {
                observed_generation: Some(1),
                last_applied: Some(on),
                switch: Some((on, time(0))),
                updated_at: rules.updated_at.then(|| time(0)),
                account: Some(ACCOUNT.into()),
                region: Some(REGION.into()),
                seen: true,
                ..Default::default()
            }
        } else {
            Remembered::default()
        };
        let stored = Memory { remembered, agreed: 0 };
        let mut world = Self {
            versions: vec![Version { on: Some(on), by: Writer::Nobody, born: 0 }],
            visible: 0,
            late: None,
            desired: true,
            inventory: Inventory::default(),
            knows_status: false,
            memory: stored.clone(),
            stored,
            list: None,
            describe: None,
            write: None,
            now: Moment(1_000_000),
            unclear: None,
            edits: rules.edits,
            remote: rules.remote,
            faults: rules.faults,
            crashes: rules.crashes,
            explained: u8::from(!rules.adopted),
        };
        world.start();
        world
    }

    /// The operator's process begins.
    fn start(&mut self) {
        self.inventory = Inventory::default();
        self.memory = self.stored.clone();
        self.knows_status = false;
    }

    fn learn_status(&mut self) {
        self.knows_status = true;
        if let Some((on, _)) = self.memory.remembered.switch {
            let remembered = Answer { profiling_enabled: Some(on), updated_at: self.memory.remembered.updated_at };
            self.inventory.remember(&NAME.into(), remembered, self.now);
        }
    }

    fn truth(&self) -> Version {
        self.versions[self.versions.len() - 1]
    }

    fn situation(&self) -> Situation {
        Situation {
            now: time(0),
            uid: "uid".into(),
            generation: 1,
            life: Life::Alive { finalizer: false },
            desired: Desired {
                name: NAME.into(),
                profiling_enabled: self.desired,
                manages: true,
                corrects_drift: true,
                suspended: false,
                creates: false,
                deletion: DeletionPolicy::Retain,
                platform: None,
                tags: None,
                principals: None,
                topics: None,
                not_allowed: None,
            },
            remembered: self.memory.remembered.clone(),
            ownership: Ownership::Owner,
            mark: None,
            lane: Some(LaneView {
                id: LaneId::of_region(REGION),
                account: Some(ACCOUNT.into()),
                since: time(0),
                failure: None,
                circuit: None,
                recovered: None,
            }),
            knowledge: Knowledge {
                presence: self.inventory.presence(NAME),
                wants_describe: self.inventory.wants_describe(NAME),
                tags_due: None,
                tags_unconfirmed: false,
                as_of: None,
                details: Details::default(),
            },
            backoff: None,
            request: None,
            unreadable: None,
            access: Access::Granted,
            limits: Limits::new(Duration::from_mins(1), Duration::from_mins(20), Duration::from_mins(10)),
        }
    }

    fn tell(&self, rules: Rules, version: usize, shaped: Shaped) -> Option<Observation> {
        let Version { on: Some(on), born, .. } = self.versions[version] else { return None };
        let (no_switch, no_agents) = match shaped {
            Shaped::Full => (false, false),
            Shaped::Thin { switch, agents } => (switch, agents),
        };
        Some(Observation {
            name: NAME.into(),
            arn: Some(ARN.into()),
            compute_platform: None,
            created_at: Some(time(born)),
            updated_at: rules.updated_at.then(|| time(version)),
            profiling_enabled: (!no_switch).then_some(on),
            profiling_status: (!no_agents).then(ProfilingStatus::default),
            tags: (!no_switch).then(|| [(VERSION.to_owned(), version.to_string())].into()),
        })
    }

    fn push(&mut self, rules: Rules, on: Option<bool>, by: Writer) {
        let next = self.versions.len();
        let born = if self.truth().on.is_none() { next } else { self.truth().born };
        self.versions.push(Version { on, by, born });
        if !rules.lag {
            self.visible = next;
        }
    }

    /// AWS does an Update; the version that it answers with.
    fn apply(&mut self, rules: Rules, to: bool, by: Writer) -> Option<usize> {
        let truth = self.truth();
        truth.on?;
        if rules.moves || truth.on != Some(to) {
            self.push(rules, Some(to), by);
        }
        Some(self.versions.len() - 1)
    }

    fn read(&mut self, call: Call) -> &mut Option<Read> {
        match call {
            Call::List => &mut self.list,
            Call::Describe => &mut self.describe,
        }
    }

    /// Keeps the order of all moments, and which of them are five minutes old, and nothing else.
    fn renumber(&mut self) {
        const NOW: u64 = 1_000_000;
        let long = u64::try_from(STALE_READS_LAST.as_millis()).unwrap();
        let now = self.now.0;
        let mut moments: Vec<&mut u64> = vec![&mut self.now.0];
        for entry in self.inventory.entries.values_mut() {
            moments.extend([&mut entry.as_of.0, &mut entry.settled.0]);
            moments.extend(entry.ours.as_mut().map(|ours| &mut ours.ended.0));
            moments.extend(entry.newest.as_mut().map(|newest| &mut newest.as_of.0));
            moments.extend(entry.described.as_mut().map(|described| &mut described.began.0));
            // No rule about the switch depends on it.
            entry.tags_as_of = Moment(0);
        }
        moments.extend(self.inventory.last_complete_list.as_mut().map(|list| &mut list.0));
        moments.extend([&mut self.list, &mut self.describe].into_iter().flatten().map(|read| &mut read.began.0));
        moments.extend(self.unclear.as_mut().map(|unclear| &mut unclear.0));
        let mut values: Vec<u64> = moments.iter().map(|moment| **moment).collect();
        values.sort_unstable();
        values.dedup();
        values.reverse();
        for moment in moments {
            let rank = u64::try_from(values.iter().position(|value| *value == *moment).unwrap()).unwrap();
            *moment = if now - *moment < long { NOW - rank } else { NOW - long - rank };
        }
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}
