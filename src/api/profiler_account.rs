//! The `ProfilerAccount` resource: through which role an AWS account is managed, and which resources may use it.
// Several printer columns share a type: the lint takes the arguments of `kube` for one attribute.
#![allow(clippy::duplicated_attributes)]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Grant, ProfilerAccountStatus};

/// An IAM role through which ProfilingGroups are managed, and which ProfilingGroups can refer to it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "codeguruprofiler.dev",
    version = "v1alpha1",
    kind = "ProfilerAccount",
    plural = "profileraccounts",
    shortname = "profaccount",
    category = "aws",
    cel,
    status = "ProfilerAccountStatus",
    derive = "PartialEq",
    doc = "ProfilerAccount is an IAM role through which ProfilingGroups in another AWS account, or with other permissions, are managed. Deleting it changes nothing in AWS.",
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
        name = "Account",
        type_ = "string",
        json_path = ".status.accountId",
        description = "AWS account that the role belongs to."
    ),
    printcolumn(
        name = "Role",
        type_ = "string",
        json_path = ".spec.roleArn",
        description = "ARN of the IAM role.",
        priority = 1
    ),
    printcolumn(
        name = "Region",
        type_ = "string",
        json_path = ".spec.region",
        description = "Default region of the ProfilingGroups that refer to it."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since the resource was created."
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(cel)]
pub struct ProfilerAccountSpec {
    /// ARN of the IAM role that the operator assumes with its own identity.
    #[x_kube(
        validation = Rule::new("self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$')")
            .message("roleArn must be the ARN of an IAM role, such as arn:aws:iam::111122223333:role/codeguru-profiler-operator")
            .reason(Reason::FieldValueInvalid),
    )]
    #[schemars(length(max = 2048))]
    pub role_arn: String,

    /// External ID that the role's trust policy requires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1224))]
    #[x_kube(
        validation = Rule::new("self.size() >= 2 && self.matches('^[A-Za-z0-9_+=,.@:/-]+$')")
            .message("externalId must be 2 to 1224 letters, digits or _ + = , . @ : / -")
            .reason(Reason::FieldValueInvalid),
    )]
    pub external_id: Option<String>,

    /// Tags of the role's session, for the conditions of policies; the trust policy must allow sts:TagSession.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 50, "additionalProperties" = json!({ "type": "string", "maxLength": 256 })))]
    #[x_kube(
        validation = Rule::new("self.all(key, key.matches('^[A-Za-z0-9 _.:/=+@-]{1,128}$') && self[key].matches('^[A-Za-z0-9 _.:/=+@-]*$'))")
            .message("sessionTags must have keys of 1 to 128 and values of at most 256 letters, digits, spaces or _ . : / = + @ -")
            .reason(Reason::FieldValueInvalid),
        validation = Rule::new("self.all(key, !key.matches('^[aA][wW][sS]:'))")
            .message("sessionTags with the prefix aws: belong to AWS: choose other keys")
            .reason(Reason::FieldValueForbidden),
    )]
    pub session_tags: Option<BTreeMap<String, String>>,

    /// Region of the ProfilingGroups that refer to this account and have no spec.region; the operator's default region
    /// when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$')")
            .message("region must be the code of an AWS region, such as eu-west-1")
            .reason(Reason::FieldValueInvalid),
    )]
    pub region: Option<String>,

    /// Namespaces whose ProfilingGroups can refer to this account, beside those that namespaceSelector selects. No
    /// ProfilingGroup can when both are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxItems" = 1000, "x-kubernetes-list-type" = "set", "items" = json!({ "type": "string", "maxLength": 63 })))]
    #[x_kube(
        validation = Rule::new("self.all(name, name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'))")
            .message("namespaces must be names of namespaces, such as shop; namespaceSelector selects them by labels")
            .reason(Reason::FieldValueInvalid),
    )]
    pub namespaces: Option<Vec<String>>,

    /// Selects by its labels each namespace whose ProfilingGroups can refer to this account. An empty selector, {},
    /// selects all namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,

    /// Patterns of the names of groups (spec.profilingGroupName) that ProfilingGroups can manage through this account;
    /// "*" stands for any characters. All names when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxItems" = 100, "x-kubernetes-list-type" = "set", "items" = json!({ "type": "string", "maxLength": 255 })))]
    #[x_kube(
        validation = Rule::new("self.all(name, name.matches('^[A-Za-z0-9_*-]{1,255}$'))")
            .message("groupNames must be patterns of 1 to 255 letters, digits, '-', '_' or '*'")
            .reason(Reason::FieldValueInvalid),
    )]
    pub group_names: Option<Vec<String>>,

    /// What ProfilingGroups can do through this account beside setting profilingEnabled: create, delete, restore, tags,
    /// permissions, notifications. Nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxItems" = 10, "x-kubernetes-list-type" = "set"))]
    pub allowed_facets: Option<Vec<Grant>>,

    /// Principals that agentPermissions of ProfilingGroups can name, as patterns of their ARNs: "*" stands for any
    /// characters, "?" for one. None when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxItems" = 100, "x-kubernetes-list-type" = "set", "items" = json!({ "type": "string", "maxLength": 2048 })))]
    #[x_kube(
        validation = Rule::new("self.all(pattern, pattern.startsWith('arn:') || pattern.startsWith('*'))")
            .message("allowedPrincipals must be patterns of ARNs, such as arn:aws:iam::111122223333:role/agents/*")
            .reason(Reason::FieldValueInvalid),
    )]
    pub allowed_principals: Option<Vec<String>>,

    /// SNS topics that anomalyNotifications of ProfilingGroups can name, in the same form. None when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxItems" = 100, "x-kubernetes-list-type" = "set", "items" = json!({ "type": "string", "maxLength": 2048 })))]
    #[x_kube(
        validation = Rule::new("self.all(pattern, pattern.startsWith('arn:') || pattern.startsWith('*'))")
            .message("allowedTopics must be patterns of ARNs, such as arn:aws:sns:*:111122223333:profiler-*")
            .reason(Reason::FieldValueInvalid),
    )]
    pub allowed_topics: Option<Vec<String>>,

    /// Interval between two Lists of a region of this account, such as 60s or 5m, at least 1s; the operator's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("self.matches('^([0-9]{1,4}(s|m|h)){1,3}$') && duration(self) >= duration('1s')")
            .message("pollInterval must be a duration of at least 1s, such as 60s, 5m or 1h30m")
            .reason(Reason::FieldValueInvalid),
    )]
    pub poll_interval: Option<String>,

    /// Maximum number of AWS calls per second for each region of this account; the operator's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub calls_per_second: Option<u32>,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// What each rule refuses, and a part of its message: the same table holds for the real API server.
    #[test]
    fn every_rule_refuses_with_a_message_that_explains_what_to_do() {
        let good = json!({ "roleArn": "arn:aws:iam::111122223333:role/path/codeguru-profiler-operator" });
        let refused = |change: &Value| {
            let mut spec = good.clone();
            spec.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            ProfilerAccountSpec::validate_cel(&spec, None).err().map(|error| error.to_string()).unwrap_or_default()
        };
        for (change, expected) in [
            (json!({}), ""),
            (json!({ "roleArn": "arn:aws-us-gov:iam::111122223333:role/a" }), ""),
            (json!({ "externalId": "x-1", "region": "eu-west-1", "sessionTags": { "team": "shop" } }), ""),
            (json!({ "groupNames": ["shop-*", "*"], "pollInterval": "1h30m", "callsPerSecond": 5 }), ""),
            (json!({ "roleArn": "arn:aws:iam::1:role/a" }), "must be the ARN of an IAM role"),
            (json!({ "roleArn": "arn:aws:iam::111122223333:user/a" }), "must be the ARN of an IAM role"),
            (json!({ "externalId": "x y" }), "2 to 1224"),
            (json!({ "region": "Ireland" }), "such as eu-west-1"),
            (json!({ "sessionTags": { "": "a" } }), "keys of 1 to 128"),
            (json!({ "sessionTags": { "aws:team": "shop" } }), "belong to AWS"),
            (json!({ "namespaces": ["shop-*"] }), "namespaceSelector selects them"),
            (json!({ "allowedPrincipals": ["agents/*"] }), "must be patterns of ARNs"),
            (json!({ "allowedPrincipals": ["*", "arn:aws:iam::*:role/agent"], "allowedTopics": [] }), ""),
            (json!({ "allowedTopics": ["profiler-*"] }), "must be patterns of ARNs"),
            (json!({ "groupNames": ["shop.*"] }), "must be patterns"),
            (json!({ "pollInterval": "60" }), "at least 1s"),
            (json!({ "pollInterval": "0s" }), "at least 1s"),
        ] {
            let message = refused(&change);
            assert!(
                if expected.is_empty() { message.is_empty() } else { message.contains(expected) },
                "{change}: {message}"
            );
        }
    }
}
