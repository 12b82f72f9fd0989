//! The table of states, one line a row, and the other members of the status.

use super::{
    super::fixtures::{
        GENERATION, break_of_rules, contested, found, minute, new, observation, restarted, summary, synced,
    },
    *,
};
use crate::{
    api::ProfilingStatus,
    domain::{
        desired::Desired, failure::FailureReason, observation::Observation, plan::Cause, remembered::Remembered,
        situation::Presence,
    },
};

const WAITING: &str = "Ready=Unknown/Progressing Synced=Unknown/Progressing Reconciling=True/Progressing";
const THROTTLED: &str = "Ready=False/Throttled Synced=Unknown/Throttled Reconciling=True/ProgressingWithRetry";
const TIMED_OUT: &str = "Ready=False/TimedOut Synced=Unknown/TimedOut Reconciling=True/ProgressingWithRetry";
const LIST_DENIED: &str = "Ready=False/ListDenied Synced=Unknown/ListDenied Stalled=True/ListDenied";
const MISSING: &str = "Ready=False/GroupNotFound Synced=Unknown/GroupNotFound Stalled=True/GroupNotFound";
const CLAIMED: &str = "Ready=False/ClaimedByAnother Synced=Unknown/ClaimedByAnother Stalled=True/ClaimedByAnother";
const CONTESTED: &str = "Ready=False/Contested Synced=False/Contested Reconciling=True/Contested";
const UNKNOWN: &str = "Ready=False/SwitchUnknown Synced=Unknown/SwitchUnknown Reconciling=True/SwitchUnknown";
const SUSPENDED: &str = "Ready=True/Suspended Synced=Unknown/Suspended";
const UNREADABLE: &str = "Ready=False/InvalidSpec Synced=Unknown/InvalidSpec Stalled=True/InvalidSpec";
const IN_SYNC: &str = "Ready=True/InSync Synced=True/InSync";
const STALE: &str = "Ready=True/InSync Synced=Unknown/InventoryStale";
const OBSERVED: &str = "Ready=True/Observed Synced=False/Differs";
const REPORTED: &str = "Ready=True/DriftReported Synced=False/DriftReported";

#[test]
#[allow(clippy::too_many_lines, reason = "it is one table")]
fn the_table_of_states() {
    let drifted = || synced().sees(Some(false));
    let not_listed = || new().knows(Presence::Unconfirmed);
    let quota = |s: Situation| s.failed(FailureReason::QuotaExceeded, 101);
    let gone = |s: Situation| s.failed(FailureReason::GroupNotFound, 101);
    let list_denied = |s: Situation| s.lane_fails(FailureReason::AccessDenied);
    let list_throttled = |s: Situation| s.lane_fails(FailureReason::Throttled);
    #[rustfmt::skip]
    let rows = vec![
        // Never reported on.
        ("nothing known", new(), WAITING),
        ("a List did not name it", not_listed(), WAITING),
        ("a Describe may tell the switch", new().sees(None).wants_describe(), WAITING),
        ("found otherwise", found(false), WAITING),
        ("edited while away, account unknown", restarted().edited_to(false), WAITING),
        ("found as asked", found(true), IN_SYNC),
        // At rest.
        ("in sync", synced(), IN_SYNC),
        ("drift, Report", drifted().reports_drift(), REPORTED),
        ("drift, Observe", drifted().observes(), OBSERVED),
        ("found otherwise, Observe", found(false).observes(), OBSERVED),
        ("in sync, Observe", found(true).observes(), IN_SYNC),
        ("suspended", drifted().suspended(), SUSPENDED),
        ("suspended, never seen", new().suspended(), SUSPENDED),
        // Failures: False where the last known observation differs, else Unknown.
        ("throttled, differs", drifted().throttled(), "Ready=False/Throttled Synced=False/Throttled Reconciling=True/ProgressingWithRetry"),
        ("throttled, due again", not_listed().throttled_before(), THROTTLED),
        ("throttled, switch unknown", synced().sees(None).throttled(), THROTTLED),
        ("a refresh throttled", synced().wants_describe().throttled(), IN_SYNC),
        ("a refresh denied", synced().wants_describe().denied(), IN_SYNC),
        ("a refresh denied, Report", drifted().reports_drift().wants_describe().denied(), REPORTED),
        ("denied, differs", drifted().denied(), "Ready=False/AccessDenied Synced=False/AccessDenied Stalled=True/AccessDenied"),
        ("denied, unknown", not_listed().denied(), "Ready=False/AccessDenied Synced=Unknown/AccessDenied Stalled=True/AccessDenied"),
        ("quota", quota(found(false)), "Ready=False/QuotaExceeded Synced=False/QuotaExceeded Stalled=True/QuotaExceeded"),
        ("missing", new().misses(), MISSING),
        ("missing by an Update's answer", gone(synced().edited_to(false).sees(None)), MISSING),
        ("no region", synced().without_region(), "Ready=False/RegionMissing Synced=Unknown/RegionMissing Stalled=True/RegionMissing"),
        ("another account", synced().moved(), "Ready=False/TargetChanged Synced=Unknown/TargetChanged Stalled=True/TargetChanged"),
        ("another account, what is known there differs", drifted().moved(), "Ready=False/TargetChanged Synced=Unknown/TargetChanged Stalled=True/TargetChanged"),
        ("another account, never seen", new().misses().reported().moved(), MISSING),
        ("claimed", synced().claimed(), CLAIMED),
        ("claimed, differs", drifted().claimed(), "Ready=False/ClaimedByAnother Synced=False/ClaimedByAnother Stalled=True/ClaimedByAnother"),
        // The lane.
        ("List denied, never seen", list_denied(new()), LIST_DENIED),
        ("List throttled, never seen", list_throttled(new()), THROTTLED),
        ("List denied, seen before", list_denied(restarted()), IN_SYNC),
        ("List throttled, seen before", list_throttled(restarted()), IN_SYNC),
        ("List denied, edited to something else", list_denied(restarted().reports_drift().observes().edited_to(false)), LIST_DENIED),
        ("List throttled, in sync a minute ago", list_throttled(synced()).known_at(99), IN_SYNC),
        ("List throttled for long", list_throttled(synced()).stale(), STALE),
        ("no List for long", synced().stale(), STALE),
        ("no List for long since the restart", restarted().stale(), STALE),
        ("no List for long, drift, Report", drifted().reports_drift().reported().stale(), "Ready=True/DriftReported Synced=Unknown/InventoryStale"),
        ("no List for long, Observe", drifted().observes().reported().stale(), "Ready=True/Observed Synced=Unknown/InventoryStale"),
        ("no List for long, never reported", found(true).stale(), WAITING),
        ("calls wait, edited", synced().edited_to(false).circuit_is_open(FailureReason::CredentialsExpired), "Ready=False/CredentialsExpired Synced=False/CredentialsExpired Stalled=True/CredentialsExpired"),
        ("calls wait, throttled before", drifted().throttled().circuit_is_open(FailureReason::TimedOut), "Ready=False/Throttled Synced=False/Throttled Reconciling=True/ProgressingWithRetry"),
        ("calls wait, drift, Report", drifted().reports_drift().circuit_is_open(FailureReason::TimedOut), REPORTED),
        ("calls wait, a Describe may tell the switch", new().sees(None).wants_describe().circuit_is_open(FailureReason::TimedOut), TIMED_OUT),
        ("calls wait, switch unknown", synced().sees(None).circuit_is_open(FailureReason::TimedOut), UNKNOWN),
        ("calls wait, a refresh", synced().wants_describe().circuit_is_open(FailureReason::TimedOut), IN_SYNC),
        ("calls wait, in sync", synced().circuit_is_open(FailureReason::TimedOut), IN_SYNC),
        ("List denied for long, never reported", list_denied(found(true).stale()), LIST_DENIED),
        // A restart keeps every condition until something new is known.
        ("restarted, missing before", Situation { remembered: Remembered::of(&synced().misses().report_after(&synced().report())), ..new() }, MISSING),
        // Fights.
        ("contested", contested(), CONTESTED),
        ("contested, AWS agrees, not yet calm", synced().slowed_down(1, 99, 98), CONTESTED),
        ("contested, AWS agrees, calm", synced().slowed_down(1, 91, 90), IN_SYNC),
        ("contested, then the user reports drift", contested().reports_drift(), REPORTED),
        ("contested, then the user observes", contested().observes(), OBSERVED),
        ("contested, then the user gives in", contested().edited_to(false).updated(false, Cause::Edit), IN_SYNC),
        // AWS does not report the switch.
        ("switch unknown", synced().sees(None), UNKNOWN),
        ("switch unknown, never reported", new().sees(None), UNKNOWN),
        ("switch unknown, Observe", new().sees(None).observes(), UNKNOWN),
        // What is in no List.
        ("begun to be managed, not read", found(true).permits("a"), WAITING),
        ("read, as asked", found(true).permits("a").sees_policy("r1", "a"), IN_SYNC),
        ("restarted, not read yet", synced().permits("a"), IN_SYNC),
        ("a read throttled, as reported before", synced().permits("a").throttled(), IN_SYNC),
        ("a read denied", synced().permits("a").denied(), "Ready=False/AccessDenied Synced=Unknown/AccessDenied Stalled=True/AccessDenied"),
        ("calls wait, not read yet", synced().permits("a").circuit_is_open(FailureReason::CredentialsExpired), IN_SYNC),
        ("calls wait, never reported", found(true).permits("a").circuit_is_open(FailureReason::TimedOut), TIMED_OUT),
        ("a refresh denied, what is known", synced().permits("a").sees_policy("r1", "a").read_at(85).denied(), IN_SYNC),
        ("denied for long", synced().permits("a").sees_policy("r1", "a").read_at(60).denied(), "Ready=False/AccessDenied Synced=Unknown/AccessDenied Stalled=True/AccessDenied"),
        ("differs, Observe", found(true).notifies("t").sees_channels("u").observes(), OBSERVED),
        // The order of the rows.
        ("suspended before claimed", synced().suspended().claimed(), SUSPENDED),
        ("claimed before target changed", synced().claimed().moved(), CLAIMED),
        ("claimed before no region", synced().claimed().without_region(), CLAIMED),
        ("target changed before denied", drifted().moved().denied(), "Ready=False/TargetChanged Synced=Unknown/TargetChanged Stalled=True/TargetChanged"),
        ("denied before contested", contested().at(102).failed(FailureReason::AccessDenied, 103), "Ready=False/AccessDenied Synced=False/AccessDenied Stalled=True/AccessDenied"),
        ("contested before retried", contested().at(102).failed(FailureReason::Throttled, 103), CONTESTED),
        ("retried before switch unknown", new().sees(None).throttled(), THROTTLED),
    ];
    for (name, situation, expected) in rows {
        // What is remembered has a status.
        let previous = match situation.remembered.observed_generation {
            Some(_) if situation.remembered.seen && situation.remembered.ready => match situation.desired {
                ref d if !d.manages => synced().sees(Some(false)).observes().report(),
                ref d if !d.corrects_drift => synced().sees(Some(false)).reports_drift().report(),
                _ => synced().report(),
            },
            Some(_) if situation.remembered.seen => synced().misses().report_after(&synced().report()),
            _ => ProfilingGroupStatus::default(),
        };
        let status = situation.report_after(&previous);
        assert_eq!(summary(&status).join(" "), expected, "{name}");
        assert_eq!(break_of_rules(&status, situation.generation), None, "{name}");
    }
}

#[test]
fn messages_name_what_to_do() {
    let message_of = |situation: Situation, kind| {
        let status = situation.report_after(&synced().report());
        conditions::find(&status.conditions, kind).map(|condition| condition.message.clone()).unwrap_or_default()
    };
    let ready = ConditionType::Ready;
    for (message, part) in [
        (message_of(synced().claimed(), ready), "shop/checkout"),
        (message_of(synced().without_region(), ready), "set spec.region"),
        (
            message_of(synced().moved(), ready),
            "found in account 111122223333, region eu-west-1, but the resource now points to account 999988887777",
        ),
        (
            message_of(synced().misses(), ready),
            "no profiling group Checkout_Service in region eu-west-1 of account 111122223333: create it",
        ),
        (message_of(new().misses(), ready), "no profiling group Checkout_Service in region eu-west-1: create it"),
        (message_of(contested(), ready), "spec.driftPolicy to Report"),
        (message_of(synced().denied().sees(None), ready), "What to do about AccessDenied."),
        (
            message_of(synced().sees(Some(false)).observes(), ConditionType::Synced),
            "profilingEnabled is false in AWS, but true in this resource.",
        ),
        (
            message_of(synced().sees(Some(false)).reports_drift(), ConditionType::Synced),
            "profilingEnabled is false in AWS",
        ),
        (message_of(synced().sees(Some(false)), ready), "Turning profiling on"),
    ] {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

#[test]
fn a_long_update_is_reported_as_progress() {
    let status = progress_status(&synced().edited_to(false), &Step::Switch(false), &synced().report());
    assert_eq!(summary(&status).join(" "), WAITING);
    assert_eq!(break_of_rules(&status, GENERATION + 1), None);
}

#[test]
fn every_member_of_the_answer_lands_in_the_status() {
    let status = synced().report();
    let Observation { name, arn, compute_platform, created_at, updated_at, profiling_enabled, profiling_status, tags } =
        observation(Some(true));
    assert_eq!(
        (status.name, status.arn, status.compute_platform, status.created_at, status.updated_at),
        (Some(name), arn, compute_platform, created_at, updated_at)
    );
    assert_eq!(
        (status.profiling_enabled, status.profiling_status, status.tags),
        (profiling_enabled, profiling_status, tags)
    );
    assert_eq!(
        (status.account.as_deref(), status.region.as_deref(), status.observed_generation),
        (Some("111122223333"), Some("eu-west-1"), Some(GENERATION))
    );
}

#[test]
fn absent_members_never_erase_known_ones() {
    let thin = Observation { name: "Checkout_Service".into(), profiling_enabled: Some(true), ..Observation::default() };
    let known = synced().report();
    assert_eq!(synced().sees_all(thin).report_after(&known), known);
    let unknown = synced().sees(None).report_after(&known);
    assert_eq!(
        (unknown.profiling_enabled, unknown.profiling_enabled_since),
        (None, None),
        "what is unknown is not reported"
    );
}

#[test]
fn a_group_recreated_under_the_same_name_inherits_nothing() {
    let anew = Observation {
        name: "Checkout_Service".into(),
        created_at: Some(minute(90)),
        updated_at: Some(minute(91)),
        profiling_enabled: Some(true),
        ..Observation::default()
    };
    let status = synced().sees_all(anew).report_after(&synced().report());
    assert_eq!((status.profiling_status, status.tags, status.compute_platform), (None, None, None));
    assert_eq!((status.updated_at, status.profiling_enabled_since), (Some(minute(91)), Some(minute(91))));
}

#[test]
fn a_missing_group_clears_the_switch_and_what_hangs_on_it() {
    let known = synced().report();
    let status = synced().misses().report_after(&known);
    assert_eq!((status.profiling_enabled, status.profiling_enabled_since, status.profiling_status), (None, None, None));
    assert_eq!((&status.arn, &status.last_applied), (&known.arn, &known.last_applied), "what tells drift stays");
}

#[test]
fn a_resource_that_is_not_evaluated_keeps_what_was_known() {
    let known = synced().report();
    let news = Observation { updated_at: Some(minute(99)), ..observation(Some(false)) };
    for (name, situation) in [
        ("suspended", synced().suspended()),
        ("claimed", synced().claimed()),
        ("no region", synced().without_region()),
        ("another account", synced().moved()),
    ] {
        let situation = match situation.lane {
            Some(_) if name != "another account" => situation.sees_all(news.clone()),
            _ => situation,
        };
        let status = situation.report_after(&known);
        assert_eq!(ProfilingGroupStatus { conditions: known.conditions.clone(), ..status }, known, "{name}");
    }
}

#[test]
fn nothing_is_called_desired_while_the_spec_can_not_be_read() {
    let known = synced().report();
    let unreadable = Situation {
        unreadable: Some("no boolean".into()),
        desired: Desired::default(),
        ..restarted().without_region()
    };
    let status = unreadable.report_after(&known);
    assert_eq!(summary(&status).join(" "), UNREADABLE);
    assert_eq!(ProfilingGroupStatus { conditions: known.conditions.clone(), desired: known.desired, ..status }, known);
    assert_eq!(status.desired, None);
}

#[test]
fn the_switch_has_its_value_since_it_was_seen_to_move() {
    let since = |situation: Situation| situation.report_after(&synced().report()).profiling_enabled_since;
    let flipped = |updated_at| Observation { updated_at, ..observation(Some(false)) };
    assert_eq!(found(true).report().profiling_enabled_since, Some(minute(40)), "adoption: the group's updatedAt");
    let without_it = Observation { updated_at: None, ..observation(Some(true)) };
    assert_eq!(
        new().sees_all(without_it).report().profiling_enabled_since,
        Some(minute(100)),
        "adoption, without updatedAt: now"
    );
    let tagged = synced().sees_all(Observation { updated_at: Some(minute(80)), ..observation(Some(true)) });
    assert_eq!(since(tagged.clone()), Some(minute(40)), "an update that leaves the switch alone");
    assert_eq!(since(synced().sees_all(flipped(Some(minute(80))))), Some(minute(80)), "flipped, told when");
    assert_eq!(since(synced().sees_all(flipped(Some(minute(40))))), Some(minute(100)), "flipped, not told when");
    assert_eq!(since(synced().sees_all(flipped(None))), Some(minute(100)), "flipped, not told when");
    let told_before = tagged.reported().sees_all(flipped(Some(minute(80))));
    assert_eq!(since(told_before), Some(minute(100)), "an updatedAt that was seen with the other value tells nothing");
}

#[test]
fn last_applied_is_what_aws_agreed_to() {
    let last = |situation: Situation| situation.report().last_applied.and_then(|applied| applied.profiling_enabled);
    #[rustfmt::skip]
    let rows = vec![
        ("nothing known", new(), None),
        ("found otherwise", found(false), None),
        ("found as asked", found(true), Some(true)),
        ("found as asked, Observe", found(true).observes(), Some(true)),
        ("found otherwise, Observe", found(false).observes(), None),
        ("drift", synced().sees(Some(false)), Some(true)),
        ("edited, not yet answered", synced().edited_to(false), Some(true)),
        ("edited, not yet answered, AWS seems to agree", synced().edited_to(false).sees(Some(false)), Some(true)),
        ("edited and answered", synced().edited_to(false).updated(false, Cause::Edit), Some(false)),
        ("edited, Observe, AWS follows", synced().observes().edited_to(false).sees(Some(false)), Some(false)),
        ("switch unknown", synced().sees(None), Some(true)),
        ("suspended and edited", synced().edited_to(false).suspended(), Some(true)),
    ];
    for (name, situation, expected) in rows {
        assert_eq!(last(situation), expected, "{name}");
    }
}

#[test]
fn a_request_is_echoed_once_it_was_attempted() {
    #[rustfmt::skip]
    let rows = vec![
        ("attempted", synced().requested(true), Some("tuesday")),
        ("not yet", synced().requested(false), None),
        ("attempted, the attempt failed", new().denied().requested(true), Some("tuesday")),
        ("suspended", synced().suspended().requested(true), None),
        ("a loser, at once", synced().claimed().requested(false), Some("tuesday")),
        ("no region, at once", new().without_region().requested(false), Some("tuesday")),
        ("another account, at once", synced().moved().requested(false), Some("tuesday")),
    ];
    for (name, mut situation, expected) in rows {
        assert_eq!(situation.report().last_handled_reconcile_at.as_deref(), expected, "{name}");
        (situation.request, situation.remembered.handled_request) = (None, Some("monday".into()));
        assert_eq!(situation.report().last_handled_reconcile_at.as_deref(), Some("monday"), "{name}");
    }
}

#[test]
fn drift_is_recorded_while_it_lasts_and_cleared_when_it_is_over() {
    for drifted in [synced().sees(Some(false)).reports_drift(), synced().sees(Some(false)).observes()] {
        let drift = drifted.report().drift.unwrap();
        assert_eq!((drift.fields.len(), drift.last_detected_at, drift.corrections), (1, Some(minute(100)), 0));
        let later = drifted.clone().reported().at(104);
        assert_eq!(later.report().drift, Some(drift), "a lasting difference is detected once");
        let over = later.sees(Some(true)).report().drift.unwrap();
        assert_eq!((over.fields.len(), over.last_detected_at), (0, Some(minute(100))));
    }
    assert_eq!(found(false).report().drift, None, "an adoption is no drift");
    assert_eq!(found(false).observes().report().drift, None, "nor is what an observer finds");
    assert_eq!(synced().edited_to(false).report().drift, None, "nor is an edit");
}

#[test]
fn a_restart_keeps_all_that_was_reported() {
    let in_trouble = |situation: Situation| situation.report_after(&synced().report());
    for previous in [
        synced().report(),
        in_trouble(synced().misses()),
        in_trouble(synced().sees(Some(false)).denied()),
        in_trouble(synced().sees(Some(false)).throttled()),
        in_trouble(synced().sees(None)),
        in_trouble(contested()),
    ] {
        let restarted = Situation { remembered: Remembered::of(&previous), ..new() };
        assert_eq!(restarted.report_after(&previous), previous);
        // Only what was confirmed grows too old.
        let ready = restarted.remembered.ready;
        assert_eq!(restarted.stale().report_after(&previous) == previous, !ready);
    }
}

#[test]
fn what_was_kept_and_then_taken_away_is_not_made_up() {
    let robbed = ProfilingGroupStatus { conditions: Vec::new(), ..synced().report() };
    for situation in [restarted(), restarted().stale(), synced().stale()] {
        assert_eq!(summary(&situation.report_after(&robbed)).join(" "), WAITING);
    }
}

#[test]
fn agents_are_evaluated_by_fresh_knowledge_only() {
    let agents = |situation: Situation, previous: &ProfilingGroupStatus| {
        let status = situation.report_after(previous);
        [ConditionType::AgentsReporting, ConditionType::AgentsUpToDate]
            .map(|kind| conditions::find(&status.conditions, kind).map(|condition| condition.reason.clone()).unwrap())
            .join(" ")
    };
    let good = synced().report();
    let without_it = Observation { profiling_status: None, ..observation(Some(true)) };
    let silent = ProfilingStatus { latest_agent_profile_reported_at: Some(minute(60)), ..ProfilingStatus::default() };
    let silent = Observation { profiling_status: Some(silent), ..observation(Some(true)) };
    let nobody = ProfilingGroupStatus::default();
    #[rustfmt::skip]
    let rows = vec![
        ("reporting", synced(), &good, "AgentsReporting AgentsUpToDate"),
        ("silent", synced().sees_all(silent), &good, "AgentsSilent WaitingForAgents"),
        ("without_it", new().sees_all(without_it), &nobody, "NotYetKnown NotYetKnown"),
        ("nothing known", new(), &nobody, "NotYetKnown NotYetKnown"),
        ("AWS is silent, not the agents", synced().at(200), &good, "AgentsReporting AgentsUpToDate"),
        ("edited while away for long", restarted().edited_to(false).at(200), &good, "AgentsReporting AgentsUpToDate"),
        ("suspended", synced().suspended().at(200), &good, "AgentsReporting AgentsUpToDate"),
        ("missing", synced().misses(), &good, "NotYetKnown NotYetKnown"),
        ("claimed", synced().claimed(), &good, "NotYetKnown NotYetKnown"),
    ];
    for (name, situation, previous, expected) in rows {
        assert_eq!(agents(situation, previous), expected, "{name}");
    }
}

#[test]
fn the_next_evaluation_is_also_when_the_agents_fall_silent() {
    let silent_soon = Observation {
        profiling_status: Some(ProfilingStatus {
            latest_agent_profile_reported_at: Some(minute(82)),
            ..ProfilingStatus::default()
        }),
        ..observation(Some(true))
    };
    assert_eq!(next_status(&synced().sees_all(silent_soon), &synced().report()).recheck_at, Some(minute(102)));
    assert_eq!(next_status(&synced(), &synced().report()).recheck_at, Some(minute(117)));
}

#[test]
fn details_are_reported_while_they_are_managed() {
    let managed = found(true).permits("a").notifies("t").sees_policy("r1", "a").sees_channels("t").read_at(95);
    let status = managed.report();
    let details = status.details.clone().unwrap();
    assert_eq!((details.read_at, details.policy_revision_id.as_deref()), (Some(minute(95)), Some("r1")));
    assert_eq!(details.principals, Some(vec!["a".to_owned()]));
    let channel = &details.channels.unwrap()[0];
    assert_eq!((&*channel.id, &*channel.topic_arn), ("id-of-t", "t"));
    let applied = status.last_applied.clone().unwrap();
    assert_eq!(
        (applied.principals.as_deref(), applied.topics.as_deref()),
        (Some(&["a".to_owned()][..]), Some(&["t".to_owned()][..]))
    );
    assert_eq!(applied.policy_revision_id.as_deref(), Some("r1"));

    let restarted = Situation { knowledge: new().sees(Some(true)).knowledge, ..managed.clone() }.reported_as(&status);
    let kept = restarted.report_after(&status);
    assert_eq!(
        (&kept.details, &kept.last_applied),
        (&status.details, &status.last_applied),
        "until they are read again"
    );

    let one = Situation { desired: managed.desired.clone(), ..managed.clone() }.reported_as(&status);
    let without_policy =
        Situation { desired: Desired { principals: None, ..one.desired.clone() }, ..one }.report_after(&status);
    let (details, applied) = (without_policy.details.unwrap(), without_policy.last_applied.unwrap());
    assert_eq!((details.principals, details.policy_revision_id, applied.principals), (None, None, None));
    assert!(details.channels.is_some() && applied.topics.is_some());
    let neither = Situation { desired: synced().desired, ..managed }.report_after(&status);
    assert_eq!((neither.details, neither.last_applied.unwrap().topics), (None, None));
}

#[test]
fn a_request_is_handled_once_what_is_in_no_list_has_been_read_too() {
    let handled = |situation: &Situation| situation.report().last_handled_reconcile_at.is_some();
    let requested = synced().permits("a").sees_policy("r1", "a").reported().requested(true);
    assert!(!handled(&requested.clone().read_at(99)));
    assert!(handled(&requested.clone().at(101).sees_policy("r1", "a")));
    assert!(handled(&requested.read_at(99).denied()), "a read that fails is an attempt");
}

#[test]
fn a_deleted_principal_is_reported_and_not_corrected() {
    let situation = found(true).permits("a").sees_policy("r1", "a").reported().sees_policy("r2", "AROA1");
    let status = situation.report();
    let synced = conditions::find(&status.conditions, ConditionType::Synced).unwrap();
    assert_eq!(summary(&status).join(" "), IN_SYNC);
    assert!(
        synced.message.contains("names AROA1, which IAM shows for a role or user that was deleted"),
        "{}",
        synced.message
    );
    assert_eq!(status.details.unwrap().principals, Some(vec!["AROA1".to_owned()]));
}
