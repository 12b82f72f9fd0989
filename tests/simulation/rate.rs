//! How fast each process calls AWS in each region, judged against its cap.

use std::{collections::BTreeMap, time::Duration};

use crate::process::Process;

/// Calls in a second that the clock's rounding may hide.
const TOLERANCE: f64 = 0.2;

/// One token bucket for each process and lane, as large as a second's calls at the cap.
#[derive(Default)]
pub struct Rates(BTreeMap<(u64, String), Bucket>);

struct Bucket {
    level: f64,
    at: Duration,
}

impl Rates {
    /// A lane begins, and with it a bucket.
    pub fn begin(&mut self, process: &Process, lane: &str) {
        self.0.remove(&(process.id(), lane.to_owned()));
    }

    /// Whether one more call now is within the cap.
    pub fn allow(&mut self, process: &Process, lane: &str, now: Duration) -> bool {
        let cap = f64::from(process.options().calls_per_second);
        let full = || Bucket { level: cap, at: now };
        let bucket = self.0.entry((process.id(), lane.to_owned())).or_insert_with(full);
        let passed = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.level = (bucket.level + cap * passed).min(cap) - 1.0;
        bucket.at = now;
        bucket.level >= -TOLERANCE
    }
}
