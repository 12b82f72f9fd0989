//! Visits every state of a world, shortest trace first, and looks what may come of each.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet, VecDeque},
};

use super::{
    ARN, NAME, Rules, Shape, World, present,
    steps::{Call, Shaped, Step},
    time,
};
use crate::{
    api::{AppliedState, ProfilingGroupStatus},
    domain::{
        plan::{Plan, plan},
        remembered::Remembered,
        situation::{Presence, Situation},
        status::next_status,
    },
};

/// A status that remembers `remembered`.
fn status_of(remembered: &Remembered) -> ProfilingGroupStatus {
    ProfilingGroupStatus {
        observed_generation: remembered.observed_generation,
        last_applied: remembered.last_applied.map(|profiling_enabled| AppliedState {
            profiling_enabled: Some(profiling_enabled),
            ..AppliedState::default()
        }),
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

/// What `report` makes of a situation, as far as it is remembered.
#[derive(Default)]
pub(super) struct Reports(RefCell<HashMap<(bool, Presence, Remembered, Remembered), Remembered>>);

impl Reports {
    pub(super) fn next(&self, situation: &Situation, stored: &Remembered) -> Remembered {
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

pub(super) struct Explorer {
    rules: Rules,
    reports: Reports,
    /// States without faults to come from which all ends well.
    ends_well: HashSet<u64>,
}

impl Explorer {
    /// Visits every state; how many there are.
    pub(super) fn explore(rules: Rules) -> usize {
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
                if self.world.truth().on.is_none() && matches!(plan(&self.world.situation()), Plan::Write { .. }) {
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
            Some(_) if present(&self.world.inventory).is_none_or(|known| known.profiling_enabled.is_none()) => {
                self.fail("the switch is unknown in the end")
            }
            Some(_) if self.world.memory.remembered.last_applied != Some(self.world.desired) => {
                self.fail("AWS agrees in the end, but it is not remembered")
            }
            _ => Ok(()),
        }
    }
}
