//! The status as stored: our own members, read leniently, and those of others, kept as they are. Pure.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::api::{ConditionType, ProfilingGroupStatus};

/// A stored status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredStatus {
    /// Our members and conditions, these in the order in which we write them.
    pub ours: ProfilingGroupStatus,
    /// Members, and under `conditions` conditions, that are not ours. Empty for nearly every object.
    others: Map<String, Value>,
    /// Whether every member of ours could be read.
    intact: bool,
}

impl StoredStatus {
    /// Reads a status from JSON, as [`read`](Self::read) does.
    #[must_use]
    pub fn parse(json: &str) -> Self {
        match of_us_alone(json) {
            Some(ours) => Self::of(ours),
            None => Self::read(serde_json::from_str(json).unwrap_or_default()),
        }
    }

    /// Reads a status. A member that can't be read (someone else wrote it) counts as absent, and alone.
    #[must_use]
    pub fn read(stored: Value) -> Self {
        let Value::Object(mut others) = stored else { return Self::of(ProfilingGroupStatus::default()) };
        let mut ours = Map::new();
        for member in OUR_MEMBERS {
            if let Some(value) = others.remove(*member) {
                ours.insert((*member).into(), value);
            }
        }
        if let Some(Value::Array(conditions)) = others.remove("conditions") {
            let (of_us, of_others): (Vec<_>, Vec<_>) = conditions.into_iter().partition(is_ours);
            ours.insert("conditions".into(), Value::Array(of_us));
            if !of_others.is_empty() {
                others.insert("conditions".into(), Value::Array(of_others));
            }
        }
        let (mut status, intact) = match serde_json::from_value(Value::Object(ours.clone())) {
            Ok(status) => (status, true),
            Err(_) => (readable(ours), false),
        };
        status.conditions.sort_by_key(rank);
        Self { ours: status, others, intact }
    }

    /// A status that has nothing but our own members.
    fn of(mut ours: ProfilingGroupStatus) -> Self {
        ours.conditions.sort_by_key(rank);
        Self { ours, others: Map::new(), intact: true }
    }

    /// Whether storing `next` would change anything of ours.
    #[must_use]
    pub fn differs(&self, next: &ProfilingGroupStatus) -> bool {
        !self.intact || self.ours != *next
    }

    /// The status to store: our members and conditions as in `next`, and all others as they are.
    #[must_use]
    pub fn with(&self, next: &ProfilingGroupStatus) -> Value {
        let mut merged = self.others.clone();
        let foreign = merged.remove("conditions");
        if let Ok(Value::Object(ours)) = serde_json::to_value(next) {
            merged.extend(ours);
        }
        if let Some(Value::Array(foreign)) = foreign {
            match merged.get_mut("conditions") {
                Some(Value::Array(conditions)) => conditions.extend(foreign),
                _ => drop(merged.insert("conditions".into(), Value::Array(foreign))),
            }
        }
        Value::Object(merged)
    }
}

/// The status if all of it is ours, and can be read, as nearly every one is: it is decoded without a value in between.
fn of_us_alone(json: &str) -> Option<ProfilingGroupStatus> {
    #[expect(clippy::zero_sized_map_values, reason = "a JSON object can't be read as a set")]
    let members: BTreeMap<&str, IgnoredAny> = serde_json::from_str(json).ok()?;
    let ours = |member: &&str| OUR_MEMBERS.contains(member) || *member == "conditions";
    let status: ProfilingGroupStatus = serde_json::from_str(json).ok()?;
    let alone = members.keys().all(ours) && status.conditions.iter().all(|condition| is_our_kind(&condition.type_));
    alone.then_some(status)
}

fn readable(mut ours: Map<String, Value>) -> ProfilingGroupStatus {
    let reads = |member: Value| serde_json::from_value::<ProfilingGroupStatus>(member).is_ok();
    if let Some(Value::Array(conditions)) = ours.get_mut("conditions") {
        conditions.retain(|condition| reads(json!({ "conditions": [condition] })));
    }
    ours.retain(|name, value| reads(json!({ name: value })));
    serde_json::from_value(Value::Object(ours)).unwrap_or_default()
}

fn is_ours(condition: &Value) -> bool {
    condition["type"].as_str().is_some_and(is_our_kind)
}

fn is_our_kind(name: &str) -> bool {
    ConditionType::ALL.iter().any(|kind| kind.as_str() == name)
}

fn rank(condition: &Condition) -> usize {
    ConditionType::ALL.iter().position(|kind| kind.as_str() == condition.type_).unwrap_or(usize::MAX)
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
    "details",
    "desired",
    "lastApplied",
    "managed",
    "original",
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
        let stored = StoredStatus::read(json!({
            "arn": "arn", "profilingEnabled": true, "someoneElses": { "a": 1 },
            "conditions": [condition("Stalled"), condition("example.com/Checked")],
        }));
        let next = ProfilingGroupStatus { observed_generation: Some(2), arn: Some("arn".into()), ..Default::default() };
        assert!(stored.differs(&next));
        assert_eq!(
            stored.with(&next),
            json!({
                "observedGeneration": 2, "arn": "arn", "someoneElses": { "a": 1 },
                "conditions": [condition("example.com/Checked")],
            })
        );
    }

    #[test]
    fn a_status_is_the_same_in_whatever_order_its_conditions_are() {
        let one = StoredStatus::read(json!({ "conditions": [condition("Synced"), condition("Ready")] }));
        let two = StoredStatus::read(json!({ "conditions": [condition("Ready"), condition("Synced")] }));
        assert!(!one.differs(&two.ours));
        assert!(one.differs(&StoredStatus::read(json!({ "conditions": [condition("Ready")] })).ours));
    }

    #[test]
    fn what_was_stored_as_we_write_it_does_not_differ() {
        let status = json!({
            "observedGeneration": 2, "arn": "arn", "createdAt": "2026-06-01T13:15:02.001Z", "tags": { "a": "b" },
            "conditions": [condition("Ready"), condition("Synced")],
        });
        let stored = StoredStatus::read(status.clone());
        assert!(!stored.differs(&stored.ours.clone()));
        assert_eq!(stored.with(&stored.ours), status);
    }

    #[test]
    fn what_is_parsed_is_what_is_read() {
        for (stored, alone) in [
            (json!(null), false),
            (json!({ "arn": "arn", "conditions": [condition("Synced"), condition("Ready")] }), true),
            (json!({ "conditions": [condition("Ready"), condition("example.com/Checked")] }), false),
            (json!({ "someoneElses": 1 }), false),
            (json!({ "arn": 5 }), false),
        ] {
            let json = stored.to_string();
            assert_eq!(of_us_alone(&json).is_some(), alone, "{json}");
            assert_eq!(StoredStatus::parse(&json), StoredStatus::read(stored), "{json}");
        }
    }

    #[test]
    fn one_member_that_cant_be_read_does_not_take_the_others_along() {
        let stored = StoredStatus::read(json!({
            "arn": "arn", "profilingEnabled": "yes", "createdAt": 5,
            "conditions": [condition("Ready"), { "type": "Synced" }],
        }));
        let status = &stored.ours;
        assert_eq!((status.arn.as_deref(), status.profiling_enabled, status.created_at), (Some("arn"), None, None));
        assert_eq!(status.conditions.len(), 1);
        assert!(stored.differs(&stored.ours), "it is written again without what can't be read");
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
