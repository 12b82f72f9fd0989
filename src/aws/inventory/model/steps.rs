//! What may happen in the world, and what each step does to it.

use super::{
    super::{Ended, STALE_READS_LAST},
    Memory, NAME, Read, Rules, Shape, World, Write, Writer,
    explorer::Reports,
    present, version_of,
};
use crate::domain::{
    facet::{Facet, Step as DomainStep},
    observation::Observation,
    plan::{Cause, Plan, plan},
};

#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    List,
    Describe,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Begin,
    LearnStatus,
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
pub(super) enum Shaped {
    Full,
    Thin { switch: bool, agents: bool },
}

impl World {
    pub(super) fn possible(&self, rules: Rules) -> Vec<Step> {
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
            None if !self.knows_status => steps.push(Step::LearnStatus),
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

    /// Takes one step; returns which property it breaks.
    #[allow(clippy::too_many_lines, reason = "one arm a step")]
    pub(super) fn take(&mut self, rules: Rules, step: Step, reports: &Reports) -> Result<(), String> {
        if !rules.frozen {
            self.now.0 += 1;
        }
        let version_before = present(&self.inventory).map(version_of);
        match step {
            Step::Begin => {}
            Step::LearnStatus => self.learn_status(),
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
                self.inventory.end_mutation(NAME, Ended::Unclear(Facet::Switch), self.now);
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
            Plan::Rest | Plan::ReadTags | Plan::ReadPolicy | Plan::ReadChannels => Ok(()),
            Plan::Describe => {
                self.describe.get_or_insert(Read { began: self.now, oldest: self.visible, newest: None });
                Ok(())
            }
            Plan::Write { step, cause } => {
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
                let then = self.memory.remembered.clone().after_step(&situation, &step, cause, situation.now);
                let DomainStep::Switch(to) = step else { return Err("tags are not managed here".into()) };
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
                let mut listing = self.inventory.begin_list(began);
                self.inventory.page(&mut listing, began, told.into_iter().collect());
                self.inventory.end_list(&listing);
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
}
