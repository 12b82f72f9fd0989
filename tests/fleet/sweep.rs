//! The leader is killed before and after each call that it makes for one resource: the next one ends up where it would have.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive};

use devkit::{
    emulator::{Account, Entry},
    faultproxy::{Effect, FaultProxy, Rule},
};
use http::Method;
use serde_json::json;

use crate::{
    record::UPDATE,
    replicas::{Fleet, Replica, access_key},
    rest::comes_to_rest,
    work::{ASSUME, OWNER, Work},
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
    sweep(&Work::ALL, None).await;
}

#[tokio::test]
async fn wherever_the_leader_is_killed_while_it_marks_a_group_nothing_is_lost_and_nothing_is_done_twice() {
    sweep(&[Work::Mark], Some(OWNER)).await;
}

async fn sweep(works: &[Work], owner: Option<&str>) {
    let world = World::new().await;
    let fleet = Fleet::new(&world).marking(owner);
    let mut leader = watched(&fleet).await;
    fleet.until_leads(&leader.replica).await;
    let calls = recorded(&world, &leader, works).await;
    let all = std::env::var("FLEET_SWEEP").is_ok_and(|which| which == "all");
    let chosen = calls.iter().filter(|call| all || call.changes());
    let cases: Vec<_> = chosen.flat_map(|call| [(call, Moment::Before), (call, Moment::After)]).collect();
    println!("{} calls, {} kills", calls.len(), cases.len());

    let mut standby = watched(&fleet).await;
    for (index, (call, moment)) in cases.iter().enumerate() {
        let name = format!("k-{index:03}");
        call.work.prepare(&world, &name).await;
        killed_at(&world, &leader, call, *moment, &name).await;
        leader = std::mem::replace(&mut standby, watched(&fleet).await);
        fleet.until_leads(&leader.replica).await;
        call.work.finished(&world, &name).await;
    }
    comes_to_rest(&world).await;
    let mut wrong = Vec::new();
    for (index, (call, moment)) in cases.iter().enumerate() {
        let name = format!("k-{index:03}");
        let (updates, corrections) = call.work.updates(&world, &name).await;
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
async fn recorded(world: &World, leader: &Watched, works: &[Work]) -> Vec<Call> {
    let mut calls = Vec::new();
    for (index, work) in works.iter().copied().enumerate() {
        let name = &*format!("seen-{index}");
        work.prepare(world, name).await;
        let position = world.plane.audit().await.unwrap().position();
        let mut journals = Vec::new();
        for account in work.accounts(world) {
            let seq = last(&account).await;
            journals.push((account, seq));
        }
        work.begin(world, name).await;
        work.finished(world, name).await;
        world.lists(1).await;
        let key = access_key(&leader.replica.name, world.aws.id());
        let mut aws = Vec::new();
        for (account, seq) in journals {
            let journal = account.journal_since(seq).await.unwrap().into_iter();
            // Sessions of a role have keys of their own.
            let leads = |entry: &Entry| account.id() != world.aws.id() || entry.access_key.as_ref() == Some(&key);
            aws.extend(journal.filter(leads).filter_map(|entry| entry.operation));
        }
        let audit = world.plane.audit_since(position).await.unwrap().by(&leader.replica.user);
        let kubernetes = audit.events.into_iter().filter_map(|event| {
            let method = match event.verb.as_str() {
                "get" => "GET",
                "create" => "POST",
                "update" => "PUT",
                "patch" => "PATCH",
                // An open watch is no call of this work, nor is what a new leader lists once.
                "watch" | "list" => return None,
                other => panic!("{other} {}", event.uri),
            };
            let path = event.uri.split('?').next().unwrap_or_default().replace(name, NAME);
            Some(Request::Kubernetes(method.to_owned(), path))
        });
        let mut numbers: BTreeMap<Request, u32> = BTreeMap::new();
        for request in aws.into_iter().map(Request::Aws).chain(kubernetes) {
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

/// The number of the last call that this account has seen.
async fn last(account: &Account) -> u64 {
    account.journal().await.unwrap().last().map_or(0, |entry| entry.seq)
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
            Request::Aws(operation) => {
                [ASSUME, CREATE, DELETE, UPDATE, TAG, UNTAG, PUT, ADD, REMOVE].contains(&&**operation)
            }
            Request::Kubernetes(method, path) => {
                let counts = !matches!(self.work, Work::Retag | Work::Permit | Work::Notify);
                method == "PATCH" || path.ends_with("/status") && counts
            }
        }
    }
}

/// Begins the work, and kills the leader when it makes this call.
async fn killed_at(world: &World, leader: &Watched, call: &Call, moment: Moment, name: &str) {
    match &call.request {
        Request::Aws(operation) => {
            assert_eq!(call.number, 0, "{call}: faults meet the first");
            let hang = json!({ "operation": operation, "count": 1, "after": moment == Moment::After, "effect": { "type": "hang" } });
            let account = call.work.account(world, operation);
            let seq = last(&account).await;
            account.fault(hang).await.unwrap();
            call.work.begin(world, name).await;
            world
                .eventually(&format!("{call}"), async || {
                    let journal = account.journal_since(seq).await.unwrap();
                    journal.iter().any(|entry| entry.fault == true && entry.is(operation)).then_some(())
                })
                .await;
        }
        Request::Kubernetes(method, path) => {
            let effect = if moment == Moment::Before { Effect::Hang } else { Effect::HoldAnswer };
            let method: Method = method.parse().unwrap();
            let rule = Rule::new(effect).method(method).path(&path.replace(NAME, name)).after(call.number).times(1);
            let rule = leader.proxy.add(rule);
            call.work.begin(world, name).await;
            let arrived = || match moment {
                Moment::Before => leader.proxy.hits(rule) > 0,
                Moment::After => leader.proxy.held() > 0,
            };
            world.eventually(&format!("{call}"), async || arrived().then_some(())).await;
        }
    }
    leader.replica.operator.kill().await.unwrap();
}
