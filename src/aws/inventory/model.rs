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

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use super::{Ended, Inventory, Known, STALE_READS_LAST};
use crate::{
    api::{ProfilingGroupStatus, ProfilingStatus, SwitchState, Timestamp},
    domain::{
        desired::Desired,
        lane_id::LaneId,
        moment::Moment,
        observation::Observation,
        plan::{Cause, Plan, plan},
        remembered::Remembered,
        situation::{Knowledge, LaneView, Limits, Ownership, Presence, Situation},
        status::next_status,
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
    /// Whether the answers to Updates say the switch.
    updates_say: bool,
    /// Whether the resource was in sync before the process began, or is new.
    adopted: bool,
    /// Whether everything between two waits happens in one and the same millisecond.
    frozen: bool,
}

/// What the Lists tell.
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
    /// The oldest version that it may tell.
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
    /// The oldest version that a read may still tell.
    visible: usize,
    /// A write that timed out before AWS served it, and may still be served.
    late: Option<bool>,
    desired: bool,
    inventory: Inventory,
    memory: Memory,
    stored: Memory,
    list: Option<Read>,
    describe: Option<Read>,
    write: Option<Write>,
    now: Moment,
    /// Since when no read has told what an unclear write did.
    unclear: Option<Moment>,
    edits: u8,
    remote: u8,
    faults: u8,
    crashes: u8,
    /// How many more Updates can be explained.
    explained: u8,
}

#[derive(Clone, Copy, Debug)]
enum Call {
    List,
    Describe,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    List,
    Reconcile,
    Report { stored: bool },
    Answer(Call, usize, Shaped),
    ServeWrite,
    AnswerWrite,
    RefuseWrite,
    TimeOut,
    ServeLate,
    DropLate,
    Edit,
    Flip,
    DeleteOrCreate,
    Crash,
    FiveMinutes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shaped {
    Full,
    Thin { switch: bool, agents: bool },
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

/// A status that remembers `remembered`.
fn status_of(remembered: &Remembered) -> ProfilingGroupStatus {
    ProfilingGroupStatus {
        observed_generation: remembered.observed_generation,
        last_applied: remembered.last_applied.map(|profiling_enabled| SwitchState { profiling_enabled }),
        profiling_enabled: remembered.switch.map(|(on, _)| on),
        profiling_enabled_since: remembered.switch.map(|(_, since)| since),
        updated_at: remembered.updated_at,
        account: remembered.account.clone(),
        region: remembered.region.clone(),
        arn: remembered.seen.then(|| ARN.into()),
        drift: Some(remembered.drift.clone()),
        last_handled_reconcile_at: remembered.handled_request.clone(),
        ..Default::default()
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
        if let Some((on, _)) = self.memory.remembered.switch {
            let remembered = Observation {
                name: NAME.into(),
                updated_at: self.memory.remembered.updated_at,
                profiling_enabled: Some(on),
                ..Default::default()
            };
            self.inventory.remember(NAME, remembered, self.now);
        }
    }

    fn truth(&self) -> Version {
        self.versions[self.versions.len() - 1]
    }

    fn situation(&self) -> Situation {
        Situation {
            now: time(0),
            generation: 1,
            desired: Desired {
                name: NAME.into(),
                profiling_enabled: self.desired,
                manages: true,
                corrects_drift: true,
                suspended: false,
            },
            remembered: self.memory.remembered.clone(),
            ownership: Ownership::Owner,
            lane: Some(LaneView {
                id: LaneId::of_region(REGION),
                account: Some(ACCOUNT.into()),
                since: time(0),
                failure: None,
            }),
            knowledge: Knowledge {
                presence: self.inventory.presence(NAME),
                wants_describe: self.inventory.wants_describe(NAME),
                as_of: None,
            },
            backoff: None,
            request: None,
            unreadable: None,
            limits: Limits::new(Duration::from_mins(1), Duration::from_mins(20)),
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

    fn possible(&self, rules: Rules) -> Vec<Step> {
        let mut steps = vec![];
        for (call, read) in [(Call::List, &self.list), (Call::Describe, &self.describe)] {
            let shapes: &[Shaped] = match (call, rules.lists) {
                (Call::List, Shape::NoSwitch) => &[Shaped::Thin { switch: true, agents: false }],
                (Call::List, Shape::NoAgents) => &[Shaped::Thin { switch: false, agents: true }],
                (Call::List, Shape::Sometimes) => &[Shaped::Full, Shaped::Thin { switch: true, agents: true }],
                (Call::Describe, _) | (Call::List, Shape::Everything) => &[Shaped::Full],
            };
            for version in read.iter().flat_map(|read| read.oldest..=read.newest.unwrap_or(self.versions.len() - 1)) {
                steps.extend(shapes.iter().map(|shaped| Step::Answer(call, version, *shaped)));
            }
        }
        if self.list.is_none() {
            steps.push(Step::List);
        }
        match &self.write {
            None => {
                steps.extend([Step::Reconcile, Step::Report { stored: true }]);
                if self.crashes > 0 {
                    steps.push(Step::Report { stored: false });
                }
            }
            Some(write) => {
                let served = write.served;
                steps.push(if served { Step::AnswerWrite } else { Step::ServeWrite });
                if self.faults > 0 && (served || self.late.is_none()) {
                    steps.push(Step::TimeOut);
                }
                if self.faults > 0 && !served {
                    steps.push(Step::RefuseWrite);
                }
            }
        }
        if self.late.is_some() {
            steps.extend([Step::ServeLate, Step::DropLate]);
        }
        if self.edits > 0 {
            steps.push(Step::Edit);
        }
        if self.remote > 0 && self.truth().on.is_some() {
            steps.push(Step::Flip);
        }
        if self.remote > 0 && rules.deletes {
            steps.push(Step::DeleteOrCreate);
        }
        if self.crashes > 0 && self.late.is_none() {
            steps.push(Step::Crash);
        }
        let waits_long = [&self.list, &self.describe].into_iter().flatten().any(|read| read.newest.is_some());
        if self.late.is_none() && self.write.is_none() && !waits_long {
            steps.push(Step::FiveMinutes);
        }
        steps
    }

    /// Takes one step; says which property it breaks.
    #[allow(clippy::too_many_lines, reason = "one arm a step")]
    fn take(&mut self, rules: Rules, step: Step, reports: &Reports) -> Result<(), String> {
        if !rules.frozen {
            self.now.0 += 1;
        }
        let version_before = present(&self.inventory).map(version_of);
        match step {
            Step::Begin => {}
            Step::List => self.list = Some(Read { began: self.now, oldest: self.visible, newest: None }),
            Step::Reconcile => self.reconcile()?,
            Step::Report { stored } => {
                let situation = self.situation();
                self.memory.remembered = reports.next(&situation, &self.stored.remembered);
                if let Some(observation) = situation.observation()
                    && observation.profiling_enabled == Some(self.desired)
                {
                    self.memory.agreed = self.memory.agreed.max(version_of(observation));
                }
                if stored {
                    self.stored = self.memory.clone();
                }
            }
            Step::Answer(call, version, shaped) => self.answer(call, self.tell(rules, version, shaped)),
            Step::ServeWrite => {
                let to = self.write.as_ref().unwrap().to;
                let done = self.apply(rules, to, Writer::Operator);
                let write = self.write.as_mut().unwrap();
                (write.served, write.done) = (true, done);
            }
            Step::AnswerWrite => {
                let Write { then, done, .. } = self.write.take().unwrap();
                let ended = if let Some(version) = done {
                    let shaped = Shaped::Thin { switch: !rules.updates_say, agents: false };
                    self.memory = Memory { remembered: then, agreed: self.memory.agreed.max(version) };
                    Ended::Answered(self.tell(rules, version, shaped).unwrap())
                } else {
                    self.explained += 1;
                    Ended::Refused { missing: true }
                };
                if !rules.updates_say {
                    self.unclear = Some(self.now);
                }
                self.inventory.end_mutation(NAME, ended, self.now);
            }
            Step::RefuseWrite => {
                self.write = None;
                self.faults -= 1;
                self.explained += 1;
                self.inventory.end_mutation(NAME, Ended::Refused { missing: false }, self.now);
            }
            Step::TimeOut => {
                self.faults -= 1;
                self.explained += 1;
                self.abandon_write();
                self.unclear = Some(self.now);
                self.inventory.end_mutation(NAME, Ended::Unclear, self.now);
            }
            Step::ServeLate => {
                let to = self.late.take().unwrap();
                self.apply(rules, to, Writer::Unclear);
                self.explained += 1;
            }
            Step::DropLate => self.late = None,
            Step::Edit => {
                self.edits -= 1;
                self.explained += 1;
                self.desired = !self.desired;
            }
            Step::Flip => {
                self.remote -= 1;
                self.explained += 1;
                self.push(rules, self.truth().on.map(|on| !on), Writer::Other);
            }
            Step::DeleteOrCreate => {
                self.remote -= 1;
                self.explained += 1;
                let on = if self.truth().on.is_some() { None } else { Some(true) };
                self.push(rules, on, Writer::Other);
            }
            Step::Crash => {
                self.crashes -= 1;
                self.explained += 1;
                self.abandon_write();
                for version in &mut self.versions[self.stored.agreed + 1..] {
                    if version.by == Writer::Operator {
                        version.by = Writer::Unclear;
                    }
                }
                (self.list, self.describe, self.unclear) = (None, None, None);
                self.start();
            }
            Step::FiveMinutes => {
                self.now.0 += u64::try_from(STALE_READS_LAST.as_millis()).unwrap();
                self.visible = self.versions.len() - 1;
                for read in [&mut self.list, &mut self.describe].into_iter().flatten() {
                    read.newest = Some(self.visible);
                }
            }
        }
        if rules.updated_at && present(&self.inventory).map(version_of).is_some_and(|now| Some(now) < version_before) {
            return Err("what is known goes back to an older version".into());
        }
        self.renumber();
        Ok(())
    }

    fn reconcile(&mut self) -> Result<(), String> {
        let situation = self.situation();
        match plan(&situation) {
            Plan::Rest => Ok(()),
            Plan::Describe => {
                self.describe.get_or_insert(Read { began: self.now, oldest: self.visible, newest: None });
                Ok(())
            }
            Plan::Update { to, cause } => {
                self.explained = self.explained.checked_sub(1).ok_or("an Update that nothing explains")?;
                if cause != Cause::Edit {
                    let observed = situation.observation().filter(|o| o.profiling_enabled.is_some());
                    let version = version_of(observed.ok_or("an Update, although nothing is known")?);
                    if self.unclear.is_some() {
                        return Err("an Update, although nobody knows what the last one did".into());
                    }
                    if cause == Cause::Drift {
                        self.justify(version)?;
                    }
                }
                let then = self.memory.remembered.clone().after_update(&situation, to, cause, situation.now);
                self.write = Some(Write { to, then, served: false, done: None });
                self.inventory.begin_mutation(NAME);
                Ok(())
            }
        }
    }

    /// Drift is what somebody else wrote after the last agreement.
    fn justify(&self, version: usize) -> Result<(), String> {
        match self.versions[version].by {
            Writer::Other | Writer::Unclear if version > self.memory.agreed => Ok(()),
            by => Err(format!(
                "a correction of version {version}, written by {by:?}, after an agreement on version {}",
                self.memory.agreed
            )),
        }
    }

    fn answer(&mut self, call: Call, told: Option<Observation>) {
        let Read { began, .. } = self.read(call).take().unwrap();
        if told.as_ref().is_none_or(|told| told.profiling_enabled.is_some()) {
            self.unclear = self.unclear.filter(|unclear| *unclear > began);
        }
        match (call, told) {
            (Call::List, told) => {
                let mut listing = Inventory::begin_list(began);
                self.inventory.page(&mut listing, began, told.into_iter().collect());
                self.inventory.end_list(listing);
            }
            (Call::Describe, Some(told)) => self.inventory.described(NAME, told, began),
            (Call::Describe, None) => self.inventory.described_missing(NAME, began),
        }
    }

    fn abandon_write(&mut self) {
        match self.write.take() {
            Some(Write { to, served: false, .. }) => self.late = Some(to),
            Some(Write { done: Some(version), .. }) => self.versions[version].by = Writer::Unclear,
            _ => {}
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

/// What `report` makes of a situation, as far as it is remembered.
#[derive(Default)]
struct Reports(RefCell<HashMap<(bool, Presence, Remembered, Remembered), Remembered>>);

impl Reports {
    fn next(&self, situation: &Situation, stored: &Remembered) -> Remembered {
        let key = (
            situation.desired.profiling_enabled,
            situation.knowledge.presence.clone(),
            situation.remembered.clone(),
            stored.clone(),
        );
        self.0
            .borrow_mut()
            .entry(key)
            .or_insert_with(|| {
                let mut remembered = Remembered::of(&next_status(situation, &status_of(stored)).status);
                remembered.switch = remembered.switch.map(|(on, _)| (on, time(0)));
                remembered
            })
            .clone()
    }
}

struct Explorer {
    rules: Rules,
    reports: Reports,
    /// States without faults to come from which all ends well.
    ends_well: HashSet<u64>,
}

impl Explorer {
    /// Visits every state; how many there are.
    fn explore(rules: Rules) -> usize {
        let mut explorer = Self { rules, reports: Reports::default(), ends_well: HashSet::new() };
        let mut seen = HashSet::new();
        let mut trace: Vec<(usize, Step)> = vec![];
        let mut queue = VecDeque::new();
        let starts: &[bool] = if rules.adopted { &[true] } else { &[true, false] };
        for on in starts {
            let world = World::new(rules, *on);
            seen.insert(world.fingerprint());
            queue.push_back((world, trace.len()));
            trace.push((usize::MAX, Step::Begin));
        }
        while let Some((world, at)) = queue.pop_front() {
            let states = seen.len();
            let tell = |broken: &str, last: &[Step]| -> ! {
                let mut steps = vec![];
                let mut at = at;
                while let Some((before, step)) = trace.get(at) {
                    steps.push(format!("{step:?}"));
                    at = *before;
                }
                steps.reverse();
                steps.extend(last.iter().map(|step| format!("{step:?}")));
                panic!("{broken}, after {states} states:\n  {}\n{world:#?}", steps.join("\n  "));
            };
            if let Err((broken, steps)) = explorer.ends_well(&world) {
                tell(&broken, &steps);
            }
            if let Err((broken, steps)) = explorer.asks_little(&world) {
                tell(&broken, &steps);
            }
            let mut found = vec![];
            for step in world.possible(rules) {
                let mut next = world.clone();
                if let Err(broken) = next.take(rules, step, &explorer.reports) {
                    tell(&broken, &[step]);
                }
                if seen.insert(next.fingerprint()) {
                    found.push((next, step));
                }
            }
            for (next, step) in found {
                queue.push_back((next, trace.len()));
                trace.push((at, step));
            }
        }
        seen.len()
    }

    /// If nothing happens from now on but what is under way, what is late, and time, AWS ends as desired, and the
    /// operator rests.
    fn ends_well(&mut self, world: &World) -> Result<(), (String, Vec<Step>)> {
        let late: &[Option<Step>] =
            if world.late.is_some() { &[Some(Step::ServeLate), Some(Step::DropLate)] } else { &[None] };
        for late in late {
            let mut run = Run { explorer: self, world: world.clone(), steps: vec![] };
            run.all(late.iter().copied())?;
            run.finish()?;
            run.all([Step::FiveMinutes])?;
            Self::forget_budgets(&mut run.world);
            let fingerprint = run.world.fingerprint();
            if run.explorer.ends_well.contains(&fingerprint) {
                continue;
            }
            run.settle()?;
            self.ends_well.insert(fingerprint);
        }
        Ok(())
    }

    fn forget_budgets(world: &mut World) {
        (world.edits, world.remote, world.faults, world.crashes) = (0, 0, 0, 0);
    }

    /// Whatever Describes answer, two of them are enough until something else happens.
    fn asks_little(&self, world: &World) -> Result<(), (String, Vec<Step>)> {
        if world.write.is_some() || world.describe.is_some() || plan(&world.situation()) != Plan::Describe {
            return Ok(());
        }
        for version in world.visible..world.versions.len() {
            let mut run = Run { explorer: self, world: world.clone(), steps: vec![] };
            for _ in 0..2 {
                run.all([Step::Reconcile, Step::Answer(Call::Describe, version, Shaped::Full)])?;
                if plan(&run.world.situation()) != Plan::Describe {
                    break;
                }
            }
            if plan(&run.world.situation()) == Plan::Describe {
                return run.fail("a Describe after each Describe");
            }
        }
        Ok(())
    }
}

/// One way on from a state.
struct Run<'a> {
    explorer: &'a Explorer,
    world: World,
    steps: Vec<Step>,
}

impl Run<'_> {
    fn all(&mut self, steps: impl IntoIterator<Item = Step>) -> Result<(), (String, Vec<Step>)> {
        for step in steps {
            self.steps.push(step);
            let taken = self.world.take(self.explorer.rules, step, &self.explorer.reports);
            taken.map_err(|broken| (broken, self.steps.clone()))?;
        }
        Ok(())
    }

    fn fail(self, broken: &str) -> Result<(), (String, Vec<Step>)> {
        Err((broken.into(), self.steps))
    }

    /// All that is under way ends.
    fn finish(&mut self) -> Result<(), (String, Vec<Step>)> {
        if let Some(write) = &self.world.write {
            let serve = (!write.served).then_some(Step::ServeWrite);
            self.all(serve.into_iter().chain([Step::AnswerWrite]))?;
        }
        for call in [Call::Describe, Call::List] {
            if self.world.read(call).is_some() {
                self.all([self.truth(call)])?;
            }
        }
        Ok(())
    }

    /// AWS answers, with the truth.
    fn truth(&self, call: Call) -> Step {
        let shaped = match (call, self.explorer.rules.lists) {
            (Call::Describe, _) | (_, Shape::Everything) => Shaped::Full,
            (_, Shape::NoSwitch) => Shaped::Thin { switch: true, agents: false },
            (_, Shape::NoAgents) => Shaped::Thin { switch: false, agents: true },
            (_, Shape::Sometimes) => Shaped::Thin { switch: true, agents: true },
        };
        Step::Answer(call, self.world.versions.len() - 1, shaped)
    }

    /// Three rounds of a List and all that follows from it.
    fn settle(mut self) -> Result<(), (String, Vec<Step>)> {
        let mut calls = 0;
        for _ in 0..3 {
            // Time passes between two Lists, also where it otherwise stands still.
            self.world.now.0 += 1;
            self.all([Step::List])?;
            self.finish()?;
            calls = 0;
            loop {
                self.all([Step::Report { stored: true }])?;
                if self.world.truth().on.is_none() && matches!(plan(&self.world.situation()), Plan::Update { .. }) {
                    break; // Refused again and again, until somebody creates the group.
                }
                if plan(&self.world.situation()) == Plan::Rest {
                    break;
                }
                calls += 1;
                if calls > 3 {
                    return self.fail("more than three calls after a List");
                }
                self.all([Step::Reconcile])?;
                self.finish()?;
            }
        }
        if calls > 1 {
            return self.fail("more than one Describe after the last List");
        }
        match self.world.truth().on {
            None if self.world.inventory.presence(NAME) != Presence::Missing => self.fail("never known to be missing"),
            Some(on) if on != self.world.desired => self.fail("AWS differs in the end"),
            Some(_) if self.world.memory.remembered.last_applied != Some(self.world.desired) => {
                self.fail("AWS agrees in the end, but it is not remembered")
            }
            _ => Ok(()),
        }
    }
}

fn explore(rules: Rules, at_least: usize) {
    let states = Explorer::explore(rules);
    println!("{} {states} states", std::thread::current().name().unwrap());
    assert!(states >= at_least, "only {states} states");
}

#[test]
fn in_a_world_without_faults() {
    explore(Rules { edits: 1, remote: 1, ..CALM }, 1900);
    explore(Rules { edits: 1, adopted: false, ..CALM }, 1400);
}

#[test]
fn when_reads_lag() {
    explore(Rules { edits: 1, remote: 1, lag: true, ..CALM }, 3200);
    explore(Rules { remote: 2, lag: true, ..CALM }, 2400);
    explore(Rules { remote: 1, lag: true, adopted: false, ..CALM }, 3000);
}

#[test]
fn when_updated_at_stands_still_if_nothing_changes() {
    explore(Rules { edits: 1, remote: 1, lag: true, moves: false, ..CALM }, 3100);
}

#[test]
fn when_updated_at_is_absent() {
    explore(Rules { edits: 2, lag: true, updated_at: false, ..CALM }, 1000);
}

#[test]
fn when_the_clock_stands_still() {
    explore(Rules { edits: 1, remote: 1, lag: true, frozen: true, ..CALM }, 1700);
    explore(Rules { edits: 1, faults: 1, frozen: true, ..CALM }, 3400);
}

#[test]
fn when_updates_do_not_say_what_they_did() {
    explore(Rules { edits: 1, updates_say: false, ..CALM }, 700);
}

#[test]
fn when_writes_time_out_or_are_refused() {
    explore(Rules { remote: 1, faults: 1, ..CALM }, 11000);
    explore(Rules { edits: 1, faults: 1, ..CALM }, 3400);
}

#[test]
fn when_writes_time_out_and_reads_lag() {
    explore(Rules { edits: 1, faults: 1, lag: true, ..CALM }, 3600);
}

#[test]
fn when_the_process_crashes() {
    explore(Rules { edits: 1, crashes: 1, lag: true, ..CALM }, 1900);
    explore(Rules { remote: 1, crashes: 1, lag: true, ..CALM }, 11000);
}

#[test]
fn when_lists_are_thin() {
    explore(Rules { remote: 1, lists: Shape::NoSwitch, ..CALM }, 4400);
    explore(Rules { remote: 1, lists: Shape::NoAgents, ..CALM }, 5300);
    explore(Rules { lists: Shape::NoSwitch, adopted: false, ..CALM }, 2500);
    explore(Rules { edits: 1, lists: Shape::NoSwitch, lag: true, ..CALM }, 5500);
    explore(Rules { lists: Shape::Sometimes, adopted: false, ..CALM }, 9900);
}

#[test]
fn when_the_group_goes_and_comes() {
    explore(Rules { remote: 1, lag: true, deletes: true, ..CALM }, 2900);
    explore(Rules { remote: 2, deletes: true, ..CALM }, 5400);
}
