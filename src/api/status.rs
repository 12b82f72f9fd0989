//! The `ProfilingGroup` resource: what the operator reports.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Observed state of the profiling group.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfilingGroupStatus {
    /// Generation of the spec that this status reports on; -1 until the operator has processed the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// AWS account of the profiling group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// AWS region of the profiling group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Name of the profiling group, as reported by AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// ARN of the profiling group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Compute platform of the profiling group: Default or AWSLambda.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compute_platform: Option<String>,
    /// Time at which the profiling group was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Time at which the profiling group was last updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Whether profiling is enabled, as reported by AWS; absent until AWS has reported it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profiling_enabled: Option<bool>,
    /// Time since which profilingEnabled has its value: at adoption the group's updatedAt, later the time at which the
    /// change was detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profiling_enabled_since: Option<Timestamp>,
    /// Activity of the agents, as reported by AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profiling_status: Option<ProfilingStatus>,
    /// Tags of the profiling group in AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// What Lists do not report: only while agentPermissions or anomalyNotifications is managed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<DetailsStatus>,
    /// State that the operator currently enforces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired: Option<SwitchState>,
    /// State that AWS last confirmed: distinguishes an edit of this resource from an external change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied: Option<AppliedState>,
    /// What this resource has made in AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedStatus>,
    /// State found in AWS, which spec.deletionPolicy: Restore restores. Recorded once, before the first change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<OriginalStatus>,
    /// External changes in AWS, and their corrections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftStatus>,
    /// Last value of the annotation codeguruprofiler.dev/reconcile-requested-at that was handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Ready, Synced, AgentsReporting and AgentsUpToDate; Reconciling and Stalled only while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// The agents' timestamps: the API's `profilingStatus`.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProfilingStatus {
    /// Time at which an agent last fetched its configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_agent_orchestrated_at: Option<Timestamp>,
    /// Time at which an agent last reported a profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_agent_profile_reported_at: Option<Timestamp>,
    /// Most recent aggregated profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_aggregated_profile: Option<AggregatedProfile>,
}

/// One aggregated profile: the API's `latestAggregatedProfile`.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AggregatedProfile {
    /// Start of the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// Length of the profile, as an ISO 8601 duration: PT5M, PT1H or P1D.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

/// What Lists do not report of a group.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DetailsStatus {
    /// Time at which it was last read, or answered to a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// Revision of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_revision_id: Option<String>,
    /// Principals that may act as agents. IAM shows one that was deleted by its unique ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principals: Option<Vec<String>>,
    /// Notification channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<ChannelStatus>>,
}

/// A notification channel.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelStatus {
    /// ID of the channel.
    pub id: String,
    /// ARN of the SNS topic.
    pub topic_arn: String,
}

/// A value of the switch.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SwitchState {
    /// Whether profiling is enabled.
    pub profiling_enabled: bool,
}

/// What a resource has made in AWS.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedStatus {
    /// Creation of the group by this resource. Absent where the group was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<CreatedStatus>,
    /// Mark of the operator on the group, in its tags. Absent unless the operator has an owner ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerStatus>,
}

/// Mark of an operator on a group: the tags codeguruprofiler.dev/owner-id and codeguruprofiler.dev/owner-resource.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerStatus {
    /// Owner ID of the operator.
    pub id: String,
    /// Time since which the group has it.
    pub since: Timestamp,
    /// Owner ID of the operator from which the group was taken over; it is not taken over from that one again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_over_from: Option<String>,
}

/// A creation of the group: recorded before the call, so that a group is never created twice.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedStatus {
    /// UID of the resource that created the group, or is about to: a resource that was restored or copied has another one.
    pub uid: String,
    /// Number of creations by this resource; with the UID, the client token of the call.
    pub number: u32,
    /// Time at which the creation was recorded, before the call.
    pub requested_at: Timestamp,
    /// Time at which AWS confirmed the creation; absent until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// createdAt of the group that this resource created last, as AWS confirmed it: a group of this name with another one was
    /// created by another client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_created_at: Option<Timestamp>,
    /// Time at which AWS reported that the group existed already: this resource did not create it, unless the group has
    /// groupCreatedAt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_at: Option<Timestamp>,
}

/// State of the group before this resource changed it.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginalStatus {
    /// Whether profiling was enabled.
    pub profiling_enabled: bool,
    /// Time at which this was recorded.
    pub captured_at: Timestamp,
    /// Whether it was recorded at adoption; false if spec.deletionPolicy was set to Restore later, or if the status was lost
    /// since.
    pub at_adoption: bool,
}

/// What AWS has confirmed.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppliedState {
    /// Whether profiling is enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profiling_enabled: Option<bool>,
    /// Tags of this resource: a key that is removed from spec.tags is removed from the group. Absent while tags are not
    /// managed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// Principals that may act as agents. Absent while agentPermissions is not managed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principals: Option<Vec<String>>,
    /// Revision of the policy when AWS confirmed the principals: while it is the same, they have not been changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_revision_id: Option<String>,
    /// SNS topics to which anomalies are reported. Absent while anomalyNotifications is not managed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topics: Option<Vec<String>>,
}

/// External changes in AWS: a record that outlives the operator's process.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DriftStatus {
    /// Number of times the operator reset the group after an external change.
    pub corrections: u64,
    /// Time at which an external change was last detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_detected_at: Option<Timestamp>,
    /// Time at which an external change was last corrected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_corrected_at: Option<Timestamp>,
    /// Fields that currently differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDifference>,
    /// Recent corrections, which decide whether corrections are slowed down.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recent_corrections: Vec<Correction>,
    /// Present while corrections are slowed down because another writer keeps reverting them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowdown: Option<Slowdown>,
}

/// One field in which AWS differed.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldDifference {
    /// Name of the field in the spec.
    pub field: String,
    /// Value reported by AWS.
    pub observed: String,
    /// Value that the resource requests.
    pub desired: String,
}

/// One correction.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Correction {
    /// Time at which AWS confirmed the correction.
    pub at: Timestamp,
    /// What was corrected.
    #[serde(flatten)]
    pub difference: FieldDifference,
}

/// How far corrections are slowed down.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slowdown {
    /// Number of times the pause was doubled, starting at one minute for step 1.
    pub step: u32,
    /// Time until which no correction is made.
    pub until: Timestamp,
}
