//! What a group was a short while ago, for reads that lag behind writes. Pure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Group, ReadAt};

/// How far back a read can lie: older states are forgotten.
pub const HISTORY: Duration = Duration::from_mins(1);

/// The versions of one group, oldest first; `None` where it did not exist.
#[derive(Debug, Default)]
pub(super) struct History {
    versions: VecDeque<(Duration, Option<Arc<Group>>)>,
}

impl History {
    pub fn current(&self) -> Option<&Arc<Group>> {
        self.versions.back().and_then(|(_, group)| group.as_ref())
    }

    pub fn seen(&self, at: ReadAt) -> Option<&Arc<Group>> {
        if at.lag.is_zero() {
            return self.current();
        }
        let as_of = at.now.tick.checked_sub(at.lag)?;
        self.versions.iter().rev().find(|(since, _)| *since <= as_of).and_then(|(_, group)| group.as_ref())
    }

    pub fn push(&mut self, group: Option<Arc<Group>>, tick: Duration) {
        self.versions.push_back((tick, group));
        // A version is needed until the one after it is older than any read can ask for.
        while self.versions.get(1).is_some_and(|(since, _)| *since + HISTORY < tick) {
            self.versions.pop_front();
        }
    }

    /// The group is deleted, and was already when the oldest possible read looked.
    pub fn is_over(&self, tick: Duration) -> bool {
        self.versions.back().is_none_or(|(since, group)| group.is_none() && *since + HISTORY < tick)
    }
}
