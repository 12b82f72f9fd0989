//! What a phase has cost, read at its end from the journal, the audit log and the operator's process.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use devkit::Error;
use devkit::emulator::Entry;
use devkit::operator::{self, Operator};
use serde::{Deserialize, Serialize};

use super::fleet::Fleet;

pub const LIST: &str = "ListProfilingGroups";
pub const UPDATE: &str = "UpdateProfilingGroup";

/// What one phase has cost. Times are in seconds, memory is in KiB.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Cost {
    /// The phase.
    pub phase: String,
    /// Until it had reached its goal.
    pub wall: f64,
    /// Requests by operation, pages counted one by one; one that AWS refused is counted apart.
    pub calls: BTreeMap<String, usize>,
    /// Accepted writes of `/status`.
    pub status_writes: usize,
    /// Accepted writes of Events.
    pub events: usize,
    /// Other accepted writes.
    pub other_writes: usize,
    /// The resident memory at its end.
    pub rss: u64,
    /// The most resident memory since the operator's start.
    pub peak: u64,
    /// The operator's CPU time.
    pub cpu: f64,
}

impl Cost {
    /// How many requests of an operation AWS has accepted.
    pub fn calls(&self, operation: &str) -> usize {
        self.calls.get(operation).copied().unwrap_or_default()
    }

    /// How many requests there were of other operations, or were refused.
    pub fn other_calls(&self) -> usize {
        self.calls.iter().filter(|(name, _)| ![LIST, UPDATE].contains(&name.as_str())).map(|(_, count)| count).sum()
    }
}

/// A phase that is over.
pub struct Closed {
    pub cost: Cost,
    /// The requests to AWS.
    pub journal: Vec<Entry>,
    /// When the operator was started.
    pub process_began: SystemTime,
}

impl Closed {
    /// When the calls of an operation came.
    pub fn times<'a>(&'a self, operation: &'a str) -> impl Iterator<Item = (&'a Entry, SystemTime)> {
        let calls = self.journal.iter().filter(move |call| call.is(operation));
        calls.filter_map(|call| Some((call, humantime::parse_rfc3339(&call.started_at).ok()?)))
    }
}

/// Where the last phase ended. What is between two readings belongs to the later one, so nothing is left out.
pub struct Meter {
    seq: u64,
    audit: u64,
    cpu: f64,
    began: Instant,
}

impl Meter {
    /// The first phase begins, with a new operator.
    pub fn new() -> Self {
        Self { seq: 0, audit: 0, cpu: 0.0, began: Instant::now() }
    }

    /// The operator is a new process.
    pub fn new_process(&mut self) {
        (self.cpu, self.began) = (0.0, Instant::now());
    }

    /// The phase has reached its goal. Waits until nothing more comes of it, and reads what it has cost.
    pub async fn close(&mut self, phase: &str, fleet: &Fleet, operator: &Operator) -> Result<Closed, Error> {
        let wall = self.began.elapsed();
        fleet.quiet(operator).await?;
        let journal = fleet.aws.journal_since(self.seq).await?;
        let audit = fleet.plane.audit_since(self.audit).await?;
        let writes = audit.writes_by(&operator::user()).accepted();
        let process = operator.process();
        let cpu = process.cpu_seconds()?;
        let status_writes = writes.resource("profilinggroups").subresource("status").count();
        let events = writes.resource("events").count();
        let cost = Cost {
            phase: phase.to_owned(),
            wall: wall.as_secs_f64(),
            calls: by_operation(&journal),
            status_writes,
            events,
            other_writes: writes.count() - status_writes - events,
            rss: process.rss_kib()?,
            peak: process.peak_rss_kib()?,
            cpu: cpu - self.cpu,
        };
        let process_began = SystemTime::now() - process.age()?;
        self.seq = journal.iter().map(|call| call.seq).max().unwrap_or(self.seq);
        self.audit = audit.position();
        (self.cpu, self.began) = (cpu, Instant::now());
        fleet.report(&format!("  {phase}: {:.1} s", cost.wall));
        Ok(Closed { cost, journal, process_began })
    }
}

fn by_operation(journal: &[Entry]) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for call in journal {
        let name = call.operation.as_deref().unwrap_or("unknown");
        let refused = call.http_status.filter(|status| *status != 200 && call.ended_at.is_some());
        let name = refused.map_or_else(|| name.to_owned(), |status| format!("{name} answered with {status}"));
        *calls.entry(name).or_default() += 1;
    }
    calls
}

/// The p-th percentile of these, by the nearest rank; zero of none.
pub fn percentile(times: &mut [Duration], p: usize) -> Duration {
    times.sort_unstable();
    let rank = (times.len() * p).div_ceil(100).max(1);
    times.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let mut times: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut times, 50), Duration::from_millis(100));
        assert_eq!(percentile(&mut times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&mut times[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&mut [], 50), Duration::ZERO);
    }
}
