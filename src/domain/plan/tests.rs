//! The table of plans: one line a row.

use super::{
    super::fixtures::{arns, contested, found, minute, new, restarted, synced, tags},
    *,
};
use crate::{api::ComputePlatform, domain::facet::NewGroup};

const EDIT: Plan = Plan::Write { step: Step::Switch(false), cause: Cause::Edit };
const ADOPT: Plan = Plan::Write { step: Step::Switch(true), cause: Cause::Adoption };
const CORRECT: Plan = Plan::Write { step: Step::Switch(true), cause: Cause::Drift };
use Plan::{Describe, Rest};

fn tag(text: &str, cause: Cause) -> Plan {
    Plan::Write { step: Step::Tag(tags(text)), cause }
}

fn untag(key: &str, cause: Cause) -> Plan {
    Plan::Write { step: Step::Untag([key.to_owned()].into()), cause }
}

fn creation(number: u32, profiling_enabled: bool) -> Step {
    Step::Create(NewGroup { token: format!("uid-{number}"), platform: None, profiling_enabled, tags: None })
}

fn create(number: u32, cause: Cause) -> Plan {
    Plan::Write { step: creation(number, true), cause }
}

/// The creation is recorded, and nothing is known of the call.
fn pending() -> Situation {
    new().misses().creates().reported()
}

/// Created by this resource, and reported.
fn created() -> Situation {
    pending().takes(&creation(1, true), Cause::Adoption).reported()
}

/// Its creation was refused, because the group was there.
fn found_instead() -> Situation {
    let mut found = pending();
    found.remembered.found_instead(found.now);
    found
}

/// In sync, with a tag of its own beside one of others.
fn tagged() -> Situation {
    found(true).tagged("stage=prod").sees_tags(Some("team=shop stage=prod")).reported()
}

#[test]
fn the_state_of_the_resource_decides_what_is_done() {
    let drifted = || synced().sees(Some(false));
    let edited = || synced().edited_to(false);
    #[rustfmt::skip]
    let rows = vec![
        ("nothing is known yet", new(), Rest),
        ("nothing is known yet, and listing is denied", new().lane_fails(FailureReason::AccessDenied), Rest),
        ("a List did not name it", new().knows(Presence::Unconfirmed), Describe),
        ("a List did not name it, asked in vain", new().knows(Presence::Unconfirmed).throttled(), Rest),
        ("a List did not name it, due again", new().knows(Presence::Unconfirmed).throttled_before(), Describe),
        ("there is no such group", new().misses(), Rest),
        ("there is no such group any more", synced().misses(), Rest),
        // Adoption.
        ("found as asked", found(true), Rest),
        ("found otherwise", found(false), ADOPT),
        ("found otherwise, Report", found(false).reports_drift(), ADOPT),
        ("found otherwise, Observe", found(false).observes(), Rest),
        ("found, switch unknown", new().sees(None), Rest),
        ("found, switch unknown, a Describe may tell", new().sees(None).wants_describe(), Describe),
        ("found otherwise, throttled", found(false).throttled(), Rest),
        ("found otherwise, due again", found(false).throttled_before(), ADOPT),
        // Edits: whatever is in the inventory.
        ("edited", edited(), EDIT),
        ("edited, Report", edited().reports_drift(), EDIT),
        ("edited, Observe", edited().observes(), Rest),
        ("edited, AWS seems to agree", edited().sees(Some(false)), EDIT),
        ("edited, switch unknown", edited().sees(None).wants_describe(), EDIT),
        ("edited, not listed this time", edited().knows(Presence::Unconfirmed), EDIT),
        ("edited, missing", edited().misses(), EDIT),
        ("edited, missing, which AWS has confirmed", edited().misses().failed(FailureReason::GroupNotFound, 99), Rest),
        ("edited, missed, and there again", edited().failed(FailureReason::GroupNotFound, 103).at(101).known_at(101), EDIT),
        ("edited, throttled", edited().throttled(), Rest),
        ("edited, due again", edited().throttled_before(), EDIT),
        ("edited, denied", edited().denied(), Rest),
        ("edited, timed out", edited().failed(FailureReason::TimedOut, 109), Rest),
        ("edited, timed out, the lane has recovered since", edited().failed(FailureReason::TimedOut, 109).at(102).recovered_at(101), EDIT),
        ("edited, timed out, the lane had recovered before", edited().failed(FailureReason::TimedOut, 109).at(102).recovered_at(100), Rest),
        ("edited, denied, the lane has recovered since", edited().failed(FailureReason::AccessDenied, 109).at(102).recovered_at(101), Rest),
        ("edited, calls wait: for its turn", edited().circuit_is_open(FailureReason::TimedOut), EDIT),
        ("edited while drift was reported", drifted().reports_drift().edited_to(false), EDIT),
        ("edited in the middle of a fight", contested().edited_to(false), EDIT),
        ("observed and edited, then managed again", synced().observes().edited_to(false).reported(), Rest),
        // Edits while the process was away.
        ("edited while away", restarted().edited_to(false), Rest),
        ("edited while away, account told", restarted().edited_to(false).lane(|l| l.account = Some("111122223333".into())), EDIT),
        ("edited while away, List failed", restarted().edited_to(false).lane_fails(FailureReason::Throttled), Rest),
        ("edited while away, List failed, account told", restarted().edited_to(false).lane_fails(FailureReason::Throttled).lane(|l| l.account = Some("111122223333".into())), EDIT),
        ("edited while away, another account", restarted().edited_to(false).moved(), Rest),
        // Drift.
        ("drift", drifted(), CORRECT),
        ("drift, Report", drifted().reports_drift(), Rest),
        ("drift, Observe", drifted().observes(), Rest),
        ("drift, switch unknown", synced().sees(None), Rest),
        ("drift, throttled", drifted().throttled(), Rest),
        ("drift, due again", drifted().throttled_before(), CORRECT),
        ("drift, slowed down", contested(), Rest),
        ("drift, slowed down, the Lists are thin", contested().wants_describe(), Describe),
        ("drift, slowed down, Observe", contested().observes().at(103), Rest),
        ("drift, slowed down, the pause is over", contested().at(102), CORRECT),
        ("after a restart nothing is corrected unseen", restarted(), Rest),
        // At rest.
        ("in sync", synced(), Rest),
        ("in sync, the Lists are thin", synced().wants_describe(), Describe),
        ("in sync, the Lists are thin, asked in vain", synced().wants_describe().throttled(), Rest),
        // Hands off.
        ("suspended", found(false).suspended(), Rest),
        ("suspended and edited", edited().suspended(), Rest),
        ("suspended, not listed", new().knows(Presence::Unconfirmed).suspended(), Rest),
        ("claimed by another", edited().claimed(), Rest),
        ("claimed by another, not listed", new().knows(Presence::Unconfirmed).claimed(), Rest),
        ("no region", edited().without_region(), Rest),
        ("another account", edited().moved(), Rest),
        ("another account, never seen", new().misses().reported().moved().sees(Some(false)), ADOPT),
    ];
    for (name, situation, expected) in rows {
        assert_eq!(plan(&situation), expected, "{name}");
    }
}

/// Only those of the spec are managed, and those that were in it.
#[test]
fn tags_are_one_more_part_of_the_plan() {
    #[rustfmt::skip]
    let rows = vec![
        ("adopted with tags, as found", found(true).tagged("team=shop"), Rest),
        ("adopted with tags, found otherwise", found(true).tagged("team=shop stage=prod"), tag("stage=prod", Cause::Adoption)),
        ("adopted, both found otherwise: the switch first", found(false).tagged("stage=prod"), ADOPT),
        ("tags, found otherwise, Observe", found(true).tagged("stage=prod").observes(), Rest),
        ("tags edited", tagged().tagged("stage=test"), tag("stage=test", Cause::Edit)),
        ("tags edited, Report", tagged().tagged("stage=test").reports_drift(), tag("stage=test", Cause::Edit)),
        ("tags edited, the switch has drifted: edits first", tagged().sees(Some(false)).tagged("stage=test"), tag("stage=test", Cause::Edit)),
        ("tags edited, throttled", tagged().tagged("stage=test").throttled(), Rest),
        ("a tag removed", tagged().tagged(""), untag("stage", Cause::Edit)),
        ("tags no longer managed", Situation { desired: synced().desired, ..tagged() }, Rest),
        ("tags drift", tagged().sees_tags(Some("stage=theirs")), tag("stage=prod", Cause::Drift)),
        ("tags drift, others' alone", tagged().sees_tags(Some("stage=prod team=theirs")), Rest),
        ("tags drift, Report", tagged().sees_tags(Some("")).reports_drift(), Rest),
        ("tags drift, slowed down", tagged().sees_tags(Some("")).slowed_down(1, 102, 98), Rest),
        ("tags unknown", tagged().sees_tags(None).with_tags_due(0), Plan::ReadTags),
        ("tags unknown, and not managed", synced().sees_tags(None).with_tags_due(0), Rest),
        ("tags left out of the Lists, read long ago", tagged().with_tags_due(100), Plan::ReadTags),
        ("tags left out of the Lists, read recently", tagged().with_tags_due(101), Rest),
        ("tags not allowed", synced().tagged("stage=prod").without_permission(), Rest),
    ];
    for (name, situation, expected) in rows {
        assert_eq!(plan(&situation), expected, "{name}");
    }
}

/// In sync, with principals and topics of its own.
fn detailed() -> Situation {
    found(true).permits("a").notifies("t").sees_policy("r1", "a").sees_channels("t").reported()
}

fn put(principals: &str, revision: &str, cause: Cause) -> Plan {
    Plan::Write { step: Step::PutPermission { principals: arns(principals), revision: Some(revision.into()) }, cause }
}

fn add_channels(topics: &str, cause: Cause) -> Plan {
    Plan::Write { step: Step::AddChannels(arns(topics)), cause }
}

/// They are in no List: what is not managed is not read.
#[test]
fn details_are_one_more_part_of_the_plan() {
    let requested = || detailed().read_at(99).requested(true);
    #[rustfmt::skip]
    let rows = vec![
        ("nothing managed, nothing read", synced(), Rest),
        ("begun to be managed", synced().permits("a"), Plan::ReadPolicy),
        ("notifications begun to be managed", synced().notifies("t"), Plan::ReadChannels),
        ("one after the other", synced().permits("a").notifies("t").sees_policy("r1", "a"), Plan::ReadChannels),
        ("the switch first", synced().permits("a").edited_to(false), EDIT),
        ("read, but suspended", synced().permits("a").suspended(), Rest),
        ("missing", synced().permits("a").misses(), Rest),
        ("not allowed", synced().permits("a").without_permission(), Rest),
        ("Observe reads", synced().permits("a").observes(), Plan::ReadPolicy),
        ("a read denied", synced().permits("a").denied(), Rest),
        ("in sync", detailed(), Rest),
        ("in sync, read an interval ago", detailed().read_at(90), Plan::ReadPolicy),
        ("in sync, read nearly an interval ago", detailed().read_at(91), Rest),
        ("requested, read before", requested(), Plan::ReadPolicy),
        ("requested, the policy read since", requested().at(101).sees_policy("r1", "a"), Plan::ReadChannels),
        ("requested, both read since", requested().at(101).sees_policy("r1", "a").sees_channels("t"), Rest),
        ("adopted otherwise", synced().permits("a").sees_policy("r1", "b"), put("a", "r1", Cause::Adoption)),
        ("edited", detailed().permits("a b"), put("a b", "r1", Cause::Edit)),
        ("edited, Report", detailed().permits("a b").reports_drift(), put("a b", "r1", Cause::Edit)),
        ("edited, Observe", detailed().permits("a b").observes(), Rest),
        ("edited both: one after the other", detailed().permits("a b").notifies("t u"), put("a b", "r1", Cause::Edit)),
        ("drift of one, edit of the other: the edit first", detailed().sees_policy("r2", "b").notifies("t u"), add_channels("u", Cause::Edit)),
        ("no longer managed", Situation { desired: synced().desired, ..detailed() }, Rest),
        ("drift", detailed().sees_policy("r2", "b"), put("a", "r2", Cause::Drift)),
        ("drift, Report", detailed().sees_policy("r2", "b").reports_drift(), Rest),
        ("drift, slowed down", detailed().sees_policy("r2", "b").slowed_down(1, 102, 98), Rest),
        ("drift of channels", detailed().sees_channels(""), add_channels("t", Cause::Drift)),
        ("too old to be believed", detailed().sees_policy("r2", "b").read_at(70), Plan::ReadPolicy),
    ];
    for (name, situation, expected) in rows {
        assert_eq!(plan(&situation), expected, "{name}");
    }
}

/// Where a Put adds, the permission is away between two calls: nothing may come between them.
#[test]
fn a_correction_that_takes_several_calls_counts_once_and_is_not_held_back() {
    let mut adds = detailed().sees_policy("r2", "b");
    adds.knowledge.details.puts_add = true;
    let remove = Step::RemovePermission { revision: "r2".into() };
    assert_eq!(plan(&adds), Plan::Write { step: remove.clone(), cause: Cause::Drift });
    let removed = adds.slowed_down(0, 100, 99).takes(&remove, Cause::Drift);
    assert_eq!(removed.remembered.drift.corrections, 5);
    let slowed_down = removed;
    assert!(slowed_down.remembered.drift.slowdown.is_some_and(|slowdown| slowdown.until > slowed_down.now));
    let put = Step::PutPermission { principals: arns("a"), revision: None };
    assert_eq!(plan(&slowed_down), Plan::Write { step: put.clone(), cause: Cause::Unfinished });
    let corrected = slowed_down.takes(&put, Cause::Unfinished);
    assert_eq!((plan(&corrected), corrected.remembered.drift.corrections), (Rest, 5));
    assert!(corrected.remembered.unfinished.is_empty());
    assert_eq!(corrected.remembered.drift.recent_corrections[0].difference.observed, "b");
}

#[test]
fn what_was_taken_though_the_answer_was_lost_is_no_drift() {
    let edited = detailed().permits("a b");
    let Plan::Write { step, .. } = plan(&edited) else { panic!("an edit") };
    let mut lost = edited;
    lost.remembered.doubt(&step);
    // The user takes the edit back before it is known what became of it.
    let back = lost.permits("a").sees_policy("r2", "a b");
    assert_eq!(plan(&back), put("a", "r2", Cause::Unfinished));
    assert!(back.drifted().is_empty());
}

/// It is recorded before the call.
#[test]
fn creation_is_one_more_part_of_the_plan() {
    let edited = || synced().edited_to(false);
    #[rustfmt::skip]
    let rows = vec![
        ("missing, to be created", new().misses().creates(), Rest),
        ("missing, recorded", new().misses().creates().reported(), create(1, Cause::Adoption)),
        ("missing, recorded, throttled", new().misses().creates().reported().throttled(), Rest),
        ("missing, recorded by a resource that was copied", Situation { uid: "copy".into(), ..new().misses().creates().reported() }, Rest),
        ("missing, Observe", new().misses().creates().observes().reported(), Rest),
        ("missing, not allowed", new().misses().creates().without_permission(), Rest),
        ("not listed yet", new().creates(), Rest),
        ("a List did not name it, to be created", new().creates().knows(Presence::Unconfirmed), Describe),
        ("there, though our creation is pending: only the same call can tell", pending().sees(Some(true)), create(1, Cause::Adoption)),
        ("there, and it was not ours", found_instead().sees(Some(false)), ADOPT),
        ("created, as asked", created(), Rest),
        ("created, and edited", created().edited_to(false), EDIT),
        ("deleted by others", created().misses(), Rest),
        ("deleted by others, recorded", created().misses().reported(), create(2, Cause::Drift)),
        ("deleted by others, recorded, Report", created().misses().reported().reports_drift(), Rest),
        ("deleted by others, recorded, slowed down", created().misses().reported().slowed_down(1, 102, 98).with_existence_missed(), Rest),
        ("deleted by others and edited", created().edited_to(false).misses().reported(), Plan::Write { step: creation(2, false), cause: Cause::Drift }),
        ("deleted by others and edited, and AWS has refused the edit", created().edited_to(false).misses().reported().failed(FailureReason::GroupNotFound, 103), Plan::Write { step: creation(2, false), cause: Cause::Drift }),
        ("missing before it was to be created", synced().misses().reported().creates().reports_drift().edited_to(true).reported(), create(1, Cause::Adoption)),
        ("another platform", synced().on_platform(ComputePlatform::AwsLambda), Rest),
        ("another platform, edited", edited().on_platform(ComputePlatform::AwsLambda), Rest),
        ("the same platform", found(false).on_platform(ComputePlatform::Default), ADOPT),
    ];
    for (name, situation, expected) in rows {
        assert_eq!(plan(&situation), expected, "{name}");
    }
}

#[test]
fn an_observer_that_manages_again_follows_its_own_last_value() {
    let mut remembers = synced().observes().edited_to(false).reported();
    assert_eq!(remembers.remembered.last_applied, Some(true), "AWS has not agreed to what only an observer asks for");
    assert_eq!((plan(&remembers), remembers.state()), (Rest, State::Differs(remembers.differences())));
    remembers.desired.manages = true;
    assert_eq!(plan(&remembers), EDIT);
}

#[test]
fn a_correction_is_recorded_with_what_aws_had_reported_before_it() {
    let before = synced().sees(Some(false));
    let after = before.clone().updated(true, Cause::Drift);
    let correction = &after.remembered.drift.recent_corrections[0];
    assert_eq!((correction.at, Some(&correction.difference)), (before.now, before.switch_difference().as_ref()));
    assert_eq!(after.remembered.drift.corrections, 1);
    for (other, cause) in [(found(false), Cause::Adoption), (synced().edited_to(false), Cause::Edit)] {
        let to = other.desired.profiling_enabled;
        let after = other.updated(to, cause);
        assert_eq!((after.remembered.last_applied, after.remembered.drift.corrections), (Some(to), 0), "{cause:?}");
    }
}

#[test]
fn a_correction_of_tags_is_recorded_by_key() {
    let before = tagged().sees_tags(Some("stage=theirs team=shop"));
    let Plan::Write { step, cause } = plan(&before) else { panic!("{before:?}") };
    let after = before.takes(&step, cause);
    let difference = &after.remembered.drift.recent_corrections[0].difference;
    assert_eq!(
        (&*difference.field, &*difference.observed, &*difference.desired),
        ("tags", "stage=theirs", "stage=prod")
    );
    assert_eq!((plan(&after), after.state()), (Rest, State::InSync));
}

#[test]
fn a_creation_is_recorded_before_the_call_and_counted() {
    let record = |situation: &Situation| situation.report().managed.and_then(|managed| managed.created).unwrap();
    let before = new().misses().creates();
    assert_eq!(before.state(), State::Recording);
    let recorded = record(&before);
    assert_eq!((&*recorded.uid, recorded.number, recorded.at, recorded.found_at), ("uid", 1, None, None));
    assert_eq!(record(&before.clone().reported()), recorded, "once");
    assert_eq!(record(&created()).at, Some(before.now));
    assert_eq!(record(&created().misses()).number, 2, "AWS may remember the token of a group that is gone");
    assert!(record(&found_instead().sees(Some(true))).found_at.is_some());
    let again = record(&found_instead().misses().reported());
    assert_eq!((again.number, again.found_at), (2, None), "it was there, and is gone");
    let copied = record(&Situation { uid: "copy".into(), ..created().misses() });
    assert_eq!((&*copied.uid, copied.number), ("copy", 1));
}

/// Seeds 689 and 862 of the simulation: the report of an old failure hid the next creation, for ever.
#[test]
fn what_failed_before_does_not_keep_a_creation_from_being_recorded() {
    let number = |situation: &Situation| situation.report().managed.unwrap().created.unwrap().number;
    let gone = || created().misses();
    for (name, situation, expected) in [
        ("nothing failed", gone(), 2),
        ("a failure that is due again", gone().failed(FailureReason::Conflict, 100), 2),
        ("a failure that is not", gone().failed(FailureReason::Conflict, 101), 1),
        ("a fight whose pause is over", gone().slowed_down(1, 99, 98), 2),
        ("a fight whose pause is not", gone().slowed_down(1, 101, 98), 1),
        ("calls wait", gone().circuit_is_open(FailureReason::TimedOut), 1),
    ] {
        assert_eq!(number(&situation), expected, "{name}");
        assert_eq!(plan(&situation), Rest, "{name}");
    }
}

#[test]
fn a_group_that_others_deleted_is_drift_of_existence() {
    let gone = created().misses().reported();
    assert_eq!(gone.remembered.drift.fields[0].field, "existence");
    let after = gone.clone().takes(&creation(2, true), Cause::Drift);
    let correction = &after.remembered.drift.recent_corrections[0].difference;
    assert_eq!((&*correction.field, &*correction.observed, &*correction.desired), ("existence", "missing", "present"));
    assert_eq!((after.remembered.drift.corrections, after.state()), (1, State::InSync));
    let reported = gone.reports_drift();
    assert_eq!(reported.state(), State::DriftReported(reported.differences()));
}

/// An answer was lost: AWS has taken it, and the user has taken it back since.
#[test]
fn tags_of_ours_that_were_taken_back_are_no_drift() {
    let mut edited = tagged().tagged("stage=test");
    let Plan::Write { step, .. } = plan(&edited) else { panic!("{edited:?}") };
    edited.remembered.doubt(&step);
    let back = edited.tagged("stage=prod").sees_tags(Some("stage=test"));
    assert_eq!(plan(&back), tag("stage=prod", Cause::Edit));
}

#[test]
fn what_was_released_is_forgotten_and_what_is_kept_is_remembered() {
    let applied = |situation: &Situation| situation.report().last_applied.and_then(|applied| applied.tags);
    assert_eq!(applied(&tagged()), Some(tags("stage=prod")));
    assert_eq!(applied(&Situation { desired: synced().desired, ..tagged() }), None);
    assert_eq!(applied(&tagged().suspended()), Some(tags("stage=prod")));
    assert_eq!(applied(&tagged().sees_tags(None)), Some(tags("stage=prod")));
}

#[test]
fn the_next_evaluation_is_when_time_alone_changes_something() {
    #[rustfmt::skip]
    let rows = vec![
        ("in sync: stale", synced(), Some(105)),
        ("nothing known: stale, counted from the beginning", new(), Some(104)),
        ("throttled: due again", found(false).throttled(), Some(101)),
        ("due: only stale is left", found(false).throttled_before(), Some(105)),
        ("slowed down: the pause is over", contested(), Some(102)),
        ("agreed in a fight: calm", synced().slowed_down(1, 91, 91), Some(101)),
        ("stale: nothing", synced().stale(), None),
        ("tags left out of the Lists: to be read", tagged().with_tags_due(103), Some(103)),
        ("suspended: nothing", synced().suspended().throttled(), None),
        ("claimed: nothing", synced().claimed(), None),
        ("moved: nothing", synced().moved(), None),
    ];
    for (name, situation, expected) in rows {
        let next = situation.recheck_at().into_iter().chain(situation.turns_stale_at()).min();
        assert_eq!(next, expected.map(minute), "{name}");
    }
}
