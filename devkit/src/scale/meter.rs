//! What a phase has cost, read at its end from the journal, the audit log and the operator's process.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use devkit::Error;
use devkit::emulator::Entry;
use devkit::operator::{self, Operator};

use super::stage::Stage;

/// What one phase has cost.
pub struct Measured {
    pub name: &'static str,
    /// Until the phase had reached its goal.
    pub wall: Duration,
    /// Until the next phase could begin.
    pub elapsed: Duration,
    pub calls: Vec<Entry>,
    pub status_writes: usize,
    pub events: usize,
    pub reconciles: u64,
    pub rss_kib: u64,
    pub peak_kib: u64,
    pub cpu: f64,
    /// When the phase began.
    pub began: SystemTime,
    /// When the operator's process was started, if that was in this phase.
    pub process_began: Option<SystemTime>,
}

impl Measured {
    /// How many requests there were of each operation. One that AWS refused is told apart.
    pub fn requests(&self) -> BTreeMap<String, usize> {
        let mut requests = BTreeMap::new();
        for call in &self.calls {
            let name = call.operation.as_deref().unwrap_or("unknown");
            let name = match call.http_status.filter(|status| *status != 200 && call.ended_at.is_some()) {
                Some(status) => format!("{name} answered with {status}"),
                None => name.to_owned(),
            };
            *requests.entry(name).or_default() += 1;
        }
        requests
    }

    /// How many Lists there were, however many pages each has.
    pub fn lists(&self) -> usize {
        let later_page = |call: &Entry| call.query.as_deref().is_some_and(|query| query.contains("nextToken="));
        self.calls.iter().filter(|call| call.is("ListProfilingGroups") && !later_page(call)).count()
    }

    /// How long after this the first call of an operation came.
    pub fn first(&self, operation: &str, after: SystemTime) -> Option<Duration> {
        let started = |call: &Entry| humantime::parse_rfc3339(&call.started_at).ok();
        let first = self.calls.iter().filter(|call| call.is(operation)).filter_map(started).min()?;
        Some(first.duration_since(after).unwrap_or_default())
    }
}

/// Where the last phase ended. What is between two readings belongs to the later one, so nothing is left out.
pub struct Meter {
    seq: u64,
    audit: u64,
    reconciles: f64,
    cpu: f64,
    began: Instant,
    new_process: bool,
}

impl Meter {
    pub fn new() -> Self {
        Self { seq: 0, audit: 0, reconciles: 0.0, cpu: 0.0, began: Instant::now(), new_process: false }
    }

    /// The number of the last call that belongs to a phase before.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The operator's own counts begin at zero, and a phase begins.
    pub fn new_process(&mut self) {
        (self.reconciles, self.cpu, self.began, self.new_process) = (0.0, 0.0, Instant::now(), true);
    }

    /// Waits until nothing more comes of the phase, and reads what it has cost. The next one begins.
    pub async fn close(
        &mut self,
        name: &'static str,
        wall: Duration,
        stage: &Stage,
        operator: &Operator,
    ) -> Result<Measured, Error> {
        stage.quiet(operator).await?;
        let calls = stage.aws.journal_since(self.seq).await?;
        let audit = stage.plane.audit_since(self.audit).await?;
        let writes = audit.writes_by(&operator::user()).accepted();
        let reconciles = operator.metric("controller_runtime_reconcile_total", &[]).await?;
        let process = operator.process();
        let (cpu, now, elapsed) = (process.cpu_seconds()?, SystemTime::now(), self.began.elapsed());
        let measured = Measured {
            name,
            wall,
            elapsed,
            status_writes: writes.resource("profilinggroups").subresource("status").count(),
            events: writes.resource("events").count(),
            reconciles: whole(reconciles - self.reconciles),
            rss_kib: process.rss_kib()?,
            peak_kib: process.peak_rss_kib()?,
            cpu: cpu - self.cpu,
            began: now - elapsed,
            process_began: if self.new_process { Some(now - process.age()?) } else { None },
            calls,
        };
        self.seq = measured.calls.iter().map(|call| call.seq).max().unwrap_or(self.seq);
        self.audit = audit.position();
        (self.reconciles, self.cpu, self.began, self.new_process) = (reconciles, cpu, Instant::now(), false);
        Ok(measured)
    }
}

/// A counter of Prometheus is a number with a fraction that is never there.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(count: f64) -> u64 {
    count.round() as u64
}
