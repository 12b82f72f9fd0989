//! Whether a status is worth a write now, and how often one is written that does not last. Pure.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use super::{moment::Moment, status_merge::StoredStatus};
use crate::api::{ProfilingGroupStatus, Timestamp};

/// How many times the same status is written again at once after someone else has changed it.
const FREE_REPEATS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(30);
/// After this long without a repeat, the next one counts as the first.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

/// What to do about a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// It is stored.
    Nothing,
    /// It is worth a write at this time.
    From(Moment),
    /// It is worth a write now.
    Write,
}

/// Why a status does not last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotKept {
    /// The API server has stored something else than was sent: its CRD lacks a member, or a webhook changes the status.
    ByServer,
    /// Someone else writes it.
    ByOthers,
}

/// What the writer of one status remembers of its writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// The slot in which the status was last written.
    pub slot: i64,
    digest: Option<u64>,
    repeats: u32,
    last_repeat: Option<Moment>,
    quiet_until: Option<Moment>,
    reported: bool,
}

/// The current time, as one status sees it.
#[derive(Clone, Copy, Debug)]
pub struct Present {
    /// The monotonic clock.
    pub moment: Moment,
    /// The current slot.
    pub slot: i64,
    /// When the next slot begins.
    pub next_slot: Moment,
    /// Until when nothing but waiting would be reported.
    pub waiting_until: Option<Moment>,
}

impl Writes {
    /// Nothing was written yet; `slot` is the present one.
    #[must_use]
    pub fn new(slot: i64) -> Self {
        Self { slot, ..Self::default() }
    }

    /// What to do about `next`. Times of agents' news and of reads alone are worth a write once a slot; waiting alone once it has
    /// lasted; and what was written already, and changed by others since, after a pause that grows.
    #[must_use]
    pub fn worth(&self, stored: &StoredStatus, next: &ProfilingGroupStatus, present: Present) -> Worth {
        if !stored.differs(next) {
            return Worth::Nothing;
        }
        if let Some(until) = present.waiting_until.filter(|until| *until > present.moment) {
            return Worth::From(until);
        }
        if present.slot <= self.slot && !stored.differs(&without_news(next, &stored.ours)) {
            return Worth::From(present.next_slot);
        }
        match self.quiet_until {
            Some(until) if until > present.moment && self.repeats_itself(next) => Worth::From(until),
            _ => Worth::Write,
        }
    }

    /// Whether `next` is what we have written last: only someone else's change makes it differ from what is stored.
    fn repeats_itself(&self, next: &ProfilingGroupStatus) -> bool {
        self.digest == Some(digest(next))
    }

    /// `next` was sent at `now`, in this slot, and the API server has stored what it returned: `kept` when that is what
    /// was sent. Returns why it does not last, once.
    pub fn sent(&mut self, next: &ProfilingGroupStatus, kept: bool, slot: i64, now: Moment) -> Option<NotKept> {
        let is_refresh = kept && slot > self.slot;
        self.slot = slot;
        if !self.repeats_itself(next) {
            self.digest = Some(digest(next));
            if self.last_repeat.is_none_or(|last| now.since(last) > FORGOTTEN_AFTER) {
                (self.repeats, self.reported) = (0, false);
            }
            if kept {
                self.quiet_until = None;
                return None;
            }
        } else if is_refresh {
            // Nobody has changed it: a new slot has begun, and what moves by itself has moved.
            return None;
        }
        self.repeats = self.repeats.saturating_add(1);
        self.last_repeat = Some(now);
        let excess = if kept { self.repeats.checked_sub(FREE_REPEATS) } else { Some(self.repeats - 1) };
        self.quiet_until = excess.map(|excess| now.plus(pause(excess)));
        self.quiet_until?;
        let first = !std::mem::replace(&mut self.reported, true);
        first.then_some(if kept { NotKept::ByOthers } else { NotKept::ByServer })
    }
}

fn pause(excess: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << excess.min(16)).min(LONGEST_PAUSE)
}

/// `next`, but with the agents' timestamps of `stored`, and with the time at which details were read.
fn without_news(next: &ProfilingGroupStatus, stored: &ProfilingGroupStatus) -> ProfilingGroupStatus {
    let mut next = ProfilingGroupStatus { profiling_status: stored.profiling_status.clone(), ..next.clone() };
    if let (Some(next), Some(stored)) = (&mut next.details, &stored.details) {
        next.read_at = stored.read_at;
    }
    next
}

/// All that we report but what moves by itself: agents' timestamps, when details were read, and when a condition was last
/// another one.
fn digest(status: &ProfilingGroupStatus) -> u64 {
    let mut calm = ProfilingGroupStatus { profiling_status: None, ..status.clone() };
    if let Some(details) = &mut calm.details {
        details.read_at = None;
    }
    for condition in &mut calm.conditions {
        condition.last_transition_time.0 = Timestamp::from_millis(0).as_jiff();
    }
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(&calm).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn minutes(n: u64) -> Moment {
        Moment(n * 60_000)
    }

    fn present(moment: Moment) -> Present {
        Present { moment, slot: 7, next_slot: minutes(900), waiting_until: None }
    }

    fn status(generation: i64) -> ProfilingGroupStatus {
        ProfilingGroupStatus { observed_generation: Some(generation), ..Default::default() }
    }

    fn stored(status: &ProfilingGroupStatus) -> StoredStatus {
        StoredStatus::read(serde_json::to_value(status).unwrap())
    }

    #[test]
    fn what_is_stored_is_not_written() {
        let writes = Writes::new(7);
        assert_eq!(writes.worth(&stored(&status(1)), &status(1), present(minutes(0))), Worth::Nothing);
        assert_eq!(writes.worth(&stored(&status(1)), &status(2), present(minutes(0))), Worth::Write);
    }

    #[test]
    fn waiting_alone_is_written_once_it_has_lasted() {
        let waiting = |moment| Present { waiting_until: Some(minutes(1)), ..present(moment) };
        let writes = Writes::new(7);
        let what = |moment| writes.worth(&stored(&status(1)), &status(2), waiting(moment));
        assert_eq!((what(minutes(0)), what(minutes(1))), (Worth::From(minutes(1)), Worth::Write));
    }

    #[test]
    fn agents_timestamps_alone_wait_for_the_next_slot() {
        let mut seen = status(1);
        seen.profiling_status = Some(serde_json::from_value(json!({})).unwrap());
        let writes = Writes::new(7);
        let worth = |slot| writes.worth(&stored(&status(1)), &seen, Present { slot, ..present(minutes(0)) });
        assert_eq!((worth(7), worth(8)), (Worth::From(minutes(900)), Worth::Write));
        let more = ProfilingGroupStatus { observed_generation: Some(2), ..seen.clone() };
        assert_eq!(writes.worth(&stored(&status(1)), &more, present(minutes(0))), Worth::Write, "they ride along");
    }

    /// Two operators that saw one resource differently once wrote its status a thousand times in half a minute.
    #[test]
    fn what_others_keep_changing_is_written_again_three_times_and_then_with_a_growing_pause() {
        let mut writes = Writes::new(7);
        let (ours, theirs) = (status(1), status(99));
        let mut now = minutes(10);
        assert_eq!(writes.sent(&ours, true, 7, now), None);
        let mut reported = Vec::new();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let pause = match writes.worth(&stored(&theirs), &ours, present(now)) {
                Worth::From(until) => until.since(now),
                Worth::Write => Duration::ZERO,
                Worth::Nothing => panic!("it differs"),
            };
            pauses.push(pause.as_secs() / 60);
            now = now.plus(pause);
            reported.extend(writes.sent(&ours, true, 7, now));
        }
        assert_eq!(pauses, [0, 0, 0, 1, 2, 4, 8, 16, 30]);
        assert_eq!(reported, [NotKept::ByOthers], "once");
        assert_eq!(writes.worth(&stored(&theirs), &status(2), present(now)), Worth::Write, "news does not wait");
    }

    #[test]
    fn a_write_in_each_slot_is_not_taken_for_somebody_elses_change() {
        let mut writes = Writes::new(7);
        let sent: Vec<_> =
            (7..20).map(|slot| writes.sent(&status(1), true, slot, minutes(15 * slot.unsigned_abs()))).collect();
        assert_eq!(sent, vec![None; 13]);
    }

    /// A CRD that lacked one member of the status once made a write every millisecond.
    #[test]
    fn what_the_server_does_not_keep_is_written_again_only_after_a_pause() {
        let mut writes = Writes::new(7);
        let (ours, pruned) = (status(1), ProfilingGroupStatus::default());
        assert_eq!(writes.sent(&ours, false, 7, minutes(0)), Some(NotKept::ByServer));
        assert_eq!(writes.worth(&stored(&pruned), &ours, present(minutes(0))), Worth::From(minutes(1)));
        assert_eq!(writes.sent(&ours, false, 7, minutes(1)), None, "reported once");
        assert_eq!(writes.worth(&stored(&pruned), &ours, present(minutes(1))), Worth::From(minutes(3)));
    }

    #[test]
    fn a_time_of_transition_alone_is_not_worth_a_write() {
        let at = |second: i64| {
            StoredStatus::read(json!({ "conditions": [{
                "type": "Ready", "status": "True", "reason": "InSync", "message": "m",
                "lastTransitionTime": Timestamp::from_millis(i128::from(second) * 1000).to_string(),
            }]}))
            .ours
        };
        let mut writes = Writes::new(7);
        writes.sent(&at(1), true, 7, minutes(0));
        assert!(writes.repeats_itself(&at(2)));
    }
}
