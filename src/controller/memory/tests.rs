//! What the memory answers, and what it wants done.

use std::{num::NonZeroU32, time::Duration};

use serde_json::{Value, json};

use super::{
    accounts::{AccountObject, Stored},
    *,
};
use crate::{
    api::Timestamp,
    domain::{
        account::Users,
        desired::Allowed,
        facet::Step,
        moment::Moment,
        observation::Observation,
        owner::{Mark, OwnerId},
        plan::{Cause, Plan},
        situation::Ownership,
    },
};

const REGION: &str = "eu-west-1";

/// That of a leader.
fn memory() -> Memory {
    memory_with(settings())
}

fn memory_with(settings: Settings) -> Memory {
    let mut memory = Memory::new(settings);
    memory.begin(now(0));
    memory
}

fn settings() -> Settings {
    Settings {
        namespaces: Vec::new(),
        default_region: Some(REGION.into()),
        poll_interval: Duration::from_mins(1),
        status_refresh: Duration::from_mins(15),
        agent_stale_after: Duration::from_mins(20),
        details_interval: Duration::from_mins(10),
        observe_only: false,
        owner: None,
        allowed: Allowed::default(),
        aws_timeout: Duration::from_secs(10),
        status_timeout: Duration::from_secs(5),
        pod: None,
        own_users: Users::default(),
        accounts: true,
        calls_per_second: NonZeroU32::new(100).unwrap(),
    }
}

fn now(seconds: u64) -> Now {
    Now { wall: Timestamp::from_millis(1_800_000_000_000 + i128::from(seconds) * 1000), moment: Moment(seconds * 1000) }
}

fn object(name: &str, group: &str, version: u64, more: &Value) -> RawProfilingGroup {
    let mut object = json!({
        "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup",
        "metadata": {
            "name": name, "namespace": "n", "uid": format!("uid-{name}"), "generation": 1,
            "resourceVersion": version.to_string(), "creationTimestamp": "2026-06-01T00:00:00Z",
        },
        "spec": { "profilingGroupName": group, "profilingEnabled": true },
    });
    json_patch::merge(&mut object, more);
    serde_json::from_value(object).unwrap()
}

fn key(name: &str) -> Key {
    Key { namespace: "n".into(), name: name.into() }
}

/// Evaluates and remembers what was found, as the shell does.
fn evaluate_and_note(memory: &mut Memory, name: &str, at: u64) -> Evaluation {
    let evaluation = memory.evaluate(&key(name), now(at)).unwrap();
    memory.note(&evaluation, now(at));
    evaluation
}

fn group(name: &str, enabled: bool) -> Observation {
    Observation {
        name: name.into(),
        arn: Some(format!("arn:aws:codeguru-profiler:{REGION}:111122223333:profilingGroup/{name}")),
        profiling_enabled: Some(enabled),
        profiling_status: Some(crate::api::ProfilingStatus::default()),
        ..Observation::default()
    }
}

/// The lane of the region lists these groups.
fn list(memory: &Memory, at: u64, groups: Vec<Observation>) {
    let state = memory.lane(&LaneId::of_region(REGION)).unwrap();
    let mut state = state.lock();
    let mut listing = state.begin_list(Moment(at));
    state.page(&mut listing, Moment(at), groups);
    state.end_list(&listing, Moment(at), Moment(at), 0.5);
}

#[test]
fn asking_changes_nothing() {
    let mut memory = memory();
    memory.handle_applied(object("a", "G", 1, &json!({})), now(0));
    let asked = || format!("{:?}", memory.evaluate(&key("a"), now(1)));
    assert_eq!(asked(), asked());
}

/// The resource `a`, whose status reports that this value was last applied.
fn stored(version: u64, on: bool) -> RawProfilingGroup {
    object("a", "G", version, &json!({ "status": { "lastApplied": { "profilingEnabled": on } } }))
}

/// What was last applied, as the process remembers it.
fn remembered(memory: &Memory) -> Option<bool> {
    memory.evaluate(&key("a"), now(9)).unwrap().situation.remembered.last_applied
}

/// A process that began to lead while its watch lagged once sent an edit again that a former leader had sent.
#[test]
fn what_a_former_leader_has_written_is_known_by_the_first_answer_and_what_follows_is_not_believed() {
    let mut memory = memory();
    memory.handle_applied(stored(1, true), now(0));
    memory.handle_newest(Version::read("2"));
    memory.handle_answer(stored(2, false), now(1));
    assert_eq!(remembered(&memory), Some(false));
    memory.handle_answer(stored(3, true), now(2));
    assert_eq!(remembered(&memory), Some(false), "another client wrote this");
}

/// Its status is decoded once, when it arrives, and not again when this process begins to lead.
#[test]
fn what_another_leader_has_written_is_remembered_until_this_process_leads_and_then_its_own() {
    let mut memory = Memory::new(settings());
    memory.handle_applied(stored(1, true), now(0));
    memory.handle_applied(stored(2, false), now(1));
    memory.begin(now(2));
    assert_eq!(remembered(&memory), Some(false));
    memory.handle_applied(stored(3, true), now(3));
    assert_eq!(remembered(&memory), Some(false), "another client wrote this");
}

#[test]
fn a_new_resource_makes_a_lane_list_and_a_deleted_one_no_longer_does() {
    let mut memory = memory();
    memory.handle_applied(object("a", "G", 1, &json!({})), now(0));
    let evaluation = memory.evaluate(&key("a"), now(0)).unwrap();
    assert_eq!((evaluation.plan.clone(), evaluation.reports(false, false)), (Plan::Rest, false));
    let lane = LaneId::of_region(REGION);
    assert_eq!(memory.note(&evaluation, now(0)).lanes, [lane.clone()].into());
    assert!(memory.lane(&lane).unwrap().lock().due().is_some());
    assert_eq!(memory.handle_deleted(&key("a"), now(1)).lanes, [lane.clone()].into());
    assert!(memory.lane(&lane).unwrap().lock().due().is_none());
    assert!(memory.handle_lane_idle(&lane, Duration::from_mins(1), Moment(61_000)));
    assert!(memory.lane(&lane).is_none());
}

#[test]
fn what_a_list_of_a_namespace_does_not_name_is_gone_and_other_namespaces_are_left_alone() {
    let mut memory = memory();
    let elsewhere = json!({ "metadata": { "namespace": "m" } });
    for object in [object("a", "A", 1, &json!({})), object("b", "B", 2, &json!({})), object("c", "C", 3, &elsewhere)] {
        memory.handle_applied(object, now(0));
    }
    assert_eq!(memory.handle_listed("n", &[key("b")].into(), now(1)).recheck, [key("a")].into());
    let left: Vec<_> = memory.objects.keys().map(ToString::to_string).collect();
    assert_eq!(left, ["m/c", "n/b"]);
    assert_eq!(memory.handle_listed("", &[key("b")].into(), now(2)).recheck.len(), 1, "all namespaces");
}

/// A record once outlived its object when an evaluation overlapped the deletion.
/// Seeds 2634 and 4829 of the simulation: an older version that came late made the resource known again.
#[test]
fn what_the_api_server_has_removed_is_not_known_again_by_an_older_version() {
    let mut memory = memory();
    let version = |version: u64, uid: &str, more: &Value| {
        let mut object = object("a", "A", version, more);
        object.metadata.uid = Some(uid.into());
        object
    };
    memory.handle_applied(version(1, "one", &json!({})), now(0));
    let going = json!({ "metadata": { "deletionTimestamp": "2026-06-01T00:00:00Z" } });
    memory.handle_answer(version(3, "one", &going), now(1));
    assert_eq!(memory.handle_applied(version(2, "one", &json!({})), now(2)), Wanted::default());
    assert!(memory.evaluate(&key("a"), now(2)).is_none());
    memory.handle_applied(version(5, "two", &json!({})), now(3));
    assert!(memory.evaluate(&key("a"), now(3)).is_some(), "another one of the same name");
    memory.handle_deleted(&key("a"), now(4));
    assert!(memory.removed.is_empty());
}

#[test]
fn nothing_is_left_after_a_resource_is_deleted() {
    let mut memory = memory();
    for round in 0..100 {
        let name = format!("r{round}");
        memory.handle_applied(object(&name, "G", round, &json!({})), now(round));
        let evaluation = evaluate_and_note(&mut memory, &name, round);
        memory.handle_deleted(&key(&name), now(round));
        memory.note(&evaluation, now(round));
        memory.handle_written(&evaluation, true, now(round));
    }
    assert!(memory.objects.is_empty() && memory.requests.is_empty());
}

#[test]
fn a_resource_that_goes_leaves_its_mark_to_be_removed_unless_another_one_waits_for_the_group() {
    let owner = OwnerId { id: "ours".into(), takes_over_from: None };
    let marking = || memory_with(Settings { owner: Some(owner.clone()), ..settings() });
    let own = Departure {
        group: Sought { lane: LaneId::of_region(REGION), name: "A".into() },
        mark: Mark::new(&owner, "n", "a"),
    };
    let spec = |spec: Value| json!({ "spec": spec });
    for (more, others, expected) in [
        (json!({}), vec![], vec![own.clone()]),
        (json!({}), vec!["A"], vec![]),
        (json!({}), vec!["B"], vec![own.clone()]),
        (spec(json!({ "managementPolicy": "Observe" })), vec![], vec![]),
        (spec(json!({ "suspend": true })), vec![], vec![]),
    ] {
        let mut memory = marking();
        memory.handle_applied(object("a", "A", 1, &more), now(0));
        for group in others {
            memory.handle_applied(object("other", group, 2, &json!({})), now(0));
        }
        evaluate_and_note(&mut memory, "a", 0);
        assert_eq!(memory.handle_deleted(&key("a"), now(1)).departures, expected, "{more}");
    }
    let marked = Observation { tags: Some(own.mark.tags()), ..group("A", true) };
    assert_eq!(own.marked(&marked), marked.arn);
    assert_eq!(own.marked(&group("A", true)), None, "others have marked it since, or it never was");
}

#[test]
fn the_first_lists_of_a_leader_do_not_wait_for_the_last_resource() {
    let mut memory = memory();
    let applied = |memory: &mut Memory, name: &str, version: u64, spec: &Value| {
        memory.handle_applied(object(name, name, version, &json!({ "spec": spec })), now(0)).lanes
    };
    let lanes = |regions: &[&str]| regions.iter().map(|region| LaneId::of_region(region)).collect::<BTreeSet<_>>();
    assert_eq!(applied(&mut memory, "a", 1, &json!({})), lanes(&[]), "it does not lead");
    assert_eq!(applied(&mut memory, "b", 2, &json!({ "suspend": true, "region": "us-east-1" })), lanes(&[]));
    assert_eq!(memory.list_early(now(0)).lanes, lanes(&[REGION]), "no call for what is suspended");
    assert_eq!(applied(&mut memory, "c", 3, &json!({})), lanes(&[]), "this lane has begun");
    assert_eq!(applied(&mut memory, "d", 4, &json!({ "region": "eu-west-3" })), lanes(&["eu-west-3"]));
    list(&memory, 0, vec![group("c", false)]);
    memory.begin(now(1));
    let evaluation = evaluate_and_note(&mut memory, "c", 1);
    assert_eq!(evaluation.plan, Plan::Write { step: Step::Switch(true), cause: Cause::Adoption }, "the List is known");
    assert_eq!(
        applied(&mut memory, "e", 5, &json!({ "region": "eu-west-2" })),
        lanes(&[]),
        "from now on it is evaluated"
    );
}

/// At a start with 20,000 resources each was once evaluated twice.
#[test]
fn a_resource_is_evaluated_again_only_if_its_lane_is_new_or_its_status_shows_that_the_lane_has_read_something_old() {
    let mut memory = memory();
    let arn = group("c", true).arn;
    let status = json!({ "region": REGION, "arn": arn, "profilingEnabled": false, "lastApplied": { "profilingEnabled": false } });
    for (name, more) in [("a", json!({})), ("b", json!({})), ("c", json!({ "status": status }))] {
        memory.handle_applied(object(name, name, 1, &more), now(0));
    }
    let again = |memory: &mut Memory, name: &str| {
        let evaluation = memory.evaluate(&key(name), now(1)).unwrap();
        !memory.note(&evaluation, now(1)).recheck.is_empty()
    };
    assert!(again(&mut memory, "a"), "the lane is new");
    list(&memory, 1000, ["a", "b", "c"].map(|name| group(name, true)).into());
    assert_eq!(["b", "c"].map(|name| again(&mut memory, name)), [false, true]);
}

#[test]
fn a_list_triggers_only_the_resources_whose_group_has_changed() {
    let mut memory = memory();
    for n in 0..50 {
        memory.handle_applied(object(&format!("r{n}"), &format!("G{n}"), n, &json!({})), now(0));
        evaluate_and_note(&mut memory, &format!("r{n}"), 0);
    }
    let lane = LaneId::of_region(REGION);
    let list = |memory: &Memory, at: u64, changed: usize| {
        list(memory, at, (0..50).map(|n| group(&format!("G{n}"), n != changed)).collect());
    };
    list(&memory, 1000, 99);
    assert_eq!(memory.handle_lane_news(&lane, now(4000)).recheck.len(), 50, "the first List is news for all");
    list(&memory, 2000, 99);
    assert_eq!(memory.handle_lane_news(&lane, now(4000)).recheck.len(), 0, "nothing has changed");
    list(&memory, 3000, 7);
    assert_eq!(memory.handle_lane_news(&lane, now(4000)).recheck, [key("r7")].into());
}

#[test]
fn an_older_version_of_an_object_does_not_replace_a_newer_one() {
    let mut memory = memory();
    memory.handle_applied(object("a", "G", 5, &json!({})), now(0));
    let edited = |on: bool| json!({ "metadata": { "generation": 2 }, "spec": { "profilingEnabled": on } });
    memory.handle_answer(object("a", "G", 9, &edited(false)), now(1));
    memory.handle_applied(object("a", "G", 7, &json!({})), now(2));
    assert!(!memory.evaluate(&key("a"), now(3)).unwrap().situation.desired.profiling_enabled);
    let reborn = json!({ "metadata": { "uid": "another" }, "spec": { "profilingEnabled": true } });
    memory.handle_applied(object("a", "G", 11, &reborn), now(4));
    assert!(memory.evaluate(&key("a"), now(5)).unwrap().situation.desired.profiling_enabled);
}

/// A watch may lag behind what a former leader has seen. What is newer than all that was stored when this process led
/// already can't be older than that.
#[test]
fn an_edit_made_since_this_process_leads_needs_no_confirmation() {
    let mut memory = memory();
    let arn = group("G", true).arn;
    let status = json!({ "arn": arn, "region": REGION, "lastApplied": { "profilingEnabled": true } });
    let edited = json!({ "spec": { "profilingEnabled": false }, "status": status });
    memory.handle_applied(object("a", "G", 7, &edited), now(0));
    memory.begin(now(0));
    evaluate_and_note(&mut memory, "a", 0);
    list(&memory, 1000, vec![group("G", true)]);
    let unconfirmed = |memory: &Memory| {
        let evaluation = memory.evaluate(&key("a"), now(3)).unwrap();
        assert_eq!(evaluation.plan, Plan::Write { step: Step::Switch(false), cause: Cause::Edit });
        evaluation.unconfirmed
    };
    assert!(unconfirmed(&memory));
    memory.handle_newest(object::Version::read("7"));
    assert!(unconfirmed(&memory), "a former leader may have seen a newer one");
    memory.handle_newest(object::Version::read("6"));
    assert!(!unconfirmed(&memory));
    memory.begin(now(3));
    assert!(unconfirmed(&memory), "it leads again");
}

fn account(name: &str, more: &Value) -> AccountEvent {
    let mut spec = json!({ "roleArn": "arn:aws:iam::111122223333:role/a", "namespaces": ["n"] });
    json_patch::merge(&mut spec, more);
    let spec = Ok(serde_json::from_value(spec).unwrap());
    AccountEvent::Account(Box::new(AccountObject { name: name.into(), spec, stored: Stored::default() }))
}

fn with_accounts(names: &[&str]) -> Memory {
    let mut memory = memory();
    for name in names {
        memory.handle_accounts(account(name, &json!({})), now(0));
    }
    memory.handle_accounts(AccountEvent::AccountsListed(names.iter().map(|name| (*name).to_owned()).collect()), now(0));
    memory
}

fn referring(name: &str, group: &str, account: &str) -> RawProfilingGroup {
    object(name, group, 1, &json!({ "spec": { "accountRef": { "name": account } } }))
}

#[test]
fn two_accounts_with_roles_of_one_aws_account_lead_to_the_same_groups() {
    let mut memory = with_accounts(&["one", "two"]);
    memory.handle_applied(referring("a", "Shared", "one"), now(0));
    memory.handle_applied(referring("b", "Shared", "two"), now(0));
    memory.handle_applied(object("own", "Shared", 2, &json!({})), now(0));
    assert_eq!(evaluate_and_note(&mut memory, "a", 0).situation.ownership, Ownership::Owner);
    assert_eq!(evaluate_and_note(&mut memory, "b", 0).situation.ownership, Ownership::ClaimedBy("n/a".into()));
    assert_eq!(
        evaluate_and_note(&mut memory, "own", 0).situation.ownership,
        Ownership::Owner,
        "its account is unknown"
    );

    list(&memory, 1000, vec![group("Shared", true)]);
    let wanted = memory.handle_lane_news(&LaneId::of_region(REGION), now(1));
    assert!(wanted.recheck.is_superset(&[key("a"), key("b"), key("own")].into()), "{wanted:?}");
    let owners = ["a", "b", "own"].map(|name| evaluate_and_note(&mut memory, name, 1).situation.ownership);
    assert_eq!(owners.iter().filter(|ownership| **ownership == Ownership::Owner).count(), 1, "{owners:?}");
}

/// Seeds 515 and 583 of the simulation: the account waited for a lane that no resource needed.
#[test]
fn an_account_whose_resources_wait_for_the_group_of_another_one_is_not_in_use() {
    let mut memory = with_accounts(&["one", "two"]);
    let reason = |memory: &Memory, name: &str| {
        let reports = memory.account_reports(now(1), |_| None);
        let report = reports.into_iter().find(|report| report.name == name).unwrap();
        report.next.conditions[0].reason.clone()
    };
    memory.handle_applied(referring("a", "Shared", "one"), now(0));
    memory.handle_applied(referring("b", "Shared", "two"), now(0));
    assert_eq!((&*reason(&memory, "one"), &*reason(&memory, "two")), ("Progressing", "NotInUse"));
    memory.handle_deleted(&key("a"), now(1));
    assert_eq!(&*reason(&memory, "one"), "NotInUse");
}

/// Seed 7183 of the simulation: an answer that came late was taken for the newest version.
#[test]
fn an_older_version_of_an_account_replaces_no_newer_one_and_brings_none_back() {
    let version = |version: u64, namespaces: &[&str]| {
        let AccountEvent::Account(mut object) = account("prod", &json!({ "namespaces": namespaces })) else {
            unreachable!()
        };
        object.stored.version = version.to_string();
        AccountEvent::Account(object)
    };
    let mut memory = with_accounts(&[]);
    memory.handle_applied(referring("a", "G", "prod"), now(0));
    let is_granted = |memory: &Memory| memory.evaluate(&key("a"), now(1)).unwrap().situation.access == Access::Granted;
    memory.handle_accounts(version(7, &[]), now(0));
    memory.handle_accounts(version(5, &["n"]), now(0));
    assert_eq!((is_granted(&memory), memory.account_version("prod")), (false, Version::read("7")));
    memory.handle_accounts(version(8, &["n"]), now(0));
    assert!(is_granted(&memory));
    memory.handle_accounts(AccountEvent::AccountGone("prod".into()), now(0));
    memory.handle_accounts(version(8, &["n"]), now(0));
    assert!(!is_granted(&memory), "it is gone");
    memory.handle_accounts(version(12, &["n"]), now(0));
    assert!(is_granted(&memory), "another one of the same name");
}

#[test]
fn a_role_that_was_changed_is_called_by_a_lane_of_its_own() {
    let mut memory = with_accounts(&["prod"]);
    memory.handle_applied(referring("a", "G", "prod"), now(0));
    let before = evaluate_and_note(&mut memory, "a", 0);
    let same = memory.handle_accounts(account("prod", &json!({})), now(1));
    assert_eq!(same, Wanted::default());
    let changed = memory.handle_accounts(account("prod", &json!({ "externalId": "x-1" })), now(1));
    assert_eq!(changed.recheck, [key("a")].into());
    let after = evaluate_and_note(&mut memory, "a", 1);
    assert_ne!(before.lane(), after.lane());
    assert_eq!(memory.lane(before.lane().unwrap()).unwrap().lock().due(), None, "the former lane is idle");
    assert!(memory.lane(after.lane().unwrap()).unwrap().lock().due().is_some());
}

/// Seed 500193 of the simulation: a role that was changed while a leader began was called for ever, beside its successor.
#[test]
fn a_role_that_is_changed_while_a_leader_begins_is_called_no_more() {
    let mut memory = with_accounts(&["prod"]);
    memory.handle_applied(referring("a", "G", "prod"), now(0));
    let before = memory.list_early(now(0)).lanes;
    let after = memory.handle_accounts(account("prod", &json!({ "externalId": "x-1" })), now(0)).lanes;
    memory.begin(now(1));
    assert_eq!(after, before.iter().chain(evaluate_and_note(&mut memory, "a", 1).lane()).cloned().collect());
    let due =
        |lanes: &BTreeSet<LaneId>| lanes.iter().filter(|id| memory.lane(id).unwrap().lock().due().is_some()).count();
    assert_eq!((before.len(), due(&before), due(&after)), (1, 0, 1));
}

#[test]
fn a_resource_that_may_not_use_its_account_needs_no_lane_and_holds_no_claim() {
    let mut memory = with_accounts(&["prod"]);
    memory.handle_applied(referring("a", "G", "prod"), now(0));
    assert!(evaluate_and_note(&mut memory, "a", 0).wants.is_some());
    memory.handle_accounts(account("prod", &json!({ "namespaces": ["other"] })), now(1));
    let refused = evaluate_and_note(&mut memory, "a", 1);
    assert_eq!((refused.wants, refused.plan, refused.situation.lane), (None, Plan::Rest, None));
    memory.handle_applied(object("own", "G", 2, &json!({})), now(1));
    assert_eq!(evaluate_and_note(&mut memory, "own", 1).situation.ownership, Ownership::Owner);
}
