//! What holds in every situation.

use std::{collections::BTreeSet, time::Duration};

use proptest::{option, prelude::*, sample::select};

use super::{
    super::{
        arns::{Arns, Dated},
        facet::Tags,
        fixtures::{break_of_rules, failure, minute, new, observation, summary},
        observation::Observation,
        owner::{Mark, OwnerId},
        permissions::Policy,
        remembered::Remembered,
        situation::{Backoff, Details, Limits, Request},
        status::next_status,
    },
    *,
};
use crate::api::{
    AppliedState, ConditionType, Correction, DeletionPolicy, DriftStatus, ProfilingGroupStatus, ProfilingStatus,
    Slowdown,
};
use crate::domain::conditions;

fn instant() -> impl Strategy<Value = Timestamp> {
    (60..100i64).prop_map(minute)
}

fn mishap() -> impl Strategy<Value = Failure> {
    select(vec![
        failure(FailureReason::AccessDenied),
        failure(FailureReason::GroupNotFound),
        failure(FailureReason::Throttled),
        failure(FailureReason::TimedOut),
        failure(FailureReason::Conflict),
    ])
}

fn described() -> impl Strategy<Value = Observation> {
    let agents = option::of((option::of(instant()), option::of(instant())));
    (any::<Option<bool>>(), any::<bool>(), option::of(instant()), select(vec![1, 2]), agents).prop_map(
        |(on, arn, updated_at, created, agents)| Observation {
            arn: observation(on).arn.filter(|_| arn),
            created_at: Some(minute(created)),
            updated_at,
            profiling_status: agents.map(|(orchestrated, reported)| ProfilingStatus {
                latest_agent_orchestrated_at: orchestrated,
                latest_agent_profile_reported_at: reported,
                latest_aggregated_profile: None,
            }),
            ..observation(on)
        },
    )
}

fn presence() -> impl Strategy<Value = Presence> {
    prop_oneof![
        Just(Presence::NotListed),
        Just(Presence::Unconfirmed),
        Just(Presence::Missing),
        described().prop_map(Presence::Present),
    ]
}

fn drift() -> impl Strategy<Value = DriftStatus> {
    let difference =
        || FieldDifference { field: "profilingEnabled".into(), observed: "false".into(), desired: "true".into() };
    (option::of(instant()), option::of((1..9u32, 90..110i64)), 0..4usize, any::<bool>()).prop_map(
        move |(last, slowdown, recent, lasts)| DriftStatus {
            corrections: recent as u64,
            last_detected_at: last.or(slowdown.map(|_| minute(80))),
            last_corrected_at: last,
            fields: if lasts { vec![difference()] } else { Vec::new() },
            recent_corrections: (0..recent)
                .map(|_| Correction { at: last.unwrap_or(minute(90)), difference: difference() })
                .collect(),
            slowdown: slowdown.map(|(step, until)| Slowdown { step, until: minute(until) }),
        },
    )
}

fn some_tags() -> impl Strategy<Value = Tags> {
    prop::collection::btree_map(
        select(vec!["a".to_owned(), "b".to_owned()]),
        select(vec!["1".to_owned(), "2".to_owned()]),
        0..3,
    )
}

/// A situation that is free of any history of its own.
fn situations() -> impl Strategy<Value = Situation> {
    let wish = (any::<bool>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.1));
    let circuit = (prop::option::weighted(0.2, mishap()), option::of(instant()));
    let lane = (prop::bool::weighted(0.9), any::<bool>(), option::of(mishap()), instant(), circuit);
    let knowledge = (presence(), any::<bool>(), instant());
    let backoff = option::of((mishap(), 99..103i64));
    let rest = (prop::bool::weighted(0.1), option::of(any::<bool>()), 3..5i64, prop::bool::weighted(0.1));
    let tags = (option::of(some_tags()), option::of(some_tags()), any::<bool>(), prop::bool::weighted(0.3));
    let owner = (prop::bool::weighted(0.4), select(vec!["", "ours", "former", "theirs"]), any::<bool>());
    (wish, lane, knowledge, backoff, rest, tags, details(), owner).prop_map(
        |(wish, lane, knowledge, backoff, rest, tags, details, (marks, marked_by, unconfirmed))| {
            let mut situation = new();
            let (on, manages, corrects, suspended) = wish;
            let desired = &mut situation.desired;
            (desired.profiling_enabled, desired.manages) = (on, manages);
            (desired.corrects_drift, desired.suspended) = (corrects, suspended);

            let (presence, wants_describe, as_of) = knowledge;
            let (claimed, request, generation, moved) = rest;
            let account = if moved { "999988887777" } else { "111122223333" };
            let (has_lane, told, failure, since, (circuit, recovered)) = lane;
            let view = situation.lane.take().filter(|_| has_lane);
            situation.lane = view.map(|view| LaneView {
                account: (told || matches!(presence, Presence::Present(_))).then(|| account.into()),
                since,
                failure,
                circuit,
                recovered,
                ..view
            });
            if moved && let Presence::Present(observation) = &presence {
                let arn = observation.arn.as_ref().map(|arn| arn.replace("111122223333", account));
                situation.knowledge.presence = Presence::Present(Observation { arn, ..observation.clone() });
            } else {
                situation.knowledge.presence = presence;
            }
            situation.knowledge.wants_describe =
                wants_describe || situation.knowledge.presence == Presence::Unconfirmed;
            situation.knowledge.as_of = (situation.knowledge.presence != Presence::NotListed).then_some(as_of);
            situation.backoff = backoff.map(|(failure, retry_at)| Backoff {
                failure,
                failed_at: minute(99),
                retry_at: minute(retry_at),
            });
            let (wanted, seen, read, creates) = tags;
            situation.desired.creates = creates;
            situation.desired.tags = wanted;
            if let Presence::Present(observation) = &mut situation.knowledge.presence {
                // What AWS leaves out has to be read.
                situation.knowledge.tags_due = (seen.is_none() || read).then_some(minute(99));
                observation.tags = seen;
                if let Some(tags) = observation.tags.as_mut().filter(|_| !marked_by.is_empty()) {
                    let mark = Mark::new(&OwnerId { id: marked_by.into(), takes_over_from: None }, "shop", "checkout");
                    tags.extend(mark.tags());
                }
                situation.knowledge.tags_unconfirmed = unconfirmed && marked_by == "ours";
            }
            if marks {
                situation = situation.marks();
            }
            let (principals, policy, topics, channels, puts_add) = details;
            (situation.desired.principals, situation.desired.topics) = (principals, topics);
            situation.knowledge.details = Details {
                policy: policy.map(|(revision, principals, at)| {
                    let revision = revision.filter(|_| !principals.is_empty()).map(str::to_owned);
                    Dated { value: Policy { revision, principals, put: None }, as_of: minute(at) }
                }),
                channels: channels.map(|(topics, at)| Dated {
                    value: topics.into_iter().map(|topic| (topic.clone(), topic)).collect(),
                    as_of: minute(at),
                }),
                puts_add,
            };
            situation.generation = generation;
            situation.request =
                request.map(|attempted| Request { token: "tuesday".into(), noticed: minute(98), attempted });
            if claimed {
                situation = situation.claimed();
            }
            // So that the minutes above lie on both sides of every limit.
            situation.limits = Limits::new(Duration::from_mins(5), Duration::from_mins(20), Duration::from_mins(10));
            situation
        },
    )
}

type SomeDetails = (Option<Arns>, Option<(Option<&'static str>, Arns, i64)>, Option<Arns>, Option<(Arns, i64)>, bool);

/// What is in no List: what the spec requests, and what is known since when.
fn details() -> impl Strategy<Value = SomeDetails> {
    let set = |members: &'static [&'static str]| {
        prop::sample::subsequence(members, 0..3).prop_map(|some| some.into_iter().map(str::to_owned).collect::<Arns>())
    };
    let revision = prop::sample::select(vec![Some("r1"), Some("r2")]);
    let policy = (revision, set(&["a", "b", "AROA1"]), 40..100i64);
    (
        option::weighted(0.4, set(&["a", "b", "c"])),
        option::of(policy),
        option::weighted(0.4, set(&["t", "u", "v"])),
        option::of((set(&["t", "u", "v"]), 40..100i64)),
        any::<bool>(),
    )
}

/// A status that the operator may have written: what it reported of one situation after another.
fn stored() -> impl Strategy<Value = ProfilingGroupStatus> {
    (prop::collection::vec(situations(), 0..3), any::<Option<bool>>(), option::of(some_tags()), drift()).prop_map(
        |(earlier, applied, tags, drift)| {
            let mut status = ProfilingGroupStatus { observed_generation: Some(-1), ..ProfilingGroupStatus::default() };
            for mut situation in earlier {
                situation.remembered = Remembered::of(&status);
                status = next_status(&situation, &status).status;
                status.last_applied = {
                    let before = status.last_applied.take().unwrap_or_default();
                    Some(AppliedState { profiling_enabled: applied, tags: tags.clone(), ..before })
                        .filter(|it| *it != AppliedState::default())
                };
                status.drift = Some(drift.clone());
            }
            status
        },
    )
}

/// Any situation after any history, and the status as stored.
fn with_history() -> impl Strategy<Value = (Situation, ProfilingGroupStatus)> {
    (situations(), stored())
        .prop_map(|(situation, status)| (Situation { remembered: Remembered::of(&status), ..situation }, status))
}

/// What AWS answers to the plan; `found` is its answer to a Describe.
fn apply(situation: &Situation, plan: &Plan, found: Option<bool>) -> Situation {
    match plan {
        Plan::Rest => situation.clone(),
        Plan::Describe => {
            let answer = found.map_or(Presence::Missing, |on| Presence::Present(observation(Some(on))));
            let mut after = Situation { backoff: None, ..situation.clone() }.knows(answer);
            after.knowledge.wants_describe = false;
            after
        }
        Plan::ReadTags => {
            let known = situation.observation().is_some_and(|known| known.tags.is_some());
            let after = Situation { backoff: None, ..situation.clone() };
            let mut after = if known { after } else { after.sees_tags(Some("a=1")) };
            (after.knowledge.tags_due, after.knowledge.tags_unconfirmed) = (None, false);
            after
        }
        Plan::ReadPolicy => Situation { backoff: None, ..situation.clone() }.sees_policy("r9", "a"),
        Plan::ReadChannels => Situation { backoff: None, ..situation.clone() }.sees_channels("t"),
        Plan::Write { step, cause } => situation.clone().takes(step, *cause),
    }
}

/// The process that has reported `status` remembers that it has seen the group.
fn after_report(situation: Situation, status: &ProfilingGroupStatus) -> Situation {
    let written = Remembered::of(status);
    let seen = written.seen || situation.remembered.seen;
    Situation { remembered: Remembered { seen, ..written }, ..situation }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn applying_a_plan_and_planning_again_yields_nothing(
        (situation, _) in with_history(),
        found in any::<Option<bool>>(),
    ) {
        // A Describe, a read of tags, the mark, the tags read again, the switch, a read of tags, tags to be set, tags to be removed, the policy and the channels read, the
        // policy changed or removed, and read again, channels added and removed: two of them.
        let mut after = situation;
        let mut done = Vec::new();
        for _ in 0..17 {
            let next = plan(&after);
            let again = done.contains(&next) && next != Plan::ReadTags;
            prop_assert!(next == Plan::Rest || !again, "{next:?} again after {done:?}");
            after = apply(&after, &next, found);
            done.push(next);
        }
        prop_assert_eq!(plan(&after), Plan::Rest, "after {:?}", done);
    }

    #[test]
    fn tags_that_were_never_of_this_resource_are_never_touched((situation, _) in with_history()) {
        let wanted: BTreeSet<_> = situation.desired.tags.iter().flat_map(|tags| tags.keys().cloned()).collect();
        let applied: BTreeSet<_> = situation.remembered.tags.iter().flat_map(|tags| tags.keys().cloned()).collect();
        match plan(&situation) {
            Plan::Write { step: Step::Tag(tags), .. } => {
                prop_assert!(tags.iter().all(|(key, value)| situation.desired.tags.as_ref().unwrap().get(key) == Some(value)));
            }
            Plan::Write { step: Step::Untag(keys), .. } => {
                prop_assert!(keys.is_subset(&applied) && keys.is_disjoint(&wanted), "{keys:?}");
            }
            _ => {}
        }
    }

    #[test]
    fn a_resource_that_is_suspended_or_observes_or_lost_its_claim_never_writes((situation, _) in with_history()) {
        for hands_off in [
            situation.clone().suspended(),
            situation.clone().observes(),
            situation.clone().claimed(),
            situation.clone().without_region(),
            situation.clone().tagged("a=1").without_permission(),
        ] {
            let planned = plan(&hands_off);
            prop_assert!(!matches!(planned, Plan::Write { .. }), "{planned:?}");
        }
        let forbidden = situation.clone().tagged("a=1").without_permission();
        for silent in [situation.clone().suspended(), situation.clone().claimed(), situation.without_region(), forbidden] {
            prop_assert_eq!(plan(&silent), Plan::Rest);
        }
    }

    #[test]
    fn what_is_unknown_is_never_corrected((situation, _) in with_history()) {
        if let Plan::Write { step: Step::Switch(to), cause } = plan(&situation) {
            prop_assert_eq!(to, situation.desired.profiling_enabled);
            let edited = situation.remembered.last_applied.is_some_and(|applied| applied != to);
            prop_assert_eq!(cause == Cause::Edit, edited);
            prop_assert!(cause == Cause::Edit || situation.observed_switch() == Some(!to));
        }
    }

    #[test]
    fn a_group_that_others_have_marked_or_may_have_is_never_written_to((situation, _) in with_history()) {
        if situation.mark().is_some() && let Plan::Write { step, .. } = plan(&situation) {
            match (situation.owned(), &step) {
                (Some(Owned::Ours), _) | (Some(Owned::Free | Owned::ToTakeOver("former")), Step::Mark(_)) => {}
                (_, Step::Create(_)) => prop_assert!(!matches!(situation.owned(), Some(Owned::Other(_)))),
                (owned, step) => prop_assert!(false, "{owned:?}: {step:?}"),
            }
        }
    }

    #[test]
    fn tags_are_read_only_of_a_group_whose_arn_is_known((situation, _) in with_history()) {
        let deleting = situation.clone().with_finalizer().ends_with(DeletionPolicy::Disable).goes();
        for situation in [situation, deleting] {
            prop_assert!(plan(&situation) != Plan::ReadTags || situation.arn().is_some());
        }
    }

    #[test]
    fn what_failed_rests_until_it_is_due((situation, _) in with_history(), mishap in mishap()) {
        // Where the group is to be created, that it is missing holds nothing back.
        prop_assume!(!situation.desired.creates || mishap.reason != FailureReason::GroupNotFound);
        let retry_at = situation.now.plus(Duration::from_millis(1));
        let failed = Situation { backoff: Some(Backoff { failure: mishap, failed_at: minute(1000), retry_at }), ..situation };
        prop_assert_eq!(plan(&failed), Plan::Rest);
    }

    #[test]
    fn reporting_again_changes_nothing((situation, previous) in with_history()) {
        let once = next_status(&situation, &previous).status;
        prop_assert_eq!(next_status(&after_report(situation, &once), &once).status, once);
    }

    #[test]
    fn the_plan_is_the_same_after_the_report((situation, previous) in with_history()) {
        let once = next_status(&situation, &previous).status;
        let after = plan(&after_report(situation.clone(), &once));
        if situation.records_creation() {
            let creates = matches!(after, Plan::Write { step: Step::Create(_), .. });
            prop_assert!(creates, "what is recorded is done: {:?}", after);
        } else {
            prop_assert_eq!(after, plan(&situation));
        }
    }

    #[test]
    fn every_status_obeys_the_rules_for_conditions((situation, previous) in with_history()) {
        let status = next_status(&situation, &previous).status;
        prop_assert_eq!(break_of_rules(&status, situation.generation), None, "{:?}", summary(&status));
        let known = ConditionType::ALL.iter().filter_map(|kind| conditions::find(&status.conditions, *kind)).count();
        prop_assert_eq!(known, status.conditions.len());
    }

    #[test]
    fn the_next_evaluation_lies_in_the_future((situation, previous) in with_history()) {
        prop_assert!(next_status(&situation, &previous).recheck_at.is_none_or(|time| time > situation.now));
        prop_assert!(situation.recheck_at().is_none_or(|time| time > situation.now));
    }
}
