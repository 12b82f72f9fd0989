//! The `ProfilingGroup` resource: what the operator reports.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// What AWS knows of the group, and what the operator did about it.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfilingGroupStatus {
    /// The generation of the spec that this status speaks of; -1 until somebody has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The AWS account that the group belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The AWS region that the group was looked up in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The group's name, as AWS says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The group's ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Default or AWSLambda.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compute_platform: Option<String>,
    /// When the group was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When the group was last updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Whether profiling is on, as AWS says; absent while AWS has not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profiling_enabled: Option<bool>,
    /// Since when profilingEnabled has its value: at adoption the group's updatedAt, then when it was seen to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profiling_enabled_since: Option<Timestamp>,
    /// What the agents did, as AWS says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profiling_status: Option<ProfilingStatus>,
    /// The group's tags in AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// What the operator makes AWS follow now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired: Option<SwitchState>,
    /// The last value that AWS agreed to: tells a change of this resource from somebody else's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_applied: Option<SwitchState>,
    /// What others changed in AWS, and what was done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftStatus>,
    /// The last value of the annotation codeguruprofiler.dev/reconcile-requested-at that was acted upon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Ready, Synced, AgentsReporting, AgentsUpToDate; Reconciling and Stalled only while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// The agents' timestamps: the API's `profilingStatus`.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProfilingStatus {
    /// When an agent last asked whether to profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_agent_orchestrated_at: Option<Timestamp>,
    /// When an agent last reported a profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_agent_profile_reported_at: Option<Timestamp>,
    /// The newest aggregated profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_aggregated_profile: Option<AggregatedProfile>,
}

/// One aggregated profile: the API's `latestAggregatedProfile`.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AggregatedProfile {
    /// When it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// How long it is, as an ISO 8601 duration: PT5M, PT1H or P1D.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

/// A value of the switch.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SwitchState {
    /// Whether profiling is on.
    pub profiling_enabled: bool,
}

/// What others changed in AWS: a record that outlives the operator's process.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DriftStatus {
    /// How often the operator put the group right.
    pub corrections: u64,
    /// When somebody else's change was last noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_detected_at: Option<Timestamp>,
    /// When it was last put right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_corrected_at: Option<Timestamp>,
    /// What differs now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDifference>,
    /// The corrections that count towards a drift fight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recent_corrections: Vec<Correction>,
    /// Present while corrections are slowed down because somebody keeps changing AWS back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowdown: Option<Slowdown>,
}

/// One field in which AWS differed.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldDifference {
    /// The field of the spec.
    pub field: String,
    /// What AWS said.
    pub observed: String,
    /// What the resource asks for.
    pub desired: String,
}

/// One correction.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Correction {
    /// When AWS agreed to it.
    pub at: Timestamp,
    /// What was put right.
    #[serde(flatten)]
    pub difference: FieldDifference,
}

/// How far corrections are slowed down.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slowdown {
    /// How often the pause was doubled, starting at one minute for step 1.
    pub step: u32,
    /// No correction is made before this time.
    pub until: Timestamp,
}
