//! What the controller knows, as a memory that takes events in and answers questions. No client, no clock, no
//! randomness: what is to be done comes back as values, and the caller does it.

pub mod accounts;
pub mod compact;
pub mod key;
pub mod object;
pub mod raw;
pub mod record;

mod account_reports;
mod departures;
mod evaluation;
mod lanes;
mod outcomes;

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use self::{
    accounts::{AccountEvent, Accounts},
    compact::CompactStatus,
    key::Key,
    object::{Object, Version},
    raw::RawProfilingGroup,
    record::Record,
};
pub use self::{departures::Departure, evaluation::Evaluation};
use super::settings::Settings;
use crate::{
    api::{ProfilingGroupSpec, ProfilingGroupStatus},
    aws::lane::SharedLaneState,
    domain::{
        account::{Access, Account},
        claims::{Claims, Seniority},
        lane_id::LaneId,
        moment::Now,
        remembered::Remembered,
        slots,
        writes::Writes,
    },
};

/// What the caller has to do after an event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Objects to evaluate again.
    pub recheck: BTreeSet<Key>,
    /// Lanes to start, or to wake.
    pub lanes: BTreeSet<LaneId>,
    /// Groups from which the mark of this operator is to be removed.
    pub departures: Vec<Departure>,
}

impl Wanted {
    fn and(&mut self, other: Self) {
        self.recheck.extend(other.recheck);
        self.lanes.extend(other.lanes);
        self.departures.extend(other.departures);
    }
}

struct Entry {
    object: Object,
    record: Record,
    /// The group that a lane has to look up for it, if any.
    wants: Option<Sought>,
}

impl Entry {
    fn is_of_lane(&self, id: &LaneId) -> bool {
        self.wants.as_ref().is_some_and(|sought| sought.lane == *id)
    }
}

/// A group as a lane looks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The lane.
    pub lane: LaneId,
    /// The group's name.
    pub name: Arc<str>,
}

/// Everything the controller knows.
pub struct Memory {
    settings: Settings,
    /// Boxed: half of a map's places are empty.
    objects: BTreeMap<Key, Box<Entry>>,
    /// Resources that are gone, and of which the watch may still report older versions: by their UIDs.
    removed: BTreeMap<Key, Arc<str>>,
    claims: Claims<Key>,
    accounts: Accounts,
    /// The AWS account of the operator's own identity, once AWS has returned it.
    own_account: Option<String>,
    lanes: BTreeMap<LaneId, SharedLaneState>,
    /// Objects that wait for a List that was requested.
    requests: BTreeSet<Key>,
    /// Whether this process leads: until then another one may, and what is remembered is what the statuses report.
    leads: bool,
    /// Whether lanes begin to list while the watch does: until then no claim is known for certain, and nothing is planned.
    lists_early: bool,
    /// The newest version that was stored some time after this process began to lead: former leaders have seen no newer
    /// one.
    seen_by_others: Option<Version>,
}

impl Memory {
    /// Knows of no object yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            claims: Claims::new(settings.claim_grace()),
            settings,
            accounts: Accounts::default(),
            own_account: None,
            objects: BTreeMap::new(),
            removed: BTreeMap::new(),
            lanes: BTreeMap::new(),
            requests: BTreeSet::new(),
            leads: false,
            lists_early: false,
            seen_by_others: None,
        }
    }

    /// ProfilerAccounts, or the labels of namespaces, are not as they were.
    pub fn handle_accounts(&mut self, event: AccountEvent, now: Now) -> Wanted {
        let concerned = self.accounts.take(event);
        let is_concerned =
            |key: &Key, entry: &Entry| entry.object.spec.as_ref().is_ok_and(|spec| concerned.includes(key, spec));
        let keys = self.objects.iter().filter(|(key, entry)| is_concerned(key, entry)).map(|(key, _)| key.clone());
        self.claim_again(keys.collect(), now)
    }

    /// The version of the ProfilerAccount `name` that is known.
    #[must_use]
    pub fn account_version(&self, name: &str) -> Option<Version> {
        self.accounts.version(name)
    }

    /// Whether the labels of namespaces are needed.
    #[must_use]
    pub fn needs_namespaces(&self) -> bool {
        self.accounts.select_namespaces()
    }

    /// Through what AWS is called for these resources, or of which account, is not as it was.
    fn claim_again(&mut self, keys: Vec<Key>, now: Now) -> Wanted {
        let mut wanted = Wanted::default();
        for key in keys {
            let Some(status) = self.objects.get(&key).map(|entry| entry.object.status.decode().ours) else { continue };
            self.claim(&key, &status, now, &mut wanted);
            self.want_early(&key, now, &mut wanted);
            wanted.recheck.insert(key);
        }
        wanted
    }

    fn access(&self, key: &Key, spec: &ProfilingGroupSpec) -> (Access, Option<&Account>) {
        self.accounts.access(&self.settings.own_users, key, spec)
    }

    /// This process leads from now on: what it remembers beside the objects begins with what their statuses report.
    pub fn begin(&mut self, now: Now) -> Wanted {
        let mut wanted = Wanted::default();
        self.requests.clear();
        (self.leads, self.lists_early, self.seen_by_others) = (true, false, None);
        let keys: Vec<_> = self.objects.keys().cloned().collect();
        for key in keys {
            if let Some(entry) = self.objects.get_mut(&key) {
                let remembered = mem::take(&mut entry.record.remembered);
                entry.record = new_record(&self.settings, &entry.object, remembered, now);
            }
            self.notice_request(&key, now, &mut wanted);
            wanted.recheck.insert(key);
        }
        wanted
    }

    /// `newest` was stored last when the API server answered a request that this process made after it began to lead.
    pub fn handle_newest(&mut self, newest: Option<Version>) {
        self.seen_by_others = newest;
    }

    /// The watch reported an object: it was created or changed, or listed again.
    pub fn handle_applied(&mut self, object: RawProfilingGroup, now: Now) -> Wanted {
        let key = Key::of(&object);
        let Some((object, status)) = Object::read(object) else { return self.handle_deleted(&key, now) };
        if self.removed.get(&key).is_some_and(|removed| *removed == object.uid) {
            return Wanted::default();
        }
        let key = self.shared(key);
        if let Some(known) = self.objects.get_mut(&key) {
            known.record.confirmed = now.moment;
            if known.object.uid == object.uid && !object.is_newer_than(&known.object) {
                return Wanted::default();
            }
        }
        self.take(&key, object, &status.ours, now)
    }

    /// A namespace was listed, or all when it is empty: what is not among `keys` is gone.
    pub fn handle_listed(&mut self, namespace: &str, keys: &BTreeSet<Key>, now: Now) -> Wanted {
        let of_list = |key: &&Key| namespace.is_empty() || *key.namespace == *namespace;
        let gone: Vec<_> = self.objects.keys().filter(of_list).filter(|key| !keys.contains(key)).cloned().collect();
        let mut wanted = Wanted::default();
        self.removed.retain(|key, _| keys.contains(key) || !of_list(&key));
        for key in gone {
            wanted.and(self.handle_deleted(&key, now));
        }
        wanted
    }

    /// `key` as it is kept already, so that its text is kept once; of a new object at least the namespace.
    fn shared(&self, key: Key) -> Key {
        match self.objects.range(..=&key).next_back() {
            Some((known, _)) if *known == key => known.clone(),
            Some((near, _)) if near.namespace == key.namespace => Key { namespace: Arc::clone(&near.namespace), ..key },
            _ => key,
        }
    }

    /// The API server answered a request with this version: the watch will report it later.
    pub fn handle_answer(&mut self, object: RawProfilingGroup, now: Now) -> Wanted {
        let key = Key::of(&object);
        let Some(known) = self.objects.get_mut(&key) else { return Wanted::default() };
        if object.metadata.uid.as_deref() != Some(&known.object.uid) {
            return Wanted::default();
        }
        // It is about to go, and the operator no longer holds it.
        let Some((object, status)) = Object::read(object) else { return self.handle_gone(&key, now) };
        let newer = object.is_newer_than(&known.object);
        // The watch may have lagged: the first answer shows what a former leader has written since.
        let by_former_leader = self.seen_by_others.is_none_or(|newest| object.version() <= Some(newest));
        if by_former_leader && !known.record.verified {
            known.record.remembered = Remembered::of(&status.ours);
        }
        let key = self.shared(key);
        let wanted = if newer { self.take(&key, object, &status.ours, now) } else { Wanted::default() };
        if let Some(known) = self.objects.get_mut(&key) {
            known.record.verify(now.moment);
        }
        wanted
    }

    fn take(&mut self, key: &Key, object: Object, status: &ProfilingGroupStatus, now: Now) -> Wanted {
        let mut wanted = Wanted { recheck: [key.clone()].into(), ..Wanted::default() };
        match self.objects.get_mut(key) {
            Some(entry) if entry.object.uid == object.uid => {
                if !self.leads {
                    entry.record = new_record(&self.settings, &object, Remembered::of(status), now);
                } else if entry.object.generation != object.generation {
                    entry.record.begin_generation();
                }
                entry.object = object;
            }
            _ => {
                self.unwant(key, now, &mut wanted);
                let record = new_record(&self.settings, &object, Remembered::of(status), now);
                self.objects.insert(key.clone(), Box::new(Entry { object, record, wants: None }));
            }
        }
        self.claim(key, status, now, &mut wanted);
        self.want_early(key, now, &mut wanted);
        self.notice_request(key, now, &mut wanted);
        wanted
    }

    /// The API server answered that an object is gone: the watch will report it later, and may report older versions before.
    pub fn handle_gone(&mut self, key: &Key, now: Now) -> Wanted {
        let uid = self.objects.get(key).map(|entry| Arc::clone(&entry.object.uid));
        let wanted = self.handle_deleted(key, now);
        self.removed.extend(uid.map(|uid| (key.clone(), uid)));
        wanted
    }

    /// The watch reported that an object is gone.
    pub fn handle_deleted(&mut self, key: &Key, now: Now) -> Wanted {
        let mut wanted = Wanted { departures: self.departure(key).into_iter().collect(), ..Wanted::default() };
        self.unwant(key, now, &mut wanted);
        self.objects.remove(key);
        self.removed.remove(key);
        self.requests.remove(key);
        wanted.recheck.extend(self.claims.release(key, now.moment));
        wanted.recheck.insert(key.clone());
        wanted
    }

    fn claim(&mut self, key: &Key, status: &ProfilingGroupStatus, now: Now, wanted: &mut Wanted) {
        let Some(entry) = self.objects.get(key) else { return };
        let Some(sought) = self.sought(key, entry) else {
            wanted.recheck.extend(self.claims.release(key, now.moment));
            return;
        };
        let group = self.group_of(&sought);
        let Object { created, uid, .. } = &entry.object;
        let incumbent = is_of(&sought.lane, status);
        let seniority = Seniority { newcomer: !incumbent, created: *created, uid: Arc::clone(uid) };
        wanted.recheck.extend(self.claims.claim(key, &group, seniority, now.moment));
    }

    /// A request that has not been handled requests a fresh List from the lane, and ends pauses after failures.
    fn notice_request(&mut self, key: &Key, now: Now, wanted: &mut Wanted) {
        let Some(entry) = self.objects.get_mut(key) else { return };
        let Entry { object, record, wants } = &mut **entry;
        let Some(token) =
            object.request.as_ref().filter(|token| record.remembered.handled_request.as_ref() != Some(token))
        else {
            record.request = None;
            self.requests.remove(key);
            return;
        };
        if record.request.as_ref().is_some_and(|(known, _)| known == token) {
            return;
        }
        record.request = Some((token.clone(), now.moment));
        record.forgive();
        self.requests.insert(key.clone());
        if let Some(group) = wants
            && let Some(lane) = self.lanes.get(&group.lane)
        {
            lane.lock().request_list(now.moment);
            wanted.lanes.insert(group.lane.clone());
        }
    }

    /// Remembers what `evaluation` has found: what lanes have to look up, and what has begun or ended with it. No news may
    /// come between the two: a resource gets those of a lane from now on.
    pub fn note(&mut self, evaluation: &Evaluation, now: Now) -> Wanted {
        let mut wanted = Wanted::default();
        let key = &evaluation.key;
        let Some(entry) = self.objects.get_mut(key).filter(|entry| entry.object.uid == evaluation.uid) else {
            return wanted;
        };
        entry.record.waiting_since = evaluation.waiting.then(|| entry.record.waiting_since.unwrap_or(now.moment));
        if evaluation.situation.forgets_backoff() {
            entry.record.forgive();
        }
        entry.record.remembered.settle(&evaluation.situation);
        if entry.wants != evaluation.wants {
            self.want(key, evaluation.wants.clone(), &evaluation.stored.ours, now, &mut wanted);
        }
        wanted
    }

    /// Every status as stored.
    pub fn statuses(&self) -> impl Iterator<Item = &CompactStatus> {
        self.objects.values().map(|entry| &entry.object.status)
    }
}

fn new_record(settings: &Settings, object: &Object, remembered: Remembered, now: Now) -> Record {
    let slot = slots::slot(&object.uid, now.wall, settings.status_refresh);
    Record::new(remembered, Writes::new(slot), now.moment)
}

/// Whether the group of this status was found where the lane looks.
fn is_of(lane: &LaneId, status: &ProfilingGroupStatus) -> bool {
    let account = lane.role().is_none_or(|role| status.account.as_deref() == Some(&*role.aws_account));
    status.arn.is_some() && status.region.as_deref() == Some(lane.region()) && account
}

#[cfg(test)]
mod tests;
