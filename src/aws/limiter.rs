//! Which call of a lane is sent next, and when: every call passes here, and the answers decide how fast. Pure: the
//! caller provides time and chance.

mod bucket;
mod circuit;
mod pace;
mod shares;

use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

use self::{
    bucket::{Bucket, Rate},
    circuit::{Circuit, Kind},
    pace::{Pace, Round},
    shares::Shares,
};
pub use self::{circuit::Change, shares::Class};
use super::error::AwsError;
use crate::domain::{
    failure::{Failure, FailureReason},
    moment::Moment,
};

/// Describes a second, at most: they only fill in what Lists leave out.
const DESCRIBES: Rate = Rate::per_second(10);
/// The List's own share of the calls is the whole divided by this.
const LISTS: u64 = 4;

/// What became of a call, as far as the next ones depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// AWS has answered, with a refusal of this call alone at worst.
    Answered,
    /// AWS throttles, and requested a pause if it did.
    Throttled(Option<Duration>),
    /// The way to AWS is broken for every call.
    Failed(Failure),
    /// Nothing is known.
    Unknown,
}

impl Outcome {
    /// What an answer means for the next calls.
    #[must_use]
    pub fn of<T>(answer: &Result<T, AwsError>) -> Self {
        match answer {
            Err(error) if error.reason == FailureReason::Throttled => Self::Throttled(error.retry_after),
            Err(error) if error.reason.affects_lane() => Self::Failed(error.into()),
            Err(error) if error.reason == FailureReason::InternalError => Self::Unknown,
            Ok(_) | Err(_) => Self::Answered,
        }
    }
}

/// One call that may be sent.
#[derive(Debug)]
#[must_use = "a call that is never over keeps its place for ever"]
pub struct Pass {
    /// `None` for the List.
    class: Option<Class>,
    /// Whether the circuit is open, and this is the call that is tried.
    probe: bool,
    /// `None` until it is sent.
    round: Option<Round>,
}

/// For metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snapshot {
    /// Calls per second, at most.
    pub rate: f64,
    /// How many times the rate was lowered.
    pub decreases: u64,
    /// Whether calls about groups wait because the way to AWS is broken.
    pub open: bool,
    /// Whether the List waits for its turn.
    pub list_waits: bool,
}

/// The limiter of one lane.
///
/// # Guarantees
/// * The calls that are sent never exceed the cap: see [`Bucket`].
/// * The List has a share of its own: it gets it whatever else waits, and no more.
/// * Of the rest, the most urgent class goes first, and none waits for ever.
#[derive(Debug)]
pub struct Limiter {
    pace: Pace,
    lists: Bucket,
    list_waits: bool,
    describes: Bucket,
    shares: Shares,
    circuit: Circuit,
}

impl Limiter {
    /// At its cap, with a second's calls to spend at once.
    #[must_use]
    pub fn new(calls_per_second: NonZeroU32, now: Moment) -> Self {
        let cap = Rate::per_second(calls_per_second.get());
        Self {
            pace: Pace::new(cap, now),
            lists: Bucket::full(cap.divided_by(LISTS), now),
            list_waits: false,
            describes: Bucket::full(DESCRIBES, now),
            shares: Shares::default(),
            circuit: Circuit::closed(),
        }
    }

    /// Lets a page of the List through; else when to try again, or `None` when a call must be sent or returned first.
    /// Until then its place is kept: one that stops waiting has to report that.
    pub fn take_list(&mut self, now: Moment) -> Result<Pass, Option<Moment>> {
        self.list_waits = false;
        self.lists.ready(self.rate_of_lists(), now)?;
        self.list_waits = true;
        self.pace.ready(now)?;
        self.list_waits = false;
        self.lists.take();
        self.pace.take();
        Ok(Pass { class: None, probe: false, round: None })
    }

    /// The List does not wait any more.
    pub fn list_stops_waiting(&mut self) {
        self.list_waits = false;
    }

    /// Lets a call of one of the classes that wait through; else when to try again, or `None` when a call must be sent,
    /// returned or ended first.
    pub fn take(&mut self, waiting: &BTreeSet<Class>, now: Moment) -> Result<(Class, Pass), Option<Moment>> {
        self.circuit.ready(now)?;
        self.pace.ready(now)?;
        if self.list_waits {
            return Err(Some(now.plus(self.pace.rate().time_of_a_call())));
        }
        let describes = self.describes.ready(DESCRIBES, now);
        let ready = waiting.iter().copied().filter(|class| *class != Class::Describe || describes.is_ok());
        let class = self.shares.next(&ready.collect()).ok_or(describes.err().flatten())?;
        if class == Class::Describe {
            self.describes.take();
        }
        self.pace.take();
        Ok((class, Pass { class: Some(class), probe: self.circuit.take(), round: None }))
    }

    /// The call is sent.
    pub fn sent(&mut self, pass: &mut Pass, now: Moment) {
        if let Some((share, rate)) = self.share_of(pass) {
            share.sent(rate, now);
        }
        pass.round = Some(self.pace.sent(now));
    }

    /// The call is over. One that was not sent is there for another one. `chance` is from 0 to 1.
    pub fn over(&mut self, pass: &Pass, outcome: &Outcome, now: Moment, chance: f64) -> Option<Change> {
        let Some(round) = pass.round else {
            if let Some((share, _)) = self.share_of(pass) {
                share.returned();
            }
            self.pace.returned();
            if pass.probe {
                self.circuit.probe_from(now);
            }
            return None;
        };
        match outcome {
            Outcome::Answered => self.pace.answered(round, now),
            Outcome::Throttled(retry_after) => self.pace.throttled(round, *retry_after, now, chance),
            Outcome::Failed(_) | Outcome::Unknown => {}
        }
        // A List has pauses of its own.
        let kind = match pass.class? {
            Class::Describe | Class::Details => Kind::Read,
            Class::Edit | Class::Adopt | Class::Correct => Kind::Write,
        };
        match outcome {
            Outcome::Answered | Outcome::Throttled(_) => self.circuit.answered(kind, now),
            Outcome::Failed(failure) => self.circuit.failed(kind, pass.probe, failure, now, chance),
            Outcome::Unknown if pass.probe => {
                self.circuit.probe_later(now, chance);
                None
            }
            Outcome::Unknown => None,
        }
    }

    /// A List has succeeded, all of its pages; the one before may have failed.
    pub fn listed(&mut self, had_failed: bool, now: Moment) -> Option<Change> {
        self.circuit.listed(had_failed, now)
    }

    /// For metrics.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            rate: self.pace.rate().as_f64(),
            decreases: self.pace.decreases(),
            open: self.circuit.is_open(),
            list_waits: self.list_waits,
        }
    }

    fn rate_of_lists(&self) -> Rate {
        self.pace.rate().divided_by(LISTS)
    }

    fn share_of(&mut self, pass: &Pass) -> Option<(&mut Bucket, Rate)> {
        let rate_of_lists = self.rate_of_lists();
        match pass.class {
            None => Some((&mut self.lists, rate_of_lists)),
            Some(Class::Describe) => Some((&mut self.describes, DESCRIBES)),
            Some(Class::Edit | Class::Adopt | Class::Correct | Class::Details) => None,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
