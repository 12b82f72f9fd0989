//! Which transitions are worth an event; states never are. Pure.

use super::{
    arns::shown,
    conditions::{self, Status},
    facet::Step,
    failure::Failure,
    plan::Cause,
};
use crate::api::{ConditionType, ProfilingGroupStatus, Reason};

/// One event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDraft {
    /// Whether it is a Warning.
    pub warning: bool,
    /// The event's reason.
    pub reason: &'static str,
    /// The event's action: what the operator was doing.
    pub action: &'static str,
    /// The event's note.
    pub note: String,
}

/// The group was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// How.
    pub step: Step,
    /// Why.
    pub cause: Cause,
}

/// What a status has reported, as far as events depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    ready: Option<(Status, Reason)>,
    agents: Option<Reason>,
    /// Whether AWS had reported on agents at all: a group that was just adopted may have been silent before.
    agents_seen: bool,
    not_created_here: bool,
}

impl Reported {
    /// What `status` reports.
    #[must_use]
    pub fn of(status: &ProfilingGroupStatus) -> Self {
        let read = |kind| {
            let (status, reason) = conditions::read(&status.conditions, kind)?;
            Some((status, reason?))
        };
        Self {
            ready: read(ConditionType::Ready),
            agents: read(ConditionType::AgentsReporting).map(|(_, reason)| reason),
            agents_seen: status.profiling_status.is_some(),
            not_created_here: read(ConditionType::Synced).is_some_and(|(_, reason)| reason == Reason::NotCreatedHere),
        }
    }
}

/// What was written to AWS.
pub fn events_of(applied: &[Applied]) -> impl Iterator<Item = EventDraft> {
    applied.iter().map(|Applied { step, cause }| {
        let did = done(step);
        let (reason, note) = match cause {
            Cause::Edit if *step == Step::Delete => ("Deleted", format!("{did} in AWS.")),
            Cause::Edit | Cause::Unfinished => ("Updated", format!("{did} in AWS.")),
            Cause::Adoption if matches!(step, Step::Create(_)) => ("Created", format!("{did} in AWS.")),
            Cause::Adoption if matches!(step, Step::Mark(_)) => ("Updated", format!("{did} in AWS.")),
            Cause::Adoption => ("Updated", format!("{did} in AWS: the group had a different value when adopted.")),
            Cause::Drift if matches!(step, Step::Create(_)) => {
                ("DriftCorrected", "The group was deleted externally in AWS; created it again.".to_owned())
            }
            Cause::Drift => {
                let undone = did[..1].to_lowercase() + &did[1..];
                ("DriftCorrected", format!("The group was changed externally in AWS; {undone} again."))
            }
        };
        EventDraft { warning: false, reason, action: "Update", note }
    })
}

fn done(step: &Step) -> String {
    match step {
        Step::Create(_) => "Created the group".into(),
        Step::Delete => "Deleted the group".into(),
        Step::Mark(_) => "Marked the group as that of this operator".into(),
        Step::Unmark(_) => "Removed the mark of this operator".into(),
        Step::Switch(to) => format!("Turned profiling {}", if *to { "on" } else { "off" }),
        Step::Tag(tags) => format!("Set {}", named(tags.keys())),
        Step::Untag(keys) => format!("Removed {}", named(keys.iter())),
        Step::PutPermission { principals, .. } => {
            format!("Permitted {} to act as agents", shown(principals.iter().map(String::as_str)))
        }
        Step::RemovePermission { .. } => "Removed the permission to act as agents".into(),
        Step::AddChannels(topics) => format!("Added {} for anomalies", shown(topics.iter().map(String::as_str))),
        Step::RemoveChannel { topic, .. } => format!("Removed {topic} for anomalies"),
    }
}

fn named<'a>(keys: impl ExactSizeIterator<Item = &'a String>) -> String {
    let noun = if keys.len() == 1 { "tag" } else { "tags" };
    format!("{noun} {}", keys.map(String::as_str).collect::<Vec<_>>().join(", "))
}

/// What `after` reports that has changed since `before`, and that is not `stored` already: another operator may have
/// reported it first. `failure` is the last attempt's, for the whole chain of causes.
pub fn events_between(
    before: Reported,
    stored: Reported,
    after: &ProfilingGroupStatus,
    failure: Option<&Failure>,
) -> impl Iterator<Item = EventDraft> {
    let now = Reported::of(after);
    let ready = now.ready.filter(|_| now.ready != before.ready && now.ready != stored.ready);
    let agents = now.agents.filter(|_| now.agents != before.agents && now.agents != stored.agents);
    let ready = ready.and_then(|is| ready_transition(before.ready, is, after, failure));
    let agents = agents.and_then(|is| agents_transition(before, is, after));
    let not_created = now.not_created_here && !before.not_created_here && !stored.not_created_here;
    ready.into_iter().chain(agents).chain(not_created.then(|| not_created_here(after)).flatten())
}

fn ready_transition(
    was: Option<(Status, Reason)>,
    is: (Status, Reason),
    after: &ProfilingGroupStatus,
    failure: Option<&Failure>,
) -> Option<EventDraft> {
    let now = conditions::find(&after.conditions, ConditionType::Ready)?;
    let draft =
        |warning, reason: &'static str, note: String| Some(EventDraft { warning, reason, action: "Reconcile", note });
    match is {
        (Status::False, reason) => {
            let note = match failure.filter(|failure| Reason::from(failure.reason) == reason) {
                Some(failure) => format!("{} {}", now.message, failure.detail),
                None => now.message.clone(),
            };
            draft(true, reason.as_str(), note)
        }
        (Status::True, Reason::DriftReported) => {
            let difference = conditions::find(&after.conditions, ConditionType::Synced)?;
            draft(true, Reason::DriftReported.as_str(), difference.message.clone())
        }
        (Status::True, Reason::Suspended) => draft(false, Reason::Suspended.as_str(), now.message.clone()),
        (Status::True, _) if was.is_some_and(|(_, reason)| reason == Reason::Suspended) => {
            draft(false, "Resumed", now.message.clone())
        }
        (Status::True, _) if was.is_some_and(|(status, _)| status == Status::False) => {
            draft(false, "Recovered", now.message.clone())
        }
        _ => None,
    }
}

fn not_created_here(after: &ProfilingGroupStatus) -> Option<EventDraft> {
    let note = conditions::find(&after.conditions, ConditionType::Synced)?.message.clone();
    Some(EventDraft { warning: true, reason: Reason::NotCreatedHere.as_str(), action: "Reconcile", note })
}

fn agents_transition(was: Reported, is: Reason, after: &ProfilingGroupStatus) -> Option<EventDraft> {
    let now = conditions::find(&after.conditions, ConditionType::AgentsReporting)?;
    let is_news = was.agents_seen && was.agents.is_some();
    (is_news && matches!(is, Reason::AgentsSilent | Reason::ReportsAlthoughOff)).then(|| EventDraft {
        warning: true,
        reason: is.as_str(),
        action: "Observe",
        note: now.message.clone(),
    })
}

#[cfg(test)]
mod tests;
