//! The status as stored: read leniently, and changed without touching what is not ours. Pure.

use serde_json::{Map, Value, json};

use crate::api::{ConditionType, ProfilingGroupStatus};

/// Reads a status. A member that can't be read (a meddler's work) counts as absent, and alone.
#[must_use]
pub fn read(stored: &Value) -> ProfilingGroupStatus {
    if let Ok(status) = serde_json::from_value(stored.clone()) {
        return status;
    }
    let reads = |member: Value| serde_json::from_value::<ProfilingGroupStatus>(member).is_ok();
    let mut kept = stored.as_object().cloned().unwrap_or_default();
    if let Some(Value::Array(conditions)) = kept.get_mut("conditions") {
        conditions.retain(|condition| reads(json!({ "conditions": [condition] })));
    }
    kept.retain(|name, value| reads(json!({ name: value })));
    serde_json::from_value(Value::Object(kept)).unwrap_or_default()
}

/// The status to store: `stored` with our members and conditions as in `next`, and everybody else's as they are.
#[must_use]
pub fn merge(stored: &Value, next: &ProfilingGroupStatus) -> Value {
    let mut merged = stored.as_object().cloned().unwrap_or_default();
    let mut ours = members(next);
    let mut conditions = match ours.remove("conditions") {
        Some(Value::Array(conditions)) => conditions,
        _ => Vec::new(),
    };
    if let Some(Value::Array(others)) = merged.remove("conditions") {
        conditions.extend(others.into_iter().filter(|condition| !is_ours(condition)));
    }
    for member in OUR_MEMBERS {
        merged.remove(*member);
    }
    merged.extend(ours);
    if !conditions.is_empty() {
        merged.insert("conditions".into(), Value::Array(conditions));
    }
    Value::Object(merged)
}

/// Whether `left` and `right` say the same; the order of conditions says nothing.
#[must_use]
pub fn same(left: &Value, right: &Value) -> bool {
    let sorted = |status: &Value| {
        let mut status = status.clone();
        if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
            conditions.sort_by_key(|condition| condition["type"].as_str().unwrap_or_default().to_owned());
        }
        status
    };
    left == right || sorted(left) == sorted(right)
}

fn is_ours(condition: &Value) -> bool {
    ConditionType::ALL.iter().any(|kind| condition["type"] == kind.as_str())
}

fn members(status: &ProfilingGroupStatus) -> Map<String, Value> {
    match serde_json::to_value(status) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

const OUR_MEMBERS: &[&str] = &[
    "observedGeneration",
    "account",
    "region",
    "name",
    "arn",
    "computePlatform",
    "createdAt",
    "updatedAt",
    "profilingEnabled",
    "profilingEnabledSince",
    "profilingStatus",
    "tags",
    "desired",
    "lastApplied",
    "drift",
    "lastHandledReconcileAt",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(kind: &str) -> Value {
        json!({ "type": kind, "status": "True", "reason": "R", "message": "m", "lastTransitionTime": "2026-06-01T00:00:00Z" })
    }

    #[test]
    fn what_is_not_ours_survives_and_what_is_ours_goes_when_it_is_gone() {
        let stored = json!({
            "arn": "arn", "profilingEnabled": true, "someoneElses": { "a": 1 },
            "conditions": [condition("Stalled"), condition("example.com/Checked")],
        });
        let next = ProfilingGroupStatus { observed_generation: Some(2), arn: Some("arn".into()), ..Default::default() };
        assert_eq!(
            merge(&stored, &next),
            json!({
                "observedGeneration": 2, "arn": "arn", "someoneElses": { "a": 1 },
                "conditions": [condition("example.com/Checked")],
            })
        );
    }

    #[test]
    fn a_status_is_the_same_in_whatever_order_its_conditions_are() {
        let one = json!({ "conditions": [condition("A"), condition("B")] });
        let two = json!({ "conditions": [condition("B"), condition("A")] });
        assert!(same(&one, &two));
        assert!(!same(&one, &json!({ "conditions": [condition("A")] })));
    }

    #[test]
    fn one_member_that_cant_be_read_does_not_take_the_others_along() {
        let stored = json!({
            "arn": "arn", "profilingEnabled": "yes", "createdAt": 5,
            "conditions": [condition("Ready"), { "type": "Half" }],
        });
        let status = read(&stored);
        assert_eq!((status.arn.as_deref(), status.profiling_enabled, status.created_at), (Some("arn"), None, None));
        assert_eq!(status.conditions.len(), 1);
    }

    #[test]
    fn every_member_of_the_status_is_known_to_be_ours() {
        let schema = serde_json::to_value(crate::api::crd()).unwrap();
        let properties =
            &schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"];
        let mut names: Vec<_> =
            properties.as_object().unwrap().keys().map(String::as_str).filter(|n| *n != "conditions").collect();
        let mut ours = OUR_MEMBERS.to_vec();
        names.sort_unstable();
        ours.sort_unstable();
        assert_eq!(names, ours);
    }
}
