//! The whole next status: the conditions, by the table of states, and the other members. Pure.

mod members;
mod table;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use self::{
    members::members,
    table::{Cell, Row, row},
};
use super::{
    agents::{self, Agents},
    conditions,
    facet::Step,
    plan::State,
    situation::Situation,
};
use crate::api::{ConditionType, ProfilingGroupStatus, Timestamp};

/// A status, and when it would be another one by time alone.
#[derive(Clone, Debug, PartialEq)]
pub struct NextStatus {
    /// The whole next status.
    pub status: ProfilingGroupStatus,
    /// When to evaluate again.
    pub recheck_at: Option<Timestamp>,
    /// Whether it reports nothing but waiting: not worth a write before that has lasted a while.
    pub waiting: bool,
}

/// What to report in this situation. `previous` is the status as stored.
#[must_use]
pub fn next_status(situation: &Situation, previous: &ProfilingGroupStatus) -> NextStatus {
    let ready = conditions::find(&previous.conditions, ConditionType::Ready);
    let state = match situation.state() {
        // The conditions that were to be kept are gone: another client removed them.
        State::Kept if ready.is_none() => State::Waiting,
        State::Stale if !ready.is_some_and(conditions::is_true) => State::Waiting,
        state => state,
    };
    status_of_state(situation, &state, previous)
}

/// What to report while the group is being changed for longer than a second.
#[must_use]
pub fn progress_status(situation: &Situation, step: &Step, previous: &ProfilingGroupStatus) -> ProfilingGroupStatus {
    status_of_state(situation, &State::Writing(step.clone()), previous).status
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
        State::Suspended => (Cell::Keep, Cell::Keep, None),
        State::GroupMissing => (Cell::Set(agents::no_group()), Cell::Set(agents::no_group()), None),
        State::Unreadable(_)
        | State::ClaimedByAnother(_)
        | State::AccessRefused(_)
        | State::AccountDiffers { .. }
        | State::RegionMissing
        | State::TargetChanged { .. }
        | State::NotAllowed(_) => (Cell::Set(agents::not_evaluated()), Cell::Set(agents::not_evaluated()), None),
        // Agents are not evaluated by what AWS has not confirmed recently.
        _ if situation.observation().is_none() || situation.is_stale() => (Cell::Keep, Cell::Keep, None),
        _ => {
            let (reporting, changes_at) = agents.reporting();
            (Cell::Set(reporting), Cell::Set(agents.up_to_date()), changes_at)
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
    .filter_map(|(kind, cell)| condition(situation, &previous.conditions, kind, cell?))
    .collect();

    let waiting = matches!(state, State::Waiting | State::Writing(_) | State::SwitchUnknown);
    let recheck_at = situation.recheck_at().into_iter().chain(agents_change).min();
    NextStatus { status, recheck_at, waiting }
}

fn condition(situation: &Situation, previous: &[Condition], kind: ConditionType, cell: Cell) -> Option<Condition> {
    let previous = conditions::find(previous, kind);
    let verdict = match (cell, previous, kind) {
        (Cell::Set(verdict), ..) => verdict,
        (Cell::Keep, Some(kept), _) => {
            return Some(Condition { observed_generation: Some(situation.generation), ..kept.clone() });
        }
        (Cell::Keep, None, ConditionType::Reconciling | ConditionType::Stalled) => return None,
        (Cell::Keep, None, _) => agents::not_yet_known(),
    };
    Some(conditions::set(previous, kind, verdict, situation.generation, situation.now))
}

#[cfg(test)]
mod tests;
