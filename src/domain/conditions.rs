//! One way to set conditions, with Kubernetes' semantics. Pure.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff,
};

use crate::api::{ConditionType, Reason, Timestamp};

/// The three values of a condition's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is not known.
    Unknown,
}

impl Status {
    /// The status as written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }

    /// The status that is written so.
    #[must_use]
    pub fn read(written: &str) -> Option<Self> {
        [Self::True, Self::False, Self::Unknown].into_iter().find(|status| status.as_str() == written)
    }
}

/// What a condition is to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds.
    pub status: Status,
    /// Why, from the closed set.
    pub reason: Reason,
    /// What to do about it; never empty, and nothing that changes by itself.
    pub message: String,
}

impl Verdict {
    /// It holds.
    #[must_use]
    pub fn yes(reason: Reason, message: impl Into<String>) -> Self {
        Self { status: Status::True, reason, message: message.into() }
    }

    /// It does not hold.
    #[must_use]
    pub fn no(reason: Reason, message: impl Into<String>) -> Self {
        Self { status: Status::False, reason, message: message.into() }
    }

    /// It is not known.
    #[must_use]
    pub fn unknown(reason: Reason, message: impl Into<String>) -> Self {
        Self { status: Status::Unknown, reason, message: message.into() }
    }
}

/// The condition of this type, if it is there.
#[must_use]
pub fn find(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

/// The status of the condition of this type, and its reason as far as it is one of ours.
#[must_use]
pub fn read(conditions: &[Condition], kind: ConditionType) -> Option<(Status, Option<Reason>)> {
    let condition = find(conditions, kind)?;
    let reason = Reason::ALL.iter().find(|reason| reason.as_str() == condition.reason);
    Some((Status::read(&condition.status)?, reason.copied()))
}

/// Whether it holds.
#[must_use]
pub fn is_true(condition: &Condition) -> bool {
    condition.status == Status::True.as_str()
}

/// The condition that reports `verdict`. `lastTransitionTime` moves only when the status does, and has whole seconds.
#[must_use]
pub fn set(
    previous: Option<&Condition>,
    kind: ConditionType,
    Verdict { status, reason, message }: Verdict,
    generation: i64,
    now: Timestamp,
) -> Condition {
    write(previous, kind, (status, reason.as_str(), message), generation, now)
}

/// The same with any reason.
#[must_use]
pub fn write(
    previous: Option<&Condition>,
    kind: ConditionType,
    (status, reason, message): (Status, &str, String),
    generation: i64,
    now: Timestamp,
) -> Condition {
    let status = status.as_str();
    let kept =
        previous.filter(|previous| previous.status == status).map(|previous| previous.last_transition_time.clone());
    Condition {
        type_: kind.as_str().into(),
        status: status.into(),
        reason: reason.into(),
        message,
        observed_generation: Some(generation),
        last_transition_time: kept.unwrap_or_else(|| whole_seconds(now)),
    }
}

fn whole_seconds(time: Timestamp) -> Time {
    Time(jiff::Timestamp::from_second(time.as_jiff().as_second()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_time_moves_with_the_status_and_with_nothing_else() {
        let first: Timestamp = "2026-06-01T00:00:01.700Z".parse().unwrap();
        let later: Timestamp = "2026-06-01T00:00:09Z".parse().unwrap();
        let kind = ConditionType::Ready;
        let old = set(None, kind, Verdict::no(Reason::Throttled, "a"), 1, first);
        assert_eq!(old.last_transition_time.0.to_string(), "2026-06-01T00:00:01Z");
        let reworded = set(Some(&old), kind, Verdict::no(Reason::TimedOut, "b"), 2, later);
        assert_eq!(reworded.last_transition_time, old.last_transition_time);
        assert_eq!((reworded.observed_generation, reworded.reason.as_str()), (Some(2), "TimedOut"));
        let flipped = set(Some(&old), kind, Verdict::yes(Reason::InSync, "c"), 2, later);
        assert_eq!(flipped.last_transition_time.0.to_string(), "2026-06-01T00:00:09Z");
    }
}
