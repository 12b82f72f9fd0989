//! Tags of a group, and the limits that AWS states for tags in general. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Refusal;

pub type Tags = BTreeMap<String, String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TagLimits {
    /// Any strings, any number of them.
    None,
    /// 50 tags, keys of 1 to 128 characters without the prefix `aws:`, values of at most 256.
    AwsWide,
}

impl TagLimits {
    pub(super) fn check(self, tags: &Tags) -> Result<(), Refusal> {
        let broken = |what: &'static str| Err(Refusal::TagLimit(what));
        if self == Self::None {
            Ok(())
        } else if tags.len() > 50 {
            broken("a resource has at most 50 tags")
        } else if tags.keys().any(|key| !(1..=128).contains(&key.chars().count())) {
            broken("a key has 1 to 128 characters")
        } else if tags.keys().any(|key| key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))) {
            broken("a key does not begin with aws:")
        } else if tags.values().any(|value| value.chars().count() > 256) {
            broken("a value has at most 256 characters")
        } else {
            Ok(())
        }
    }
}
