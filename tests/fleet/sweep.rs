//! The leader is killed before and after each call that it makes for one resource: the next one ends up where it would have.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive};

use devkit::faultproxy::{Effect, FaultProxy, Rule};
use http::Method;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::{
    record::UPDATE,
    replicas::{Fleet, Replica, access_key},
    rest::comes_to_rest,
    world::World,
};

const LIST: &str = "ListProfilingGroups";
const CREATE: &str = "CreateProfilingGroup";
const DELETE: &str = "DeleteProfilingGroup";
const TAG: &str = "TagResource";
const UNTAG: &str = "UntagResource";
const PUT: &str = "PutPermission";
const ADD: &str = "AddNotificationChannels";
const REMOVE: &str = "RemoveNotificationChannel";
/// Stands for the name of the resource in a path.
const NAME: &str = "{name}";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Adopt,
    Edit,
    Correct,
    /// One tag is changed, another one removed.
    Retag,
    /// Another role may act as an agent.
    Permit,
    /// One topic of two is another one: removed, and added.
    Notify,
    /// There is no group yet.
    Create,
    /// The group goes with its resource.
    Delete,
}

impl Work {
    /// Whether it writes the switch of a group that is there.
    fn switches(self) -> bool {
        matches!(self, Self::Edit | Self::Correct)
    }
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{name}")
}

fn topic(name: &str) -> String {
    format!("arn:aws:sns:eu-west-1:111122223333:{name}")
}

fn permits(name: &str) -> Value {
    json!({ "agentPermissions": { "principals": [role(name)] } })
}

fn notifies(names: &[&str]) -> Value {
    json!({ "anomalyNotifications": names.iter().map(|name| json!({ "topicArn": topic(name) })).collect::<Vec<_>>() })
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Request {
    Aws(String),
    Kubernetes(String, String),
}

/// A request for some work; of equal ones, the first is number 0.
#[derive(Clone, Debug)]
struct Call {
    work: Work,
    request: Request,
    number: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// It has not arrived.
    Before,
    /// It has taken effect, and its answer has not arrived.
    After,
}

/// A replica, and its way to the API server.
struct Watched {
    replica: Replica,
    proxy: FaultProxy,
}

#[tokio::test]
async fn wherever_the_leader_is_killed_nothing_is_lost_and_nothing_is_done_twice() {
    let world = World::new().await;
    let fleet = Fleet::new(&world);
    let mut leader = watched(&fleet).await;
    fleet.until_leads(&leader.replica).await;
    let calls = recorded(&world, &leader).await;
    let all = std::env::var("FLEET_SWEEP").is_ok_and(|which| which == "all");
    let chosen = calls.iter().filter(|call| all || call.changes());
    let cases: Vec<_> = chosen.flat_map(|call| [(call, Moment::Before), (call, Moment::After)]).collect();
    println!("{} calls, {} kills", calls.len(), cases.len());

    let mut standby = watched(&fleet).await;
    for (index, (call, moment)) in cases.iter().enumerate() {
        let name = format!("k-{index:03}");
        prepare(&world, call.work, &name).await;
        killed_at(&world, &leader, call, *moment, &name).await;
        leader = std::mem::replace(&mut standby, watched(&fleet).await);
        fleet.until_leads(&leader.replica).await;
        finished(&world, call.work, &name).await;
    }
    comes_to_rest(&world).await;
    let mut wrong = Vec::new();
    for (index, (call, moment)) in cases.iter().enumerate() {
        let name = format!("k-{index:03}");
        let updates = world.calls_for(UPDATE, &name).await;
        let corrections = match call.work {
            Work::Delete => 0,
            _ => world.status(&name).await["drift"]["corrections"].as_u64().unwrap_or(0),
        };
        let line = format!("{call} {moment:?}: {updates} Updates, {corrections} corrections recorded");
        println!("{line}");
        if !call.updates(*moment).contains(&updates) || !call.work.switches() && corrections > 0 {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    world.judge().await;
}

async fn watched(fleet: &Fleet<'_>) -> Watched {
    let proxy = FaultProxy::start(&fleet.world.plane).await.unwrap();
    let replica = fleet.candidate_through(proxy.url()).await.start().await;
    Watched { replica, proxy }
}

/// All calls that the leader makes for each kind of work, seen by both services.
async fn recorded(world: &World, leader: &Watched) -> Vec<Call> {
    let mut calls = Vec::new();
    for (work, name) in [
        (Work::Adopt, "seen-a"),
        (Work::Edit, "seen-b"),
        (Work::Correct, "seen-c"),
        (Work::Retag, "seen-d"),
        (Work::Permit, "seen-e"),
        (Work::Notify, "seen-f"),
        (Work::Create, "seen-g"),
        (Work::Delete, "seen-h"),
    ] {
        prepare(world, work, name).await;
        let position = world.plane.audit().await.unwrap().position();
        let seq = world.aws.journal().await.unwrap().last().map_or(0, |entry| entry.seq);
        begin(world, work, name).await;
        finished(world, work, name).await;
        world.lists(1).await;
        let key = access_key(&leader.replica.name, world.aws.id());
        let journal = world.aws.journal_since(seq).await.unwrap().into_iter();
        let aws = journal.filter(|entry| entry.access_key.as_ref() == Some(&key)).filter_map(|entry| entry.operation);
        let audit = world.plane.audit_since(position).await.unwrap().by(&leader.replica.user);
        let kubernetes = audit.events.into_iter().filter_map(|event| {
            let method = match event.verb.as_str() {
                "get" | "list" => "GET",
                "create" => "POST",
                "update" => "PUT",
                "patch" => "PATCH",
                // An open watch is no call of this work.
                "watch" => return None,
                other => panic!("{other} {}", event.uri),
            };
            let path = event.uri.split('?').next().unwrap_or_default().replace(name, NAME);
            Some(Request::Kubernetes(method.to_owned(), path))
        });
        let mut numbers: BTreeMap<Request, u32> = BTreeMap::new();
        for request in aws.map(Request::Aws).chain(kubernetes) {
            let number = numbers.entry(request.clone()).or_default();
            let call = Call { work, request, number: *number };
            *number += 1;
            if call.number == 0 || !call.is_periodic() {
                calls.push(call);
            }
        }
    }
    calls
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { work, request, number } = self;
        match request {
            Request::Aws(operation) => write!(f, "{work:?}: {operation} {number}"),
            Request::Kubernetes(method, path) => {
                let end = path.split("/namespaces/").last().and_then(|path| path.split_once('/')).map_or("", |it| it.1);
                write!(f, "{work:?}: {method} {end} {number}")
            }
        }
    }
}

impl Call {
    /// How many Updates of the group there may be: the same once more where the leader could not record its own.
    fn updates(&self, moment: Moment) -> RangeInclusive<usize> {
        match (self.work, &self.request) {
            (work, _) if !work.switches() => 0..=0,
            (_, Request::Aws(operation)) if operation == UPDATE => 1..=2,
            (_, Request::Kubernetes(_, path)) if path.ends_with("/status") && moment == Moment::Before => 1..=2,
            _ => 1..=1,
        }
    }

    /// Repeated whether there is work or not.
    fn is_periodic(&self) -> bool {
        match &self.request {
            Request::Aws(operation) => operation == LIST,
            Request::Kubernetes(_, path) => path.contains("/leases/"),
        }
    }

    /// The sample that CI takes.
    fn changes(&self) -> bool {
        match &self.request {
            Request::Aws(operation) => [CREATE, DELETE, UPDATE, TAG, UNTAG, PUT, ADD, REMOVE].contains(&&**operation),
            Request::Kubernetes(method, path) => {
                let counts = !matches!(self.work, Work::Retag | Work::Permit | Work::Notify);
                method == "PATCH" || path.ends_with("/status") && counts
            }
        }
    }
}

async fn prepare(world: &World, work: Work, name: &str) {
    if work == Work::Create {
        return;
    }
    if work == Work::Delete {
        world.create(name, true, json!({ "creationPolicy": "IfMissing", "deletionPolicy": "Delete" })).await;
        world.condition(name, "Ready", "True", "InSync").await;
        world.until(name, "the finalizer", |object| object["metadata"]["finalizers"].is_array()).await;
        return;
    }
    world.flip(name, true).await;
    if work != Work::Adopt {
        let more = match work {
            Work::Retag => json!({ "tags": { "team": "old", "stage": "old" } }),
            Work::Permit => permits("old"),
            Work::Notify => notifies(&["stays", "old"]),
            Work::Adopt | Work::Create | Work::Delete | Work::Edit | Work::Correct => json!({}),
        };
        world.create(name, true, more).await;
        world.condition(name, "Ready", "True", "InSync").await;
    }
}

async fn begin(world: &World, work: Work, name: &str) {
    match work {
        Work::Adopt => drop(world.create(name, true, json!({})).await),
        Work::Delete => drop(world.groups.delete(name, &DeleteParams::default()).await.unwrap()),
        Work::Create => drop(world.create(name, true, json!({ "creationPolicy": "IfMissing" })).await),
        Work::Edit => world.patch(name, json!({ "spec": { "profilingEnabled": false } })).await,
        Work::Correct => world.flip(name, false).await,
        Work::Retag => world.patch(name, json!({ "spec": { "tags": { "team": "new", "stage": null } } })).await,
        Work::Permit => world.patch(name, json!({ "spec": permits("new") })).await,
        Work::Notify => world.patch(name, json!({ "spec": notifies(&["stays", "new"]) })).await,
    }
}

async fn finished(world: &World, work: Work, name: &str) {
    if work == Work::Delete {
        let gone = async || world.groups.get_opt(name).await.unwrap().is_none().then_some(());
        world.eventually("the resource goes", gone).await;
        assert!(world.enabled(name).await.is_none(), "{name}: the group goes first");
        return;
    }
    world.eventually("AWS follows", async || world.enabled(name).await.filter(|on| *on != (work == Work::Edit))).await;
    if work == Work::Retag {
        let follows = async || (world.tags(name).await == json!({ "team": "new" })).then_some(());
        world.eventually("the tags follow", follows).await;
    }
    if work == Work::Permit || work == Work::Notify {
        let expected = match work {
            Work::Permit => json!({ "principals": [role("new")], "topics": [] }),
            _ => json!({ "principals": [], "topics": [topic("stays"), topic("new")] }),
        };
        let follows = async || (world.details(name).await == expected).then_some(());
        world.eventually("the details follow", follows).await;
    }
    let status = world.condition(name, "Ready", "True", "InSync").await;
    if work == Work::Create {
        let created = &status["managed"]["created"];
        assert!(created["at"].is_string() && created["number"] == 1, "{name}: {created}");
    }
}

/// Begins the work, and kills the leader when it makes this call.
async fn killed_at(world: &World, leader: &Watched, call: &Call, moment: Moment, name: &str) {
    match &call.request {
        Request::Aws(operation) => {
            assert_eq!(call.number, 0, "{call}: faults meet the first");
            let hang = json!({ "operation": operation, "count": 1, "after": moment == Moment::After, "effect": { "type": "hang" } });
            let seq = world.aws.journal().await.unwrap().last().map_or(0, |entry| entry.seq);
            world.aws.fault(hang).await.unwrap();
            begin(world, call.work, name).await;
            world
                .eventually(&format!("{call}"), async || {
                    let journal = world.aws.journal_since(seq).await.unwrap();
                    journal.iter().any(|entry| entry.fault == true && entry.is(operation)).then_some(())
                })
                .await;
        }
        Request::Kubernetes(method, path) => {
            let effect = if moment == Moment::Before { Effect::Hang } else { Effect::HoldAnswer };
            let method: Method = method.parse().unwrap();
            let rule = Rule::new(effect).method(method).path(&path.replace(NAME, name)).after(call.number).times(1);
            let rule = leader.proxy.add(rule);
            begin(world, call.work, name).await;
            let arrived = || match moment {
                Moment::Before => leader.proxy.hits(rule) > 0,
                Moment::After => leader.proxy.held() > 0,
            };
            world.eventually(&format!("{call}"), async || arrived().then_some(())).await;
        }
    }
    leader.replica.operator.kill().await.unwrap();
}
