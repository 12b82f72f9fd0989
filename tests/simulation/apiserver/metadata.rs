//! The metadata that every object has.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The members that are kept. `managedFields` are not modelled.
const MEMBERS: [&str; 14] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "uid",
    "selfLink",
];

/// Drops what metadata does not have, and what is empty.
pub(super) fn admit(object: &mut Value) {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    of_mut(object).retain(|name, member| MEMBERS.contains(&name.as_str()) && !is_empty(member));
}

fn is_empty(member: &Value) -> bool {
    match member {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The metadata of an admitted object.
pub(super) fn of_mut(object: &mut Value) -> &mut Map<String, Value> {
    object["metadata"].as_object_mut().expect("admitted objects have metadata")
}

pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object["metadata"][name].as_str().unwrap_or_default()
}

pub(super) fn finalizers(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["finalizers"].as_array().into_iter().flatten()
}

pub(super) fn has_finalizers(object: &Value) -> bool {
    finalizers(object).next().is_some()
}

pub(super) fn is_deleting(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

/// What the schema of `Time` keeps of a moment.
pub(super) fn seconds(now: Timestamp) -> Value {
    json!(Timestamp::from_second(now.as_second()).unwrap_or(now).to_string())
}

/// One generation more, where the kind counts them.
pub(super) fn next_generation(object: &mut Value) {
    if let Some(generation) = object["metadata"]["generation"].as_i64() {
        object["metadata"]["generation"] = json!(generation + 1);
    }
}

/// Whether the name may be an object's: a DNS subdomain.
pub(super) fn is_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.first().copied().is_some_and(inner)
            && bytes.last().copied().is_some_and(inner)
            && bytes.iter().all(|&byte| inner(byte) || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}
