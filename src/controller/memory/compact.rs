//! The status as stored, as the memory keeps it: as JSON, which takes a third of what it takes decoded. Pure.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    api::{ConditionType, Reason},
    domain::{
        conditions::{self, Status},
        status_merge::StoredStatus,
    },
};

/// A stored status. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CompactStatus {
    kept: Kept,
    conditions: [Option<(Status, Option<Reason>)>; ConditionType::ALL.len()],
}

#[derive(Clone, Debug)]
enum Kept {
    /// Nothing but our own members.
    Json(Arc<str>),
    /// Members of others, or some that can't be read: few objects have any.
    Decoded(Arc<StoredStatus>),
}

impl CompactStatus {
    /// Reads a status, as [`StoredStatus::read`] does.
    #[must_use]
    pub fn read(stored: Value) -> Self {
        let status = StoredStatus::read(stored);
        let conditions = ConditionType::ALL.map(|kind| conditions::read(&status.ours.conditions, kind));
        let json = serde_json::to_string(&status.ours).unwrap_or_default();
        let kept = if decoded(&json) == status { Kept::Json(json.into()) } else { Kept::Decoded(Arc::new(status)) };
        Self { kept, conditions }
    }

    /// Exactly what was read.
    #[must_use]
    pub fn decode(&self) -> StoredStatus {
        match &self.kept {
            Kept::Json(json) => decoded(json),
            Kept::Decoded(status) => StoredStatus::clone(status),
        }
    }

    /// Our conditions, with their reasons as far as these are ours.
    pub fn conditions(&self) -> impl Iterator<Item = (ConditionType, Status, Option<Reason>)> {
        let known = ConditionType::ALL.iter().zip(self.conditions);
        known.filter_map(|(kind, read)| read.map(|(status, reason)| (*kind, status, reason)))
    }
}

fn decoded(json: &str) -> StoredStatus {
    StoredStatus::of(serde_json::from_str(json).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_decoded_is_what_was_read() {
        let condition = |kind: &str, at: &str| json!({ "type": kind, "status": "True", "reason": "InSync", "message": "m", "lastTransitionTime": at });
        for (stored, compact) in [
            (json!(null), true),
            (
                json!({ "observedGeneration": 1, "arn": "arn", "conditions": [condition("Ready", "2026-06-01T00:00:00Z")] }),
                true,
            ),
            (
                json!({ "conditions": [condition("Ready", "2026-06-01T00:00:00Z"), condition("theirs", "2026-06-01T00:00:00Z")] }),
                false,
            ),
            (json!({ "theirs": 1 }), false),
            (json!({ "arn": 5 }), false),
        ] {
            let read = CompactStatus::read(stored.clone());
            assert_eq!(read.decode(), StoredStatus::read(stored.clone()), "{stored}");
            assert_eq!(matches!(read.kept, Kept::Json(_)), compact, "{stored}");
        }
    }
}
