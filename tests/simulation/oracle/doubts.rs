//! Whether what a status reports of a group was read after the last Update whose end is unclear. Pure bookkeeping.

use std::{collections::BTreeMap, time::Duration};

/// Since when each process has not known what became of its Update, by process, region and group.
#[derive(Default)]
pub struct Doubts(BTreeMap<(u64, String, String), Duration>);

impl Doubts {
    /// A process gave up waiting for the answer to an Update, or got an empty one.
    pub fn begins(&mut self, process: u64, region: &str, group: &str, now: Duration) {
        self.0.insert((process, region.to_owned(), group.to_owned()), now);
    }

    /// A process got a good answer to a call that it had sent at `sent`; about all groups when `group` is absent.
    pub fn answered(&mut self, process: u64, region: &str, group: Option<&str>, sent: Duration) {
        self.0.retain(|(of, there, name), since| {
            let about = *of == process && there == region && group.is_none_or(|group| group == name);
            !about || sent < *since
        });
    }

    /// Since when a process has been in doubt about a group.
    pub fn since(&self, process: u64, region: &str, group: &str) -> Option<Duration> {
        self.0.get(&(process, region.to_owned(), group.to_owned())).copied()
    }
}
