//! What the process remembers about each resource beside its status: lost with the process, and safe to lose. Pure.

use std::time::Duration;

use crate::domain::{
    backoff,
    failure::{Class, Failure},
    moment::{Moment, Now},
    remembered::Remembered,
    situation::Backoff,
    transitions::{Applied, Reported},
    writes::Writes,
};

/// More changes in AWS than this, written while no status could be, are not all worth an event.
const MOST_UNPUBLISHED: usize = 8;

/// The memory of one resource.
#[derive(Debug)]
pub struct Record {
    /// What the status remembers, or will once it is written.
    pub remembered: Remembered,
    /// What the writer of the status remembers.
    pub writes: Writes,
    /// What this process has reported last. Events compare with it, not with what others have made of the status.
    pub reported: Option<Reported>,
    /// Changes in AWS that no event reports yet.
    pub unpublished: Vec<Applied>,
    /// When it began to wait for AWS.
    pub waiting_since: Option<Moment>,
    /// The request to reconcile that is being handled, and when it was noticed.
    pub request: Option<(String, Moment)>,
    /// When the API server last confirmed the version that is known.
    pub confirmed: Moment,
    /// Whether it has done so by an answer to this process: a watch may lag behind what a former leader has seen.
    pub verified: bool,
    failed: Option<Box<Failed>>,
    failures: u32,
    held_until: Option<Moment>,
    write_failures: u32,
}

#[derive(Debug)]
struct Failed {
    failure: Failure,
    /// Whether it was a read.
    read: bool,
    at: Moment,
    retry: Moment,
}

impl Record {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(remembered: Remembered, writes: Writes, now: Moment) -> Self {
        Self {
            remembered,
            writes,
            reported: None,
            unpublished: Vec::new(),
            waiting_since: None,
            request: None,
            confirmed: now,
            verified: false,
            failed: None,
            failures: 0,
            held_until: None,
            write_failures: 0,
        }
    }

    /// The last failed attempt in AWS, in terms of the wall clock.
    #[must_use]
    pub fn backoff(&self, now: Now) -> Option<Backoff> {
        let Failed { failure, at, retry, .. } = self.failed.as_deref()?;
        let (failed_at, retry_at) = (now.wall_at(*at), now.wall_at(*retry));
        Some(Backoff { failure: failure.clone(), failed_at, retry_at })
    }

    /// The API server has answered that the version that is known is the newest.
    pub fn verify(&mut self, now: Moment) {
        (self.confirmed, self.verified) = (now, true);
    }

    /// An attempt in AWS succeeded, or a fresh one was requested.
    pub fn forgive(&mut self) {
        self.failed = None;
        self.failures = 0;
    }

    /// A read in AWS succeeded. A write that failed before it still counts: its pauses go on growing.
    pub fn read(&mut self) {
        if self.failed.as_ref().is_none_or(|failed| failed.read) {
            self.forgive();
        }
    }

    /// A new generation is a new attempt: neither former failures nor failed status writes hold it back.
    pub fn begin_generation(&mut self) {
        self.forgive();
        self.held_until = None;
    }

    /// An attempt in AWS failed, to read or to write. `chance` is from 0 to 1.
    pub fn fail(&mut self, failure: Failure, read: bool, now: Moment, chance: f64) {
        self.failures = self.failures.saturating_add(1);
        let pause = backoff::delay(failure.reason.class(), self.failures, failure.retry_after, chance);
        self.failed = Some(Box::new(Failed { failure, read, at: now, retry: now.plus(pause) }));
    }

    /// Something was written to AWS.
    pub fn applied(&mut self, applied: Applied) {
        if self.unpublished.len() < MOST_UNPUBLISHED {
            self.unpublished.reserve_exact(1);
            self.unpublished.push(applied);
        }
    }

    /// The status was written.
    pub fn write_succeeded(&mut self) {
        self.held_until = None;
        self.write_failures = 0;
    }

    /// The status could not be written, and what can't be recorded must not be done: the resource is left alone for a
    /// while. `chance` is from 0 to 1.
    pub fn write_failed(&mut self, at_least: Duration, now: Moment, chance: f64) {
        self.write_failures = self.write_failures.saturating_add(1);
        let pause = backoff::delay(Class::Transient, self.write_failures, Some(at_least), chance);
        self.held_until = Some(now.plus(pause));
    }

    /// Whether the status could not be written, and has not been since.
    #[must_use]
    pub fn write_has_failed(&self) -> bool {
        self.write_failures > 0
    }

    /// Until when the resource is left alone.
    #[must_use]
    pub fn held_until(&self, now: Moment) -> Option<Moment> {
        self.held_until.filter(|until| *until > now)
    }
}
