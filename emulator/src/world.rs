//! Everything that a running emulator remembers, shared by the two ports. Locks are held for memory access only, never across a wait.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::settings::SettingsBook;
use crate::state::Region;

/// An account and one of its regions.
type Place = (String, String);

#[derive(Debug)]
pub struct World {
    pub clock: Clock,
    settings: Mutex<SettingsBook>,
    faults: Mutex<Faults>,
    journal: Mutex<Journal>,
    /// One lock for each account and region; this one is held only to find it.
    regions: Mutex<HashMap<Place, Arc<Mutex<Region>>>>,
    request_ids: RequestIds,
}

impl World {
    pub fn new() -> Self {
        Self {
            clock: Clock::new(),
            settings: Mutex::default(),
            faults: Mutex::default(),
            journal: Mutex::default(),
            regions: Mutex::default(),
            request_ids: RequestIds { seed: RandomState::new(), last: AtomicU64::new(0) },
        }
    }

    pub fn settings(&self) -> MutexGuard<'_, SettingsBook> {
        lock(&self.settings)
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    pub fn region(&self, account: &str, region: &str) -> Arc<Mutex<Region>> {
        let mut regions = lock(&self.regions);
        let made = || Arc::new(Mutex::new(Region::new(account.to_owned(), region.to_owned())));
        Arc::clone(regions.entry((account.to_owned(), region.to_owned())).or_insert_with(made))
    }

    /// Groups, tokens, faults and settings of the account go; the journal keeps what happened.
    pub fn forget_account(&self, account: &str) {
        lock(&self.regions).retain(|(owner, _), _| owner != account);
        self.faults().clear(Some(account));
        self.settings().forget_account(account);
    }

    pub fn request_id(&self) -> String {
        self.request_ids.next()
    }
}

/// A panic while the lock was held is reported elsewhere, and must not make every later request fail.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Request ids of the form of a random UUID, different in each process.
#[derive(Debug)]
struct RequestIds {
    seed: RandomState,
    last: AtomicU64,
}

impl RequestIds {
    fn next(&self) -> String {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let [high, low] = ["high", "low"].map(|half| self.seed.hash_one((half, number)));
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_differ_and_look_like_uuids() {
        let world = World::new();
        let (first, second) = (world.request_id(), world.request_id());
        assert_ne!(first, second);
        let lengths: Vec<usize> = first.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&first[14..15], "4");
    }
}
