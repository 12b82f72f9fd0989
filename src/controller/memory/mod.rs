//! What the controller knows, as a memory that takes events in and answers questions. No client, no clock, no
//! randomness: what is to be done comes back as values, and the caller does it.

pub mod accounts;
pub mod compact;
pub mod key;
pub mod object;
pub mod record;

mod evaluation;

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
    time::Duration,
};

use kube::{ResourceExt, api::DynamicObject};
use parking_lot::Mutex;

pub use self::evaluation::Evaluation;
use self::{
    accounts::{AccountEvent, AccountReport, Accounts, Stored},
    compact::CompactStatus,
    key::Key,
    object::{Object, Version},
    record::Record,
};
use super::settings::Settings;
use crate::{
    api::{ProfilingGroupSpec, ProfilingGroupStatus, RegionStatus, Timestamp},
    aws::{
        inventory::Answer,
        lane::SharedLaneState,
        lane_state::{LaneState, News},
    },
    domain::{
        account::{Access, Account, Role},
        account_status::{AccountView, LaneReport, next_account_status},
        claims::{Claims, Group, Seniority},
        desired::Desired,
        facet::Step,
        failure::Failure,
        lane_id::LaneId,
        moment::{Moment, Now},
        plan::{Cause, Plan},
        remembered::Remembered,
        slots,
        transitions::{Applied, Reported},
        writes::{NotKept, Writes},
    },
};

/// What the caller has to do after an event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Objects to evaluate again.
    pub recheck: BTreeSet<Key>,
    /// Lanes to start, or to wake.
    pub lanes: BTreeSet<LaneId>,
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
    claims: Claims<Key>,
    accounts: Accounts,
    /// The AWS account of the operator's own identity, once AWS has returned it.
    own_account: Option<String>,
    lanes: BTreeMap<LaneId, SharedLaneState>,
    /// Objects that wait for a List that was requested.
    requests: BTreeSet<Key>,
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
            lanes: BTreeMap::new(),
            requests: BTreeSet::new(),
            lists_early: false,
            seen_by_others: None,
        }
    }

    /// This process leads, and may not know every object yet: AWS lists the regions that the known ones name, and those
    /// that follow, meanwhile.
    pub fn list_early(&mut self, now: Now) -> Wanted {
        self.lists_early = true;
        let mut wanted = Wanted::default();
        let keys: Vec<_> = self.objects.keys().cloned().collect();
        for key in keys {
            self.want_early(&key, now, &mut wanted);
        }
        wanted
    }

    /// One object that needs a lane is enough for its first List.
    fn want_early(&mut self, key: &Key, now: Now, wanted: &mut Wanted) {
        let Some(entry) = self.objects.get(key).filter(|_| self.lists_early) else { return };
        let sought = self.sought(key, entry).filter(|sought| !self.lanes.contains_key(&sought.lane));
        let allowed = |spec| {
            let Desired { suspended, not_allowed, .. } = Desired::of(spec, &self.allowed(self.access(key, spec).1));
            !suspended && not_allowed.is_none()
        };
        if sought.is_some() && entry.object.spec.as_ref().is_ok_and(allowed) {
            self.want(key, sought, now, wanted);
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

    /// Whether the labels of namespaces are needed.
    #[must_use]
    pub fn needs_namespaces(&self) -> bool {
        self.accounts.select_namespaces()
    }

    /// What is to be reported of each ProfilerAccount; `rate` is how fast a lane calls AWS.
    #[must_use]
    pub fn account_reports(&self, now: Now, rate: impl Fn(&LaneId) -> Option<f64>) -> Vec<AccountReport> {
        let report = |(name, role, stored): (&String, Result<&Arc<Role>, &String>, &Stored)| {
            let of_role = |id: &&LaneId| role.is_ok_and(|role| id.role() == Some(role));
            let lanes: Vec<_> = self.lanes.keys().filter(of_role).map(|id| self.lane_report(id, now, &rate)).collect();
            let view = AccountView {
                generation: stored.generation,
                account_id: role.map(|role| role.aws_account.to_string()).map_err(Clone::clone),
                waits: lanes.is_empty() && role.is_ok_and(|role| self.is_used(role)),
                lanes,
            };
            AccountReport {
                name: name.clone(),
                uid: stored.uid.clone(),
                version: stored.version.clone(),
                next: next_account_status(&view, &stored.status, now.wall),
                stored: stored.status.clone(),
            }
        };
        self.accounts.all().map(report).collect()
    }

    /// Whether a resource is to be looked up with this role.
    fn is_used(&self, role: &Arc<Role>) -> bool {
        self.objects.values().any(|entry| entry.wants.as_ref().is_some_and(|sought| sought.lane.role() == Some(role)))
            || self.objects.iter().any(|(key, entry)| {
                let suspended = entry.object.spec.as_ref().is_ok_and(|spec| spec.suspend == Some(true));
                !suspended && self.sought(key, entry).is_some_and(|sought| sought.lane.role() == Some(role))
            })
    }

    fn lane_report(&self, id: &LaneId, now: Now, rate: impl Fn(&LaneId) -> Option<f64>) -> LaneReport {
        let lane = self.lanes[id].lock();
        let listed = lane.listed();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is small, and never negative"
        )]
        let calls_per_second = rate(id).map(|rate| rate as u32);
        LaneReport {
            region: RegionStatus {
                region: id.region().to_owned(),
                last_listed_at: listed.map(|(began, ..)| now.wall_at(began)),
                groups: listed.map(|(_, groups, _)| count(groups)),
                managed: listed.map(|(.., managed)| count(managed)),
                unmanaged: listed.map(|(_, groups, managed)| count(groups.saturating_sub(managed))),
                calls_per_second,
            },
            failure: lane.circuit().or(lane.failure()).cloned(),
        }
    }

    /// Through what AWS is called for these resources, or of which account, is not as it was.
    fn claim_again(&mut self, keys: Vec<Key>, now: Now) -> Wanted {
        let mut wanted = Wanted::default();
        for key in keys {
            self.claim(&key, now, &mut wanted);
            self.want_early(&key, now, &mut wanted);
            wanted.recheck.insert(key);
        }
        wanted
    }

    fn access(&self, key: &Key, spec: &ProfilingGroupSpec) -> (Access, Option<&Account>) {
        self.accounts.access(&self.settings.own_users, key, spec)
    }

    /// The lane of a resource that may use its identity: none without a region.
    fn lane_of(&self, spec: &ProfilingGroupSpec, account: Option<&Account>) -> Option<LaneId> {
        let of_account = account.and_then(|account| account.region.as_deref());
        let region = spec.region.as_deref().or(of_account).or(self.settings.default_region.as_deref())?;
        Some(LaneId::new(account.map(|account| &account.role), region))
    }

    /// This process leads from now on: what it remembers beside the objects begins with what their statuses report.
    pub fn begin(&mut self, now: Now) -> Wanted {
        let mut wanted = Wanted::default();
        self.requests.clear();
        (self.lists_early, self.seen_by_others) = (false, None);
        let keys: Vec<_> = self.objects.keys().cloned().collect();
        for key in keys {
            let Some(record) = self.objects.get(&key).map(|entry| self.new_record(&entry.object, now)) else {
                continue;
            };
            if let Some(entry) = self.objects.get_mut(&key) {
                entry.record = record;
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
    pub fn handle_applied(&mut self, object: DynamicObject, now: Now) -> Wanted {
        let key = Key::of(&object);
        let Some(object) = Object::read(object) else { return self.handle_deleted(&key, now) };
        let key = self.shared(key);
        if let Some(known) = self.objects.get_mut(&key) {
            known.record.confirmed = now.moment;
            if known.object.uid == object.uid && !object.is_newer_than(&known.object) {
                return Wanted::default();
            }
        }
        self.take(&key, object, now)
    }

    /// A namespace was listed, or all when it is empty: what is not among `keys` is gone.
    pub fn handle_listed(&mut self, namespace: &str, keys: &BTreeSet<Key>, now: Now) -> Wanted {
        let of_list = |key: &&Key| namespace.is_empty() || *key.namespace == *namespace;
        let gone: Vec<_> = self.objects.keys().filter(of_list).filter(|key| !keys.contains(key)).cloned().collect();
        let mut wanted = Wanted::default();
        for key in gone {
            let Wanted { recheck, lanes } = self.handle_deleted(&key, now);
            wanted.recheck.extend(recheck);
            wanted.lanes.extend(lanes);
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
    pub fn handle_answer(&mut self, object: DynamicObject, now: Now) -> Wanted {
        let key = Key::of(&object);
        let Some(known) = self.objects.get_mut(&key) else { return Wanted::default() };
        if object.uid().as_deref() != Some(&known.object.uid) {
            return Wanted::default();
        }
        // It is about to go, and the operator no longer holds it.
        let Some(object) = Object::read(object) else { return self.handle_deleted(&key, now) };
        let newer = object.is_newer_than(&known.object);
        let wanted = if newer { self.take(&self.shared(key.clone()), object, now) } else { Wanted::default() };
        if let Some(known) = self.objects.get_mut(&key) {
            known.record.verify(now.moment);
        }
        wanted
    }

    fn take(&mut self, key: &Key, object: Object, now: Now) -> Wanted {
        let mut wanted = Wanted { recheck: [key.clone()].into(), ..Wanted::default() };
        match self.objects.get_mut(key) {
            Some(entry) if entry.object.uid == object.uid => {
                if entry.object.generation != object.generation {
                    entry.record.begin_generation();
                }
                entry.object = object;
            }
            _ => {
                self.unwant(key, now, &mut wanted);
                let record = self.new_record(&object, now);
                self.objects.insert(key.clone(), Box::new(Entry { object, record, wants: None }));
            }
        }
        self.claim(key, now, &mut wanted);
        self.want_early(key, now, &mut wanted);
        self.notice_request(key, now, &mut wanted);
        wanted
    }

    fn new_record(&self, object: &Object, now: Now) -> Record {
        let remembered = Remembered::of(&object.status.decode().ours);
        let slot = slots::slot(&object.uid, now.wall, self.settings.status_refresh);
        Record::new(remembered, Writes::new(slot), now.moment)
    }

    /// An object is gone.
    pub fn handle_deleted(&mut self, key: &Key, now: Now) -> Wanted {
        let mut wanted = Wanted::default();
        self.unwant(key, now, &mut wanted);
        self.objects.remove(key);
        self.requests.remove(key);
        wanted.recheck.extend(self.claims.release(key, now.moment));
        wanted.recheck.insert(key.clone());
        wanted
    }

    /// Which group a resource names, unless it was found elsewhere, or it may not use its identity: then it names none.
    fn sought(&self, key: &Key, entry: &Entry) -> Option<Sought> {
        let spec = entry.object.spec.as_ref().ok()?;
        let (access, account) = self.access(key, spec);
        let lane = self.lane_of(spec, account).filter(|_| access == Access::Granted)?;
        let Remembered { seen, region, account, .. } = &entry.record.remembered;
        let elsewhere = |found: &Option<String>, is: Option<&str>| {
            *seen && found.as_deref().zip(is).is_some_and(|(found, is)| found != is)
        };
        if elsewhere(region, Some(lane.region())) || elsewhere(account, lane.role().map(|role| &*role.aws_account)) {
            return None;
        }
        // What is the same text is kept once.
        let name = &*spec.profiling_group_name;
        Some(match self.claims.group(key) {
            Some(group) if *group.name == *name => {
                Sought { lane: lane.sharing(&group.region), name: Arc::clone(&group.name) }
            }
            _ => Sought { lane, name: name.into() },
        })
    }

    /// The same group, whatever the identity.
    fn group_of(&self, Sought { lane, name }: &Sought) -> Group {
        let account = lane.role().map(|role| &role.aws_account);
        let account = account.filter(|account| self.own_account.as_deref() != Some(&***account));
        Group { account: account.cloned(), region: lane.shared_region(), name: Arc::clone(name) }
    }

    fn claim(&mut self, key: &Key, now: Now, wanted: &mut Wanted) {
        let Some(entry) = self.objects.get(key) else { return };
        let Some(sought) = self.sought(key, entry) else {
            wanted.recheck.extend(self.claims.release(key, now.moment));
            return;
        };
        let group = self.group_of(&sought);
        let Object { status, created, uid, .. } = &entry.object;
        let incumbent = is_of(&sought.lane, &status.decode().ours);
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

    /// A lane has attempted a List, or learned its account. Returns what concerns its objects.
    pub fn handle_lane_news(&mut self, id: &LaneId, now: Now) -> Wanted {
        let Some(lane) = self.lanes.get(id) else { return Wanted::default() };
        let (news, account) = {
            let mut lane = lane.lock();
            (lane.take_news(), lane.account().map(str::to_owned))
        };
        let merged = if news == News::All && id.role().is_none() { self.learn_own(account) } else { Vec::new() };
        let needs_lane = |key: &&Key| self.objects.get(*key).is_some_and(|entry| entry.is_of_lane(id));
        let recheck: BTreeSet<Key> = match news {
            News::All => self.objects.keys().filter(needs_lane).cloned().collect(),
            News::Groups(names) => {
                let groups = names.into_iter().map(|name| self.group_of(&Sought { lane: id.clone(), name }));
                let concerned: BTreeSet<_> =
                    groups.flat_map(|group| self.claims.claimants(&group).cloned().collect::<Vec<_>>()).collect();
                concerned.iter().chain(&self.requests).filter(needs_lane).cloned().collect()
            }
        };
        let mut wanted = self.claim_again(merged, now);
        wanted.recheck.extend(recheck);
        wanted
    }

    /// The AWS account of the operator's own identity is known: a role that belongs to it leads to the same groups. Returns
    /// the resources that refer to such a role.
    fn learn_own(&mut self, account: Option<String>) -> Vec<Key> {
        let Some(account) = account.filter(|account| self.own_account.as_ref() != Some(account)) else {
            return Vec::new();
        };
        self.own_account = Some(account);
        let refers = |entry: &Entry| entry.object.spec.as_ref().is_ok_and(|spec| spec.account_ref.is_some());
        self.objects.iter().filter(|(_, entry)| refers(entry)).map(|(key, _)| key.clone()).collect()
    }

    /// The lane has been idle. Returns false if it is needed again.
    pub fn handle_lane_idle(&mut self, id: &LaneId, idle: Duration, now: Moment) -> bool {
        let ends = self.lanes.get(id).is_none_or(|lane| lane.lock().idle_for(now).is_some_and(|for_| for_ >= idle));
        if ends {
            self.lanes.remove(id);
        }
        ends
    }

    /// Remembers what `evaluation` has found: what lanes have to look up, and what has begun or ended with it.
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
            self.unwant(key, now, &mut wanted);
            self.want(key, evaluation.wants.clone(), now, &mut wanted);
        }
        wanted
    }

    fn want(&mut self, key: &Key, sought: Option<Sought>, now: Now, wanted: &mut Wanted) {
        let (Some(entry), Some(group)) = (self.objects.get_mut(key), sought) else { return };
        let status = entry.object.status.decode().ours;
        let ours = is_of(&group.lane, &status);
        let remembered = status
            .profiling_enabled
            .filter(|_| ours)
            .map(|on| Answer { profiling_enabled: Some(on), updated_at: status.updated_at });
        let interval = self.settings.lane().of(&group.lane).poll_interval;
        let state = self
            .lanes
            .entry(group.lane.clone())
            .or_insert_with(|| Arc::new(Mutex::new(LaneState::new(group.lane.clone(), interval, now.moment))));
        let mut state = state.lock();
        state.want(&group.name, remembered, now.moment);
        if self.requests.contains(key) {
            state.request_list(now.moment);
        }
        wanted.lanes.insert(group.lane.clone());
        wanted.recheck.insert(key.clone());
        entry.wants = Some(group);
    }

    fn unwant(&mut self, key: &Key, now: Now, wanted: &mut Wanted) {
        let Some(group) = self.objects.get_mut(key).and_then(|entry| entry.wants.take()) else { return };
        let still = self.claims.rivals(key).filter_map(|rival| self.objects.get(rival));
        if still.filter_map(|entry| entry.wants.as_ref()).any(|other| *other == group) {
            return;
        }
        if let Some(lane) = self.lanes.get(&group.lane) {
            lane.lock().unwant(&group.name, now.moment);
            wanted.lanes.insert(group.lane);
        }
    }

    /// What a lane knows, shared with the task that makes its calls.
    #[must_use]
    pub fn lane(&self, id: &LaneId) -> Option<SharedLaneState> {
        self.lanes.get(id).cloned()
    }

    /// AWS has taken `step`, in the situation that led to it.
    pub fn handle_written_to_aws(&mut self, evaluation: &Evaluation, step: &Step, cause: Cause, now: Now) {
        let group_created_at = self.group_created_at(evaluation, now);
        self.update(evaluation, |record| {
            record.forgive();
            record.remembered =
                mem::take(&mut record.remembered).after_step(&evaluation.situation, step, cause, now.wall);
            if matches!(step, Step::Create(_)) {
                record.remembered.created_group(group_created_at);
            }
            record.applied(Applied { step: step.clone(), cause });
        });
    }

    fn group_created_at(&self, evaluation: &Evaluation, now: Now) -> Option<Timestamp> {
        let lane = self.lanes.get(evaluation.lane()?)?;
        let (_, knowledge) = lane.lock().view(&evaluation.situation.desired.name, now);
        knowledge.presence.observation()?.created_at
    }

    /// AWS reported that the group that was to be created existed already.
    pub fn handle_found(&mut self, evaluation: &Evaluation, now: Now) {
        self.update(evaluation, |record| record.remembered.found_instead(now.wall));
    }

    /// A read in AWS succeeded.
    pub fn handle_read(&mut self, evaluation: &Evaluation) {
        self.update(evaluation, Record::read);
    }

    /// An attempt in AWS failed; `in_doubt` is a step that AWS may have taken all the same.
    pub fn handle_failed(
        &mut self,
        evaluation: &Evaluation,
        failure: Failure,
        in_doubt: Option<Step>,
        now: Now,
        chance: f64,
    ) {
        self.update(evaluation, |record| {
            let read = !matches!(evaluation.plan, Plan::Write { .. });
            record.fail(failure, read, now.moment, chance);
            if let Some(step) = in_doubt {
                record.remembered.doubt(&step);
            }
        });
    }

    /// The status of `evaluation` was written. Returns why it does not last, once.
    pub fn handle_written(&mut self, evaluation: &Evaluation, kept: bool, now: Now) -> Option<NotKept> {
        let slot = slots::slot(&evaluation.uid, now.wall, self.settings.status_refresh);
        let mut not_kept = None;
        self.update(evaluation, |record| {
            record.write_succeeded();
            record.reported = Some(Reported::of(&evaluation.next));
            let then = &evaluation.situation.remembered;
            let mut written = Remembered::of(&evaluation.next);
            // What was written to AWS meanwhile is newer than what the evaluation knew.
            if !record.remembered.agrees_with(then) {
                written.last_applied = record.remembered.last_applied;
                written.tags.clone_from(&record.remembered.tags);
                written.details.clone_from(&record.remembered.details);
                written.created.clone_from(&record.remembered.created);
                written.drift = record.remembered.drift.clone();
            }
            // Where the group was found is not forgotten because someone else has removed it from the status.
            written.seen |= then.seen;
            written.account = written.account.or_else(|| then.account.clone());
            written.region = written.region.or_else(|| then.region.clone());
            let Remembered { in_doubt, tags_in_doubt, unfinished, .. } = mem::take(&mut record.remembered);
            record.remembered = Remembered { in_doubt, tags_in_doubt, unfinished, ..written };
            not_kept = record.writes.sent(&evaluation.next, kept, slot, now.moment);
        });
        not_kept
    }

    /// The status could not be written, and is not written again for a while.
    pub fn handle_write_failed(&mut self, evaluation: &Evaluation, at_least: Duration, now: Now, chance: f64) {
        self.update(evaluation, |record| record.write_failed(at_least, now.moment, chance));
    }

    /// Takes the writes to AWS that no event has reported yet.
    pub fn take_unpublished(&mut self, evaluation: &Evaluation) -> Vec<Applied> {
        let mut unpublished = Vec::new();
        self.update(evaluation, |record| unpublished = mem::take(&mut record.unpublished));
        unpublished
    }

    fn update(&mut self, evaluation: &Evaluation, change: impl FnOnce(&mut Record)) {
        if let Some(entry) = self.objects.get_mut(&evaluation.key).filter(|entry| entry.object.uid == evaluation.uid) {
            change(&mut entry.record);
        }
    }

    /// Every status as stored.
    pub fn statuses(&self) -> impl Iterator<Item = &CompactStatus> {
        self.objects.values().map(|entry| &entry.object.status)
    }
}

/// Whether the group of this status was found where the lane looks.
fn is_of(lane: &LaneId, status: &ProfilingGroupStatus) -> bool {
    let account = lane.role().is_none_or(|role| status.account.as_deref() == Some(&*role.aws_account));
    status.arn.is_some() && status.region.as_deref() == Some(lane.region()) && account
}

#[cfg(test)]
mod tests;
