//! What the process remembers of each resource beside its status: lost with the process, and safe to lose.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use tokio::time::Instant;

use crate::{
    api::{Reason, Timestamp},
    domain::{
        backoff,
        failure::{Class, Failure},
        remembered::Remembered,
        situation::{Backoff, Presence},
        transitions::Applied,
    },
    process::lock::lock,
};

/// The memory of one resource.
pub struct Record {
    /// What the status remembers, or will once it is written.
    pub remembered: Remembered,
    /// The last failed attempt in AWS.
    pub backoff: Option<Backoff>,
    /// Until when nothing is done for this resource, because its status could not be written.
    pub held_until: Option<Timestamp>,
    /// What was written to AWS, and could not be told yet because the status could not be written.
    pub untold: Option<Applied>,
    /// When it began to wait for AWS to say something.
    pub waiting_since: Option<Timestamp>,
    /// The request to reconcile that is being handled, and when it was noticed.
    pub request: Option<(String, Instant)>,
    /// The slot in which the status was last written.
    pub slot: i64,
    generation: i64,
    failures: u32,
    write_failures: u32,
}

impl Record {
    fn new(remembered: Remembered, generation: i64, slot: i64) -> Self {
        Self {
            remembered,
            backoff: None,
            held_until: None,
            untold: None,
            waiting_since: None,
            request: None,
            slot,
            generation,
            failures: 0,
            write_failures: 0,
        }
    }

    /// A new generation is a new attempt: former failures do not hold it back.
    pub fn saw(&mut self, generation: i64) {
        if self.generation != generation {
            self.generation = generation;
            self.succeeded();
        }
    }

    /// An attempt in AWS ended well, or a fresh one is asked for.
    pub fn succeeded(&mut self) {
        self.backoff = None;
        self.failures = 0;
    }

    /// A missing group that has appeared is no reason to wait any longer.
    pub fn heard_of(&mut self, presence: &Presence) {
        let missed = self.backoff.as_ref().is_some_and(|backoff| backoff.failure.reason == Reason::GroupNotFound);
        if missed && matches!(presence, Presence::Present(_)) {
            self.succeeded();
        }
    }

    /// An attempt in AWS failed.
    pub fn failed(&mut self, failure: Failure, now: Timestamp, chance: f64) {
        self.failures += 1;
        let pause = backoff::delay(failure.class, self.failures, failure.retry_after, chance);
        let retry_at = now.plus(pause);
        self.backoff = Some(Backoff { failure, retry_at });
    }

    /// The status was written.
    pub fn written(&mut self, remembered: Remembered, slot: i64) {
        self.remembered = remembered;
        self.slot = slot;
        self.held_until = None;
        self.write_failures = 0;
    }

    /// The status could not be written, and what can't be recorded must not be done: the resource is left alone for a while.
    pub fn hold(&mut self, now: Timestamp, chance: f64) {
        self.write_failures += 1;
        self.held_until = Some(now.plus(backoff::delay(Class::Transient, self.write_failures, None, chance)));
    }
}

/// The memory of all resources, by `metadata.uid`.
#[derive(Default)]
pub struct Records(Mutex<HashMap<String, Record>>);

impl Records {
    /// Works on the record of `uid`; `first` tells what its status remembers, its generation and its slot.
    pub fn with<T>(
        &self,
        uid: &str,
        first: impl FnOnce() -> (Remembered, i64, i64),
        work: impl FnOnce(&mut Record) -> T,
    ) -> T {
        let mut records = self.lock();
        let record = records.entry(uid.into()).or_insert_with(|| {
            let (remembered, generation, slot) = first();
            Record::new(remembered, generation, slot)
        });
        work(record)
    }

    /// Works on the record of `uid`, if there is one.
    pub fn update(&self, uid: &str, work: impl FnOnce(&mut Record)) {
        if let Some(record) = self.lock().get_mut(uid) {
            work(record);
        }
    }

    /// The resource is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        lock(&self.0)
    }
}
