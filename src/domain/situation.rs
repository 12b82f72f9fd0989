//! Everything a decision about one resource depends on, gathered before it is made. Pure.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    account::Access,
    arns::{ArnsView, Dated},
    deletion::Life,
    desired::Desired,
    facet::Facet,
    failure::Failure,
    lane_id::LaneId,
    notifications::{Channels, Notifications},
    observation::Observation,
    owner::Mark,
    permissions::{Permissions, Policy},
    remembered::Remembered,
    tags::TagsView,
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
    /// Whether the tags are known from our own change alone: AWS has not reported them since.
    pub tags_unconfirmed: bool,
    /// When the newest read of it began, or the newest answer came.
    pub as_of: Option<Timestamp>,
    /// What is in no List.
    pub details: Details,
}

/// What is known of a group beside what Lists report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Its policy.
    pub policy: Option<Dated<Policy>>,
    /// Its notification channels.
    pub channels: Option<Dated<Channels>>,
    /// Whether PutPermission is known to add, and not to replace.
    pub puts_add: bool,
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
    /// When it was noticed.
    pub noticed: Timestamp,
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
    /// How often what is in no List is read.
    pub details_interval: Duration,
}

/// What is in no List is known for so many intervals after it was read.
const INTERVALS_OF_DETAILS: u32 = 3;

/// How long what is known about AWS is trusted: three intervals, and never less than five minutes, because one slow List
/// is nothing to report.
#[must_use]
pub fn stale_after(poll_interval: Duration) -> Duration {
    Duration::from_mins(5).max(poll_interval * 3)
}

impl Limits {
    /// The limits that follow from the settings.
    #[must_use]
    pub fn new(poll_interval: Duration, agent_stale_after: Duration, details_interval: Duration) -> Self {
        Self {
            agent_stale_after,
            inventory_stale_after: stale_after(poll_interval),
            drift_window: super::drift::window(poll_interval),
            details_interval,
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
    /// Whether the resource may use the identity that it names.
    pub access: Access,
    /// What the user requests.
    pub desired: Desired,
    /// What the status remembers.
    pub remembered: Remembered,
    /// Which resource owns the group.
    pub ownership: Ownership,
    /// How the group is marked as this operator's; `None` without an owner id.
    pub mark: Option<Box<Mark>>,
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
        self.knowledge.tags_due.filter(|_| self.desired.tags.is_some() || self.mark().is_some())
    }

    /// The policy, where it is managed, and known recently enough.
    #[must_use]
    pub fn policy(&self) -> Option<&Dated<Policy>> {
        self.known(Facet::Permissions, self.knowledge.details.policy.as_ref())
    }

    /// The notification channels, where they are managed, and known recently enough.
    #[must_use]
    pub fn channels(&self) -> Option<&Dated<Channels>> {
        self.known(Facet::Notifications, self.knowledge.details.channels.as_ref())
    }

    /// What could not be read for several intervals is not known any more.
    fn known<'a, T>(&self, facet: Facet, known: Option<&'a Dated<T>>) -> Option<&'a Dated<T>> {
        let oldest = self.now.minus(self.limits.details_interval * INTERVALS_OF_DETAILS);
        let is_known = self.desired.manages(facet) && self.observation().is_some();
        known.filter(|known| is_known && known.as_of > oldest)
    }

    /// A part of the group that is in no List, as it is beside what it is to be; `None` unless it is managed, and known.
    #[must_use]
    pub fn arns(&self, facet: Facet) -> Option<ArnsView<'_>> {
        let applied = self.remembered.details.as_deref();
        let unfinished = self.remembered.unfinished.contains(&facet);
        match facet {
            Facet::Existence | Facet::Owner | Facet::Switch | Facet::Tags => None,
            Facet::Permissions => {
                let permissions = Permissions {
                    desired: self.desired.principals.as_ref()?,
                    applied: applied.and_then(|applied| applied.principals.as_ref()),
                    revision: applied.and_then(|applied| applied.revision.as_deref()),
                    policy: &self.policy()?.value,
                    unfinished,
                    puts_add: self.knowledge.details.puts_add,
                };
                Some(permissions.view())
            }
            Facet::Notifications => {
                let notifications = Notifications {
                    desired: self.desired.topics.as_ref()?,
                    applied: applied.and_then(|applied| applied.topics.as_ref()),
                    channels: &self.channels()?.value,
                    unfinished,
                };
                Some(notifications.view())
            }
        }
    }

    /// The parts of the group that are managed, in no List, and known.
    pub fn all_arns(&self) -> impl Iterator<Item = ArnsView<'_>> {
        Facet::DETAILS.into_iter().filter_map(|facet| self.arns(facet))
    }

    /// When a part of the group that is in no List is to be read, if it is managed.
    #[must_use]
    pub fn details_due(&self, facet: Facet) -> Option<Timestamp> {
        if !self.desired.manages(facet) || self.observation().is_none() {
            return None;
        }
        let as_of = match facet {
            Facet::Existence | Facet::Owner | Facet::Switch | Facet::Tags => return None,
            Facet::Permissions => self.policy().map(|known| known.as_of),
            Facet::Notifications => self.channels().map(|known| known.as_of),
        };
        let requested = self.request.as_ref().map(|request| request.noticed);
        match as_of {
            Some(as_of) if requested.is_none_or(|requested| as_of > requested) => {
                Some(as_of.plus(self.limits.details_interval))
            }
            _ => Some(self.now),
        }
    }

    /// Whether a request to reconcile waits for what is in no List. A read that has failed since does not hold it back.
    #[must_use]
    pub fn request_waits_for_details(&self) -> bool {
        let Some(request) = &self.request else { return false };
        let failed = self.backoff.as_ref().is_some_and(|backoff| backoff.failed_at >= request.noticed);
        !failed && Facet::DETAILS.into_iter().any(|facet| self.details_due(facet).is_some_and(|due| due <= self.now))
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
        let details = self.all_arns().filter(ArnsView::differs).map(|arns| arns.difference());
        let first = self.existence_difference().into_iter().chain(self.owner_difference());
        first.chain(self.switch_difference()).chain(tags).chain(details).collect()
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
