//! The status as stored, as the memory keeps it: compressed, because nearly all are nearly the same. Pure.

use std::sync::Arc;

use lz4_flex::block::{compress_prepend_size_with_dict, decompress_size_prepended_with_dict};

use super::raw::Json;
use crate::{
    api::{ConditionType, Reason},
    domain::{
        conditions::{self, Status},
        status_merge::StoredStatus,
    },
};

/// What most statuses have in common, as the API server writes it. Any text would do; after a change of the messages this
/// one only compresses less.
const TYPICAL: &[u8] = include_bytes!("typical_status.json");

/// A stored status. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CompactStatus {
    compressed: Arc<[u8]>,
    conditions: [Option<(Status, Option<Reason>)>; ConditionType::ALL.len()],
}

impl CompactStatus {
    /// Compresses a status as the API server sent it. Returns it decoded as well.
    #[must_use]
    pub fn of(json: &Json) -> (Self, StoredStatus) {
        let decoded = StoredStatus::parse(json.as_str());
        let compact = Self {
            compressed: compress_prepend_size_with_dict(json.as_str().as_bytes(), TYPICAL).into(),
            conditions: ConditionType::ALL.map(|kind| conditions::read(&decoded.ours.conditions, kind)),
        };
        (compact, decoded)
    }

    /// The status as it was sent.
    #[must_use]
    pub fn decode(&self) -> StoredStatus {
        let json = decompress_size_prepended_with_dict(&self.compressed, TYPICAL).unwrap_or_default();
        StoredStatus::parse(&String::from_utf8(json).unwrap_or_default())
    }

    /// Our conditions, with their reasons as far as these are ours.
    pub fn conditions(&self) -> impl Iterator<Item = (ConditionType, Status, Option<Reason>)> {
        let known = ConditionType::ALL.iter().zip(self.conditions);
        known.filter_map(|(kind, read)| read.map(|(status, reason)| (*kind, status, reason)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn compact(stored: Value) -> CompactStatus {
        CompactStatus::of(&serde_json::from_value(stored).unwrap()).0
    }

    #[test]
    fn what_is_decoded_is_what_was_sent() {
        let typical: Value = serde_json::from_slice(TYPICAL).unwrap();
        for stored in [json!(null), json!({ "arn": 5, "theirs": "x".repeat(100_000) }), typical] {
            assert_eq!(compact(stored.clone()).decode(), StoredStatus::read(stored));
        }
    }

    #[test]
    fn a_typical_status_takes_little() {
        let typical = String::from_utf8(TYPICAL.to_vec()).unwrap();
        let other = typical.replace("2026-01-01T00", "2031-12-24T17").replace("example", "checkout");
        let stored = serde_json::from_str(&other).unwrap();
        assert!(compact(stored).compressed.len() < other.len() / 5);
    }
}
