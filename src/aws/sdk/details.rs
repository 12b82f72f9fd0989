//! Policies and notification channels in our own types. Pure.

use aws_sdk_codeguruprofiler::types::{Channel, EventPublisher, NotificationConfiguration};
use aws_smithy_types::error::operation::BuildError;
use serde_json::Value;

use crate::{
    aws::error::BoxError,
    domain::{arns::Arns, notifications::Channels, permissions::Policy},
};

/// The principals of an IAM policy document. Without one there is no policy: the SDK makes absent members empty ones.
pub(super) fn policy(document: &str, revision: &str) -> Result<Policy, BoxError> {
    if document.is_empty() && revision.is_empty() {
        return Ok(Policy::default());
    }
    if revision.is_empty() {
        return Err("the response holds a policy without a revision".into());
    }
    let document: Value = serde_json::from_str(document)?;
    let statements = document.get("Statement").ok_or("the policy has no Statement")?;
    let principals = each(statements).filter(|statement| statement["Effect"] == "Allow").flat_map(principals);
    Ok(Policy { revision: Some(revision.to_owned()), principals: principals.collect(), put: None })
}

/// IAM writes a list of one as its member.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

fn principals(statement: &Value) -> Arns {
    let named = match &statement["Principal"] {
        Value::Object(kinds) => kinds.values().flat_map(each).collect(),
        other => vec![other],
    };
    named.into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The channels of a group.
pub(super) fn channels(configuration: Option<&NotificationConfiguration>) -> Result<Channels, BoxError> {
    let configuration = configuration.ok_or("the response holds no notification configuration")?;
    let channel = |channel: &Channel| {
        let id = channel.id().ok_or("a notification channel has no id")?;
        Ok((channel.uri().to_owned(), id.to_owned()))
    };
    configuration.channels().iter().map(channel).collect()
}

/// A channel that is to be added.
pub(super) fn channel(topic: &str) -> Result<Channel, BuildError> {
    Channel::builder().uri(topic).event_publishers(EventPublisher::AnomalyDetection).build()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::fixtures::arns;

    #[test]
    fn principals_are_read_from_every_form_of_a_policy() {
        let allow = |principal: Value| json!({ "Effect": "Allow", "Principal": principal });
        #[rustfmt::skip]
        let rows = [
            (json!({ "Statement": [] }), ""),
            (json!({ "Statement": [allow(json!({ "AWS": "a" }))] }), "a"),
            (json!({ "Statement": [allow(json!({ "AWS": ["b", "a"] }))] }), "a b"),
            (json!({ "Statement": allow(json!({ "AWS": ["a"] })) }), "a"),
            (json!({ "Statement": [allow(json!({ "AWS": "a" })), allow(json!({ "AWS": "b", "Service": "s" }))] }), "a b s"),
            (json!({ "Statement": [allow(json!("*"))] }), "*"),
            (json!({ "Statement": [{ "Effect": "Deny", "Principal": { "AWS": "a" } }] }), ""),
        ];
        for (document, principals) in rows {
            let read = policy(&document.to_string(), "r1").unwrap();
            assert_eq!((read.revision.as_deref(), read.principals), (Some("r1"), arns(principals)), "{document}");
        }
    }

    #[test]
    fn what_is_no_policy_is_not_taken_for_an_empty_one() {
        assert_eq!(policy("", "").unwrap(), Policy::default());
        for (document, revision) in [("", "r1"), ("{}", ""), ("{}", "r1"), ("policy", "r1")] {
            assert!(policy(document, revision).is_err(), "{document} {revision}");
        }
    }
}
