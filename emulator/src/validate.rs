//! Checks a request's members against its row of the table and gathers them into one JSON object. Pure.

use serde_json::{Map, Value};

use crate::errors::{ApiError, Common};
use crate::model::{Length, Location, Member, Operation, Shape, Text};
use crate::moment::Stamp;
use crate::service::Service;

/// The parts of a request in which members travel.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    pub labels: &'a [(&'static str, String)],
    pub query: &'a [(String, String)],
    pub header: &'a dyn Fn(&str) -> Option<String>,
    pub body: &'a Map<String, Value>,
}

/// The members of the request that the table knows; all others are ignored, as AWS does. A payload is not among them.
///
/// Guarantee: what comes back satisfies every constraint of the row. All violations are named in one error.
pub fn input(operation: &Operation, parts: Parts<'_>) -> Result<Map<String, Value>, ApiError> {
    let mut input = Map::new();
    let mut violations = Vec::new();
    for member in operation.members {
        let value = match member.location {
            Location::Path => {
                let label = parts.labels.iter().find(|(name, _)| *name == member.name);
                label.map(|(_, value)| Value::String(value.clone()))
            }
            Location::Query => from_query(member, parts.query),
            Location::Header => (parts.header)(member.name).map(Value::String),
            Location::Body => parts.body.get(member.name).cloned(),
            // An empty body is an empty payload, and no payload an empty body: it is never missing.
            Location::Payload => continue,
        };
        let value = value.filter(|value| !value.is_null());
        check_member(member, value.as_ref(), member.name, &mut violations);
        if let Some(value) = value {
            input.insert(member.name.to_owned(), value);
        }
    }
    if violations.is_empty() { Ok(input) } else { Err(refusal(operation.service, &violations)) }
}

/// What is wrong with a string, if anything: one sentence for each violated constraint.
pub fn text_violations(text: &Text, value: &str, at: &str) -> Vec<String> {
    let mut violations = Vec::new();
    let shown: String = value.chars().take(80).collect();
    let mut violated =
        |what: String| violations.push(format!("Value '{shown}' at '{at}' failed to satisfy constraint: {what}"));
    if let Some(what) = text.length.and_then(|length| length_violation(length, value.chars().count())) {
        violated(what);
    }
    if let Some(pattern) = text.pattern
        && !pattern.matches(value)
    {
        violated(format!("Member must satisfy regular expression pattern: {}", pattern.source()));
    }
    if !text.one_of.is_empty() && !text.one_of.contains(&value) {
        violated(format!("Member must satisfy enum value set: [{}]", text.one_of.join(", ")));
    }
    violations
}

fn length_violation(length: Length, count: usize) -> Option<String> {
    if count < length.min {
        return Some(format!("Member must have length greater than or equal to {}", length.min));
    }
    let max = length.max.filter(|max| count > *max)?;
    Some(format!("Member must have length less than or equal to {max}"))
}

fn from_query(member: &Member, query: &[(String, String)]) -> Option<Value> {
    let mut values = query.iter().filter(|(name, _)| name == member.name).map(|(_, value)| value.as_str());
    match member.shape {
        Shape::List { .. } => {
            let values: Vec<Value> = values.map(Value::from).collect();
            (!values.is_empty()).then_some(Value::Array(values))
        }
        Shape::Integer { .. } => {
            values.next().map(|text| text.parse::<i64>().map_or_else(|_| text.into(), Value::from))
        }
        Shape::Boolean => values.next().map(|text| text.parse::<bool>().map_or_else(|_| text.into(), Value::from)),
        Shape::Text(_) | Shape::Timestamp | Shape::Blob | Shape::Map { .. } | Shape::Structure { .. } => {
            values.next().map(Value::from)
        }
    }
}

fn check_member(member: &Member, value: Option<&Value>, at: &str, violations: &mut Vec<String>) {
    match value {
        Some(value) => check(&member.shape, value, at, violations),
        None if member.required => {
            violations.push(format!("Value null at '{at}' failed to satisfy constraint: Member must not be null"));
        }
        None => {}
    }
}

fn check(shape: &Shape, value: &Value, at: &str, violations: &mut Vec<String>) {
    let mut wrong_type = |expected: &str| {
        violations.push(format!("Value at '{at}' failed to satisfy constraint: Member must be {expected}"));
    };
    match (shape, value) {
        (Shape::Text(text), Value::String(value)) => violations.extend(text_violations(text, value, at)),
        (Shape::Text(_), _) => wrong_type("a string"),
        (Shape::Integer { min, max }, value) => match value.as_i64() {
            Some(number) if number < *min => violations.push(format!(
                "Value '{number}' at '{at}' failed to satisfy constraint: Member must have value greater than or equal to {min}"
            )),
            Some(number) if number > *max => violations.push(format!(
                "Value '{number}' at '{at}' failed to satisfy constraint: Member must have value less than or equal to {max}"
            )),
            Some(_) => {}
            None => wrong_type("an integer"),
        },
        (Shape::Boolean, value) => {
            if !value.is_boolean() {
                wrong_type("a boolean");
            }
        }
        (Shape::Timestamp, value) => {
            if serde_json::from_value::<Stamp>(value.clone()).is_err() {
                wrong_type("a date and time of RFC 3339");
            }
        }
        // A payload is all bytes, and reaches no check.
        (Shape::Blob, _) => {}
        (Shape::List { length, item }, Value::Array(items)) => {
            if let Some(what) = length.and_then(|length| length_violation(length, items.len())) {
                violations.push(format!("Value at '{at}' failed to satisfy constraint: {what}"));
            }
            for (index, value) in items.iter().enumerate() {
                check(item, value, &format!("{at}.{}.member", index + 1), violations);
            }
        }
        (Shape::List { .. }, _) => wrong_type("a list"),
        (Shape::Map { key: name, value: text }, Value::Object(items)) => {
            for (key, value) in items {
                violations.extend(text_violations(name, key, at));
                match value {
                    Value::String(value) => violations.extend(text_violations(text, value, at)),
                    _ => violations.push(format!(
                        "Value at '{at}' failed to satisfy constraint: Member must be a map of strings"
                    )),
                }
            }
        }
        (Shape::Map { .. }, _) => wrong_type("a map of strings"),
        (Shape::Structure { members }, Value::Object(fields)) => {
            for member in *members {
                let value = fields.get(member.name).filter(|value| !value.is_null());
                check_member(member, value, &format!("{at}.{}", member.name), violations);
            }
        }
        (Shape::Structure { .. }, _) => wrong_type("a structure"),
    }
}

fn refusal(service: Service, violations: &[String]) -> ApiError {
    let plural = if violations.len() == 1 { "error" } else { "errors" };
    Common::Validation.of(service).with(format!(
        "{} validation {plural} detected: {}",
        violations.len(),
        violations.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Action;
    use crate::table::operations;

    fn row(action: Action) -> &'static Operation {
        operations().find(|row| row.action == action).unwrap()
    }

    fn create(token: &str, body: Value) -> Result<Map<String, Value>, ApiError> {
        let Value::Object(body) = body else { panic!("the body is an object") };
        let query = [("clientToken".into(), token.into())];
        input(row(Action::CreateProfilingGroup), Parts { labels: &[], query: &query, header: &|_| None, body: &body })
    }

    fn list(name: &str, value: &str) -> Result<Map<String, Value>, ApiError> {
        let query = [(name.into(), value.into())];
        let parts = Parts { labels: &[], query: &query, header: &|_| None, body: &Map::new() };
        input(row(Action::ListProfilingGroups), parts)
    }

    #[test]
    fn each_violation_names_its_member() {
        let long = "n".repeat(256);
        for (body, member, constraint) in [
            (json!({}), "profilingGroupName", "must not be null"),
            (json!({"profilingGroupName": null}), "profilingGroupName", "must not be null"),
            (json!({"profilingGroupName": ""}), "profilingGroupName", "greater than or equal to 1"),
            (json!({"profilingGroupName": long}), "profilingGroupName", "less than or equal to 255"),
            (json!({"profilingGroupName": "a b"}), "profilingGroupName", r"pattern: ^[\w-]+$"),
            (json!({"profilingGroupName": "größe"}), "profilingGroupName", r"pattern: ^[\w-]+$"),
            (json!({"profilingGroupName": 5}), "profilingGroupName", "must be a string"),
            (
                json!({"profilingGroupName": "a", "computePlatform": "Mainframe"}),
                "computePlatform",
                "enum value set: [Default, AWSLambda]",
            ),
            (
                json!({"profilingGroupName": "a", "agentOrchestrationConfig": {}}),
                "agentOrchestrationConfig.profilingEnabled",
                "must not be null",
            ),
            (
                json!({"profilingGroupName": "a", "agentOrchestrationConfig": {"profilingEnabled": "yes"}}),
                "agentOrchestrationConfig.profilingEnabled",
                "must be a boolean",
            ),
            (
                json!({"profilingGroupName": "a", "agentOrchestrationConfig": true}),
                "agentOrchestrationConfig",
                "must be a structure",
            ),
            (json!({"profilingGroupName": "a", "tags": {"k": 1}}), "tags", "must be a map of strings"),
        ] {
            let error = create("t", body.clone()).unwrap_err();
            assert_eq!((error.code.as_str(), error.status), ("ValidationException", 400), "{body}");
            assert!(error.message.contains(&format!("at '{member}' ")), "{body}: {}", error.message);
            assert!(error.message.contains(constraint), "{body}: {}", error.message);
        }
    }

    #[test]
    fn the_error_counts_all_violations() {
        let error = create("bad token", json!({})).unwrap_err();
        assert!(error.message.starts_with("2 validation errors detected: "), "{}", error.message);
    }

    #[test]
    fn unknown_members_are_ignored() {
        let input = create("t", json!({"profilingGroupName": "a", "colour": "blue"})).unwrap();
        assert_eq!(Value::Object(input), json!({"clientToken": "t", "profilingGroupName": "a"}));
    }

    #[test]
    fn query_members_get_their_types() {
        assert_eq!(list("maxResults", "1000").unwrap()["maxResults"], 1000);
        assert_eq!(list("includeDescription", "true").unwrap()["includeDescription"], true);
    }

    #[test]
    fn query_members_out_of_range_or_of_another_type_are_refused() {
        for (name, value) in [
            ("maxResults", "0"),
            ("maxResults", "1001"),
            ("maxResults", "many"),
            ("includeDescription", "1"),
            ("nextToken", ""),
        ] {
            assert!(list(name, value).unwrap_err().message.contains(name), "{name}={value}");
        }
    }

    #[test]
    fn tag_keys_are_a_list_even_when_there_is_one() {
        let labels = [("resourceArn", "arn".to_owned())];
        let query = [("tagKeys".into(), "a".into())];
        let parts = Parts { labels: &labels, query: &query, header: &|_| None, body: &Map::new() };
        let input = input(row(Action::UntagResource), parts).unwrap();
        assert_eq!(input["tagKeys"], json!(["a"]));
    }
}
