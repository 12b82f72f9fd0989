//! What must never happen, judged at every request, and what must be so once nothing moves any more.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use devkit::flux::{Stage, rules};
use serde_json::Value;

use crate::{
    aws::{ACCOUNT, OTHER_ACCOUNT, Seen},
    faults::Fault,
    process::{LEASE, LEASE_NAMESPACE, Process},
    world::{Counts, World},
};

/// A process may act for so long on what it was told before: a call waits for its turn.
const ACTS_WITHIN: Duration = Duration::from_secs(3);
/// How long a group waits for its former owner at the least.
const GRACE: Duration = Duration::from_secs(30);
/// So many status writes of one object in a minute are more than anything asks for.
const MOST_WRITES: usize = 20;
/// So many events about one object in a minute are more than anything asks for.
const MOST_EVENTS: usize = 20;
/// So many mutations of one group in a minute are more than anything asks for.
const MOST_MUTATIONS: usize = 15;

/// One version of an object, as a process knows it.
struct Told {
    at: Duration,
    /// `None` when it was told that the object is gone.
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
    acted: u64,
    /// Calls under way that only the leader may make: of which process, and until when at the latest.
    acting: BTreeMap<u64, (u64, Duration)>,
}

/// A call that only the leader may make, for as long as it is under way.
pub struct Acts {
    world: World,
    number: u64,
}

impl Acts {
    /// A process begins one that it cuts off after `bound`.
    pub fn begin(world: &World, process: &Process, bound: Duration) -> Self {
        let mut oracle = world.oracle();
        oracle.acted += 1;
        let number = oracle.acted;
        if process.options().elects {
            let lease = world.api().object("leases", LEASE_NAMESPACE, LEASE).map(|lease| (**lease).clone());
            let holder = lease.and_then(|lease| lease["spec"]["holderIdentity"].as_str().map(str::to_owned));
            if !holder.as_ref().is_some_and(|holder| is_held_by(holder, process)) {
                oracle.violated(world, format!("{} acts while {holder:?} holds the Lease", process.name()));
            }
            oracle.acting.insert(number, (process.id(), world.elapsed() + bound));
        }
        Self { world: world.clone(), number }
    }
}

impl Drop for Acts {
    fn drop(&mut self) {
        self.world.oracle().acting.remove(&self.number);
    }
}

fn is_held_by(holder: &str, process: &Process) -> bool {
    holder.strip_prefix(&process.identity()).is_some_and(|rest| rest.starts_with('_'))
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

    fn counted(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }

    fn violated(&mut self, world: &World, rule: String) {
        world.trace("oracle", format!("BROKEN: {rule}"));
        self.violations.push(rule);
    }

    /// A process was told this version of an object.
    pub fn told(&mut self, process: &Process, object: &Value) {
        if object["kind"] == "ProfilingGroup" {
            self.note(process, object, Some(object.clone()));
        }
    }

    /// A process was told of all objects there are, of one namespace or of all.
    pub fn listed(&mut self, process: &Process, path: &str, items: &[Value]) {
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

    /// A process was told that an object is gone.
    pub fn told_deleted(&mut self, process: &Process, object: &Value) {
        self.note(process, object, None);
    }

    fn note(&mut self, process: &Process, about: &Value, object: Option<Value>) {
        let versions = self.told.entry((process.id(), key(about))).or_default();
        versions.push_back(Told { at: process.world().elapsed(), object });
        if versions.len() > 8 {
            versions.pop_front();
        }
    }

    /// A region got a client of its own.
    pub fn connected(&mut self, _region: &str) {
        self.counted("connected");
    }

    /// A process is about to send a call.
    pub fn called(&mut self, world: &World, process: &Process, region: &str, call: &Seen<'_>) {
        match call {
            Seen::List => self.counted(format!("List {region}")),
            Seen::Describe => self.counted("Describe"),
            Seen::Account => self.counted("GetCallerIdentity"),
            Seen::Update(group, to) => {
                self.counted("Update");
                let elects = process.options().elects;
                if !elects && world.faults().holds(Fault::PermitsRefused, world.elapsed()) {
                    self.without_permit(world, &format!("Update of {group}"));
                }
                self.too_often(world, &format!("mutations of {group} in {region}"), MOST_MUTATIONS);
                if let Err(why) = self.asked_for(world, process, region, group, *to) {
                    self.violated(world, format!("{} set {group} in {region} to {to}: {why}", process.name()));
                }
            }
        }
    }

    /// Whether some spec that the process knows, or knew a moment ago, asks for this.
    fn asked_for(&self, world: &World, process: &Process, region: &str, group: &str, to: bool) -> Result<(), String> {
        let options = process.options();
        if options.observe_only {
            return Err("it only observes".into());
        }
        let now = world.elapsed();
        let mut known = self.told.range((process.id(), String::new())..(process.id() + 1, String::new()));
        let names = |object: &Value| {
            let spec = &object["spec"];
            let there = spec["region"].as_str().or(options.region.as_deref());
            spec["profilingGroupName"] == group && there == Some(region)
        };
        let asks = |object: &Value| {
            let spec = &object["spec"];
            names(object)
                && object["metadata"]["deletionTimestamp"].is_null()
                && spec["suspend"] != true
                && spec["managementPolicy"] != "Observe"
                && spec["profilingEnabled"] == to
                && !(ready_reason(object) == Some("ClaimedByAnother") && self.has_owner(process, object, &names))
        };
        let recent = |versions: &VecDeque<Told>| {
            let last = versions.len().saturating_sub(1);
            versions.iter().enumerate().any(|(index, told)| {
                let until = versions.get(index + 1).map(|next| next.at);
                let knew = index == last || until.is_some_and(|until| now.saturating_sub(until) < ACTS_WITHIN);
                knew && told.object.as_ref().is_some_and(asks)
            })
        };
        if known.any(|(_, versions)| recent(versions)) {
            Ok(())
        } else {
            Err("no spec that it knows asks for it".into())
        }
    }

    /// Whether the process knows of another resource that owns the same group, or was told less than the shortest grace
    /// time ago that it is gone.
    fn has_owner(&self, process: &Process, asking: &Value, names: &impl Fn(&Value) -> bool) -> bool {
        let now = process.world().elapsed();
        let owns = |object: &Value| {
            names(object) && object["status"]["arn"].is_string() && ready_reason(object) != Some("ClaimedByAnother")
        };
        let of_process = self.told.range((process.id(), String::new())..(process.id() + 1, String::new()));
        of_process.filter(|((_, other), _)| *other != key(asking)).any(|(_, versions)| {
            let mut newest = versions.iter().rev();
            match newest.next() {
                Some(Told { object: Some(object), .. }) => owns(object),
                Some(Told { object: None, at }) => {
                    now.saturating_sub(*at) < GRACE
                        && newest.next().and_then(|told| told.object.as_ref()).is_some_and(owns)
                }
                None => false,
            }
        })
    }

    /// AWS is about to carry out a mutation.
    pub fn mutated(&mut self, account: &str, region: &str, group: &str, to: bool) {
        self.mutations.push((group.to_owned(), to));
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

    /// A process has created or replaced the Lease.
    pub fn lease_written(&mut self, world: &World, process: &Process, lease: &Value) {
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        let others: Vec<_> = self.acting.values().filter(|(_, until)| *until > world.elapsed()).copied().collect();
        if is_held_by(holder, process) && others.iter().any(|(other, _)| *other != process.id()) {
            self.violated(world, format!("{} leads while a call of another one is under way", process.name()));
        }
        if holder.is_empty() {
            self.counted("releases");
            if others.iter().any(|(other, _)| *other == process.id()) {
                self.violated(world, format!("{} releases the Lease before its calls have ended", process.name()));
            }
        }
    }

    /// A status was stored.
    pub fn status_written(&mut self, world: &World, process: &Process, object: &Value) {
        self.counted("status writes");
        let key = key(object);
        self.too_often(world, &format!("status writes of {key} by the {}", process.name()), MOST_WRITES);
        let stage = Stage::of(object);
        for broken in stage.map(|stage| rules::broken(object, stage)).unwrap_or_default() {
            self.violated(world, format!("{key}: {broken}"));
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

    /// A write met nothing.
    pub fn not_found(&mut self) {
        self.counted("not found");
    }

    /// An event was created, or its count raised.
    pub fn event(&mut self, world: &World, event: &Value) {
        self.counted("events");
        let note = event["note"].as_str().unwrap_or_default();
        for to in [true, false] {
            let said = note.contains(if to { "profiling on" } else { "profiling off" });
            let writes = matches!(event["reason"].as_str(), Some("Updated" | "DriftCorrected"));
            if said && writes && !self.mutations.iter().any(|(_, value)| *value == to) {
                self.violated(world, format!("an event reports what nobody did: {note}"));
            }
        }
        let about = event["regarding"]["name"].as_str().unwrap_or_default().to_owned();
        if !about.is_empty() {
            self.too_often(world, &format!("events about {about}"), MOST_EVENTS);
        }
    }

    fn too_often(&mut self, world: &World, what: &str, most: usize) {
        let now = world.elapsed();
        let recent = self.recent.entry(what.to_owned()).or_default();
        recent.push_back(now);
        while recent.front().is_some_and(|first| now.saturating_sub(*first) > Duration::from_mins(1)) {
            recent.pop_front();
        }
        if recent.len() == most + 1 {
            self.violated(world, format!("more than {most} {what} in a minute"));
        }
    }
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

/// What is not yet as it must be once nothing moves any more.
pub fn unsettled(
    world: &World,
    default_region: Option<&str>,
    observe_only: bool,
    namespaces: &[String],
) -> Vec<String> {
    let objects: Vec<Value> = world.api().objects("profilinggroups").map(|object| (**object).clone()).collect();
    let seen = |object: &&Value| {
        namespaces.is_empty() || namespaces.iter().any(|namespace| object["metadata"]["namespace"] == **namespace)
    };
    let objects: Vec<&Value> = objects.iter().filter(seen).collect();
    let mut wrong = Vec::new();
    let mut owners: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for object in &objects {
        let key = key(object);
        let mut say = |what: String| wrong.push(format!("{key}: {what}"));
        let spec = &object["spec"];
        if object["status"]["observedGeneration"] != object["metadata"]["generation"] {
            say(format!(
                "generation {} was not observed, but {}",
                object["metadata"]["generation"], object["status"]["observedGeneration"]
            ));
            continue;
        }
        for broken in rules::broken(object, Stage::Final) {
            say(broken);
        }
        let reason = ready_reason(object).unwrap_or("none");
        let Some(region) = spec["region"].as_str().or(default_region) else {
            if reason != "RegionMissing" {
                say(format!("{reason} without a region"));
            }
            continue;
        };
        let group = spec["profilingGroupName"].as_str().unwrap_or_default();
        let claimants = owners.entry((region.to_owned(), group.to_owned())).or_default();
        if reason == "ClaimedByAnother" {
            continue;
        }
        // A suspended resource reports that alone.
        if spec["suspend"] != true {
            claimants.push(key.clone());
        }
        let desired = spec["profilingEnabled"].as_bool();
        let actual = world.aws().enabled(region, group);
        let manages = spec["managementPolicy"] != "Observe" && !observe_only;
        let corrects = spec["driftPolicy"] != "Report";
        let agrees = actual == desired;
        let expected: &[&str] = match () {
            () if spec["suspend"] == true => &["Suspended"],
            () if actual.is_none() => &["GroupNotFound"],
            () if agrees => &["InSync"],
            () if !manages => &["Observed"],
            () if !corrects => &["DriftReported"],
            () => &[],
        };
        if expected.is_empty() {
            say(format!("AWS has {actual:?}, the spec says {desired:?}, the status {reason}"));
        } else if !expected.contains(&reason) {
            say(format!("the status says {reason} instead of {expected:?}"));
        }
        if spec["suspend"] != true && actual.is_some() && object["status"]["profilingEnabled"].as_bool() != actual {
            say(format!("the status reports {}, AWS has {actual:?}", object["status"]["profilingEnabled"]));
        }
    }
    for ((region, group), claimants) in &owners {
        if claimants.len() > 1 {
            wrong.push(format!("{group} in {region} is owned by {claimants:?}"));
        }
    }
    wrong
}
