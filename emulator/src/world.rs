//! Everything that a running emulator remembers, shared by the two ports. Locks are held for memory access only, never across a wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::faults::Faults;
use crate::fleets::Fleets;
use crate::identity::{AccessKey, KeyBook, RoleBook, RuleBook};
use crate::ids::Ids;
use crate::journal::Journal;
use crate::limits::LimitBook;
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
    regions: Mutex<BTreeMap<Place, Arc<Mutex<Region>>>>,
    keys: Mutex<KeyBook>,
    roles: Mutex<RoleBook>,
    rules: Mutex<RuleBook>,
    limits: Mutex<LimitBook>,
    fleets: Mutex<Fleets>,
    pub ids: Ids,
}

impl World {
    pub fn new(access_keys: Vec<AccessKey>, journal: Journal, clock: Clock, ids: Ids) -> Self {
        Self {
            clock,
            settings: Mutex::default(),
            faults: Mutex::default(),
            journal: Mutex::new(journal),
            regions: Mutex::default(),
            keys: Mutex::new(KeyBook::new(access_keys)),
            roles: Mutex::default(),
            rules: Mutex::default(),
            limits: Mutex::default(),
            fleets: Mutex::default(),
            ids,
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

    pub fn keys(&self) -> MutexGuard<'_, KeyBook> {
        lock(&self.keys)
    }

    pub fn roles(&self) -> MutexGuard<'_, RoleBook> {
        lock(&self.roles)
    }

    pub fn rules(&self) -> MutexGuard<'_, RuleBook> {
        lock(&self.rules)
    }

    pub fn limits(&self) -> MutexGuard<'_, LimitBook> {
        lock(&self.limits)
    }

    pub fn fleets(&self) -> MutexGuard<'_, Fleets> {
        lock(&self.fleets)
    }

    pub fn region(&self, account: &str, region: &str) -> Arc<Mutex<Region>> {
        let mut regions = lock(&self.regions);
        let made = || Arc::new(Mutex::new(Region::new(account.to_owned(), region.to_owned())));
        Arc::clone(regions.entry((account.to_owned(), region.to_owned())).or_insert_with(made))
    }

    /// Everything of the account goes but its access keys; the journal keeps what happened.
    pub fn forget_account(&self, account: &str) {
        self.fleets().end(Some(account));
        self.limits().forget_account(account);
        lock(&self.regions).retain(|(owner, _), _| owner != account);
        self.faults().clear(Some(account));
        self.settings().forget_account(account);
        self.roles().forget_account(account);
        self.rules().forget_account(account);
    }
}

/// A panic while the lock was held is reported elsewhere, and must not make every later request fail.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
