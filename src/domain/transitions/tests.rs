//! The table of events: one line a row.

use super::{
    super::{
        facet::NewGroup,
        failure::FailureReason,
        fixtures::{arns, contested, failure, found, minute, new, synced, tags},
        observation::Observation,
        situation::{Presence, Situation},
    },
    *,
};
use crate::api::ProfilingStatus;

/// The reasons of the events between two situations, warnings marked.
fn events(before: &ProfilingGroupStatus, after: &Situation, applied: &[Applied]) -> String {
    let after = after.report_after(before);
    let transitions = |before, stored| events_between(Reported::of(before), Reported::of(stored), &after, None);
    let wiped = ProfilingGroupStatus::default();
    for stored in [before, &wiped] {
        assert_eq!(transitions(&after, stored).next(), None, "nothing is reported twice, whatever others do");
    }
    assert_eq!(transitions(before, &after).next(), None, "another operator has reported it");
    let published = events_of(applied).chain(transitions(before, before));
    published.map(|h| format!("{}{}", if h.warning { "!" } else { "" }, h.reason)).collect::<Vec<_>>().join(" ")
}

#[test]
fn events_report_transitions_and_never_states() {
    let nobody = ProfilingGroupStatus::default;
    let did = |to, cause| Some(Applied { step: Step::Switch(to), cause });
    let drifted = || synced().sees(Some(false));
    let denied = || drifted().denied();
    let missing = || synced().misses();
    let suspended = || synced().suspended();
    let reporting = || synced().reports_drift().sees(Some(false));
    let fail = |reason| synced().sees(None).failed(reason, 101);
    #[rustfmt::skip]
    let rows = vec![
        ("adopted in sync", nobody(), found(true), None, ""),
        ("waited before it was adopted", new().report(), found(true), None, ""),
        ("adopted and written", nobody(), found(false).updated(true, Cause::Adoption), did(true, Cause::Adoption), "Updated"),
        ("edited", synced().report(), synced().updated(false, Cause::Edit).asks_for(false), did(false, Cause::Edit), "Updated"),
        ("corrected", synced().report(), drifted().updated(true, Cause::Drift), did(true, Cause::Drift), "DriftCorrected"),
        ("nothing new", synced().report(), synced(), None, ""),
        ("drift that is reported", synced().report(), reporting(), None, "!DriftReported"),
        ("drift that is reported still", reporting().report(), reporting(), None, ""),
        ("a fight", synced().report(), contested(), None, "!Contested"),
        ("a fight goes on", contested().report(), contested(), None, ""),
        ("denied", synced().report(), denied(), None, "!AccessDenied"),
        ("denied at first sight", nobody(), found(false).denied(), None, "!AccessDenied"),
        ("denied still", denied().report(), denied(), None, ""),
        ("another failure", denied().report(), fail(FailureReason::TimedOut), None, "!TimedOut"),
        ("retried", synced().report(), fail(FailureReason::Throttled), None, "!Throttled"),
        ("recovered", denied().report(), synced(), None, "Recovered"),
        ("recovered by a correction", denied().report(), drifted().updated(true, Cause::Drift), did(true, Cause::Drift), "DriftCorrected Recovered"),
        ("gone", synced().report(), missing(), None, "!GroupNotFound"),
        ("back", missing().report(), synced(), None, "Recovered"),
        ("suspended", synced().report(), suspended(), None, "Suspended"),
        ("suspended still", suspended().report(), suspended(), None, ""),
        ("resumed", suspended().report(), synced(), None, "Resumed"),
        ("resumed into trouble", suspended().report(), denied(), None, "!AccessDenied"),
        ("too old to vouch for", synced().report(), synced().stale(), None, ""),
        ("not listed this time", synced().report(), synced().knows(Presence::Unconfirmed), None, ""),
    ];
    for (name, before, after, applied, expected) in rows {
        assert_eq!(events(&before, &after, applied.as_slice()), expected, "{name}");
    }
}

#[test]
fn silence_is_reported_only_for_agents_that_were_seen_before() {
    let seen = |reported: Option<i64>| {
        let profiling_status = reported.map(|reported| ProfilingStatus {
            latest_agent_orchestrated_at: Some(minute(reported)),
            latest_agent_profile_reported_at: Some(minute(reported)),
            latest_aggregated_profile: None,
        });
        synced().sees_all(Observation { profiling_status, ..crate::domain::fixtures::observation(Some(true)) })
    };
    let off = || synced().asks_for(false).sees(Some(false));
    #[rustfmt::skip]
    let rows = vec![
        ("adopted silent", ProfilingGroupStatus::default(), seen(Some(50)), ""),
        ("waited, then adopted silent", new().report(), seen(Some(50)), ""),
        ("agents untold, then silent", seen(None).report(), seen(Some(50)), ""),
        ("fell silent", seen(Some(97)).report(), seen(Some(50)), "!AgentsSilent"),
        ("silent still", seen(Some(50)).report(), seen(Some(50)), ""),
        ("back", seen(Some(50)).report(), seen(Some(97)), ""),
        ("turned off, silent", seen(Some(97)).report(), off(), ""),
    ];
    for (name, before, after, expected) in rows {
        assert_eq!(events(&before, &after, &[]), expected, "{name}");
    }
}

#[test]
fn a_failure_is_reported_with_its_whole_chain_of_causes() {
    let (before, after) = (synced().report(), synced().sees(Some(false)).denied().report());
    let before = Reported::of(&before);
    let told = |failure: &Failure| events_between(before, before, &after, Some(failure)).next().unwrap().note;
    assert_eq!(
        told(&failure(FailureReason::AccessDenied)),
        "What to do about AccessDenied. Caused by: a request of id 42"
    );
    assert_eq!(told(&failure(FailureReason::TimedOut)), "What to do about AccessDenied.", "another failure's");
}

#[test]
fn an_event_names_what_was_done_and_why() {
    let note =
        |step, cause| events_of(&[Applied { step, cause }]).map(|event| (event.reason, event.note)).next().unwrap();
    let put = |principals| Step::PutPermission { principals: arns(principals), revision: None };
    let group = NewGroup { token: "t".into(), platform: None, profiling_enabled: true, tags: None };
    #[rustfmt::skip]
    let rows = [
        (Step::Switch(true), Cause::Edit, "Updated", "Turned profiling on in AWS."),
        (Step::Switch(false), Cause::Drift, "DriftCorrected", "The group was changed externally in AWS; turned profiling off again."),
        (Step::Tag(tags("team=shop stage=prod")), Cause::Edit, "Updated", "Set tags stage, team in AWS."),
        (Step::Tag(tags("team=shop")), Cause::Adoption, "Updated", "Set tag team in AWS: the group had a different value when adopted."),
        (Step::Untag(["team".to_owned()].into()), Cause::Edit, "Updated", "Removed tag team in AWS."),
        (put("a b"), Cause::Edit, "Updated", "Permitted a, b to act as agents in AWS."),
        (put("a"), Cause::Unfinished, "Updated", "Permitted a to act as agents in AWS."),
        (Step::RemovePermission { revision: "r1".into() }, Cause::Drift, "DriftCorrected", "The group was changed externally in AWS; removed the permission to act as agents again."),
        (Step::AddChannels(arns("t")), Cause::Adoption, "Updated", "Added t for anomalies in AWS: the group had a different value when adopted."),
        (Step::RemoveChannel { id: "id".into(), topic: "t".into() }, Cause::Edit, "Updated", "Removed t for anomalies in AWS."),
        (Step::Create(group.clone()), Cause::Adoption, "Created", "Created the group in AWS."),
        (Step::Create(group), Cause::Drift, "DriftCorrected", "The group was deleted externally in AWS; created it again."),
    ];
    for (step, cause, reason, expected) in rows {
        assert_eq!(note(step, cause), (reason, expected.to_owned()));
    }
}
