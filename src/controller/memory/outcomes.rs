//! What came of the steps that the memory has requested. Pure.

use std::{mem, time::Duration};

use super::{Evaluation, Memory, record::Record};
use crate::{
    api::Timestamp,
    domain::{
        facet::Step,
        failure::Failure,
        moment::Now,
        plan::{Cause, Plan},
        remembered::Remembered,
        slots,
        transitions::{Applied, Reported},
        writes::NotKept,
    },
};

impl Memory {
    /// AWS has taken `step`, in the situation that led to it.
    pub fn handle_written_to_aws(&mut self, evaluation: &Evaluation, step: &Step, cause: Cause, now: Now) {
        let created = matches!(step, Step::Create(_)).then(|| self.group_created_at(evaluation, now));
        self.update(evaluation, |record| {
            record.forgive();
            record.remembered =
                mem::take(&mut record.remembered).after_step(&evaluation.situation, step, cause, now.wall);
            if let Some(group_created_at) = created {
                record.remembered.created_group(group_created_at);
            }
            record.applied(Applied { step: step.clone(), cause });
        });
    }

    fn group_created_at(&self, evaluation: &Evaluation, now: Now) -> Option<Timestamp> {
        let lane = self.lanes.get(evaluation.lane()?)?;
        let (_, knowledge) = lane.lock().view(&evaluation.situation.desired.name, now);
        knowledge.presence.observation()?.created_at
    }

    /// AWS reported that the group that was to be created existed already.
    pub fn handle_found(&mut self, evaluation: &Evaluation, now: Now) {
        self.update(evaluation, |record| record.remembered.found_instead(now.wall));
    }

    /// A read in AWS succeeded.
    pub fn handle_read(&mut self, evaluation: &Evaluation) {
        self.update(evaluation, Record::read);
    }

    /// An attempt in AWS failed; `in_doubt` is a step that AWS may have taken all the same.
    pub fn handle_failed(
        &mut self,
        evaluation: &Evaluation,
        failure: Failure,
        in_doubt: Option<Step>,
        now: Now,
        chance: f64,
    ) {
        self.update(evaluation, |record| {
            let read = !matches!(evaluation.plan, Plan::Write { .. });
            record.fail(failure, read, now.moment, chance);
            if let Some(step) = in_doubt {
                record.remembered.doubt(&step);
            }
        });
    }

    /// The status of `evaluation` was written. Returns why it does not last, once.
    pub fn handle_written(&mut self, evaluation: &Evaluation, kept: bool, now: Now) -> Option<NotKept> {
        let slot = slots::slot(&evaluation.uid, now.wall, self.settings.status_refresh);
        let mut not_kept = None;
        self.update(evaluation, |record| {
            record.write_succeeded();
            record.reported = Some(Reported::of(&evaluation.next));
            let then = &evaluation.situation.remembered;
            let mut written = Remembered::of(&evaluation.next);
            // What was written to AWS meanwhile is newer than what the evaluation knew.
            if !record.remembered.agrees_with(then) {
                written.last_applied = record.remembered.last_applied;
                written.tags.clone_from(&record.remembered.tags);
                written.details.clone_from(&record.remembered.details);
                written.created.clone_from(&record.remembered.created);
                written.owner.clone_from(&record.remembered.owner);
                written.drift = record.remembered.drift.clone();
            }
            // Where the group was found is not forgotten because someone else has removed it from the status.
            written.seen |= then.seen;
            written.account = written.account.or_else(|| then.account.clone());
            written.region = written.region.or_else(|| then.region.clone());
            let Remembered { in_doubt, tags_in_doubt, unfinished, .. } = mem::take(&mut record.remembered);
            record.remembered = Remembered { in_doubt, tags_in_doubt, unfinished, ..written };
            not_kept = record.writes.sent(&evaluation.next, kept, slot, now.moment);
        });
        not_kept
    }

    /// The status could not be written, and is not written again for a while.
    pub fn handle_write_failed(&mut self, evaluation: &Evaluation, at_least: Duration, now: Now, chance: f64) {
        self.update(evaluation, |record| record.write_failed(at_least, now.moment, chance));
    }

    /// Takes the writes to AWS that no event has reported yet.
    pub fn take_unpublished(&mut self, evaluation: &Evaluation) -> Vec<Applied> {
        let mut unpublished = Vec::new();
        self.update(evaluation, |record| unpublished = mem::take(&mut record.unpublished));
        unpublished
    }

    pub(super) fn update(&mut self, evaluation: &Evaluation, change: impl FnOnce(&mut Record)) {
        if let Some(entry) = self.objects.get_mut(&evaluation.key).filter(|entry| entry.object.uid == evaluation.uid) {
            change(&mut entry.record);
        }
    }
}
