//! What must never happen, judged at every request, and what must be so once nothing moves any more.

mod accounts;
mod corrections;
mod doubts;
mod lanes;
mod leases;
mod marks;
mod news;
mod settled;
mod taken_back;
mod versions;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use devkit::flux::{Stage, rules};
use serde_json::Value;

use self::{
    accounts::Accounts,
    corrections::{Corrections, Own},
    doubts::Doubts,
    lanes::Lanes,
    leases::Acting,
    marks::{Deed, Marks},
    news::News,
    taken_back::TakenBack,
    versions::Versions,
};
pub use self::{
    accounts::{account_of, admits, lane_of, place_of},
    leases::Acts,
    marks::{FORMER, OURS, OWNER_ID, OWNER_RESOURCE},
    settled::unsettled,
};
use crate::{
    aws::{ACCOUNT, AWS_TIMEOUT, OTHER_ACCOUNT, Route, Seen},
    faults::Fault,
    process::Process,
    rate::Rates,
    world::{Counts, World},
};

/// A process may act for so long on what it knew before: a call waits for its turn.
const ACTS_WITHIN: Duration = Duration::from_secs(3);
/// So many versions of an object are remembered: all of more than a minute.
const MOST_VERSIONS: usize = 64;
/// How long a group waits for its former owner at the least.
const GRACE: Duration = Duration::from_secs(30);
/// So many status writes of one object in a minute are more than anything needs.
const MOST_WRITES: usize = 20;
/// So many status writes of a ProfilerAccount in a minute are more than one every two seconds.
const MOST_ACCOUNT_WRITES: usize = 31;
/// So many attempts to write the status of one object in a minute are more than failures and conflicts explain.
const MOST_ATTEMPTS: usize = 30;
/// So many events about one object in a minute are more than anything needs.
const MOST_EVENTS: usize = 20;
/// So many mutations of one group in a minute are more than anything needs that was requested before.
const MOST_MUTATIONS: usize = 15;
/// An edit begins again with the shortest pause: this many attempts more before the pauses are long again.
const MORE_AFTER_AN_EDIT: usize = 4;

/// One version of an object, as a process knows it.
struct Told {
    at: Duration,
    /// `None` when it learned that the object is gone.
    object: Option<Value>,
}

/// What was seen, and what was wrong with it.
#[derive(Default)]
pub struct Oracle {
    told: BTreeMap<(u64, String), VecDeque<Told>>,
    recent: BTreeMap<String, VecDeque<Duration>>,
    violations: Vec<String>,
    counts: Counts,
    processes: u64,
    mutations: Vec<(String, bool)>,
    acting: Acting,
    taken_back: TakenBack,
    versions: Versions,
    news: News,
    corrections: Corrections,
    doubts: Doubts,
    lanes: Lanes,
    marks: Marks,
    accounts: Accounts,
    /// Who wrote the status of each object last, by `namespace/name`.
    writers: BTreeMap<String, &'static str>,
    /// How many times the status of each object was sent.
    attempts: BTreeMap<String, u64>,
    rates: Rates,
}

impl Oracle {
    /// A number for a new process.
    pub fn new_process(&mut self) -> u64 {
        self.processes += 1;
        self.processes
    }

    /// What was wrong so far.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// How often each thing happened.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How often one thing happened.
    pub fn count(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }

    /// How many times the status of an object was sent.
    pub fn attempts(&self, key: &str) -> u64 {
        self.attempts.get(key).copied().unwrap_or_default()
    }

    fn counted(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }

    fn violated(&mut self, world: &World, rule: String) {
        world.trace("oracle", format!("BROKEN: {rule}"));
        self.violations.push(rule);
    }

    fn judged(&mut self, world: &World, verdict: Result<(), String>) {
        if let Err(rule) = verdict {
            self.violated(world, rule);
        }
    }

    /// A process received this version of an object.
    pub fn told(&mut self, process: &Process, object: &Value) {
        if object["kind"] == "ProfilerAccount" {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            self.accounts.told(process.id(), name, Some(object.clone()), process.world().elapsed());
        }
        if object["kind"] == "ProfilingGroup" && !self.is_gone(process, object) {
            self.versions.got(process.id(), object, process.world().elapsed());
            if self.known(process, object).is_none_or(|known| !is_older(object, known)) {
                self.note(process, object, Some(object.clone()));
            }
        }
    }

    /// A process was answered with this version of an object. Only the watch shows it that there is another one.
    pub fn answered_with(&mut self, process: &Process, object: &Value) {
        let known = self.known(process, object);
        let is_known = known.is_some_and(|known| known["metadata"]["uid"] == object["metadata"]["uid"]);
        let finalizers = object["metadata"]["finalizers"].as_array();
        if is_known && is_deleting(object) && finalizers.is_none_or(Vec::is_empty) {
            self.saw_deleted(process, object);
        } else if is_known || object["kind"] == "ProfilerAccount" {
            self.told(process, object);
        }
    }

    /// Whether the process learned that this very object is gone: what the watch still reports of it is older.
    fn is_gone(&self, process: &Process, object: &Value) -> bool {
        let Some(versions) = self.told.get(&(process.id(), key(object))) else { return false };
        let mut newest = versions.iter().rev();
        let gone = newest.next().is_some_and(|told| told.object.is_none());
        let last = newest.find_map(|told| told.object.as_ref());
        gone && last.is_some_and(|last| last["metadata"]["uid"] == object["metadata"]["uid"])
    }

    fn known(&self, process: &Process, object: &Value) -> Option<&Value> {
        self.told.get(&(process.id(), key(object))).and_then(|told| told.back()?.object.as_ref())
    }

    /// A process was answered that there is no such ProfilerAccount.
    pub fn account_is_gone(&mut self, process: &Process, name: &str) {
        self.accounts.told(process.id(), name, None, process.world().elapsed());
    }

    /// A process received all objects there are, of one namespace or of all.
    pub fn listed(&mut self, process: &Process, path: &str, items: &[Value]) {
        if path.ends_with("/profileraccounts") {
            let names = items.iter().filter_map(|item| item["metadata"]["name"].as_str().map(str::to_owned)).collect();
            self.accounts.listed(process.id(), &names, process.world().elapsed());
            for object in items {
                self.told(process, object);
            }
        }
        if !path.ends_with("/profilinggroups") {
            return;
        }
        let namespace = path.split_once("/namespaces/").and_then(|(_, rest)| rest.split('/').next());
        let known = self.told.range((process.id(), String::new())..(process.id() + 1, String::new()));
        let gone: Vec<_> = known
            .filter(|(_, versions)| versions.back().is_some_and(|told| told.object.is_some()))
            .map(|((_, name), _)| name.clone())
            .filter(|name| namespace.is_none_or(|namespace| name.split('/').next() == Some(namespace)))
            .filter(|name| !items.iter().any(|object| key(object) == *name))
            .collect();
        for name in gone {
            let versions = self.told.entry((process.id(), name)).or_default();
            versions.push_back(Told { at: process.world().elapsed(), object: None });
        }
        for object in items {
            self.told(process, object);
        }
    }

    /// A process learned that an object is gone.
    pub fn saw_deleted(&mut self, process: &Process, object: &Value) {
        if object["kind"] == "ProfilerAccount" {
            return self.account_is_gone(process, object["metadata"]["name"].as_str().unwrap_or_default());
        }
        self.note(process, object, None);
    }

    fn note(&mut self, process: &Process, about: &Value, object: Option<Value>) {
        let versions = self.told.entry((process.id(), key(about))).or_default();
        versions.push_back(Told { at: process.world().elapsed(), object });
        if versions.len() > MOST_VERSIONS {
            versions.pop_front();
        }
    }

    /// A lane of a process got its client.
    pub fn connected(&mut self, process: &Process, route: &Route) {
        self.counted("connected");
        self.lanes.begins(process.id(), &route.lane);
        self.rates.begin(process, &route.lane);
    }

    /// A process got an answer from AWS to a call that it had sent at `sent`.
    pub fn answered(&mut self, process: &Process, route: &Route, call: &Seen<'_>, status: u16, sent: Duration) {
        let (good, region) = ((200..300).contains(&status), &*route.place);
        if good {
            self.lanes.answered(process.id(), &route.lane);
        }
        match call {
            Seen::List if good => self.doubts.answered(process.id(), region, None, sent),
            Seen::Describe(group) | Seen::Update(group, _) if good || status == 404 => {
                self.doubts.answered(process.id(), region, Some(group), sent);
            }
            _ => {}
        }
    }

    /// A process got this body from AWS for a call that it had sent at `sent`.
    pub fn got(&mut self, process: &Process, region: &str, call: &Seen<'_>, body: &Value, sent: Duration) {
        let (id, now) = (process.id(), process.world().elapsed());
        match call {
            Seen::List => {
                for group in body["profilingGroups"].as_array().into_iter().flatten() {
                    let name = group["name"].as_str().unwrap_or_default();
                    self.marks.read(id, region, name, &group["tags"], sent, now);
                }
            }
            Seen::Describe(group) | Seen::ListTags(group) => {
                self.marks.read(id, region, group, &body["tags"], sent, now);
            }
            Seen::Create(group, _) => {
                self.marks.changed(id, region, group, now);
                self.marks.read(id, region, group, &body["tags"], now, now);
            }
            Seen::Tags(group, change) if change.contains_key(OWNER_ID) => {
                self.marks.marked(id, region, group, change[OWNER_ID], now);
            }
            Seen::Tags(group, _) | Seen::Update(group, _) | Seen::Delete(group) => {
                self.marks.changed(id, region, group, now);
            }
            Seen::Detail(..) | Seen::Account => {}
        }
    }

    /// What AWS returns lags behind what it has carried out.
    pub fn reads_lag(&mut self) {
        self.marks.lag();
    }

    /// A process does not know what became of its Update.
    pub fn in_doubt(&mut self, process: &Process, region: &str, group: &str) {
        self.doubts.begins(process.id(), region, group, process.world().elapsed());
    }

    /// A process is about to send a call.
    pub fn called(&mut self, world: &World, process: &Process, route: &Route, call: &Seen<'_>) {
        let (region, lane) = (&*route.place, &*route.lane);
        if !self.rates.allow(process, lane, world.elapsed()) {
            self.violated(world, format!("{} calls AWS in {lane} faster than its cap", process.name()));
        }
        if call.mutates() && !self.lanes.has_answer(process.id(), lane) {
            self.violated(world, format!("a group of {lane} is changed before its lane has had any answer"));
        }
        match call {
            Seen::List => self.counted(format!("List {lane}")),
            Seen::Describe(_) => self.counted("Describe"),
            Seen::ListTags(_) => self.counted("ListTags"),
            Seen::Account => self.counted("GetCallerIdentity"),
            Seen::Create(group, new) => {
                self.counted("Create");
                self.may_mutate(world, process, region, group);
                if let Err(why) = self.creation_requested(world, process, region, group, &new.token) {
                    self.violated(world, format!("{} creates {group} in {region}: {why}", process.name()));
                }
            }
            Seen::Delete(group) => {
                self.counted("Delete");
                self.may_mutate(world, process, region, group);
                self.may_change(world, process, region, group);
                if let Err(why) = self.deletion_requested(world, process, region, group) {
                    self.violated(world, format!("{} deletes {group} in {region}: {why}", process.name()));
                }
            }
            Seen::Tags(group, change) => {
                self.counted("changes of tags");
                self.may_mutate(world, process, region, group);
                if change.contains_key(OWNER_ID) {
                    let verdict = self.mark_requested(world, process, region, group, change);
                    self.judged(world, verdict);
                    return;
                }
                self.may_change(world, process, region, group);
                if let Err(why) = self.tags_requested(world, process, region, group, change) {
                    self.violated(world, format!("{} tags {group} in {region} with {change:?}: {why}", process.name()));
                }
            }
            Seen::Detail(group, detail) => {
                self.counted(detail.operation().as_str());
                if detail.mutates() {
                    self.may_mutate(world, process, region, group);
                    self.may_change(world, process, region, group);
                    let requests = |object: &Value| detail.is_requested(&object["spec"]);
                    if let Err(why) = self.some_spec(world, process, region, group, requests) {
                        self.violated(
                            world,
                            format!("{} calls {detail:?} of {group} in {region}: {why}", process.name()),
                        );
                    }
                }
            }
            Seen::Update(group, to) => {
                self.counted("Update");
                self.may_mutate(world, process, region, group);
                self.may_change(world, process, region, group);
                let verdict = self.taken_back.sends(world, process, group, *to);
                self.judged(world, verdict);
                if let Err(why) = self.asked_for(world, process, region, group, *to) {
                    self.violated(world, format!("{} set {group} in {region} to {to}: {why}", process.name()));
                }
            }
        }
    }

    /// What holds for every mutation.
    fn may_mutate(&mut self, world: &World, process: &Process, region: &str, group: &str) {
        let elects = process.options().elects;
        if !elects && world.faults().holds(Fault::PermitsRefused, world.elapsed()) {
            self.without_permit(world, &format!("a change of {group}"));
        }
        let most = MOST_MUTATIONS + MORE_AFTER_AN_EDIT * self.edits(process, group);
        self.too_often(world, &format!("mutations of {group} in {region} by the {}", process.name()), most);
    }

    /// Where groups are marked: whether the process has read that this one is its own.
    fn may_change(&mut self, world: &World, process: &Process, region: &str, group: &str) {
        if !process.options().marks {
            return;
        }
        let ending = self.some_spec(world, process, region, group, is_deleting).is_ok();
        let verdict = self.marks.allow(process.id(), region, group, Deed::Change { ending }, world.elapsed());
        self.judged(world, verdict.map_err(|why| format!("{} in {region}: {group}: {why}", process.name())));
    }

    /// Whether the group may be marked, with a resource that names it, or its mark removed.
    fn mark_requested(
        &self,
        world: &World,
        process: &Process,
        region: &str,
        group: &str,
        change: &BTreeMap<&str, Option<&str>>,
    ) -> Result<(), String> {
        let marks = change[OWNER_ID].is_some();
        let deed = if marks { Deed::Mark } else { Deed::Unmark };
        let resource = change.get(OWNER_RESOURCE).copied().flatten();
        let whole = change.len() == 2 && change[OWNER_ID].is_none_or(|id| id == OURS);
        let asked = || self.some_spec(world, process, region, group, |object| Some(&*key(object)) == resource);
        let verdict = self.marks.allow(process.id(), region, group, deed, world.elapsed());
        let verdict = if whole { verdict } else { Err(format!("its mark is {change:?}")) };
        let verdict = if marks { verdict.and_then(|()| asked()) } else { verdict };
        verdict.map_err(|why| format!("{} in {region}: {group}: {why}", process.name()))
    }

    /// Whether some spec that the process knows, or knew a moment ago, requests that this group is created, and the token was
    /// recorded before.
    fn creation_requested(
        &self,
        world: &World,
        process: &Process,
        region: &str,
        group: &str,
        token: &str,
    ) -> Result<(), String> {
        self.some_spec(world, process, region, group, |object| {
            let policy = if is_deleting(object) { "deletionPolicy" } else { "creationPolicy" };
            object["spec"][policy] == if is_deleting(object) { "Delete" } else { "IfMissing" }
        })?;
        let recorded = world.api().objects("profilinggroups").any(|object| {
            let created = &object["status"]["managed"]["created"];
            let under = format!("{}-{}", created["uid"].as_str().unwrap_or_default(), created["number"]);
            under == token && created["uid"] == object["metadata"]["uid"]
        });
        // What is deleted or meddled with meanwhile can't be looked up.
        let known = self.told.values().flatten().filter_map(|told| told.object.as_ref()).any(|object| {
            let created = &object["status"]["managed"]["created"];
            format!("{}-{}", created["uid"].as_str().unwrap_or_default(), created["number"]) == token
        });
        if recorded || known { Ok(()) } else { Err(format!("the token {token} was not recorded")) }
    }

    /// Whether some spec that the process knows, or knew a moment ago, requests these tags; a tag that is removed was the
    /// resource's own.
    fn tags_requested(
        &self,
        world: &World,
        process: &Process,
        region: &str,
        group: &str,
        change: &BTreeMap<&str, Option<&str>>,
    ) -> Result<(), String> {
        self.some_spec(world, process, region, group, |object| {
            let (spec, applied) = (&object["spec"]["tags"], &object["status"]["lastApplied"]["tags"]);
            let requests = |(key, value): (&str, Option<&str>)| match value {
                Some(value) => spec[key] == value,
                // Its own status may be newer than what the watch has reported.
                None => spec.is_object() && spec[key].is_null() && !(applied.is_object() && applied[key].is_null()),
            };
            !is_deleting(object) && change.iter().map(|(key, value)| (*key, *value)).all(requests)
        })
    }

    /// Whether some resource that is being deleted requests it, and has created the group.
    fn deletion_requested(&self, world: &World, process: &Process, region: &str, group: &str) -> Result<(), String> {
        self.some_spec(world, process, region, group, |object| {
            let created = &object["status"]["managed"]["created"];
            let may_be_ours = created["foundAt"].is_null() || created["groupCreatedAt"].is_string();
            let created_here = created["uid"] == object["metadata"]["uid"] && may_be_ours;
            is_deleting(object) && object["spec"]["deletionPolicy"] == "Delete" && created_here
        })
    }

    /// How many edits of resources that name this group the process received in the last minute.
    fn edits(&self, process: &Process, group: &str) -> usize {
        let minute_ago = process.world().elapsed().saturating_sub(Duration::from_mins(1));
        let generation = |told: &Told| {
            let object = told.object.as_ref().filter(|object| object["spec"]["profilingGroupName"] == group)?;
            object["metadata"]["generation"].as_u64()
        };
        let of_process = self.told.range((process.id(), String::new())..(process.id() + 1, String::new()));
        of_process
            .flat_map(|(_, versions)| versions.iter().zip(versions.iter().skip(1)))
            .filter(|(before, after)| after.at > minute_ago && generation(before) < generation(after))
            .count()
    }

    /// Whether some spec that the process knows, or knew a moment ago, requests this.
    fn asked_for(&self, world: &World, process: &Process, region: &str, group: &str, to: bool) -> Result<(), String> {
        self.some_spec(world, process, region, group, |object| wanted_switch(object) == Some(to))
    }

    fn some_spec(
        &self,
        world: &World,
        process: &Process,
        region: &str,
        group: &str,
        wants: impl Fn(&Value) -> bool,
    ) -> Result<(), String> {
        let options = process.options();
        if options.observe_only {
            return Err("it only observes".into());
        }
        let now = world.elapsed();
        let mut known = self.told.range((process.id(), String::new())..(process.id() + 1, String::new()));
        let names = |object: &Value| {
            let there = place_of(object, options.region.as_deref());
            object["spec"]["profilingGroupName"] == group && there.as_deref() == Some(region)
        };
        let requests = |object: &Value| {
            let spec = &object["spec"];
            names(object)
                && spec["suspend"] != true
                && spec["managementPolicy"] != "Observe"
                && wants(object)
                && self.accounts.admit(process.id(), object, now)
                && !(self.says_it_is_claimed(process, object) && self.has_owner(process, object, &names))
        };
        let recent = |versions: &VecDeque<Told>| {
            let last = versions.len().saturating_sub(1);
            versions.iter().enumerate().any(|(index, told)| {
                let until = versions.get(index + 1).map(|next| next.at);
                let knew = index == last || until.is_some_and(|until| now.saturating_sub(until) < ACTS_WITHIN);
                knew && told.object.as_ref().is_some_and(requests)
            })
        };
        if known.any(|(_, versions)| recent(versions)) {
            Ok(())
        } else {
            Err("no spec that it knows requests it".into())
        }
    }

    /// Whether an operator of this name reported last that another resource has claimed the group.
    fn says_it_is_claimed(&self, process: &Process, object: &Value) -> bool {
        ready_reason(object) == Some("ClaimedByAnother") && self.writers.get(&key(object)) == Some(&process.name())
    }

    /// Whether the process knows of another resource that owns the same group, or learned less than the shortest grace
    /// time ago that it is gone, and that this one waits.
    fn has_owner(&self, process: &Process, asking: &Value, names: &impl Fn(&Value) -> bool) -> bool {
        let now = process.world().elapsed();
        let owns = |object: &Value| {
            let reported = object["status"]["arn"].is_string() && ready_reason(object) != Some("ClaimedByAnother");
            names(object) && reported && self.accounts.admit(process.id(), object, now)
        };
        let known_since =
            self.told.get(&(process.id(), key(asking))).and_then(|versions| versions.front()).map(|it| it.at);
        let of_process = self.told.range((process.id(), String::new())..(process.id() + 1, String::new()));
        of_process.filter(|((_, other), _)| *other != key(asking)).any(|(_, versions)| {
            let mut newest = versions.iter().rev();
            match newest.next() {
                Some(Told { object: Some(object), .. }) => owns(object),
                Some(Told { object: None, at }) => {
                    now.saturating_sub(*at) < GRACE
                        && known_since.is_some_and(|since| since <= *at)
                        && newest.next().and_then(|told| told.object.as_ref()).is_some_and(owns)
                }
                None => false,
            }
        })
    }

    /// Somebody who is no operator has changed the switch of a group, or made the group.
    pub fn changed_by_others(&mut self, region: &str, group: &str) {
        self.corrections.foreign(region, group);
    }

    /// AWS is about to carry out a mutation that a process sent at `sent`.
    pub fn mutated(&mut self, process: &Process, sent: Duration, account: &str, region: &str, group: &str, to: bool) {
        self.mutations.push((group.to_owned(), to));
        let of_process = self.told.range((process.id(), String::new())..(process.id() + 1, String::new()));
        let requests =
            |object: &Value| object["spec"]["profilingGroupName"] == group && object["spec"]["profilingEnabled"] == to;
        let asking =
            of_process.filter(|(_, versions)| versions.iter().filter_map(|told| told.object.as_ref()).any(requests));
        let asking = asking.map(|((_, resource), _)| resource.clone()).collect();
        self.corrections.own(region, group, Own { process: process.id(), to, asking, reported: false });
        if process.world().elapsed().saturating_sub(sent) >= AWS_TIMEOUT {
            // Nobody waits for it any more.
            self.corrections.foreign(region, group);
        }
        // As the newest process knows it: what was wiped before it started can't be known.
        let newest = self.told.range((self.processes, String::new())..);
        let recorded = newest.filter_map(|(_, versions)| versions.back()?.object.as_ref()).any(|object| {
            let status = &object["status"];
            object["spec"]["profilingGroupName"] == group
                && status["region"] == region
                && status["account"] == ACCOUNT
                && status["arn"].is_string()
        });
        if account == OTHER_ACCOUNT && recorded {
            self.violations.push(format!("{group} in {region} was changed in another account than it was found in"));
        }
    }

    /// Whether AWS has carried out a change of the group to this value.
    pub fn carried_out(&self, group: &str, to: bool) -> bool {
        self.mutations.iter().any(|(name, value)| name == group && *value == to)
    }

    /// A process reads an object.
    pub fn reads(&mut self, process: &Process, key: &str) {
        self.versions.reads(process.id(), key);
    }

    /// A process sends a status. Returns the rule that it breaks if the API server stores it.
    pub fn writes_status(&mut self, process: &Process, stored: Option<&Value>, body: &Value) -> Option<String> {
        let (world, key) = (process.world(), key(body));
        *self.attempts.entry(key.clone()).or_default() += 1;
        self.too_often(
            world,
            &format!("attempts of the {} to write the status of {key}", process.name()),
            MOST_ATTEMPTS,
        );
        let verdict = self.versions.writes(process.id(), body, process.free_since(), world.elapsed());
        self.judged(world, verdict.map_err(|rule| format!("{key}: {rule}")));
        if let Err(rule) = self.is_known(process, stored, body) {
            self.violated(world, format!("{key}: {rule}"));
        }
        let finds = body["status"]["arn"].is_string() && stored.is_some_and(|stored| stored["status"]["arn"].is_null());
        let lane = stored.and_then(|stored| lane_of(stored, process.options().region.as_deref())).unwrap_or_default();
        let unheard = finds && !self.lanes.has_answer(process.id(), &lane);
        unheard.then(|| format!("{key}: a status reports a group before its lane has had any answer"))
    }

    /// Whether a status that reports how a group is was written by a process that knows.
    fn is_known(&self, process: &Process, stored: Option<&Value>, body: &Value) -> Result<(), String> {
        let Some(reason @ ("InSync" | "Observed" | "DriftReported")) = ready_reason(body) else { return Ok(()) };
        let region =
            stored.and_then(|stored| place_of(stored, process.options().region.as_deref())).unwrap_or_default();
        let group = stored.and_then(|stored| stored["spec"]["profilingGroupName"].as_str()).unwrap_or_default();
        let doubt = self.doubts.since(process.id(), &region, group).filter(|since| *since > process.free_since());
        match doubt.filter(|since| *since < process.world().elapsed()) {
            Some(_) => Err(format!("{reason}, though nothing was read since an Update whose end is unclear")),
            None => Ok(()),
        }
    }

    /// A status was stored.
    pub fn status_written(&mut self, world: &World, process: &Process, object: &Value, breaks: Option<&str>) {
        self.counted("status writes");
        self.writers.insert(key(object), process.name());
        self.news.status_written(process.id(), object);
        if let Some(rule) = breaks {
            self.violated(world, rule.to_owned());
        }
        let key = key(object);
        let group = object["spec"]["profilingGroupName"].as_str().unwrap_or_default();
        // An attempt to create the group is two: the creation is recorded, and what came of it.
        let more = 2 * MORE_AFTER_AN_EDIT * self.edits(process, group);
        // Where reads lag behind, what was just created is missed, and created again.
        let most = MOST_WRITES + more + if self.marks.lag_behind() { MOST_WRITES } else { 0 };
        self.too_often(world, &format!("status writes of {key} by the {}", process.name()), most);
        let stage = Stage::of(object);
        for broken in stage.map(|stage| rules::broken(object, stage)).unwrap_or_default() {
            self.violated(world, format!("{key}: {broken}"));
        }
    }

    /// The status of a ProfilerAccount was stored.
    pub fn account_status_written(&mut self, world: &World, process: &Process, object: &Value) {
        self.counted("account status writes");
        let key = key(object);
        self.too_often(
            world,
            &format!("status writes of account {key} by the {}", process.name()),
            MOST_ACCOUNT_WRITES,
        );
        let stage = Stage::of(object);
        for broken in stage.map(|stage| rules::broken(object, stage)).unwrap_or_default() {
            self.violated(world, format!("account {key}: {broken}"));
        }
    }

    /// A write began although no permit was granted.
    pub fn without_permit(&mut self, world: &World, what: &str) {
        // One that was granted before may still be on its way.
        if world.permits_refused_for() > Duration::from_secs(1) {
            self.violated(world, format!("{what} without a permit"));
        }
    }

    /// A write was refused because the object is newer.
    pub fn conflicted(&mut self) {
        self.counted("conflicts");
    }

    /// A process learned that its write was refused because the object is newer.
    pub fn saw_conflict(&mut self, process: &Process, body: &Value) {
        let verdict = self.versions.refused(process.id(), body);
        self.judged(process.world(), verdict.map_err(|rule| format!("{}: {rule}", key(body))));
    }

    /// A process works without end while no time passes.
    pub fn spins(&mut self, process: &Process) {
        self.violated(process.world(), format!("the {} spins", process.name()));
    }

    /// A write met nothing.
    pub fn not_found(&mut self) {
        self.counted("not found");
    }

    /// An event of a process was created.
    pub fn event(&mut self, world: &World, process: &Process, event: &Value) {
        self.counted("events");
        let verdict = self.news.event(process.id(), event);
        self.judged(world, verdict);
        let note = event["note"].as_str().unwrap_or_default();
        for to in [true, false] {
            let switched = note.contains(if to { "profiling on" } else { "profiling off" });
            let writes = matches!(event["reason"].as_str(), Some("Updated" | "DriftCorrected"));
            if switched && writes && !self.mutations.iter().any(|(_, value)| *value == to) {
                self.violated(world, format!("an event reports what nobody did: {note}"));
            }
            if switched && event["reason"] == "DriftCorrected" {
                let verdict = self.corrected(world, process, &event["regarding"], to);
                self.judged(world, verdict);
            }
        }
        let about = event["regarding"]["name"].as_str().unwrap_or_default().to_owned();
        if !about.is_empty() {
            self.too_often(world, &format!("events about {about}"), MOST_EVENTS);
        }
    }

    fn corrected(&mut self, world: &World, process: &Process, about: &Value, to: bool) -> Result<(), String> {
        let text = |member: &str| about[member].as_str().unwrap_or_default();
        let object = world.api().object("profilinggroups", text("namespace"), text("name")).cloned();
        let Some(object) = object.filter(|object| object["metadata"]["uid"] == about["uid"]) else { return Ok(()) };
        let region = place_of(&object, process.options().region.as_deref()).unwrap_or_default();
        let group = object["spec"]["profilingGroupName"].as_str().unwrap_or_default();
        self.corrections.reported(&region, group, process.id(), &key(&object), to)
    }

    fn too_often(&mut self, world: &World, what: &str, most: usize) {
        let now = world.elapsed();
        let recent = self.recent.entry(what.to_owned()).or_default();
        recent.push_back(now);
        while recent.front().is_some_and(|first| now.saturating_sub(*first) > Duration::from_mins(1)) {
            recent.pop_front();
        }
        if recent.len() > most {
            self.violated(world, format!("more than {most} {what} in a minute"));
        }
    }
}

/// The value that the resource requests, or its deletion.
fn wanted_switch(object: &Value) -> Option<bool> {
    let spec = &object["spec"];
    match spec["deletionPolicy"].as_str() {
        _ if !is_deleting(object) => spec["profilingEnabled"].as_bool(),
        Some("Disable") => Some(false),
        Some("Restore") => object["status"]["original"]["profilingEnabled"].as_bool(),
        _ => None,
    }
}

/// Whether it is being deleted, and the operator holds it.
fn is_deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// Whether it is an older version of the same object.
fn is_older(object: &Value, than: &Value) -> bool {
    let version = |object: &Value| object["metadata"]["resourceVersion"].as_str()?.parse::<u64>().ok();
    object["metadata"]["uid"] == than["metadata"]["uid"] && version(object) < version(than)
}

/// `namespace/name`.
pub fn key(object: &Value) -> String {
    let metadata = &object["metadata"];
    format!("{}/{}", metadata["namespace"].as_str().unwrap_or(""), metadata["name"].as_str().unwrap_or(""))
}

/// The condition of this type.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// The reason of `Ready`.
pub fn ready_reason(object: &Value) -> Option<&str> {
    condition(object, "Ready")?["reason"].as_str()
}
