//! The managed parts of a group: what each compares, and the calls that change it. All go through one plan, one record of
//! drift and one guard against fights. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::arns::Arns;
use crate::api::ComputePlatform;

/// Tags of a group.
pub type Tags = BTreeMap<String, String>;

/// A managed part of a group, in the order in which the parts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// Whether there is a group at all; managed with `creationPolicy: IfMissing`.
    Existence,
    /// Which operator the group belongs to; managed with `--owner-id`.
    Owner,
    /// `agentOrchestrationConfig.profilingEnabled`; always managed.
    Switch,
    /// The tags that `spec.tags` names; managed while it is present.
    Tags,
    /// Who may act as an agent of the group; managed while `spec.agentPermissions` is present.
    Permissions,
    /// Where anomalies are reported to; managed while `spec.anomalyNotifications` is present.
    Notifications,
}

impl Facet {
    /// Every facet there is.
    pub const ALL: [Self; 6] =
        [Self::Existence, Self::Owner, Self::Switch, Self::Tags, Self::Permissions, Self::Notifications];

    /// Those that no List has.
    pub const DETAILS: [Self; 2] = [Self::Permissions, Self::Notifications];

    /// Its name in the record of drift and in metrics: the field of the spec, where it has one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Existence => "existence",
            Self::Owner => "owner",
            Self::Switch => "profilingEnabled",
            Self::Tags => "tags",
            Self::Permissions => "agentPermissions",
            Self::Notifications => "anomalyNotifications",
        }
    }
}

impl fmt::Display for Facet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A group to be created.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NewGroup {
    /// The client token: AWS returns the first answer to a call with the same one.
    pub token: String,
    /// `computePlatform`; AWS's default when absent.
    pub platform: Option<ComputePlatform>,
    /// `agentOrchestrationConfig.profilingEnabled`.
    pub profiling_enabled: bool,
    /// `tags`: those of the spec, and the mark of the operator.
    pub tags: Option<Tags>,
}

/// One call that changes a group in AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// `CreateProfilingGroup`.
    Create(NewGroup),
    /// `DeleteProfilingGroup`.
    Delete,
    /// `TagResource` with these tags, which mark the group as this operator's.
    Mark(Tags),
    /// `UntagResource` with the keys of such a mark.
    Unmark(BTreeSet<String>),
    /// `UpdateProfilingGroup` with this value.
    Switch(bool),
    /// `TagResource` with these tags.
    Tag(Tags),
    /// `UntagResource` with these keys.
    Untag(BTreeSet<String>),
    /// `PutPermission`, based on this revision of the policy, if there is one.
    PutPermission {
        /// Who may act as an agent.
        principals: Arns,
        /// `revisionId`.
        revision: Option<String>,
    },
    /// `RemovePermission`, based on this revision of the policy.
    RemovePermission {
        /// `revisionId`.
        revision: String,
    },
    /// `AddNotificationChannels` with these topics.
    AddChannels(Arns),
    /// `RemoveNotificationChannel`.
    RemoveChannel {
        /// The channel's id.
        id: String,
        /// Its topic.
        topic: String,
    },
}

impl Step {
    /// The part of the group that it changes.
    #[must_use]
    pub fn facet(&self) -> Facet {
        match self {
            Self::Create(_) | Self::Delete => Facet::Existence,
            Self::Mark(_) | Self::Unmark(_) => Facet::Owner,
            Self::Switch(_) => Facet::Switch,
            Self::Tag(_) | Self::Untag(_) => Facet::Tags,
            Self::PutPermission { .. } | Self::RemovePermission { .. } => Facet::Permissions,
            Self::AddChannels(_) | Self::RemoveChannel { .. } => Facet::Notifications,
        }
    }

    /// The keys of the tags that it changes, each with its value afterwards, if any.
    #[must_use]
    pub fn changed_tags(&self) -> BTreeMap<String, Option<String>> {
        match self {
            Self::Create(_)
            | Self::Delete
            | Self::Switch(_)
            | Self::PutPermission { .. }
            | Self::RemovePermission { .. }
            | Self::AddChannels(_)
            | Self::RemoveChannel { .. } => BTreeMap::new(),
            Self::Mark(set) | Self::Tag(set) => {
                set.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect()
            }
            Self::Unmark(keys) | Self::Untag(keys) => keys.iter().map(|key| (key.clone(), None)).collect(),
        }
    }

    /// The tags of a group after this step: those before it are `tags`.
    pub fn change_tags(&self, tags: &mut Tags) {
        match self {
            Self::Create(group) => *tags = group.tags.clone().unwrap_or_default(),
            Self::Delete
            | Self::Switch(_)
            | Self::PutPermission { .. }
            | Self::RemovePermission { .. }
            | Self::AddChannels(_)
            | Self::RemoveChannel { .. } => {}
            Self::Mark(added) | Self::Tag(added) => tags.extend(added.clone()),
            Self::Unmark(keys) | Self::Untag(keys) => tags.retain(|key, _| !keys.contains(key)),
        }
    }
}
