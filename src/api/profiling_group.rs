//! The `ProfilingGroup` resource: what a user writes.
// Several printer columns share a type: the lint takes the arguments of `kube` for one attribute.
#![allow(clippy::duplicated_attributes)]

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ProfilingGroupStatus;

/// Desired state of the profiling group.
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
    doc = "ProfilingGroup switches profiling on or off for one profiling group of Amazon CodeGuru Profiler. Deleting it changes nothing in AWS, unless spec.deletionPolicy requests it.",
    selectable = ".spec.region",
    selectable = ".spec.profilingGroupName",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Status of the Ready condition."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Reason of the Ready condition."
    ),
    printcolumn(
        name = "Group",
        type_ = "string",
        json_path = ".spec.profilingGroupName",
        description = "Name of the profiling group in AWS."
    ),
    printcolumn(
        name = "Desired",
        type_ = "boolean",
        json_path = ".spec.profilingEnabled",
        description = "Whether profiling should be enabled."
    ),
    printcolumn(
        name = "Enabled",
        type_ = "boolean",
        json_path = ".status.profilingEnabled",
        description = "Whether profiling is enabled, as reported by AWS."
    ),
    printcolumn(
        name = "Last-Profile",
        type_ = "date",
        json_path = ".status.profilingStatus.latestAgentProfileReportedAt",
        description = "Time since an agent last reported a profile."
    ),
    printcolumn(
        name = "Region",
        type_ = "string",
        json_path = ".status.region",
        description = "AWS region of the profiling group.",
        priority = 1
    ),
    printcolumn(
        name = "Platform",
        type_ = "string",
        json_path = ".status.computePlatform",
        description = "Compute platform of the profiling group.",
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
        .message("region can't be removed once set: create a new ProfilingGroup for another region")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("has(self.accountRef) == has(oldSelf.accountRef)")
        .message("accountRef can be neither added nor removed: create a new ProfilingGroup for another account")
        .reason(Reason::FieldValueForbidden),
)]
pub struct ProfilingGroupSpec {
    /// Name of the profiling group in AWS: 1 to 255 letters, digits, "-" or "_". It can differ from metadata.name, which
    /// allows neither capitals nor "_". Immutable.
    #[x_kube(
        validation = Rule::new("self.matches('^[A-Za-z0-9_-]{1,255}$')")
            .message("profilingGroupName must be 1 to 255 letters, digits, '-' or '_': use the name of the group in AWS, not its ARN")
            .reason(Reason::FieldValueInvalid),
        validation = Rule::new("self == oldSelf")
            .message("profilingGroupName is immutable: create a new ProfilingGroup for another group")
            .reason(Reason::FieldValueForbidden),
    )]
    pub profiling_group_name: String,

    /// Whether profiling is enabled for the agents of the group.
    pub profiling_enabled: bool,

    /// AWS region of the profiling group, such as eu-west-1. When absent, the region of the ProfilerAccount that accountRef
    /// names, or the operator's default region. Immutable once set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$')")
            .message("region must be the code of an AWS region, such as eu-west-1")
            .reason(Reason::FieldValueInvalid),
        validation = Rule::new("self == oldSelf")
            .message("region is immutable once set: create a new ProfilingGroup for another region")
            .reason(Reason::FieldValueForbidden),
    )]
    pub region: Option<String>,

    /// ProfilerAccount whose role is used in AWS, if its platform team allows it; the operator's own identity when absent.
    /// Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("self == oldSelf")
            .message("accountRef is immutable: create a new ProfilingGroup for another account")
            .reason(Reason::FieldValueForbidden),
    )]
    pub account_ref: Option<AccountRef>,

    /// Whether AWS is changed: Manage (when absent) makes AWS match this resource, Observe never writes to AWS and only
    /// reports differences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,

    /// How changes made outside of this resource are handled: Correct (when absent) reverts them, Report only reports
    /// them. Edits of this resource are applied with both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,

    /// Whether the group is created: Never (when absent) waits until it exists, IfMissing creates it, also after it was
    /// deleted outside of this resource, unless driftPolicy is Report. Requires --allowed-facets=create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_policy: Option<CreationPolicy>,

    /// What happens in AWS when the resource is deleted: Retain (when absent) changes nothing, Restore sets
    /// profilingEnabled to the value found at adoption, Disable sets it to false, Delete deletes the group, if this
    /// resource created it. Restore and Disable require --allowed-facets=restore, Delete requires --allowed-facets=delete.
    /// Can be changed to Retain while the resource is being deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// Compute platform with which the group is created: Default (when absent) or AWSLambda. A group that has another one
    /// is reported: AWS can't change it. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("self == oldSelf")
            .message("computePlatform is immutable: AWS can't change it; create another group")
            .reason(Reason::FieldValueForbidden),
    )]
    pub compute_platform: Option<ComputePlatform>,

    /// If true, no AWS calls are made for this resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,

    /// Tags of the profiling group: these keys are managed, all others are left alone. A key that is removed here is
    /// removed from the group; if the field is removed, the tags stay as they are. Requires --allowed-facets=tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 50, "additionalProperties" = json!({ "type": "string", "maxLength": 256 })))]
    #[x_kube(
        validation = Rule::new("self.all(key, key.matches('^[\\\\p{L}\\\\p{Z}\\\\p{N}_.:/=+@-]{1,128}$') && self[key].matches('^[\\\\p{L}\\\\p{Z}\\\\p{N}_.:/=+@-]*$'))")
            .message("tags must have keys of 1 to 128 and values of at most 256 letters, digits, spaces or _ . : / = + @ -")
            .reason(Reason::FieldValueInvalid),
        validation = Rule::new("self.all(key, !key.matches('^[aA][wW][sS]:') && !key.startsWith('codeguruprofiler.dev/'))")
            .message("tags with the prefix aws: belong to AWS, those with codeguruprofiler.dev/ to the operator: choose other keys")
            .reason(Reason::FieldValueForbidden),
    )]
    pub tags: Option<BTreeMap<String, String>>,

    /// Who may act as an agent of the group, beside those whom IAM policies permit. [] removes the permission; if the
    /// field is absent, it is left alone. Requires --allowed-facets=permissions and --allowed-principals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_permissions: Option<AgentPermissions>,

    /// SNS topics to which anomalies are reported, all of them: a topic that is not listed is removed from the group. []
    /// removes all; if the field is absent, they are left alone. Requires --allowed-facets=notifications and
    /// --allowed-topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxItems" = 2))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["topicArn".into()]))]
    pub anomaly_notifications: Option<Vec<AnomalyNotification>>,
}

/// Who may act as an agent of a group.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
// In the schema, the description of the type would replace that of the field.
#[schemars(description = "")]
#[serde(rename_all = "camelCase")]
pub struct AgentPermissions {
    /// ARNs of the IAM roles, users and accounts that may call ConfigureAgent and PostAgentProfile: all that may, without
    /// wildcards, in any order.
    #[schemars(extend("maxItems" = 50, "items" = json!({ "type": "string", "maxLength": 2048 })))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(arn, arn.matches('^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:(root|(role|user|assumed-role|federated-user)/[A-Za-z0-9+=,.@_/-]+)$'))")
            .message("principals must be ARNs of roles, users or accounts without wildcards, such as arn:aws:iam::111122223333:role/agent or arn:aws:iam::111122223333:root")
            .reason(Reason::FieldValueInvalid),
    )]
    pub principals: Vec<String>,
}

/// One place to which anomalies are reported.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(description = "")]
#[serde(rename_all = "camelCase")]
pub struct AnomalyNotification {
    /// ARN of an SNS topic, on which CodeGuru Profiler is permitted to publish.
    #[schemars(extend("maxLength" = 512))]
    #[x_kube(
        validation = Rule::new("self.matches('^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}([.]fifo)?$')")
            .message("topicArn must be the ARN of an SNS topic, such as arn:aws:sns:eu-west-1:111122223333:anomalies")
            .reason(Reason::FieldValueInvalid),
    )]
    pub topic_arn: String,
}

/// Names a ProfilerAccount.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(description = "")]
pub struct AccountRef {
    /// Name of the ProfilerAccount.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Whether AWS is changed.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
// In the schema, the description of the type would replace that of the field.
#[schemars(description = "")]
pub enum ManagementPolicy {
    /// AWS is made to match the resource.
    Manage,
    /// AWS is never written to.
    Observe,
}

/// Whether the group is created.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(description = "")]
pub enum CreationPolicy {
    /// The group is created by somebody else.
    Never,
    /// The group is created where there is none.
    IfMissing,
}

/// What happens in AWS when the resource is deleted.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")]
pub enum DeletionPolicy {
    /// Nothing.
    #[default]
    Retain,
    /// The switch is set to the value found at adoption.
    Restore,
    /// Profiling is turned off.
    Disable,
    /// The group is deleted, if this resource created it.
    Delete,
}

/// Where the agents of a group run.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")]
pub enum ComputePlatform {
    /// Anywhere but in AWS Lambda.
    Default,
    /// In AWS Lambda.
    #[serde(rename = "AWSLambda")]
    AwsLambda,
}

impl ComputePlatform {
    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "Default",
            Self::AwsLambda => "AWSLambda",
        }
    }
}

/// How changes made outside of the resource are handled.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(description = "")]
pub enum DriftPolicy {
    /// The change is reverted and recorded.
    Correct,
    /// The change is only reported.
    Report,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn group(spec: &Value) -> Value {
        json!({ "apiVersion": "codeguruprofiler.dev/v1alpha1", "kind": "ProfilingGroup", "metadata": { "name": "a" }, "spec": spec })
    }

    /// What each rule refuses, and a part of its message: the same table holds for the real API server.
    #[test]
    fn every_rule_refuses_with_a_message_that_explains_what_to_do() {
        let good =
            json!({ "profilingGroupName": "Checkout_Service-1", "profilingEnabled": true, "region": "eu-west-1" });
        let permits = |principal: &str| json!({ "agentPermissions": { "principals": [principal] } });
        let notifies = |topic: &str| json!({ "anomalyNotifications": [{ "topicArn": topic }] });
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
        for (change, expected) in [
            (json!({}), ""),
            (json!({ "profilingGroupName": "a".repeat(255) }), ""),
            (
                json!({ "region": "us-gov-west-1", "managementPolicy": "Observe", "driftPolicy": "Report", "suspend": true }),
                "",
            ),
            (json!({ "tags": { "team": "shop", "Cost Center": "a/b=c+d@e.f_g:h-1", "ünïcode": "" } }), ""),
            (json!({ "tags": { "": "a" } }), "keys of 1 to 128"),
            (json!({ "tags": { "a".repeat(129): "a" } }), "keys of 1 to 128"),
            (json!({ "tags": { "a": "a;b" } }), "letters, digits, spaces"),
            (json!({ "tags": { "AWS:created": "a" } }), "belong to AWS"),
            (json!({ "tags": { "codeguruprofiler.dev/owner-id": "me" } }), "to the operator"),
            (json!({ "agentPermissions": { "principals": [] }, "anomalyNotifications": [] }), ""),
            (permits("arn:aws:iam::111122223333:role/service-role/agent"), ""),
            (permits("arn:aws-us-gov:iam::111122223333:root"), ""),
            (permits("arn:aws:sts::111122223333:assumed-role/agent/session"), ""),
            (permits("arn:aws:iam::111122223333:role/*"), "without wildcards"),
            (permits("arn:aws:iam::111122223333:group/agents"), "of roles, users or accounts"),
            (permits("111122223333"), "or arn:aws:iam::111122223333:root"),
            (permits("AROAEXAMPLE"), "of roles, users or accounts"),
            (notifies("arn:aws:sns:eu-west-1:111122223333:anomalies"), ""),
            (notifies("arn:aws:sns:eu-west-1:111122223333:anomalies:subscription"), "the ARN of an SNS topic"),
            (notifies("arn:aws:sqs:eu-west-1:111122223333:anomalies"), "the ARN of an SNS topic"),
            (notifies("anomalies"), "such as arn:aws:sns:eu-west-1:111122223333:anomalies"),
            (json!({ "profilingGroupName": "" }), "must be 1 to 255 letters"),
            (json!({ "profilingGroupName": "a".repeat(256) }), "must be 1 to 255 letters"),
            (json!({ "profilingGroupName": "arn:aws:x" }), "not its ARN"),
            (json!({ "profilingGroupName": "spa ce" }), "must be 1 to 255 letters"),
            (json!({ "region": "Ireland" }), "such as eu-west-1"),
            (json!({ "region": "eu-west-1a" }), "such as eu-west-1"),
        ] {
            let message = refused(change.clone(), None);
            assert!(
                if expected.is_empty() { message.is_empty() } else { message.contains(expected) },
                "{change}: {message}"
            );
        }
        for (change, expected) in [
            (json!({ "profilingEnabled": false }), ""),
            (json!({ "computePlatform": "AWSLambda" }), ""),
            (json!({ "profilingGroupName": "other" }), "create a new ProfilingGroup"),
            (json!({ "region": "eu-central-1" }), "region is immutable once set"),
            (json!({ "region": null }), "region can't be removed"),
            (json!({ "accountRef": { "name": "production" } }), "can be neither added nor removed"),
        ] {
            let message = refused(change.clone(), Some(&good));
            assert!(
                if expected.is_empty() { message.is_empty() } else { message.contains(expected) },
                "{change}: {message}"
            );
        }
    }

    #[test]
    fn a_reference_to_an_account_is_never_changed() {
        let spec =
            |name: &str| json!({ "profilingGroupName": "a", "profilingEnabled": true, "accountRef": { "name": name } });
        let none = json!({ "profilingGroupName": "a", "profilingEnabled": true });
        let refused = |new: &Value, old: &Value| {
            ProfilingGroupSpec::validate_cel(new, Some(old)).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(refused(&spec("one"), &spec("one")), "");
        assert!(refused(&spec("two"), &spec("one")).contains("accountRef is immutable"));
        assert!(refused(&none, &spec("one")).contains("can be neither added nor removed"));
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
