//! The `ProfilerAccount` resource: what the operator reports.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Observed state of the account.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfilerAccountStatus {
    /// Generation of the spec that this status reports on; -1 until the operator has processed the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// AWS account that the role belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Regions in which ProfilingGroups use the role. What changes by itself is updated at most once per --status-refresh.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["region"]))]
    pub regions: Vec<RegionStatus>,
    /// Conditions of the resource: Ready and, only while they are True, Reconciling and Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// One region of an account.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionStatus {
    /// The region.
    pub region: String,
    /// Time at which the last complete List began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_listed_at: Option<Timestamp>,
    /// Number of profiling groups that AWS listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<u32>,
    /// Number of those that ProfilingGroups name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<u32>,
    /// Number of those that no ProfilingGroup names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmanaged: Option<u32>,
    /// Calls per second that the operator allows itself now: fewer after AWS has throttled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<u32>,
}
