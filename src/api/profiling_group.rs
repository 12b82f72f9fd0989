//! The `ProfilingGroup` resource: what a user asks for.
// Several printer columns share a type: the lint takes the arguments of `kube` for one attribute.
#![allow(clippy::duplicated_attributes)]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ProfilingGroupStatus;

/// Whether profiling is on for one Amazon CodeGuru Profiler group, and what AWS says of it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "codeguruprofiler.dev",
    version = "v1alpha1",
    kind = "ProfilingGroup",
    plural = "profilinggroups",
    shortname = "profgroup",
    category = "aws",
    namespaced,
    cel,
    status = "ProfilingGroupStatus",
    derive = "PartialEq",
    doc = "Whether profiling is on for one Amazon CodeGuru Profiler group. Deleting it never touches AWS.",
    selectable = ".spec.region",
    selectable = ".spec.profilingGroupName",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether this generation is as asked."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why Ready has its status."
    ),
    printcolumn(
        name = "Group",
        type_ = "string",
        json_path = ".spec.profilingGroupName",
        description = "The name of the profiling group in AWS."
    ),
    printcolumn(
        name = "Desired",
        type_ = "boolean",
        json_path = ".spec.profilingEnabled",
        description = "Whether profiling should be on."
    ),
    printcolumn(
        name = "Enabled",
        type_ = "boolean",
        json_path = ".status.profilingEnabled",
        description = "Whether profiling is on, as reported by AWS."
    ),
    printcolumn(
        name = "Last-Profile",
        type_ = "date",
        json_path = ".status.profilingStatus.latestAgentProfileReportedAt",
        description = "Age of the newest profile that an agent reported."
    ),
    printcolumn(
        name = "Region",
        type_ = "string",
        json_path = ".status.region",
        description = "The AWS region of the profiling group.",
        priority = 1
    ),
    printcolumn(
        name = "Platform",
        type_ = "string",
        json_path = ".status.computePlatform",
        description = "The compute platform of the profiling group.",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the resource was created."
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    cel,
    validation = Rule::new("!has(oldSelf.region) || has(self.region)")
        .message("region can't be removed once set: make a new ProfilingGroup to follow the group of another region")
        .reason(Reason::FieldValueForbidden),
)]
pub struct ProfilingGroupSpec {
    /// The group's name in AWS: 1 to 255 letters, digits, "-" or "_". Immutable. It need not be `metadata.name`, which
    /// allows neither capitals nor "_".
    #[x_kube(
        validation = Rule::new("self.matches('^[A-Za-z0-9_-]{1,255}$')")
            .message("profilingGroupName must be 1 to 255 letters, digits, '-' or '_': use the group's name as AWS shows it, not its ARN")
            .reason(Reason::FieldValueInvalid),
        validation = Rule::new("self == oldSelf")
            .message("profilingGroupName can't be changed: make a new ProfilingGroup to follow another group")
            .reason(Reason::FieldValueForbidden),
    )]
    pub profiling_group_name: String,

    /// Whether the agents of this group should profile.
    pub profiling_enabled: bool,

    /// The group's AWS region, such as eu-west-1; the operator's own when absent. Immutable once set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$')")
            .message("region must be the name of an AWS region, such as eu-west-1")
            .reason(Reason::FieldValueInvalid),
        validation = Rule::new("self == oldSelf")
            .message("region can't be changed: make a new ProfilingGroup to follow the group of another region")
            .reason(Reason::FieldValueForbidden),
    )]
    pub region: Option<String>,

    /// Manage (when absent) makes AWS follow this resource; Observe never writes to AWS and says what differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,

    /// Correct (when absent) undoes what others change in AWS; Report only says it. This resource's own changes are
    /// applied in both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,

    /// True: not one AWS call is made for this resource until it is false or removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// Who decides about the group.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
// In the schema, the description of the type would replace that of the field.
#[schemars(description = "")]
pub enum ManagementPolicy {
    /// AWS follows the resource.
    Manage,
    /// AWS is never written to.
    Observe,
}

/// What happens when somebody else changes AWS.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(description = "")]
pub enum DriftPolicy {
    /// The change is undone and recorded.
    Correct,
    /// The change is reported and left alone.
    Report,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn group(spec: &Value) -> Value {
        json!({ "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup", "metadata": { "name": "a" }, "spec": spec })
    }

    /// What each rule refuses, and a part of what it says: the same table holds for the real API server.
    #[test]
    fn every_rule_refuses_with_a_message_that_says_what_to_do() {
        let good =
            json!({ "profilingGroupName": "Checkout_Service-1", "profilingEnabled": true, "region": "eu-west-1" });
        let refused = |change: Value, old: Option<&Value>| {
            let mut spec = good.clone();
            for (field, value) in change.as_object().unwrap() {
                if value.is_null() {
                    spec.as_object_mut().unwrap().remove(field);
                } else {
                    spec[field] = value.clone();
                }
            }
            ProfilingGroupSpec::validate_cel(&spec, old).err().map(|e| e.to_string()).unwrap_or_default()
        };
        for (change, says) in [
            (json!({}), ""),
            (json!({ "profilingGroupName": "a".repeat(255) }), ""),
            (
                json!({ "region": "us-gov-west-1", "managementPolicy": "Observe", "driftPolicy": "Report", "suspend": true }),
                "",
            ),
            (json!({ "profilingGroupName": "" }), "must be 1 to 255 letters"),
            (json!({ "profilingGroupName": "a".repeat(256) }), "must be 1 to 255 letters"),
            (json!({ "profilingGroupName": "arn:aws:x" }), "not its ARN"),
            (json!({ "profilingGroupName": "spa ce" }), "must be 1 to 255 letters"),
            (json!({ "region": "Ireland" }), "such as eu-west-1"),
            (json!({ "region": "eu-west-1a" }), "such as eu-west-1"),
        ] {
            let message = refused(change.clone(), None);
            assert!(if says.is_empty() { message.is_empty() } else { message.contains(says) }, "{change}: {message}");
        }
        for (change, says) in [
            (json!({ "profilingEnabled": false }), ""),
            (json!({ "profilingGroupName": "other" }), "make a new ProfilingGroup"),
            (json!({ "region": "eu-central-1" }), "region can't be changed"),
            (json!({ "region": null }), "region can't be removed"),
        ] {
            let message = refused(change.clone(), Some(&good));
            assert!(if says.is_empty() { message.is_empty() } else { message.contains(says) }, "{change}: {message}");
        }
    }

    #[test]
    fn a_region_may_be_added_later() {
        let old = json!({ "profilingGroupName": "a", "profilingEnabled": true });
        let new = json!({ "profilingGroupName": "a", "profilingEnabled": true, "region": "eu-west-1" });
        assert!(ProfilingGroupSpec::validate_cel(&new, Some(&old)).is_ok());
    }

    #[test]
    fn absent_fields_stay_absent_when_written_back() {
        let spec = json!({ "profilingGroupName": "a", "profilingEnabled": true });
        let read: ProfilingGroup = serde_json::from_value(group(&spec)).unwrap();
        assert_eq!(serde_json::to_value(&read.spec).unwrap(), spec);
    }
}
