//! Which transitions are worth an event; states never are. Pure.

use super::{conditions, failure::Failure, plan::Cause};
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

/// The switch was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The value written.
    pub to: bool,
    /// Why.
    pub cause: Cause,
}

/// What happened between two statuses. `failure` is the last attempt's, for the whole chain of causes.
#[must_use]
pub fn events_between(
    before: &ProfilingGroupStatus,
    after: &ProfilingGroupStatus,
    applied: &[Applied],
    failure: Option<&Failure>,
) -> Vec<EventDraft> {
    let mut drafts = Vec::new();
    for Applied { to, cause } in applied {
        let state = if *to { "on" } else { "off" };
        let (reason, note) = match cause {
            Cause::Edit => ("Updated", format!("Turned profiling {state} in AWS.")),
            Cause::Adoption => {
                ("Updated", format!("Turned profiling {state} in AWS: the group had a different value when adopted."))
            }
            Cause::Drift => {
                ("DriftCorrected", format!("The group was changed externally in AWS; turned profiling {state} again."))
            }
        };
        drafts.push(EventDraft { warning: false, reason, action: "Update", note });
    }
    drafts.extend(ready_transition(before, after, failure));
    drafts.extend(agents_transition(before, after));
    drafts
}

fn ready_transition(
    before: &ProfilingGroupStatus,
    after: &ProfilingGroupStatus,
    failure: Option<&Failure>,
) -> Option<EventDraft> {
    let ready = |status: &ProfilingGroupStatus| {
        conditions::find(&status.conditions, ConditionType::Ready)
            .map(|condition| (condition.status.clone(), condition.reason.clone()))
    };
    let now = conditions::find(&after.conditions, ConditionType::Ready)?;
    let was = ready(before);
    if was == ready(after) {
        return None;
    }
    let reason = Reason::ALL.iter().find(|reason| reason.as_str() == now.reason)?;
    let was_reason = was.as_ref().map_or("", |(_, reason)| reason.as_str());
    let draft =
        |warning, reason: &'static str, note: String| Some(EventDraft { warning, reason, action: "Reconcile", note });
    match (now.status.as_str(), reason) {
        ("False", _) => {
            let note = match failure.filter(|failure| Reason::from(failure.reason) == *reason) {
                Some(failure) => format!("{} {}", now.message, failure.detail),
                None => now.message.clone(),
            };
            draft(true, reason.as_str(), note)
        }
        ("True", Reason::DriftReported) => {
            let difference = conditions::find(&after.conditions, ConditionType::Synced)?;
            draft(true, reason.as_str(), difference.message.clone())
        }
        ("True", Reason::Suspended) => draft(false, reason.as_str(), now.message.clone()),
        ("True", _) if was_reason == Reason::Suspended.as_str() => draft(false, "Resumed", now.message.clone()),
        ("True", _) if was.as_ref().is_some_and(|(status, _)| status == "False") => {
            draft(false, "Recovered", now.message.clone())
        }
        _ => None,
    }
}

fn agents_transition(before: &ProfilingGroupStatus, after: &ProfilingGroupStatus) -> Option<EventDraft> {
    let reason = |status: &ProfilingGroupStatus| {
        conditions::find(&status.conditions, ConditionType::AgentsReporting).map(|c| c.reason.clone())
    };
    let now = conditions::find(&after.conditions, ConditionType::AgentsReporting)?;
    let news = [Reason::AgentsSilent, Reason::ReportsAlthoughOff].into_iter().find(|r| r.as_str() == now.reason)?;
    // A group that was just adopted may have been silent before.
    before.profiling_status.as_ref()?;
    let was = reason(before)?;
    (was != now.reason).then(|| EventDraft {
        warning: true,
        reason: news.as_str(),
        action: "Observe",
        note: now.message.clone(),
    })
}

#[cfg(test)]
mod tests;
