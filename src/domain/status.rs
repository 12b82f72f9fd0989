//! The whole next status: the table of states, and what else is reported. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    agents::{self, Agents},
    conditions::{self, Verdict},
    drift,
    failure::{Class, Failure, FailureReason},
    observation::Observation,
    plan::{Cause, State},
    situation::{Presence, Situation},
};
use crate::api::{ConditionType, DriftStatus, FieldDifference, ProfilingGroupStatus, Reason, SwitchState, Timestamp};

/// A status, and when it would be another one by time alone.
#[derive(Clone, Debug, PartialEq)]
pub struct NextStatus {
    /// The whole next status.
    pub status: ProfilingGroupStatus,
    /// When to look again.
    pub recheck_at: Option<Timestamp>,
    /// Whether it tells of nothing but waiting: not worth a write before that has lasted a while.
    pub waiting: bool,
}

/// What to report in this situation. `previous` is the status as stored.
#[must_use]
pub fn next_status(situation: &Situation, previous: &ProfilingGroupStatus) -> NextStatus {
    let ready = conditions::find(&previous.conditions, ConditionType::Ready);
    let state = match situation.state() {
        // Somebody else took away what was to be kept.
        State::Kept if ready.is_none() => State::Waiting,
        State::Stale if !ready.is_some_and(conditions::is_true) => State::Waiting,
        state => state,
    };
    status_of_state(situation, &state, previous)
}

/// What to report while the switch is being written for longer than a second.
#[must_use]
pub fn progress_status(
    situation: &Situation,
    to: bool,
    cause: Cause,
    previous: &ProfilingGroupStatus,
) -> ProfilingGroupStatus {
    status_of_state(situation, &State::Updating { to, cause }, previous).status
}

fn status_of_state(situation: &Situation, state: &State<'_>, previous: &ProfilingGroupStatus) -> NextStatus {
    let Row { ready, synced, reconciling, stalled } = row(state, situation);
    let mut status = members(situation, state, previous);

    let agents = Agents {
        switch: status.profiling_enabled.zip(status.profiling_enabled_since),
        status: status.profiling_status.as_ref(),
        platform: status.compute_platform.as_deref(),
        stale_after: situation.limits.agent_stale_after,
        now: situation.now,
    };
    let (reporting, up_to_date, agents_change) = match state {
        State::Suspended => (Say::Keep, Say::Keep, None),
        State::GroupMissing => (Say::This(agents::no_group()), Say::This(agents::no_group()), None),
        State::Unreadable(_) | State::ClaimedByAnother(_) | State::RegionMissing | State::TargetChanged { .. } => {
            (Say::This(agents::not_evaluated()), Say::This(agents::not_evaluated()), None)
        }
        // Agents are not to blame for what AWS has not said lately.
        _ if situation.observation().is_none() || situation.is_stale() => (Say::Keep, Say::Keep, None),
        _ => {
            let (reporting, changes_at) = agents.reporting();
            (Say::This(reporting), Say::This(agents.up_to_date()), changes_at)
        }
    };
    status.conditions = [
        (ConditionType::Ready, Some(ready)),
        (ConditionType::Reconciling, reconciling),
        (ConditionType::Stalled, stalled),
        (ConditionType::Synced, Some(synced)),
        (ConditionType::AgentsReporting, Some(reporting)),
        (ConditionType::AgentsUpToDate, Some(up_to_date)),
    ]
    .into_iter()
    .filter_map(|(kind, say)| condition(situation, &previous.conditions, kind, say?))
    .collect();

    let waiting = matches!(state, State::Waiting | State::Updating { .. } | State::SwitchUnknown);
    let recheck_at = situation.recheck_at().into_iter().chain(agents_change).min();
    NextStatus { status, recheck_at, waiting }
}

/// What one condition should say.
enum Say {
    This(Verdict),
    /// What it said before, for this generation.
    Keep,
}

struct Row {
    ready: Say,
    synced: Say,
    /// Absent unless it holds.
    reconciling: Option<Say>,
    /// Absent unless it holds.
    stalled: Option<Say>,
}

impl Row {
    fn calm(ready: Verdict, synced: Verdict) -> Self {
        Self { ready: Say::This(ready), synced: Say::This(synced), reconciling: None, stalled: None }
    }

    fn stalled(reason: Reason, message: &str, differs: bool) -> Self {
        Self {
            stalled: Some(Say::This(Verdict::yes(reason, message))),
            ..Self::calm(Verdict::no(reason, message), synced(differs, reason, message))
        }
    }

    fn progressing(message: &str) -> Self {
        Self {
            reconciling: Some(Say::This(Verdict::yes(Reason::Progressing, message))),
            ..Self::calm(Verdict::unknown(Reason::Progressing, message), Verdict::unknown(Reason::Progressing, message))
        }
    }

    fn retrying(failure: &Failure, differs: bool) -> Self {
        let (reason, message) = (Reason::from(failure.reason), &failure.message);
        Self {
            reconciling: Some(Say::This(Verdict::yes(Reason::ProgressingWithRetry, message))),
            ..Self::calm(Verdict::no(reason, message), synced(differs, reason, message))
        }
    }
}

/// False if the last known observation differs, else Unknown.
fn synced(differs: bool, reason: Reason, message: &str) -> Verdict {
    if differs { Verdict::no(reason, message) } else { Verdict::unknown(reason, message) }
}

/// The table of states.
fn row(state: &State<'_>, situation: &Situation) -> Row {
    let differs = situation.difference().is_some();
    match state {
        State::Suspended => {
            let message = "spec.suspend is true: AWS is neither asked nor told anything.";
            Row::calm(Verdict::yes(Reason::Suspended, message), Verdict::unknown(Reason::Suspended, message))
        }
        State::Unreadable(why) => Row::stalled(
            Reason::InvalidSpec,
            &format!(
                "The spec can't be read: {why}. Correct it; kubectl explain profgroup.spec says what it may hold."
            ),
            differs,
        ),
        State::ClaimedByAnother(owner) => Row::stalled(
            Reason::ClaimedByAnother,
            &format!("ProfilingGroup {owner} names the same group and had it first: delete one of the two."),
            differs,
        ),
        State::RegionMissing => Row::stalled(
            Reason::RegionMissing,
            "No region: set spec.region, or start the operator with --region.",
            differs,
        ),
        State::TargetChanged { was, is } => Row::stalled(
            Reason::TargetChanged,
            &format!(
                "The group was found in {was}, but would now be looked for in {is}: give the operator its former \
                 account and region back, or make a new ProfilingGroup."
            ),
            // What is known is of the other target.
            false,
        ),
        State::GroupMissing => Row::stalled(Reason::GroupNotFound, &missing(situation), differs),
        State::Failed(failure) if failure.reason.class() == Class::FixMe => {
            Row::stalled(failure.reason.into(), &failure.message, differs)
        }
        State::LaneFailed(failure) if failure.reason.class() == Class::FixMe => {
            let reason = match failure.reason {
                FailureReason::AccessDenied => Reason::ListDenied,
                other => other.into(),
            };
            Row::stalled(reason, &failure.message, differs)
        }
        State::Failed(failure) | State::LaneFailed(failure) => Row::retrying(failure, differs),
        State::Contested => {
            let message = "Somebody keeps changing the group in AWS, so corrections are slowed down: find the other \
                           writer, or set spec.driftPolicy to Report.";
            Row {
                reconciling: Some(Say::This(Verdict::yes(Reason::Contested, message))),
                ..Row::calm(Verdict::no(Reason::Contested, message), Verdict::no(Reason::Contested, message))
            }
        }
        State::SwitchUnknown => {
            let message =
                "AWS describes the group without saying whether profiling is on; nothing is corrected before it does.";
            Row {
                reconciling: Some(Say::This(Verdict::yes(Reason::SwitchUnknown, message))),
                // AWS has answered, and that was no success: Flux's FAIL0003 asks for False beside Reconciling.
                ..Row::calm(
                    Verdict::no(Reason::SwitchUnknown, message),
                    Verdict::unknown(Reason::SwitchUnknown, message),
                )
            }
        }
        State::Waiting => Row::progressing("Waiting for AWS to say what it knows of the group."),
        State::Updating { to, .. } => Row::progressing(&format!("Turning profiling {} in AWS.", on_off(*to))),
        State::DriftReported(difference) => Row::calm(
            Verdict::yes(
                Reason::DriftReported,
                "The resource was applied; somebody changed AWS since, and spec.driftPolicy is Report.",
            ),
            Verdict::no(Reason::DriftReported, say(difference)),
        ),
        State::Differs(difference) => Row::calm(
            Verdict::yes(Reason::Observed, "The group is observed; AWS is not written to."),
            Verdict::no(Reason::Differs, say(difference)),
        ),
        State::Kept => {
            Row { ready: Say::Keep, synced: Say::Keep, reconciling: Some(Say::Keep), stalled: Some(Say::Keep) }
        }
        State::Stale => Row {
            ready: Say::Keep,
            synced: Say::This(Verdict::unknown(
                Reason::InventoryStale,
                "AWS has not been heard of for a while, so nobody can vouch for it; see the operator's logs and metrics.",
            )),
            reconciling: None,
            stalled: None,
        },
        State::InSync => {
            let message = format!("AWS agrees: profiling is {}.", on_off(situation.desired.profiling_enabled));
            Row::calm(Verdict::yes(Reason::InSync, &message), Verdict::yes(Reason::InSync, &message))
        }
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn say(FieldDifference { field, observed, desired }: &FieldDifference) -> String {
    format!("{field} is {observed} in AWS, but {desired} in this resource.")
}

fn missing(situation: &Situation) -> String {
    let name = &situation.desired.name;
    let (region, account) = situation.lane.as_ref().map_or(("", None), |l| (l.id.region(), l.account.as_deref()));
    let account = account.map(|account| format!(" of account {account}")).unwrap_or_default();
    format!(
        "There is no profiling group {name} in region {region}{account}: create it in AWS, or correct \
         spec.profilingGroupName or spec.region in a new ProfilingGroup."
    )
}

fn condition(situation: &Situation, previous: &[Condition], kind: ConditionType, say: Say) -> Option<Condition> {
    let previous = conditions::find(previous, kind);
    let verdict = match (say, previous, kind) {
        (Say::This(verdict), ..) => verdict,
        (Say::Keep, Some(kept), _) => {
            return Some(Condition { observed_generation: Some(situation.generation), ..kept.clone() });
        }
        (Say::Keep, None, ConditionType::Reconciling | ConditionType::Stalled) => return None,
        (Say::Keep, None, _) => agents::not_yet_known(),
    };
    Some(conditions::set(previous, kind, verdict, situation.generation, situation.now))
}

/// Everything but the conditions.
fn members(situation: &Situation, state: &State<'_>, previous: &ProfilingGroupStatus) -> ProfilingGroupStatus {
    let remembered = &situation.remembered;
    let mut status = ProfilingGroupStatus {
        observed_generation: Some(situation.generation),
        // Of a spec that can't be read nobody knows what it asks for.
        desired: situation
            .unreadable
            .is_none()
            .then_some(SwitchState { profiling_enabled: situation.desired.profiling_enabled }),
        last_applied: remembered.last_applied.map(|profiling_enabled| SwitchState { profiling_enabled }),
        drift: some_drift(remembered.drift.clone()),
        last_handled_reconcile_at: remembered.handled_request.clone(),
        conditions: Vec::new(),
        ..previous.clone()
    };
    match state {
        State::Suspended | State::Unreadable(_) => return status,
        State::ClaimedByAnother(_) | State::RegionMissing | State::TargetChanged { .. } => {
            status.last_handled_reconcile_at = handled(situation, true);
            return status;
        }
        _ => {}
    }
    status.last_handled_reconcile_at = handled(situation, false);
    if let Some(lane) = &situation.lane {
        status.region = Some(lane.id.region().to_owned());
        status.account = lane.account.clone().or(status.account);
    }
    match &situation.knowledge.presence {
        Presence::NotListed | Presence::Unconfirmed => {}
        Presence::Missing => {
            status.profiling_enabled = None;
            status.profiling_enabled_since = None;
            status.profiling_status = None;
        }
        Presence::Present(observation) => {
            copy_observation(&mut status, observation, situation);
            let agreed = observation.profiling_enabled == Some(situation.desired.profiling_enabled);
            if agreed && !situation.is_edited() {
                status.last_applied = status.desired;
                status.drift =
                    some_drift(drift::over(remembered.drift.clone(), situation.now, situation.limits.drift_window));
            } else if let Some(difference) = situation.difference().filter(|_| situation.drifts()) {
                status.drift = some_drift(drift::detected(remembered.drift.clone(), difference, situation.now));
            }
        }
    }
    status
}

fn copy_observation(status: &mut ProfilingGroupStatus, observation: &Observation, situation: &Situation) {
    let Observation { name, arn, compute_platform, created_at, updated_at, profiling_enabled, profiling_status, tags } =
        observation.clone();
    let anew = observation.is_another_group(status.created_at);
    if anew {
        // What was known is of the former group of this name.
        (status.compute_platform, status.updated_at, status.profiling_status, status.tags) = Default::default();
    }
    status.account = observation.account().map(Into::into).or(status.account.take());
    status.name = Some(name);
    status.arn = arn.or(status.arn.take());
    status.compute_platform = compute_platform.or(status.compute_platform.take());
    status.created_at = created_at.or(status.created_at);
    status.updated_at = updated_at.or(status.updated_at);
    status.profiling_status = profiling_status.or(status.profiling_status.take());
    status.tags = tags.or(status.tags.take());
    // What is stored of this very value is kept: another operator may have seen the change first.
    let stored = status.profiling_enabled_since.filter(|_| status.profiling_enabled == profiling_enabled && !anew);
    status.profiling_enabled = profiling_enabled;
    status.profiling_enabled_since =
        profiling_enabled.map(|on| stored.unwrap_or_else(|| since(on, anew, observation, situation)));
}

/// Since when the switch has the value `on`, as far as this process has seen.
fn since(on: bool, anew: bool, observation: &Observation, situation: &Situation) -> Timestamp {
    let updated_at = observation.updated_at;
    match situation.remembered.switch {
        Some((was, since)) if was == on && !anew => since,
        Some((_, since)) if !anew => {
            let before = situation.remembered.updated_at.max(Some(since));
            updated_at.filter(|updated| Some(*updated) > before).unwrap_or(situation.now)
        }
        _ => updated_at.unwrap_or(situation.now),
    }
}

fn handled(situation: &Situation, nothing_to_attempt: bool) -> Option<String> {
    match &situation.request {
        Some(request) if request.attempted || nothing_to_attempt => Some(request.token.clone()),
        _ => situation.remembered.handled_request.clone(),
    }
}

fn some_drift(drift: DriftStatus) -> Option<DriftStatus> {
    (drift != DriftStatus::default()).then_some(drift)
}

#[cfg(test)]
mod tests;
