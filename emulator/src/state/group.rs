//! One profiling group: what it is, what a request to create one contains, and how it is described. Pure.

use serde::{Deserialize, Deserializer, Serialize};

use super::channels::Channel;
use super::policy::Policy;
use super::profiles::Aggregate;
use super::tags::Tags;
use crate::moment::Stamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub arn: String,
    pub compute_platform: String,
    pub profiling_enabled: bool,
    pub tags: Tags,
    pub created_at: Stamp,
    pub updated_at: Stamp,
    pub orchestrated_at: Option<Stamp>,
    pub reported_at: Option<Stamp>,
    pub aggregated: Option<Aggregate>,
    pub policy: Option<Policy>,
    pub channels: Vec<Channel>,
    /// The token of the Create that made it, if one did.
    pub client_token: Option<String>,
}

impl Group {
    /// A group as Create makes it when nothing but the name is given.
    pub(super) fn born(name: &str, arn: String, at: Stamp) -> Self {
        Self {
            name: name.to_owned(),
            arn,
            compute_platform: "Default".to_owned(),
            profiling_enabled: true,
            tags: Tags::new(),
            created_at: at,
            updated_at: at,
            orchestrated_at: None,
            reported_at: None,
            aggregated: None,
            policy: None,
            channels: Vec::new(),
            client_token: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrchestrationConfig {
    pub profiling_enabled: bool,
}

/// What Create requests. Two are equal when the second is a repetition of the first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewGroup {
    pub profiling_group_name: String,
    pub compute_platform: Option<String>,
    pub agent_orchestration_config: Option<OrchestrationConfig>,
    pub tags: Option<Tags>,
}

/// A change that no client requested: another person's, an agent's, or a test's. Absent members stay as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BehindTheBack {
    pub profiling_enabled: Option<bool>,
    pub compute_platform: Option<String>,
    pub tags: Option<Tags>,
    /// The principals of `agentPermissions`; none removes the policy.
    pub principals: Option<Vec<String>>,
    /// Roles and users that were deleted.
    pub deleted_principals: Option<Vec<String>>,
    /// The SNS topics of the notification channels.
    pub topics: Option<Vec<String>>,
    #[serde(default)]
    pub latest_agent_orchestrated_at: Edit<Stamp>,
    #[serde(default)]
    pub latest_agent_profile_reported_at: Edit<Stamp>,
    #[serde(default)]
    pub latest_aggregated_profile: Edit<Aggregate>,
}

/// A change of something that may be missing. In JSON: absent, null, or the new value.
#[derive(Clone, Debug, Default)]
pub enum Edit<T> {
    #[default]
    Keep,
    Remove,
    Set(T),
}

impl<T> Edit<T> {
    fn apply(self, value: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Remove => *value = None,
            Self::Set(new) => *value = Some(new),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Remove, Self::Set))
    }
}

impl BehindTheBack {
    pub(super) fn apply(self, group: &mut Group, mut new_id: impl FnMut() -> String, now: Stamp) {
        let Self {
            profiling_enabled,
            compute_platform,
            tags,
            principals,
            deleted_principals,
            topics,
            latest_agent_orchestrated_at,
            latest_agent_profile_reported_at,
            latest_aggregated_profile,
        } = self;
        if let Some(enabled) = profiling_enabled
            && enabled != group.profiling_enabled
        {
            group.profiling_enabled = enabled;
            group.updated_at = now;
        }
        if let Some(platform) = compute_platform {
            group.compute_platform = platform;
        }
        if let Some(tags) = tags {
            group.tags = tags;
        }
        if let Some(principals) = principals {
            group.policy = (!principals.is_empty()).then(|| Policy::of(principals, new_id()));
        }
        if let Some((policy, deleted)) = group.policy.as_mut().zip(deleted_principals) {
            policy.forget(&deleted);
        }
        if let Some(topics) = topics {
            group.channels = topics.into_iter().map(|topic| Channel::of(topic, new_id())).collect();
        }
        latest_agent_orchestrated_at.apply(&mut group.orchestrated_at);
        latest_agent_profile_reported_at.apply(&mut group.reported_at);
        latest_aggregated_profile.apply(&mut group.aggregated);
    }
}

/// What a List with descriptions leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ThinList {
    Full,
    NoOrchestrationConfig,
    NoProfilingStatus,
    NoTags,
    /// Tags come where there are some.
    NoEmptyTags,
    /// Name and ARN only.
    Bare,
    /// Names come although descriptions were requested.
    NamesOnly,
}

/// A group on the wire, the same in every answer that carries one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description<'a> {
    name: &'a str,
    arn: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    compute_platform: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Stamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Stamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_orchestration_config: Option<OrchestrationConfig>,
    /// Empty, not absent, when the group never had an agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    profiling_status: Option<ProfilingStatus<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a Tags>,
}

/// A group as the admin port shows it: with what no description has.
#[derive(Debug, Serialize)]
pub struct Truth<'a> {
    #[serde(flatten)]
    description: Description<'a>,
    principals: &'a [String],
    topics: Vec<&'a str>,
}

impl<'a> Truth<'a> {
    pub fn of(group: &'a Group) -> Self {
        Self {
            description: Description::full(group),
            principals: group.policy.as_ref().map_or(&[], Policy::principals),
            topics: group.channels.iter().map(Channel::uri).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct ProfilingStatus<'a> {
    #[serde(rename = "latestAgentOrchestratedAt", skip_serializing_if = "Option::is_none")]
    orchestrated_at: Option<Stamp>,
    #[serde(rename = "latestAgentProfileReportedAt", skip_serializing_if = "Option::is_none")]
    reported_at: Option<Stamp>,
    #[serde(rename = "latestAggregatedProfile", skip_serializing_if = "Option::is_none")]
    aggregated: Option<&'a Aggregate>,
}

impl<'a> Description<'a> {
    pub fn full(group: &'a Group) -> Self {
        Self {
            name: &group.name,
            arn: &group.arn,
            compute_platform: Some(&group.compute_platform),
            created_at: Some(group.created_at),
            updated_at: Some(group.updated_at),
            agent_orchestration_config: Some(OrchestrationConfig { profiling_enabled: group.profiling_enabled }),
            profiling_status: Some(ProfilingStatus {
                orchestrated_at: group.orchestrated_at,
                reported_at: group.reported_at,
                aggregated: group.aggregated.as_ref(),
            }),
            tags: Some(&group.tags),
        }
    }

    /// The description as a List shows it; nothing when the List shows names only.
    pub fn thinned(group: &'a Group, thin: ThinList) -> Option<Self> {
        let full = Self::full(group);
        match thin {
            ThinList::Full => Some(full),
            ThinList::NoOrchestrationConfig => Some(Self { agent_orchestration_config: None, ..full }),
            ThinList::NoProfilingStatus => Some(Self { profiling_status: None, ..full }),
            ThinList::NoTags => Some(Self { tags: None, ..full }),
            ThinList::NoEmptyTags => Some(Self { tags: full.tags.filter(|tags| !tags.is_empty()), ..full }),
            ThinList::Bare => Some(Self {
                compute_platform: None,
                created_at: None,
                updated_at: None,
                agent_orchestration_config: None,
                profiling_status: None,
                tags: None,
                ..full
            }),
            ThinList::NamesOnly => None,
        }
    }
}
