//! The table of plans: one line a row.

use super::{
    super::fixtures::{contested, found, minute, new, restarted, synced},
    *,
};

const EDIT: Plan = Plan::Update { to: false, cause: Cause::Edit };
const ADOPT: Plan = Plan::Update { to: true, cause: Cause::Adoption };
const CORRECT: Plan = Plan::Update { to: true, cause: Cause::Drift };
use Plan::{Describe, Rest};

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
        // Edits: whatever the inventory says.
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

#[test]
fn an_observer_that_manages_again_follows_its_own_last_value() {
    let mut remembers = synced().observes().edited_to(false).reported();
    assert_eq!(remembers.remembered.last_applied, Some(true), "AWS has not agreed to what only an observer asks for");
    assert_eq!((plan(&remembers), remembers.state()), (Rest, State::Differs(remembers.difference().unwrap())));
    remembers.desired.manages = true;
    assert_eq!(plan(&remembers), EDIT);
}

#[test]
fn a_correction_is_recorded_with_what_aws_had_reported_before_it() {
    let before = synced().sees(Some(false));
    let after = before.clone().updated(true, Cause::Drift);
    let correction = &after.remembered.drift.recent_corrections[0];
    assert_eq!((correction.at, Some(&correction.difference)), (before.now, before.difference().as_ref()));
    assert_eq!(after.remembered.drift.corrections, 1);
    for (other, cause) in [(found(false), Cause::Adoption), (synced().edited_to(false), Cause::Edit)] {
        let to = other.desired.profiling_enabled;
        let after = other.updated(to, cause);
        assert_eq!((after.remembered.last_applied, after.remembered.drift.corrections), (Some(to), 0), "{cause:?}");
    }
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
        ("suspended: nothing", synced().suspended().throttled(), None),
        ("claimed: nothing", synced().claimed(), None),
        ("moved: nothing", synced().moved(), None),
    ];
    for (name, situation, expected) in rows {
        assert_eq!(situation.recheck_at(), expected.map(minute), "{name}");
    }
}
