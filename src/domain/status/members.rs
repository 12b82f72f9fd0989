//! Every member of the status but the conditions. Pure.

use super::super::{
    arns::{Arns, Dated},
    drift,
    facet::{Facet, Tags},
    observation::Observation,
    plan::State,
    remembered::AppliedDetails,
    situation::{Presence, Situation},
};
use crate::api::{
    AppliedState, ChannelStatus, CreatedStatus, DetailsStatus, DriftStatus, ManagedStatus, ProfilingGroupStatus,
    SwitchState, Timestamp,
};

/// The next status, without conditions.
pub fn members(situation: &Situation, state: &State<'_>, previous: &ProfilingGroupStatus) -> ProfilingGroupStatus {
    let remembered = &situation.remembered;
    let mut status = ProfilingGroupStatus {
        observed_generation: Some(situation.generation),
        // What a spec requests that can't be read is unknown.
        desired: situation
            .unreadable
            .is_none()
            .then_some(SwitchState { profiling_enabled: situation.desired.profiling_enabled }),
        last_applied: some_applied(remembered.last_applied, remembered.tags.clone(), remembered.details.as_deref()),
        managed: some_managed(remembered.created.as_deref().cloned(), situation),
        original: remembered.original.as_deref().cloned().or_else(|| situation.original_to_record()),
        drift: some_drift(remembered.drift.clone()),
        last_handled_reconcile_at: remembered.handled_request.clone(),
        conditions: Vec::new(),
        ..previous.clone()
    };
    match state {
        State::Suspended | State::Unreadable(_) => return status,
        State::ClaimedByAnother(_) | State::RegionMissing | State::TargetChanged { .. } | State::NotAllowed(_) => {
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
    if situation.records_creation() {
        status.managed = some_managed(Some(next_creation(situation)), situation);
    }
    match &situation.knowledge.presence {
        Presence::NotListed | Presence::Unconfirmed => {}
        Presence::Missing => {
            let drifted = situation.drifted();
            if !drifted.is_empty() {
                status.drift = some_drift(drift::detected(remembered.drift.clone(), drifted, situation.now));
            }
            status.profiling_enabled = None;
            status.profiling_enabled_since = None;
            status.profiling_status = None;
            status.details = None;
        }
        Presence::Present(observation) => {
            copy_observation(&mut status, observation, situation);
            let agreed = situation.agrees();
            let switch = if agreed { Some(situation.desired.profiling_enabled) } else { remembered.last_applied };
            let tags = match (&situation.desired.tags, situation.tags()) {
                // What is no longer managed is let go.
                (None, _) => None,
                (Some(_), Some(tags)) => tags.confirmed(),
                (Some(_), None) => remembered.tags.clone(),
            };
            status.last_applied = some_applied(switch, tags, Some(&confirmed_details(situation)));
            status.details = details(situation, status.details.take());
            let drifted = situation.drifted();
            if !drifted.is_empty() {
                status.drift = some_drift(drift::detected(remembered.drift.clone(), drifted, situation.now));
            } else if agreed {
                status.drift =
                    some_drift(drift::over(remembered.drift.clone(), situation.now, situation.limits.drift_window));
            }
        }
    }
    status
}

fn copy_observation(status: &mut ProfilingGroupStatus, observation: &Observation, situation: &Situation) {
    let Observation { name, arn, compute_platform, created_at, updated_at, profiling_enabled, profiling_status, tags } =
        observation.clone();
    let replaced = observation.is_another_group(status.created_at);
    if replaced {
        // What was known belongs to the former group of this name.
        (status.compute_platform, status.updated_at, status.profiling_status, status.tags) = Default::default();
        status.details = None;
    }
    status.account = observation.account().map(Into::into).or(status.account.take());
    status.name = Some(name);
    status.arn = arn.or(status.arn.take());
    status.compute_platform = compute_platform.or(status.compute_platform.take());
    status.created_at = created_at.or(status.created_at);
    status.updated_at = updated_at.or(status.updated_at);
    status.profiling_status = profiling_status.or(status.profiling_status.take());
    status.tags = tags.or(status.tags.take());
    // What is stored for this very value is kept: another operator may have seen the change first.
    let stored = status.profiling_enabled_since.filter(|_| status.profiling_enabled == profiling_enabled && !replaced);
    status.profiling_enabled = profiling_enabled;
    status.profiling_enabled_since =
        profiling_enabled.map(|on| stored.unwrap_or_else(|| since(on, replaced, observation, situation)));
}

/// Since when the switch has the value `on`, as far as this process has seen.
fn since(on: bool, replaced: bool, observation: &Observation, situation: &Situation) -> Timestamp {
    let updated_at = observation.updated_at;
    match situation.remembered.switch {
        Some((was, since)) if was == on && !replaced => since,
        Some((_, since)) if !replaced => {
            let before = situation.remembered.updated_at.max(Some(since));
            updated_at.filter(|updated| Some(*updated) > before).unwrap_or(situation.now)
        }
        _ => updated_at.unwrap_or(situation.now),
    }
}

fn handled(situation: &Situation, nothing_to_attempt: bool) -> Option<String> {
    match &situation.request {
        Some(request) if (request.attempted && !situation.request_waits_for_details()) || nothing_to_attempt => {
            Some(request.token.clone())
        }
        _ => situation.remembered.handled_request.clone(),
    }
}

/// The creation that is about to be requested.
fn next_creation(situation: &Situation) -> CreatedStatus {
    let before = situation.remembered.created.as_deref().filter(|created| *created.uid == *situation.uid);
    CreatedStatus {
        uid: situation.uid.to_string(),
        number: before.map_or(0, |created| created.number).saturating_add(1),
        requested_at: situation.now,
        at: None,
        // A group that was missed by mistake is still this resource's.
        group_created_at: before.and_then(|created| created.group_created_at),
        found_at: None,
    }
}

fn some_managed(created: Option<CreatedStatus>, situation: &Situation) -> Option<ManagedStatus> {
    let managed = ManagedStatus { created, owner: situation.owner_record() };
    (managed != ManagedStatus::default()).then_some(managed)
}

fn some_applied(
    profiling_enabled: Option<bool>,
    tags: Option<Tags>,
    details: Option<&AppliedDetails>,
) -> Option<AppliedState> {
    let AppliedDetails { principals, revision, topics } = details.cloned().unwrap_or_default();
    let list = |arns: Option<Arns>| arns.map(Vec::from_iter);
    let (principals, policy_revision_id, topics) = (list(principals), revision, list(topics));
    let applied = AppliedState { profiling_enabled, tags, principals, policy_revision_id, topics };
    (applied != AppliedState::default()).then_some(applied)
}

/// What AWS has confirmed by now; what is no longer managed is let go.
fn confirmed_details(situation: &Situation) -> AppliedDetails {
    let before = situation.remembered.details.as_deref().cloned().unwrap_or_default();
    let mut confirmed = AppliedDetails::default();
    if situation.desired.manages(Facet::Permissions) {
        (confirmed.principals, confirmed.revision) = (before.principals, before.revision);
        if let Some((arns, policy)) =
            situation.arns(Facet::Permissions).zip(situation.policy()).filter(|it| it.0.agrees)
        {
            (confirmed.principals, confirmed.revision) = (Some(arns.desired.clone()), policy.value.revision.clone());
        }
    }
    if situation.desired.manages(Facet::Notifications) {
        let known = situation.arns(Facet::Notifications);
        confirmed.topics = known.map_or(before.topics, |arns| arns.confirmed().cloned());
    }
    confirmed
}

/// What is in no List: only while it is managed, and what is not known now as it was reported before.
fn details(situation: &Situation, before: Option<DetailsStatus>) -> Option<DetailsStatus> {
    let mut details = before.unwrap_or_default();
    match situation.policy() {
        _ if !situation.desired.manages(Facet::Permissions) => {
            (details.principals, details.policy_revision_id) = (None, None);
        }
        Some(Dated { value: policy, .. }) => {
            details.principals = Some(policy.principals.iter().cloned().collect());
            details.policy_revision_id.clone_from(&policy.revision);
        }
        None => {}
    }
    match situation.channels() {
        _ if !situation.desired.manages(Facet::Notifications) => details.channels = None,
        Some(Dated { value: channels, .. }) => {
            let channel = |(topic, id): (&String, &String)| ChannelStatus { id: id.clone(), topic_arn: topic.clone() };
            details.channels = Some(channels.iter().map(channel).collect());
        }
        None => {}
    }
    let read = situation.policy().map(|it| it.as_of).into_iter().chain(situation.channels().map(|it| it.as_of));
    details.read_at = read.min().or(details.read_at);
    let DetailsStatus { principals, channels, .. } = &details;
    (principals.is_some() || channels.is_some()).then_some(details)
}

fn some_drift(drift: DriftStatus) -> Option<DriftStatus> {
    (drift != DriftStatus::default()).then_some(drift)
}
