//! Our last change of a group's tags, and which reads do not know of it. No I/O, no clock.

use std::collections::BTreeMap;

use super::STALE_READS_LAST;
use crate::domain::{
    facet::{Step, Tags},
    moment::Moment,
};

/// A change of tags that AWS accepted: each key with the value that it has since, if any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tagged {
    ended: Moment,
    tags: BTreeMap<String, Option<String>>,
}

impl Tagged {
    /// What is known to be ours after `step`, and after `before` it.
    pub(super) fn by(step: &Step, before: Option<Box<Self>>, ended: Moment) -> Self {
        let recent = before.filter(|before| ended.since(before.ended) < STALE_READS_LAST);
        let mut tags = recent.map(|before| before.tags).unwrap_or_default();
        tags.extend(step.changed_tags());
        Self { ended, tags }
    }

    /// Whether these tags are not as our change has left them, though it has been made recently.
    pub(super) fn is_unlike(&self, read: &Tags, began: Moment) -> bool {
        let differs = |(key, value): (&String, &Option<String>)| read.get(key) != value.as_ref();
        began.since(self.ended) < STALE_READS_LAST && self.tags.iter().any(differs)
    }
}
