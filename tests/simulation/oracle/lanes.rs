//! Whether a lane knows what it reports: something that AWS has answered since it began. Pure bookkeeping.

use std::collections::BTreeMap;

/// Whether the newest lane of each process and region has had a good answer.
#[derive(Default)]
pub struct Lanes(BTreeMap<(u64, String), bool>);

impl Lanes {
    /// A lane of a process begins.
    pub fn begins(&mut self, process: u64, region: &str) {
        self.0.insert((process, region.to_owned()), false);
    }

    /// AWS has answered a call of it, and not refused it.
    pub fn answered(&mut self, process: u64, region: &str) {
        self.0.insert((process, region.to_owned()), true);
    }

    /// Whether AWS has answered it yet.
    pub fn has_answer(&self, process: u64, region: &str) -> bool {
        self.0.get(&(process, region.to_owned())).copied().unwrap_or_default()
    }
}
