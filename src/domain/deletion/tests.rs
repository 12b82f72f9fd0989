use super::*;
use crate::{
    api::ConditionType,
    domain::{
        account::Refusal,
        conditions,
        failure::FailureReason,
        fixtures::{found, minute, new, observation, restarted, summary, synced},
        observation::Observation,
        plan::{Cause, Plan, plan},
    },
};

use DeletionPolicy::{Delete, Disable, Restore, Retain};

fn write(step: Step) -> Plan {
    Plan::Write { step, cause: Cause::Edit }
}

fn of_others(situation: Situation) -> Situation {
    situation.sees_all(Observation { created_at: Some(minute(70)), ..observation(Some(true)) })
}

/// A read that was too old showed no group, and AWS then refused to create it again: it is there.
fn missed(situation: Situation) -> Situation {
    let recorded = situation.clone().creates().misses().report().managed.and_then(|managed| managed.created);
    let mut situation = situation;
    situation.remembered.created = recorded.map(Box::new);
    situation.remembered.found_instead(situation.now);
    situation
}

#[test]
fn the_end_of_a_resource_is_one_change_in_aws_at_most_and_then_it_may_go() {
    let ends = |policy| synced().ends_with(policy);
    let created = || ends(Delete).created_by("uid", true);
    let pending = || ends(Delete).created_by("uid", false);
    let original = |on| ends(Restore).with_original(on);
    let off = || write(Step::Switch(false));
    let release = |why| (Plan::Rest, Some(Finalizer::Release(why)));
    let refused = |situation: Situation| {
        let access = Access::Refused(Refusal::Missing("production".into()));
        Situation { access, lane: None, ..situation }
    };
    let unknown = |situation: Situation| Situation { access: Access::Unknown, lane: None, ..situation };
    #[rustfmt::skip]
    let rows = vec![
        ("Retain", ends(Retain), release(Release::Done)),
        ("Disable", ends(Disable), (off(), None)),
        ("Disable, it is off", found(false).asks_for(false).reported().ends_with(Disable), release(Release::Done)),
        ("Disable, others have turned it off", ends(Disable).sees(Some(false)), (off(), None)),
        ("Disable, others have turned it on", found(false).asks_for(false).reported().ends_with(Disable).sees(Some(true)), (off(), None)),
        ("Disable, drift is only reported", ends(Disable).reports_drift(), (off(), None)),
        ("Disable, nothing is known yet", restarted().ends_with(Disable).lane(|lane| lane.account = Some("111122223333".into())), (off(), None)),
        ("Disable, it is not known whose account it is", restarted().ends_with(Disable), (Plan::Rest, None)),
        ("Disable, never adopted", new().ends_with(Disable), (Plan::Rest, None)),
        ("Disable, found off and never adopted", found(false).ends_with(Disable), release(Release::Done)),
        ("Disable, AWS does not report the switch", found(true).sees(None).ends_with(Disable), (off(), None)),
        ("Disable, the group is gone", ends(Disable).misses(), release(Release::Done)),
        ("Disable, not listed", ends(Disable).knows(Presence::Unconfirmed), (off(), None)),
        ("Restore on, it is on", original(true), release(Release::Done)),
        ("Restore off", original(false), (off(), None)),
        ("Restore, nothing was stored", ends(Restore), release(Release::Done)),
        ("Delete", created(), (write(Step::Delete), None)),
        ("Delete, missed by mistake and found again", missed(created()), (write(Step::Delete), None)),
        ("Delete, missed, and created again by others", of_others(missed(created())), release(Release::NotCreatedHere)),
        ("Delete, found", ends(Delete), release(Release::NotCreatedHere)),
        ("Delete, created by another resource", ends(Delete).created_by("other", true), release(Release::NotCreatedHere)),
        ("Delete, created again by others", of_others(created()), release(Release::NotCreatedHere)),
        ("Delete, the group is gone", created().misses(), release(Release::Done)),
        ("Delete, nothing is known yet", restarted().ends_with(Delete).created_by("uid", true), (Plan::Rest, None)),
        ("Delete, not listed", created().knows(Presence::Unconfirmed), (Plan::Describe, None)),
        ("Delete, the creation is unclear and there is a group", pending(), (write(Step::Create(pending().new_group(pending().pending_creation().unwrap()))), None)),
        ("Delete, the creation is unclear and there is none", pending().misses(), release(Release::Done)),
        ("suspended", created().suspended(), release(Release::Suspended)),
        ("only observed", created().observes(), release(Release::Observed)),
        ("may not use its account", refused(created()), release(Release::AccessRefused)),
        ("it is not known whether it may use its account", unknown(created()), (Plan::Rest, None)),
        ("claimed by another", created().claimed(), release(Release::NotOwner)),
        ("without a region", created().without_region(), release(Release::NoRegion)),
        ("the account is another one", created().moved(), (Plan::Rest, None)),
        ("denied a moment ago", created().denied(), (Plan::Rest, None)),
        ("the group was missed", ends(Disable).misses().failed(FailureReason::GroupNotFound, 101), release(Release::Done)),
        ("the finalizer can't be removed", ends(Retain).failed(FailureReason::FinalizerDenied, 101), (Plan::Rest, None)),
    ];
    for (name, situation, expected) in rows {
        let situation = situation.goes();
        assert_eq!((plan(&situation), situation.finalizer()), expected, "{name}");
    }
}

#[test]
fn where_the_platform_no_longer_allows_it_the_resource_goes_and_the_group_stays() {
    let mut situation = synced().ends_with(Delete).created_by("uid", true).goes();
    situation.desired.not_allowed = Some(NotAllowed::Grant(Grant::Delete));
    assert_eq!(situation.finalizer(), Some(Finalizer::Release(Release::NotAllowed(Grant::Delete))));
    let warning = Release::NotAllowed(Grant::Delete).warning().unwrap();
    assert!(warning.contains("spec.deletionPolicy: Delete"), "{warning}");
}

#[test]
fn the_finalizer_is_there_before_aws_is_written_to_and_goes_when_it_is_no_longer_needed() {
    let off = |policy| found(false).ends_with(policy);
    #[rustfmt::skip]
    let rows = vec![
        ("Retain", synced(), None),
        ("Delete", off(Delete), Some(Finalizer::Add)),
        ("Delete, in sync", synced().ends_with(Delete), Some(Finalizer::Add)),
        ("Delete, with it", off(Delete).with_finalizer(), None),
        ("Delete, only observed", off(Delete).observes(), None),
        ("Delete, suspended", off(Delete).suspended(), None),
        ("Delete, claimed", off(Delete).claimed(), None),
        ("Restore, to be stored first", off(Restore), None),
        ("Restore, nothing known yet", new().ends_with(Restore), None),
        ("Restore, stored", off(Restore).with_original(false), Some(Finalizer::Add)),
        ("Restore, there was no group", new().misses().creates().ends_with(Restore), Some(Finalizer::Add)),
        ("Retain, with it", synced().with_finalizer(), Some(Finalizer::Remove)),
    ];
    for (name, situation, expected) in rows {
        assert_eq!(situation.finalizer(), expected, "{name}");
        let waits = expected == Some(Finalizer::Add) || situation.lacks_original();
        assert!(!waits || plan(&situation) == Plan::Rest, "{name}");
    }
    assert!(matches!(plan(&off(Delete).with_finalizer()), Plan::Write { .. }));
}

#[test]
fn the_value_to_restore_is_stored_once_and_before_the_first_change() {
    let restores = |situation: Situation| situation.ends_with(Restore);
    let original = |situation: &Situation| {
        let original = situation.report().original?;
        Some((original.profiling_enabled, original.at_adoption))
    };
    #[rustfmt::skip]
    let rows = vec![
        ("found otherwise", restores(found(false)), Some((false, true))),
        ("found in sync", restores(found(true)), Some((true, true))),
        ("requested later", restores(synced()), Some((true, false))),
        ("the status was lost", restores(found(false)).with_finalizer(), Some((false, false))),
        ("stored before", restores(found(true)).with_original(false), Some((false, true))),
        ("not requested", found(false), None),
        ("nothing known", restores(new()), None),
        ("created by this resource", restores(synced()).created_by("uid", true), None),
    ];
    for (name, situation, expected) in rows {
        assert_eq!(original(&situation), expected, "{name}");
    }
    let edited = restores(restarted()).with_finalizer().edited_to(false);
    assert_eq!(plan(&edited), Plan::Rest, "an edit waits for the value as well");
}

#[test]
fn a_deletion_that_fails_reports_what_to_do() {
    let reported = |situation: Situation| {
        let status = situation.report_after(&synced().report());
        let message = conditions::find(&status.conditions, ConditionType::Ready).unwrap().message.clone();
        (summary(&status).join(" "), message)
    };
    let created = || synced().ends_with(Delete).created_by("uid", true);
    let (denied, message) = reported(created().denied().goes());
    assert_eq!(denied, "Ready=False/DeletionFailed Synced=Unknown/DeletionFailed Stalled=True/DeletionFailed");
    assert!(message.ends_with("set spec.deletionPolicy to Retain."), "{message}");
    let (retried, _) = reported(created().throttled().goes());
    assert_eq!(
        retried,
        "Ready=False/DeletionFailed Synced=Unknown/DeletionFailed Reconciling=True/ProgressingWithRetry"
    );
    let unreachable = restarted().ends_with(Delete).created_by("uid", true).lane_fails(FailureReason::Unreachable);
    assert_eq!(reported(unreachable.goes()).0, retried);
}

#[test]
fn a_resource_that_did_not_create_the_group_reports_that_delete_will_not_delete_it() {
    for (situation, reason) in [
        (synced().ends_with(Delete).with_finalizer(), "NotCreatedHere"),
        (synced().ends_with(Delete).with_finalizer().created_by("uid", true), "InSync"),
        (synced().ends_with(Disable).with_finalizer(), "InSync"),
    ] {
        let status = situation.report();
        assert_eq!(summary(&status).join(" "), format!("Ready=True/InSync Synced=True/{reason}"));
    }
}
