//! Everything a decision about one resource depends on, gathered before it is made. Pure.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    deletion::Life, desired::Desired, facet::Facet, failure::Failure, lane_id::LaneId, observation::Observation,
    remembered::Remembered, tags::TagsView,
};
use crate::api::{FieldDifference, Timestamp};

/// What is known about one name in AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::large_enum_variant, reason = "most groups are there")]
pub enum Presence {
    /// No List has ended since the process began, and nothing else is known about it.
    NotListed,
    /// A complete List did not name it; one Describe is needed.
    Unconfirmed,
    /// AWS reported that there is no such group.
    Missing,
    /// AWS described it.
    Present(Observation),
}

impl Presence {
    /// The group as AWS last described it.
    #[must_use]
    pub fn observation(&self) -> Option<&Observation> {
        match self {
            Self::Present(observation) => Some(observation),
            Self::NotListed | Self::Unconfirmed | Self::Missing => None,
        }
    }
}

/// What the lane's inventory knows about one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knowledge {
    /// What is known.
    pub presence: Presence,
    /// Whether a Describe would return what the Lists leave out.
    pub wants_describe: bool,
    /// When the tags are to be read by a call of their own: they are unknown, or the Lists leave them out.
    pub tags_due: Option<Timestamp>,
    /// When the newest read of it began, or the newest answer came.
    pub as_of: Option<Timestamp>,
}

/// Which resource owns the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// This one.
    Owner,
    /// Another one, called `namespace/name`, had it first.
    ClaimedBy(String),
}

/// Where the group is looked for, and how its lane is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneView {
    /// Which lane.
    pub id: LaneId,
    /// The account, once AWS has returned it.
    pub account: Option<String>,
    /// When the lane began to list.
    pub since: Timestamp,
    /// Why the last List failed, unless it succeeded.
    pub failure: Option<Failure>,
    /// Why calls about its groups wait, if they do: the circuit is open.
    pub circuit: Option<Failure>,
    /// When the way to AWS was last found to be open again.
    pub recovered: Option<Timestamp>,
}

/// The last failed attempt for this resource and generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// What went wrong.
    pub failure: Failure,
    /// When it went wrong.
    pub failed_at: Timestamp,
    /// No attempt is made before.
    pub retry_at: Timestamp,
}

/// A request to reconcile now, as the annotation holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The annotation's value.
    pub token: String,
    /// Whether a List that began after it was noticed has ended, successfully or not.
    pub attempted: bool,
}

/// The operator's own settings, as far as decisions depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A profile older than this is stale.
    pub agent_stale_after: Duration,
    /// What is known about AWS and older than this is not trusted.
    pub inventory_stale_after: Duration,
    /// How long a correction counts towards a drift fight.
    pub drift_window: Duration,
}

/// How long what is known about AWS is trusted: three intervals, and never less than five minutes, because one slow List
/// is nothing to report.
#[must_use]
pub fn stale_after(poll_interval: Duration) -> Duration {
    Duration::from_mins(5).max(poll_interval * 3)
}

impl Limits {
    /// The limits that follow from the settings.
    #[must_use]
    pub fn new(poll_interval: Duration, agent_stale_after: Duration) -> Self {
        Self {
            agent_stale_after,
            inventory_stale_after: stale_after(poll_interval),
            drift_window: super::drift::window(poll_interval),
        }
    }
}

/// Everything a decision about one resource depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// When it is made.
    pub now: Timestamp,
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// `metadata.generation`.
    pub generation: i64,
    /// Why the spec can't be read, if so; then the desired state below means nothing.
    pub unreadable: Option<String>,
    /// Where the resource is in its life.
    pub life: Life,
    /// What the user requests.
    pub desired: Desired,
    /// What the status remembers.
    pub remembered: Remembered,
    /// Who owns the group.
    pub ownership: Ownership,
    /// Where it is looked for; `None` without a region.
    pub lane: Option<LaneView>,
    /// What is known about it.
    pub knowledge: Knowledge,
    /// The last failed attempt.
    pub backoff: Option<Backoff>,
    /// An unhandled request to reconcile.
    pub request: Option<Request>,
    /// The operator's settings.
    pub limits: Limits,
}

impl Situation {
    /// The group as AWS last described it.
    #[must_use]
    pub fn observation(&self) -> Option<&Observation> {
        self.knowledge.presence.observation()
    }

    /// The switch as AWS last reported it.
    #[must_use]
    pub fn observed_switch(&self) -> Option<bool> {
        self.observation()?.profiling_enabled
    }

    /// The group's ARN, as AWS last described it.
    #[must_use]
    pub fn arn(&self) -> Option<&str> {
        self.observation()?.arn.as_deref()
    }

    /// Its tags beside those that it is to have; `None` unless they are managed, and AWS has reported them.
    #[must_use]
    pub fn tags(&self) -> Option<TagsView<'_>> {
        Some(TagsView {
            desired: self.desired.tags.as_ref()?,
            applied: self.remembered.tags.as_ref(),
            observed: self.observation()?.tags.as_ref()?,
            in_doubt: &self.remembered.tags_in_doubt,
        })
    }

    /// When the tags are to be read by a call of their own, if at all.
    #[must_use]
    pub fn tags_due(&self) -> Option<Timestamp> {
        self.knowledge.tags_due.filter(|_| self.desired.tags.is_some())
    }

    /// That there is no group, if AWS has reported it and there is to be one.
    #[must_use]
    pub fn existence_difference(&self) -> Option<FieldDifference> {
        let missing = self.knowledge.presence == Presence::Missing && self.desired.creates;
        let difference = || FieldDifference {
            field: Facet::Existence.name().into(),
            observed: "missing".into(),
            desired: "present".into(),
        };
        missing.then(difference)
    }

    /// The switch, if AWS has reported it and it differs.
    #[must_use]
    pub fn switch_difference(&self) -> Option<FieldDifference> {
        let observed = self.observed_switch().filter(|observed| *observed != self.desired.profiling_enabled)?;
        let (observed, desired) = (observed.to_string(), self.desired.profiling_enabled.to_string());
        Some(FieldDifference { field: Facet::Switch.name().into(), observed, desired })
    }

    /// These tags, if there are any.
    #[must_use]
    pub fn tags_difference(&self, keys: &BTreeSet<&str>) -> Option<FieldDifference> {
        let (observed, desired) = self.tags().filter(|_| !keys.is_empty())?.shown(keys);
        Some(FieldDifference { field: Facet::Tags.name().into(), observed, desired })
    }

    /// What differs, as far as AWS has reported it.
    #[must_use]
    pub fn differences(&self) -> Vec<FieldDifference> {
        let tags = self.tags().and_then(|tags| self.tags_difference(&tags.all()));
        self.existence_difference().into_iter().chain(self.switch_difference()).chain(tags).collect()
    }

    /// Why calls about groups of its lane wait, if they do.
    #[must_use]
    pub fn circuit(&self) -> Option<&Failure> {
        self.lane.as_ref()?.circuit.as_ref()
    }

    /// When what is known becomes too old to be trusted.
    #[must_use]
    pub fn stale_at(&self) -> Option<Timestamp> {
        let known = self.knowledge.as_of.or_else(|| self.lane.as_ref().map(|lane| lane.since))?;
        Some(known.plus(self.limits.inventory_stale_after))
    }

    /// Whether what is known is too old to be trusted.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale_at().is_some_and(|stale| stale <= self.now)
    }
}
