//! What a group was a short while ago, for reads that lag behind writes. Pure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Group, ReadAt};

/// How far back a read can lie: older states are forgotten.
pub const HISTORY: Duration = Duration::from_mins(1);

/// How finely the past is remembered: of what changes more often, versions in between are forgotten, so that a group under load
/// takes no more than some thousands.
const RESOLUTION: Duration = Duration::from_millis(10);

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
        let later = self.versions.partition_point(|(since, _)| *since <= as_of);
        self.versions.get(later.checked_sub(1)?).and_then(|(_, group)| group.as_ref())
    }

    /// Guarantee: who reads further back than the resolution never sees a version and then an older one.
    pub fn push(&mut self, group: Option<Arc<Group>>, tick: Duration) {
        let before_last = self.versions.len().checked_sub(2).and_then(|index| self.versions.get(index));
        if before_last.is_some_and(|(since, _)| tick < *since + RESOLUTION) {
            self.versions.pop_back();
        }
        self.versions.push_back((tick, group));
        // A version is needed until the one after it is older than any read can request.
        while self.versions.get(1).is_some_and(|(since, _)| *since + HISTORY < tick) {
            self.versions.pop_front();
        }
    }

    /// The group is deleted, and was already when the oldest possible read looked.
    pub fn is_over(&self, tick: Duration) -> bool {
        self.versions.back().is_none_or(|(since, group)| group.is_none() && *since + HISTORY < tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::{Moment, Stamp};

    fn version(name: usize) -> Arc<Group> {
        let stamp = Stamp::new(jiff::Timestamp::UNIX_EPOCH);
        Arc::new(Group::born(&name.to_string(), String::new(), stamp))
    }

    fn seen(history: &History, tick: u64, lag: u64) -> Option<usize> {
        let now = Moment { stamp: Stamp::new(jiff::Timestamp::UNIX_EPOCH), tick: Duration::from_millis(tick) };
        let at = ReadAt { now, lag: Duration::from_millis(lag) };
        history.seen(at).map(|group| group.name.parse().unwrap())
    }

    #[test]
    fn a_group_under_load_is_remembered_no_finer_than_it_must_be() {
        let mut history = History::default();
        for number in 0..100_000_usize {
            history.push(Some(version(number)), Duration::from_millis(number as u64));
        }
        assert!(history.versions.len() <= 7_000, "{}", history.versions.len());
        assert_eq!(history.current().unwrap().name, "99999");
        for lag in [10, 500, 59_000] {
            let expected = 99_999 - usize::try_from(lag).unwrap();
            let version = seen(&history, 99_999, lag).unwrap();
            assert!(version <= expected && expected - version <= 10, "{lag}: {version}");
        }
    }

    #[test]
    fn a_lagging_read_never_goes_back() {
        let mut history = History::default();
        let mut last = 0;
        for number in 0..5_000_usize {
            // Now and then something happens a few times at once.
            let tick = (number as u64 / 4) * 7 + number as u64 % 4;
            history.push(Some(version(number)), Duration::from_millis(tick));
            let version = seen(&history, tick, 12).unwrap_or_default();
            assert!(version >= last, "{version} after {last}");
            last = version;
        }
        assert!(last > 4_000);
    }
}
