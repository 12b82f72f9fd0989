//! Everything that a running emulator remembers, shared by the two ports. Locks are held for memory access only, never across a wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::faults::Faults;
use crate::ids::Ids;
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
    pub ids: Ids,
}

impl World {
    pub fn new() -> Self {
        Self {
            clock: Clock::new(),
            settings: Mutex::default(),
            faults: Mutex::default(),
            journal: Mutex::default(),
            regions: Mutex::default(),
            ids: Ids::new(),
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
}

/// A panic while the lock was held is reported elsewhere, and must not make every later request fail.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
