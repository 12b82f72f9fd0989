//! What happens in one simulation: a list of actions, made from a seed or by hand, and how they are carried out.

use std::{fmt, time::Duration};

use http::Method;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};

use crate::{
    apiserver::{Answer, Request},
    aws::{ACCOUNT, ROLES_ACCOUNT},
    faults::{self, Fault},
    oracle::{FORMER, OURS, OWNER_ID, OWNER_RESOURCE},
    process::{Options, Process},
    world::World,
};

/// Where ProfilingGroups live.
pub const API: &str = "/apis/codeguruprofiler.dev/v1alpha1";

/// One thing that somebody does.
#[derive(Clone, Debug)]
pub enum Action {
    /// A user creates a resource.
    Create { namespace: &'static str, name: String, spec: Value },
    /// A user changes members of a resource's spec.
    Edit { namespace: &'static str, name: String, spec: Value },
    /// A user deletes a resource.
    Delete { namespace: &'static str, name: String },
    /// `kubectl replace --force`.
    Replace { namespace: &'static str, name: String },
    /// A user requests a reconcile.
    Request { namespace: &'static str, name: String, token: String },
    /// Somebody writes into the status.
    Meddle { namespace: &'static str, name: String, status: Value },
    /// The platform team makes a ProfilerAccount, or changes who may use it and how.
    Account { name: &'static str, spec: Value },
    /// The platform team deletes a ProfilerAccount.
    AccountDeleted { name: &'static str },
    /// Somebody makes or changes a group in AWS.
    Group { region: &'static str, name: String, enabled: bool },
    /// Somebody sets tags of a group in AWS, and removes all others.
    Tags { region: &'static str, name: String, tags: Value },
    /// Somebody sets the principals or the topics of a group in AWS.
    Details { region: &'static str, name: String, details: Value },
    /// Somebody deletes a group in AWS.
    GroupDeleted { region: &'static str, name: String },
    /// Agents report.
    Agents { region: &'static str, name: String },
    /// A switch of the emulator.
    Setting(Value),
    /// A fault holds for a while.
    Fault(Fault, Duration),
    /// etcd is compacted.
    Compact,
    /// The operator ends by SIGTERM, and starts again so long after.
    Restart(Duration),
    /// The operator is killed, and starts again so long after.
    Kill(Duration),
    /// The operator is stopped for so long.
    Pause(Duration),
    /// Its clock is set to so many milliseconds ahead of the true time.
    Clock(i64),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { namespace, name, spec } => write!(f, "create {namespace}/{name} {spec}"),
            Self::Edit { namespace, name, spec } => write!(f, "edit {namespace}/{name} {spec}"),
            Self::Delete { namespace, name } => write!(f, "delete {namespace}/{name}"),
            Self::Replace { namespace, name } => write!(f, "replace --force {namespace}/{name}"),
            Self::Request { namespace, name, token } => write!(f, "request a reconcile of {namespace}/{name}: {token}"),
            Self::Meddle { namespace, name, status } => {
                write!(f, "write into the status of {namespace}/{name}: {status}")
            }
            Self::Account { name, spec } => write!(f, "account {name} {spec}"),
            Self::AccountDeleted { name } => write!(f, "account {name} is deleted"),
            Self::Group { region, name, enabled } => write!(f, "group {name} in {region} is set to {enabled}"),
            Self::Tags { region, name, tags } => write!(f, "group {name} in {region} has the tags {tags}"),
            Self::Details { region, name, details } => write!(f, "group {name} in {region} has {details}"),
            Self::GroupDeleted { region, name } => write!(f, "group {name} in {region} is deleted"),
            Self::Agents { region, name } => write!(f, "agents of {name} in {region} report"),
            Self::Setting(setting) => write!(f, "AWS behaves as {setting}"),
            Self::Fault(fault, lasts) => write!(f, "{fault:?} for {} s", lasts.as_secs()),
            Self::Compact => write!(f, "etcd is compacted"),
            Self::Restart(after) => write!(f, "SIGTERM, and a start after {} s", after.as_secs()),
            Self::Kill(after) => write!(f, "kill -9, and a start after {} s", after.as_secs()),
            Self::Pause(lasts) => write!(f, "SIGSTOP for {} s", lasts.as_secs()),
            Self::Clock(offset) => write!(f, "the clock is {offset} ms off"),
        }
    }
}

/// What happens, when, to whom.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Where latencies, jitter and ids come from.
    pub seed: u64,
    /// How the operator is started.
    pub options: Options,
    /// The CRD in the cluster is older than the operator: it lacks this member of the status.
    pub lacks: Option<&'static str>,
    /// A second replica takes part.
    pub rival: bool,
    /// What happens, in the order of time.
    pub actions: Vec<(Duration, Action)>,
}

const NAMESPACES: [&str; 2] = ["a", "b"];
/// The operator's own region, and another one.
pub const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
/// The operator's own region of the AWS account of all roles.
const OTHER_PLACE: &str = "eu-west-1@444455556666";
/// ProfilerAccounts: two roles of one AWS account.
const ACCOUNTS: [&str; 2] = ["x1", "x2"];
/// How long actions and faults go on.
pub const ACTIVE: Duration = Duration::from_mins(10);

impl Schedule {
    /// The schedule of one seed.
    pub fn random(seed: u64) -> Self {
        let mut chance = SmallRng::seed_from_u64(seed ^ 0x5eed);
        let mut options = Options::default();
        if chance.random_bool(0.3) {
            options.namespaces = NAMESPACES.map(str::to_owned).to_vec();
        }
        if chance.random_bool(0.1) {
            options.observe_only = true;
        }
        if chance.random_bool(0.3) {
            options.poll_interval = Duration::from_secs(10);
        }
        if chance.random_bool(0.2) {
            options.calls_per_second = 2;
        }
        options.marks = chance.random_bool(0.3);
        options.sdk = chance.random_bool(0.1);
        // Sessions of roles are not among the SDK's calls that the simulation knows.
        options.accounts = !options.sdk && chance.random_bool(0.35);
        let lacks = chance.random_bool(0.05).then_some("tags");
        let rival = chance.random_bool(0.15);
        options.elects = rival || chance.random_bool(0.2);
        let resources = if chance.random_bool(0.05) { 30 } else { chance.random_range(1..=5) };
        let mut actions = Vec::new();
        let mut world = Draw { chance: &mut chance, resources, marks: options.marks, accounts: options.accounts };
        for group in 0..3 {
            if world.chance.random_bool(0.8) {
                let enabled = world.chance.random();
                let region = world.place();
                let name = format!("G{group}");
                actions.push((Duration::ZERO, Action::Group { region, name: name.clone(), enabled }));
                if world.marks && world.chance.random_bool(0.5) {
                    let tags = world.tags_with_a_mark();
                    actions.push((Duration::from_millis(1), Action::Tags { region, name, tags }));
                }
            }
        }
        for name in ACCOUNTS.into_iter().filter(|_| options.accounts) {
            if world.chance.random_bool(0.8) {
                let at = world.within(Duration::from_secs(20));
                actions.push((at, world.account(name)));
            }
        }
        if world.chance.random_bool(0.2) {
            actions.push((Duration::ZERO, Action::Setting(world.setting())));
        }
        for resource in 0..resources {
            if world.chance.random_bool(0.8) {
                let at = world.within(Duration::from_secs(5));
                actions.push((at, world.create(resource)));
            }
        }
        let count = world.chance.random_range(5..40);
        for _ in 0..count {
            let at = world.within(ACTIVE);
            let action = world.action();
            if matches!(action, Action::Fault(Fault::OtherAccount, _)) {
                actions.push((at + Duration::from_millis(10), Action::Kill(Duration::from_secs(1))));
            }
            actions.extend(world.taken_back(at, &action));
            actions.push((at, action));
        }
        actions.sort_by_key(|(at, _)| *at);
        Self { seed, options, lacks, rival, actions }
    }
}

struct Draw<'a> {
    chance: &'a mut SmallRng,
    resources: usize,
    /// Whether groups are marked with an owner id.
    marks: bool,
    /// Whether resources refer to ProfilerAccounts.
    accounts: bool,
}

impl Draw<'_> {
    fn within(&mut self, limit: Duration) -> Duration {
        limit.mul_f64(self.chance.random())
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.chance.random_range(0..all.len())]
    }

    fn region(&mut self) -> &'static str {
        if self.chance.random_bool(0.75) { REGIONS[0] } else { REGIONS[1] }
    }

    /// Where a group is: of another account too, where resources refer to one.
    fn place(&mut self) -> &'static str {
        match self.region() {
            region if region == REGIONS[0] && self.accounts && self.chance.random_bool(0.5) => OTHER_PLACE,
            region => region,
        }
    }

    /// Who may use an account, and how, in many ways.
    fn account(&mut self, name: &'static str) -> Action {
        let namespaces = self.one_of(&[&["a", "b"][..], &["a", "b"], &["a", "b"], &["a"], &[]]);
        let mut spec = json!({
            "roleArn": format!("arn:aws:iam::{ROLES_ACCOUNT}:role/{name}"), "namespaces": namespaces,
            "allowedFacets": ["create", "delete", "restore", "tags", "permissions", "notifications"],
            "allowedPrincipals": ["*"], "allowedTopics": ["*"],
        });
        if self.chance.random_bool(0.2) {
            spec["groupNames"] = json!(["G0", "G1"]);
        }
        if self.chance.random_bool(0.2) {
            spec["externalId"] = "another".into();
        }
        Action::Account { name, spec }
    }

    fn group(&mut self) -> String {
        format!("G{}", self.chance.random_range(0..3))
    }

    /// A resource always is in the same namespace.
    fn resource(&mut self) -> (&'static str, String) {
        let number = self.chance.random_range(0..self.resources);
        (NAMESPACES[number % 2], format!("r{number}"))
    }

    fn create(&mut self, number: usize) -> Action {
        let mut spec = json!({ "profilingGroupName": self.group(), "profilingEnabled": self.chance.random::<bool>() });
        if self.chance.random_bool(0.25) {
            spec["region"] = self.region().into();
        }
        if self.accounts && self.chance.random_bool(0.5) {
            spec["accountRef"] = json!({ "name": self.one_of(&ACCOUNTS) });
        }
        if self.chance.random_bool(0.1) {
            spec["suspend"] = true.into();
        }
        if self.chance.random_bool(0.1) {
            spec["managementPolicy"] = "Observe".into();
        }
        if self.chance.random_bool(0.2) {
            spec["driftPolicy"] = "Report".into();
        }
        if self.chance.random_bool(0.25) {
            spec["creationPolicy"] = "IfMissing".into();
        }
        if self.chance.random_bool(0.25) {
            spec["tags"] = self.tags();
        }
        if self.chance.random_bool(0.3) {
            spec["deletionPolicy"] = self.one_of(&["Restore", "Disable", "Delete"]).into();
        }
        if self.chance.random_bool(0.2) {
            spec["agentPermissions"] = json!({ "principals": self.principals() });
        }
        if self.chance.random_bool(0.2) {
            spec["anomalyNotifications"] = self.notifications();
        }
        Action::Create { namespace: NAMESPACES[number % 2], name: format!("r{number}"), spec }
    }

    fn tags(&mut self) -> Value {
        let mut tags = json!({});
        for key in ["a", "b"] {
            if self.chance.random_bool(0.6) {
                tags[key] = self.one_of(&["1", "2"]).into();
            }
        }
        tags
    }

    /// Tags that another operator may have marked the group with, or an earlier resource of this one.
    fn tags_with_a_mark(&mut self) -> Value {
        let mut tags = self.tags();
        if let Some(id) = self.one_of(&[Some("theirs"), Some(FORMER), Some(OURS), None, None]) {
            (tags[OWNER_ID], tags[OWNER_RESOURCE]) = (id.into(), "them/it".into());
        }
        tags
    }

    fn principals(&mut self) -> Vec<String> {
        let some = ["a", "b", "c"].into_iter().filter(|_| self.chance.random_bool(0.5));
        some.map(|name| format!("arn:aws:iam::{ACCOUNT}:role/{name}")).collect()
    }

    fn topics(&mut self) -> Vec<String> {
        let first = self.chance.random_range(0..3);
        let some = ["a", "b", "c", "a"][first..].iter().take(2).filter(|_| self.chance.random_bool(0.7));
        some.map(|name| format!("arn:aws:sns:eu-west-1:{ACCOUNT}:{name}")).collect()
    }

    fn notifications(&mut self) -> Value {
        self.topics().into_iter().map(|topic| json!({ "topicArn": topic })).collect()
    }

    /// What is in no List, in a spec.
    fn details(&mut self) -> Value {
        match self.chance.random_range(0..6) {
            0 => json!({ "agentPermissions": null }),
            1 => json!({ "anomalyNotifications": null }),
            2 => json!({ "anomalyNotifications": self.notifications() }),
            3 => {
                json!({ "anomalyNotifications": self.notifications(), "agentPermissions": { "principals": self.principals() } })
            }
            _ => json!({ "agentPermissions": { "principals": self.principals() } }),
        }
    }

    /// Some users change their minds a moment later.
    fn taken_back(&mut self, at: Duration, action: &Action) -> Option<(Duration, Action)> {
        let Action::Edit { namespace, name, spec } = action else { return None };
        let enabled = spec["profilingEnabled"].as_bool().filter(|_| self.chance.random_bool(0.3))?;
        let spec = json!({ "profilingEnabled": !enabled });
        Some((at + self.within(Duration::from_secs(4)), Action::Edit { namespace, name: name.clone(), spec }))
    }

    fn setting(&mut self) -> Value {
        match self.chance.random_range(0..11) {
            9 => json!({ "putPermissionMerges": true }),
            10 => json!({ "missingPolicy": "notFound" }),
            6 => json!({ "thinList": "noTags" }),
            7 => json!({ "sameTokenCreate": "conflict" }),
            8 => json!({ "tokenOutlivesGroup": true }),
            0 => json!({ "thinList": "noOrchestrationConfig" }),
            1 => json!({ "thinList": "noProfilingStatus" }),
            2 => json!({ "thinList": "namesOnly" }),
            3 => json!({ "readLagMs": 5000 }),
            4 => json!({ "readLagMs": 60000 }),
            _ => json!({ "updateWithoutChangeMovesUpdatedAt": false }),
        }
    }

    fn action(&mut self) -> Action {
        if self.marks && self.chance.random_bool(0.1) {
            return Action::Tags { region: self.place(), name: self.group(), tags: self.tags_with_a_mark() };
        }
        if self.accounts && self.chance.random_bool(0.1) {
            let name = self.one_of(&ACCOUNTS);
            return if self.chance.random_bool(0.2) { Action::AccountDeleted { name } } else { self.account(name) };
        }
        let (namespace, name) = self.resource();
        match self.chance.random_range(0..100) {
            0..3 => {
                let tags = if self.chance.random_bool(0.2) { Value::Null } else { self.tags_patch() };
                Action::Edit { namespace, name, spec: json!({ "tags": tags }) }
            }
            3..5 => {
                let policy = self.one_of(&[Some("Restore"), Some("Disable"), Some("Delete"), Some("Retain"), None]);
                Action::Edit { namespace, name, spec: json!({ "deletionPolicy": policy }) }
            }
            5..9 => Action::Edit { namespace, name, spec: self.details() },
            9..18 => {
                let spec = json!({ "profilingEnabled": self.chance.random::<bool>() });
                Action::Edit { namespace, name, spec }
            }
            18..24 => {
                Action::Edit { namespace, name, spec: json!({ "suspend": self.one_of(&[Some(true), None, None]) }) }
            }
            24..28 => {
                let policy = self.one_of(&[Some("Report"), Some("Correct"), None]);
                Action::Edit { namespace, name, spec: json!({ "driftPolicy": policy }) }
            }
            28..30 => {
                let policy = self.one_of(&[Some("IfMissing"), Some("Never"), None]);
                Action::Edit { namespace, name, spec: json!({ "creationPolicy": policy }) }
            }
            30..32 => {
                let policy = self.one_of(&[Some("Observe"), Some("Manage"), None]);
                Action::Edit { namespace, name, spec: json!({ "managementPolicy": policy }) }
            }
            32..37 => {
                let number = self.chance.random_range(0..self.resources);
                self.create(number)
            }
            37..41 => Action::Delete { namespace, name },
            41..44 => Action::Replace { namespace, name },
            44..47 => Action::Request { namespace, name, token: format!("t{}", self.chance.random_range(0..9)) },
            47..50 => Action::Meddle { namespace, name, status: self.meddling() },
            50..52 => Action::Tags { region: self.place(), name: self.group(), tags: self.tags_with_a_mark() },
            52..55 => {
                let details = if self.chance.random() {
                    json!({ "principals": self.principals() })
                } else {
                    json!({ "topics": self.topics() })
                };
                Action::Details { region: self.place(), name: self.group(), details }
            }
            55..65 => Action::Group { region: self.place(), name: self.group(), enabled: self.chance.random() },
            65..68 => Action::GroupDeleted { region: self.place(), name: self.group() },
            68..71 => Action::Agents { region: self.place(), name: self.group() },
            71..73 => Action::Compact,
            73..77 => Action::Restart(self.within(Duration::from_secs(40))),
            77..81 => Action::Kill(self.within(Duration::from_secs(40))),
            81..83 => Action::Pause(self.within(Duration::from_mins(4))),
            83..85 => Action::Clock(self.chance.random_range(-600_000..600_000)),
            _ => {
                let fault = self.one_of(&faults::ALL);
                let most = if self.chance.random_bool(0.15) { ACTIVE } else { Duration::from_mins(3) };
                Action::Fault(fault, Duration::from_secs(2) + self.within(most))
            }
        }
    }

    /// Of a merge patch: `null` removes a key.
    fn tags_patch(&mut self) -> Value {
        let mut tags = json!({});
        for key in ["a", "b"] {
            if self.chance.random_bool(0.7) {
                tags[key] = self.one_of(&[Some("1"), Some("2"), None]).into();
            }
        }
        tags
    }

    fn meddling(&mut self) -> Value {
        match self.chance.random_range(0..4) {
            0 => json!({ "conditions": [] }),
            1 => json!({ "profilingEnabled": self.chance.random::<bool>() }),
            2 => json!({ "lastApplied": null, "arn": null }),
            _ => json!({ "observedGeneration": -1 }),
        }
    }
}

/// Carries out what users, meddlers and AWS do; what is done to the operator itself is the caller's.
pub fn carry_out(world: &World, action: &Action) {
    let resource = |namespace: &str, name: &str| format!("{API}/namespaces/{namespace}/profilinggroups/{name}");
    match action {
        Action::Create { namespace, name, spec } => {
            let object = json!({
                "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup",
                "metadata": { "name": name, "namespace": namespace }, "spec": spec,
            });
            request(world, Method::POST, format!("{API}/namespaces/{namespace}/profilinggroups"), &object);
        }
        Action::Edit { namespace, name, spec } => {
            request(world, Method::PATCH, resource(namespace, name), &json!({ "spec": spec }));
        }
        Action::Delete { namespace, name } => {
            request(world, Method::DELETE, resource(namespace, name), &Value::Null);
        }
        Action::Replace { namespace, name } => {
            let Some(object) = world.api().object("profilinggroups", namespace, name).map(|object| (**object).clone())
            else {
                return;
            };
            request(world, Method::DELETE, resource(namespace, name), &Value::Null);
            let again = json!({
                "apiVersion": object["apiVersion"], "kind": object["kind"],
                "metadata": { "name": name, "namespace": namespace }, "spec": object["spec"],
            });
            request(world, Method::POST, format!("{API}/namespaces/{namespace}/profilinggroups"), &again);
        }
        Action::Request { namespace, name, token } => {
            let annotations = json!({ "codeguruprofiler.dev/reconcile-requested-at": token });
            let patch = json!({ "metadata": { "annotations": annotations } });
            request(world, Method::PATCH, resource(namespace, name), &patch);
        }
        Action::Meddle { namespace, name, status } => {
            let path = format!("{}/status", resource(namespace, name));
            request(world, Method::PATCH, path, &json!({ "status": status }));
        }
        Action::Account { name, spec } => {
            let accounts = format!("{API}/profileraccounts");
            let object = json!({
                "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilerAccount", "metadata": { "name": name },
                "spec": spec,
            });
            if world.api().object("profileraccounts", "", name).is_some() {
                // Of a merge patch: what is absent is removed.
                let mut spec = spec.clone();
                for member in ["groupNames", "externalId"] {
                    spec[member] = spec[member].take();
                }
                request(world, Method::PATCH, format!("{accounts}/{name}"), &json!({ "spec": spec }));
            } else {
                request(world, Method::POST, accounts, &object);
            }
        }
        Action::AccountDeleted { name } => {
            request(world, Method::DELETE, format!("{API}/profileraccounts/{name}"), &Value::Null);
        }
        Action::Group { region, name, enabled } => {
            if world.aws().enabled(region, name) != Some(*enabled) {
                world.oracle().changed_by_others(region, name);
            }
            world.aws().put(region, name, &json!({ "profilingEnabled": enabled }));
        }
        Action::Tags { region, name, tags } => {
            if world.aws().enabled(region, name).is_some() {
                world.aws().put(region, name, &json!({ "tags": tags }));
            }
        }
        Action::Details { region, name, details } => {
            if world.aws().enabled(region, name).is_some() {
                world.aws().put(region, name, details);
            }
        }
        Action::GroupDeleted { region, name } => world.aws().delete(region, name),
        Action::Agents { region, name } => {
            if world.aws().enabled(region, name).is_some() {
                let now = world.now().to_string();
                let seen = json!({ "latestAgentOrchestratedAt": now, "latestAgentProfileReportedAt": now });
                world.aws().put(region, name, &seen);
            }
        }
        Action::Setting(setting) => {
            if !setting["readLagMs"].is_null() {
                world.oracle().reads_lag();
            }
            world.aws().admin("PUT", "/settings", setting).expect("a setting that the emulator has");
        }
        Action::Fault(fault, lasts) => {
            let now = world.elapsed();
            world.faults().begin(*fault, now, now + *lasts);
            if *fault == Fault::PermitsRefused {
                world.refuse_permits(*lasts);
            }
        }
        Action::Compact => world.api().compact(),
        Action::Restart(_) | Action::Kill(_) | Action::Pause(_) | Action::Clock(_) => {}
    }
    world.wake_watches();
}

/// One request of somebody who may do anything.
pub fn request(world: &World, method: Method, path: String, body: &Value) {
    world.oracle().specs_change(world);
    let content_type = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let request = Request { method, path, query: Vec::new(), content_type: content_type.into(), body: body.clone() };
    let answer = world.api().handle(world.now(), &request);
    if let Answer::Object { status, .. } = answer
        && status >= 400
    {
        world.trace("user", format!("refused: {status}"));
    }
}

/// Does the action to the operator; returns the one that runs afterwards.
pub async fn do_to_operator(world: &World, operator: &mut Process, options: &Options, action: &Action) {
    match action {
        Action::Restart(after) => {
            operator.terminate();
            operator.exits_within(Duration::from_secs(30)).await;
            operator.kill();
            tokio::time::sleep(*after).await;
            *operator = Process::start(world, "operator", options);
        }
        Action::Kill(after) => {
            operator.kill();
            tokio::time::sleep(*after).await;
            *operator = Process::start(world, "operator", options);
        }
        Action::Pause(lasts) => {
            operator.pause();
            tokio::time::sleep(*lasts).await;
            operator.resume();
        }
        Action::Clock(offset) => operator.set_clock(*offset),
        _ => {}
    }
}
