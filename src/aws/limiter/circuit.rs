//! Stops the calls about groups while the way to AWS is broken, and tries one at a time. Pure: the caller provides
//! time and chance.

use std::time::Duration;

use crate::domain::{failure::Failure, moment::Moment};

/// So many calls in a row that fail open the circuit.
const FAILURES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What a call about a group does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It reads: that it works shows nothing about writes.
    Read,
    /// It writes.
    Write,
}

/// A circuit breaker: closed, calls pass; open, one call after each pause is the probe.
#[derive(Clone, Debug)]
pub struct Circuit(State);

#[derive(Clone, Debug)]
enum State {
    /// With the failures in a row of each kind.
    Closed { reads: u32, writes: u32 },
    /// Because of failures of this kind.
    Open { by: Kind, probes: u32, next: Probe },
}

#[derive(Clone, Copy, Debug)]
enum Probe {
    /// The next call from this time on.
    From(Moment),
    /// It is under way.
    UnderWay,
}

/// What a lane has to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Calls wait from now on, because of this.
    Opened(Failure),
    /// Calls pass again: one was answered, or else none has waited.
    Closed {
        /// Whether one was answered.
        answered: bool,
    },
}

impl Circuit {
    /// Calls pass.
    #[must_use]
    pub fn closed() -> Self {
        Self(State::Closed { reads: 0, writes: 0 })
    }

    /// Whether calls wait.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.0, State::Open { .. })
    }

    /// Whether a call may be sent; else when to try again, or `None` when the probe must end first.
    pub fn ready(&self, now: Moment) -> Result<(), Option<Moment>> {
        match self.0 {
            State::Closed { .. } => Ok(()),
            State::Open { next: Probe::From(at), .. } if at <= now => Ok(()),
            State::Open { next: Probe::From(at), .. } => Err(Some(at)),
            State::Open { next: Probe::UnderWay, .. } => Err(None),
        }
    }

    /// A call is let through; returns whether it is the probe.
    pub fn take(&mut self) -> bool {
        let State::Open { next, .. } = &mut self.0 else { return false };
        *next = Probe::UnderWay;
        true
    }

    /// While it is open, the next call from `at` on is the probe.
    pub fn probe_from(&mut self, at: Moment) {
        if let State::Open { next, .. } = &mut self.0 {
            *next = Probe::From(at);
        }
    }

    /// While it is open, the next call after another pause is the probe.
    pub fn probe_later(&mut self, now: Moment, chance: f64) {
        self.probe_from(now.plus(self.pause(chance)));
    }

    /// A call about a group was answered, whatever the answer is.
    pub fn answered(&mut self, kind: Kind, now: Moment) -> Option<Change> {
        match (&mut self.0, kind) {
            (State::Open { by: Kind::Write, .. }, Kind::Read) => {
                self.probe_from(now);
                None
            }
            (State::Closed { reads, .. }, Kind::Read) => {
                *reads = 0;
                None
            }
            (State::Closed { .. }, Kind::Write) => {
                *self = Self::closed();
                None
            }
            (State::Open { .. }, _) => {
                *self = Self::closed();
                Some(Change::Closed { answered: true })
            }
        }
    }

    /// A List has succeeded. After one that had failed, the next call about a group is tried at once: it may fail all the
    /// same. Where none has wanted to be tried, there is nothing to wait for.
    pub fn listed(&mut self, had_failed: bool, now: Moment) -> Option<Change> {
        let State::Open { next: Probe::From(at), .. } = self.0 else { return None };
        if now.since(at) >= FIRST_PAUSE {
            *self = Self::closed();
            return Some(Change::Closed { answered: false });
        }
        if had_failed {
            self.probe_from(at.min(now));
        }
        None
    }

    /// A call about a group failed, in a way that is not that group's own. `chance` is from 0 to 1.
    pub fn failed(&mut self, kind: Kind, probe: bool, failure: &Failure, now: Moment, chance: f64) -> Option<Change> {
        let opens = match &mut self.0 {
            State::Open { probes, .. } if probe => {
                *probes = probes.saturating_add(1);
                false
            }
            // It was sent before the circuit opened.
            State::Open { .. } => return None,
            State::Closed { reads, writes } => {
                let failures = if kind == Kind::Read { reads } else { writes };
                *failures += 1;
                if *failures < FAILURES {
                    return None;
                }
                self.0 = State::Open { by: kind, probes: 0, next: Probe::UnderWay };
                true
            }
        };
        let pause = self.pause(chance).max(failure.retry_after.unwrap_or_default());
        self.probe_from(now.plus(pause));
        opens.then(|| Change::Opened(failure.clone()))
    }

    fn pause(&self, chance: f64) -> Duration {
        let probes = if let State::Open { probes, .. } = self.0 { probes } else { 0 };
        let doubled = FIRST_PAUSE.saturating_mul(1 << probes.min(10)).min(LONGEST_PAUSE);
        doubled.mul_f64(0.75 + 0.25 * chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{failure::FailureReason, fixtures::failure};

    fn expired() -> Failure {
        failure(FailureReason::CredentialsExpired)
    }

    fn open(now: Moment) -> Circuit {
        let mut circuit = Circuit::closed();
        let changes: Vec<_> =
            (0..FAILURES).filter_map(|_| circuit.failed(Kind::Write, false, &expired(), now, 1.0)).collect();
        assert_eq!(changes, [Change::Opened(expired())]);
        circuit
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_not_after_as_many_in_between() {
        let mut circuit = Circuit::closed();
        for call in 0..100 {
            assert_eq!(circuit.failed(Kind::Write, false, &expired(), Moment(call), 1.0), None);
            if call % 4 == 3 {
                assert_eq!(circuit.answered(Kind::Write, Moment(call)), None);
            }
        }
        assert!(open(Moment(0)).is_open());
    }

    #[test]
    fn one_call_at_a_time_is_tried_after_pauses_that_double_up_to_a_minute() {
        let mut circuit = open(Moment(0));
        let mut now = Moment(0);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let at = circuit.ready(now).unwrap_err().unwrap();
            pauses.push(at.since(now).as_secs());
            now = at;
            assert_eq!((circuit.ready(now), circuit.take()), (Ok(()), true));
            assert_eq!(circuit.ready(now), Err(None), "one at a time");
            assert_eq!(circuit.failed(Kind::Write, true, &expired(), now, 1.0), None, "it was open");
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    /// Each read between two writes that failed once made them look like one failure each.
    #[test]
    fn reads_that_are_answered_neither_keep_it_closed_nor_close_it_while_writes_fail() {
        let mut circuit = Circuit::closed();
        let mut opened = 0;
        for call in 0..u64::from(FAILURES) {
            opened += u32::from(circuit.failed(Kind::Write, false, &expired(), Moment(call), 1.0).is_some());
            assert_eq!(circuit.answered(Kind::Read, Moment(call)), None);
        }
        assert_eq!((opened, circuit.is_open()), (1, true));
        assert_eq!(circuit.ready(Moment(FAILURES.into())), Ok(()), "what comes after the read is tried");
        circuit.take();
        assert_eq!(circuit.answered(Kind::Write, Moment(9)), Some(Change::Closed { answered: true }));
    }

    #[test]
    fn reads_that_fail_open_it_as_well_and_one_that_is_answered_closes_it() {
        let mut circuit = Circuit::closed();
        for _ in 0..FAILURES {
            assert!(!circuit.is_open());
            circuit.failed(Kind::Read, false, &expired(), Moment(0), 1.0);
        }
        assert!(circuit.is_open() && circuit.take());
        assert_eq!(circuit.answered(Kind::Read, Moment(1000)), Some(Change::Closed { answered: true }));
    }

    #[test]
    fn an_answer_closes_it_and_the_next_time_the_pauses_are_short_again() {
        let mut circuit = open(Moment(0));
        assert!(circuit.take());
        assert_eq!(circuit.answered(Kind::Write, Moment(0)), Some(Change::Closed { answered: true }));
        assert_eq!((circuit.ready(Moment(0)), circuit.take()), (Ok(()), false));
        assert_eq!(open(Moment(5000)).ready(Moment(5000)), Err(Some(Moment(6000))));
    }

    #[test]
    fn calls_that_were_sent_before_it_opened_neither_count_nor_lengthen_the_pause() {
        let mut circuit = open(Moment(0));
        for _ in 0..20 {
            assert_eq!(circuit.failed(Kind::Write, false, &expired(), Moment(500), 1.0), None);
        }
        assert_eq!(circuit.ready(Moment(500)), Err(Some(Moment(1000))));
    }

    #[test]
    fn a_probe_that_is_not_sent_or_ends_without_an_answer_makes_room_for_another() {
        let mut circuit = open(Moment(0));
        circuit.take();
        circuit.probe_from(Moment(2000));
        assert_eq!(circuit.ready(Moment(2000)), Ok(()));
        circuit.take();
        circuit.probe_later(Moment(3000), 1.0);
        assert_eq!(circuit.ready(Moment(3000)), Err(Some(Moment(4000))));
    }

    #[test]
    fn a_list_that_succeeds_after_one_that_failed_makes_the_next_call_the_probe() {
        let mut circuit = open(Moment(0));
        assert_eq!(circuit.listed(false, Moment(100)), None, "Lists have worked all the time");
        assert_eq!(circuit.ready(Moment(100)), Err(Some(Moment(1000))));
        assert_eq!(circuit.listed(true, Moment(100)), None);
        assert_eq!(circuit.ready(Moment(100)), Ok(()));
        circuit.take();
        assert_eq!(circuit.listed(true, Moment(60_000)), None, "the probe is under way");
    }

    #[test]
    fn it_closes_when_nothing_wants_to_be_the_probe() {
        let mut circuit = open(Moment(0));
        assert_eq!(circuit.listed(false, Moment(1999)), None);
        assert_eq!(circuit.listed(false, Moment(2000)), Some(Change::Closed { answered: false }));
        assert_eq!(circuit.listed(false, Moment(9000)), None);
    }

    #[test]
    fn a_pause_that_aws_requests_is_honoured() {
        let mut circuit = open(Moment(0));
        circuit.take();
        let requested = Failure { retry_after: Some(Duration::from_mins(5)), ..expired() };
        circuit.failed(Kind::Write, true, &requested, Moment(0), 1.0);
        assert_eq!(circuit.ready(Moment(0)), Err(Some(Moment(300_000))));
    }
}
