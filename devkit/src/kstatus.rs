//! How `kubectl wait`, Helm and Flux would judge a resource: the generic rules of kstatus, as a pure function. kstatus itself is in [`crate::flux`].

use serde_json::Value;

/// A word of kstatus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Work goes on.
    InProgress,
    /// It will not come right by itself.
    Failed,
    /// As the user requested.
    Current,
    /// Being deleted.
    Terminating,
}

/// The status of a resource without rules of its own, and why.
///
/// The order of the rules is kstatus's own: deletion, generation, then the conditions in the order of the list, and `Ready` after all others.
#[must_use]
pub fn compute(object: &Value) -> (Status, String) {
    if object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null()) {
        return (Status::Terminating, "Resource scheduled for deletion".to_owned());
    }
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
    let observed = object.pointer("/status/observedGeneration").and_then(Value::as_i64);
    if let (Some(generation), Some(observed)) = (generation, observed)
        && generation != observed
    {
        return (Status::InProgress, format!("generation is {generation}, but observed generation is {observed}"));
    }
    for condition in conditions(object) {
        match (text(condition, "type"), text(condition, "status")) {
            ("Reconciling", "True") => return (Status::InProgress, message(condition)),
            ("Stalled", "True") => return (Status::Failed, message(condition)),
            _ => {}
        }
    }
    match find(object, "Ready").map(|ready| (text(ready, "status"), ready)) {
        Some(("False" | "Unknown", ready)) => (Status::InProgress, message(ready)),
        Some(("True", _)) => (Status::Current, "Resource is Ready".to_owned()),
        _ => (Status::Current, "Resource is current".to_owned()),
    }
}

/// The conditions of an object, none when there are none.
#[must_use]
pub fn conditions(object: &Value) -> &[Value] {
    object.pointer("/status/conditions").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The condition of this type.
#[must_use]
pub fn find<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    conditions(object).iter().find(|condition| text(condition, "type") == kind)
}

/// A member as text, empty when it is not there.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

fn message(condition: &Value) -> String {
    text(condition, "message").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_words_are_those_of_kstatus() {
        let with = |conditions: Value| json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "conditions": conditions}});
        let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "message": "m"});
        let table = [
            ("no status", json!({"metadata": {"generation": 1}}), Status::Current),
            ("an observed generation only", with(json!([])), Status::Current),
            ("ready", with(json!([condition("Ready", "True")])), Status::Current),
            ("not ready is never failed", with(json!([condition("Ready", "False")])), Status::InProgress),
            ("ready unknown", with(json!([condition("Ready", "Unknown")])), Status::InProgress),
            (
                "reconciling",
                with(json!([condition("Ready", "True"), condition("Reconciling", "True")])),
                Status::InProgress,
            ),
            ("stalled", with(json!([condition("Ready", "False"), condition("Stalled", "True")])), Status::Failed),
            (
                "the first of two",
                with(json!([condition("Stalled", "True"), condition("Reconciling", "True")])),
                Status::Failed,
            ),
            ("not stalled", with(json!([condition("Stalled", "False"), condition("Ready", "True")])), Status::Current),
            (
                "never looked at",
                json!({"metadata": {"generation": 1}, "status": {"observedGeneration": -1}}),
                Status::InProgress,
            ),
            (
                "an old generation, before any condition",
                json!({"metadata": {"generation": 3}, "status": {"observedGeneration": 2, "conditions": [condition("Stalled", "True")]}}),
                Status::InProgress,
            ),
            ("being deleted", json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}), Status::Terminating),
        ];
        for (name, object, expected) in table {
            assert_eq!(compute(&object).0, expected, "{name}");
        }
    }
}
