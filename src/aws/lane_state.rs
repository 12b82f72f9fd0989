//! What one lane knows and when it is due to list. No I/O, no clock, no randomness.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::inventory::{Answer, Detail, Ended, Inventory, Listing};
use crate::domain::{
    arns::Dated,
    backoff,
    facet::Tags,
    failure::{Class, Failure, FailureReason},
    lane_id::LaneId,
    moment::{Moment, Now},
    observation::Observation,
    situation::{Details, Knowledge, LaneView, stale_after},
};

/// How long requests for a fresh List are collected: annotating hundreds of objects costs one List or two.
const GATHERING: Duration = Duration::from_secs(1);

/// How long an account that STS returned is believed while Lists show none.
const ACCOUNT_HOLDS: Duration = Duration::from_mins(10);

/// The groups about which a lane has learned something since the last call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// These.
    Groups(BTreeSet<Arc<str>>),
    /// Possibly all: the lane's health or account has changed.
    All,
}

/// What one lane knows about its groups, and its health.
///
/// A new state knows nothing, as a new process does: what was known before the lane was idle is not used.
#[derive(Debug)]
pub struct LaneState {
    id: LaneId,
    poll_interval: Duration,
    inventory: Inventory,
    began: Moment,
    account: Option<String>,
    /// When STS last returned it.
    account_asked: Option<Moment>,
    wanted: BTreeSet<Arc<str>>,
    idle_since: Option<Moment>,
    next_list: Moment,
    requested: Option<Moment>,
    /// A pause that AWS requested: even a user's request waits for its end.
    paused_until: Moment,
    first_attempt: Option<Moment>,
    last_attempt: Option<Moment>,
    last_success: Option<Moment>,
    failures: u32,
    failure: Option<Failure>,
    /// Why calls about groups wait, if they do.
    circuit: Option<Failure>,
    /// When the way to AWS was found to be open again.
    recovered: Option<Moment>,
    news: News,
}

impl LaneState {
    /// A lane that no resource needs yet, and that is not due until one does.
    #[must_use]
    pub fn new(id: LaneId, poll_interval: Duration, now: Moment) -> Self {
        Self {
            id,
            poll_interval,
            inventory: Inventory::default(),
            began: now,
            account: None,
            account_asked: None,
            wanted: BTreeSet::new(),
            idle_since: Some(now),
            next_list: now,
            requested: None,
            paused_until: now,
            first_attempt: None,
            last_attempt: None,
            last_success: None,
            failures: 0,
            failure: None,
            circuit: None,
            recovered: None,
            news: News::Groups(BTreeSet::new()),
        }
    }

    /// What is known about the group `name`, and the lane's health.
    #[must_use]
    pub fn view(&self, name: &str, now: Now) -> (LaneView, Knowledge) {
        let lane = LaneView {
            id: self.id.clone(),
            account: self.account.clone(),
            since: now.wall_at(self.began),
            failure: self.failure.clone(),
            circuit: self.circuit.clone(),
            recovered: self.recovered.map(|moment| now.wall_at(moment)),
        };
        let knowledge = Knowledge {
            presence: self.inventory.presence(name),
            wants_describe: self.inventory.wants_describe(name),
            tags_due: self.inventory.tags_due(name).map(|moment| now.wall_at(moment)),
            tags_unconfirmed: self.inventory.tags_unconfirmed(name),
            as_of: self.inventory.as_of(name).map(|moment| now.wall_at(moment)),
            details: Details {
                policy: self.inventory.policy(name).map(|known| dated(known, now)),
                channels: self.inventory.channels(name).map(|known| dated(known, now)),
                puts_add: self.inventory.puts_add(),
            },
        };
        (lane, knowledge)
    }

    /// The group `name` as AWS last described it.
    #[must_use]
    pub fn observation(&self, name: &str) -> Option<&Observation> {
        self.inventory.observation(name)
    }

    /// When the newest accepted read of `name` began, or the newest answer came.
    #[must_use]
    pub fn as_of(&self, name: &str) -> Option<Moment> {
        self.inventory.as_of(name)
    }

    /// A resource needs the group `name` from now on; `remembered` is what its status knows about our last mutation.
    /// Returns whether what was read of it was stale by that, and is forgotten.
    pub fn want(&mut self, name: &Arc<str>, remembered: Option<Answer>, now: Moment) -> bool {
        self.inventory.want(name);
        self.idle_since = None;
        self.wanted.insert(Arc::clone(name));
        remembered.is_some_and(|remembered| self.inventory.remember(name, remembered, now))
    }

    /// No resource needs the group `name` any more.
    pub fn unwant(&mut self, name: &str, now: Moment) {
        self.wanted.remove(name);
        if self.wanted.is_empty() {
            self.idle_since.get_or_insert(now);
        }
    }

    /// How long no resource has needed the lane; `None` while one does.
    #[must_use]
    pub fn idle_for(&self, now: Moment) -> Option<Duration> {
        self.idle_since.map(|since| now.since(since))
    }

    /// Requests a List that begins after now.
    pub fn request_list(&mut self, now: Moment) {
        self.requested.get_or_insert(now);
    }

    /// Whether a List that began after `requested` has ended, successfully or not.
    #[must_use]
    pub fn attempted_since(&self, requested: Moment) -> bool {
        self.last_attempt.is_some_and(|began| began > requested)
    }

    /// When the next List is due; `None` while the lane is idle.
    #[must_use]
    pub fn due(&self) -> Option<Moment> {
        let requested = self.requested.map(|at| at.plus(GATHERING).max(self.paused_until));
        (!self.wanted.is_empty()).then(|| requested.map_or(self.next_list, |at| at.min(self.next_list)))
    }

    /// A List begins.
    pub fn begin_list(&mut self, now: Moment) -> Listing {
        self.requested = None;
        self.first_attempt.get_or_insert(now);
        self.inventory.begin_list(now)
    }

    /// One page of it arrived; its request had begun at `began`.
    pub fn page(&mut self, listing: &mut Listing, began: Moment, groups: Vec<Observation>) {
        self.inventory.page(listing, began, groups);
    }

    /// The List that began at `began` has ended at `now`, and was complete. `chance` is from 0 to 1.
    pub fn end_list(&mut self, listing: &Listing, began: Moment, now: Moment, chance: f64) {
        self.inventory.end_list(listing);
        let wanted = &self.wanted;
        self.inventory.retain(|name| wanted.contains(name));
        let account = self.inventory.account().or_else(|| self.account.clone());
        // Also where nothing has changed, what was too old to be trusted is confirmed: the process may have been stopped.
        let was_stale = self.last_success.is_none_or(|last| now.since(last) >= stale_after(self.poll_interval));
        let failure = self.failure.take();
        if failure.is_some() || was_stale || self.account != account {
            self.news = News::All;
        }
        if failure.is_some_and(|failure| failure.reason.affects_lane()) {
            self.recovered = Some(began);
        }
        self.account = account;
        self.failures = 0;
        self.last_success = Some(began);
        self.last_attempt = Some(began);
        self.next_list = began.plus(self.jittered(chance));
    }

    /// The List that began at `began` has failed at `now`. `chance` is from 0 to 1.
    pub fn fail_list(&mut self, failure: Failure, began: Moment, now: Moment, chance: f64) {
        self.failures = self.failures.saturating_add(1);
        self.last_attempt = Some(began);
        let asked = failure.retry_after.unwrap_or_default();
        // One caller, which nothing else slows down.
        let class = match failure.reason.class() {
            Class::Throttled => Class::Transient,
            other => other,
        };
        let pause = backoff::delay(class, self.failures, failure.retry_after, chance);
        self.next_list = now.plus(pause.min(self.jittered(chance)).max(asked));
        self.paused_until = now.plus(if failure.reason.class() == Class::Throttled { pause.max(asked) } else { asked });
        self.fail(failure);
    }

    /// Calls about groups wait from now on.
    pub fn open_circuit(&mut self, failure: Failure) {
        self.circuit = Some(failure);
        self.news = News::All;
    }

    /// Calls about groups no longer wait: one was answered at `answered`, or none has waited. If Lists failed as well,
    /// there is no reason to wait for the next one.
    pub fn close_circuit(&mut self, answered: Option<Moment>) {
        self.circuit = None;
        self.news = News::All;
        let Some(now) = answered else { return };
        self.recovered = Some(now);
        if self.failure.is_some() {
            self.next_list = self.next_list.min(now);
        }
    }

    /// The account could not be determined, and the lane has no other failure to report.
    pub fn fail_account(&mut self, failure: Failure) {
        if self.failure.is_none() {
            self.fail(failure);
        }
    }

    fn fail(&mut self, failure: Failure) {
        let known = self.failure.as_ref().map(|known| (known.reason, &known.message));
        if known != Some((failure.reason, &failure.message)) {
            self.news = News::All;
        }
        self.failure = Some(failure);
    }

    fn jittered(&self, chance: f64) -> Duration {
        self.poll_interval.mul_f64(0.95 + 0.1 * chance)
    }

    /// Whether the account is to be requested from STS at `now`: it is not known, or known from STS alone, and long ago. Lists
    /// that name no ARN do not show when the credentials have become those of another account.
    #[must_use]
    pub fn needs_account(&self, now: Moment) -> bool {
        let asked_recently = self.account_asked.is_some_and(|asked| now.since(asked) < ACCOUNT_HOLDS);
        self.account.is_none() || (self.inventory.account().is_none() && !asked_recently)
    }

    /// STS returned the account at `now`. What a List has shown meanwhile is newer.
    pub fn learn_account(&mut self, account: String, now: Moment) {
        self.account_asked = Some(now);
        if self.inventory.account().is_none() && self.account.as_ref() != Some(&account) {
            self.account = Some(account);
            self.news = News::All;
        }
    }

    /// When the last complete List began, how many groups there are, and how many of them resources need.
    #[must_use]
    pub fn listed(&self) -> Option<(Moment, usize, usize)> {
        let managed = || self.wanted.iter().filter(|name| self.inventory.has(name)).count();
        self.last_success.map(|began| (began, self.inventory.groups(), managed()))
    }

    /// The account, once AWS has returned it.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Why the last List failed, unless it succeeded.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Why calls about groups wait, if they do.
    #[must_use]
    pub fn circuit(&self) -> Option<&Failure> {
        self.circuit.as_ref()
    }

    /// A Describe of `name` that began at `began` returned `answer`, or found no such group.
    pub fn described(&mut self, name: &str, answer: Option<Observation>, began: Moment) {
        match answer {
            Some(observation) => self.inventory.described(name, observation, began),
            None => self.inventory.described_missing(name, began),
        }
    }

    /// The tags of `name` were read; the request began at `began`.
    pub fn tags_read(&mut self, name: &str, tags: Tags, began: Moment) {
        self.inventory.tags_read(name, tags, began);
    }

    /// What no List has of `name` was read; the request began at `began`.
    pub fn detail_read(&mut self, name: &str, detail: Detail, began: Moment) {
        self.inventory.detail_read(name, detail, began);
    }

    /// A mutation of `name` is about to be sent.
    pub fn begin_mutation(&mut self, name: &str) {
        self.inventory.begin_mutation(name);
    }

    /// The mutation of `name` ended at `now`.
    pub fn end_mutation(&mut self, name: &str, ended: Ended, now: Moment) {
        self.inventory.end_mutation(name, ended, now);
    }

    /// What was learned since the last call about groups that resources need.
    pub fn take_news(&mut self) -> News {
        let mut names = self.inventory.take_changed();
        // A half-described group needs one Describe after each List.
        if self.inventory.is_incomplete() {
            names.extend(self.wanted.iter().filter(|name| self.inventory.wants_describe(name)).cloned());
        }
        names.retain(|name| self.wanted.contains(name));
        match std::mem::replace(&mut self.news, News::Groups(BTreeSet::new())) {
            News::All => News::All,
            News::Groups(_) => News::Groups(names),
        }
    }

    /// How old the newest complete List is; before there is one, the time since the first attempt. `None` before the
    /// first attempt, and while the lane is idle.
    #[must_use]
    pub fn inventory_age(&self, now: Moment) -> Option<Duration> {
        let since = self.last_success.or(self.first_attempt);
        since.filter(|_| !self.wanted.is_empty()).map(|at| now.since(at))
    }

    /// Whether the reason of the last failure differs from `reason`.
    #[must_use]
    pub fn fails_otherwise(&self, reason: FailureReason) -> bool {
        self.failure.as_ref().is_none_or(|known| known.reason != reason)
    }
}

fn dated<T: Clone>((value, as_of): &(T, Moment), now: Now) -> Dated<T> {
    Dated { value: value.clone(), as_of: now.wall_at(*as_of) }
}
