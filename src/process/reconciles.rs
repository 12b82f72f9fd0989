//! Counts and times reconciles under controller-runtime's and client-go's metric names. No I/O.
//!
//! Names, labels, help texts and buckets are those that a Go operator built on controller-runtime exposes, so that
//! its dashboards and alerts work here as they are.

use std::{
    fmt::{self, Debug},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::Registry,
};

use super::workqueue::{Ticket, Workqueue};

/// controller-runtime's buckets of a reconcile's length, in seconds.
const RECONCILE_SECONDS: [f64; 40] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5,
    1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0,
];

/// client-go's buckets of a queue's times, in seconds.
const QUEUE_SECONDS: [f64; 12] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1000.0];

/// How a reconcile ended, in controller-runtime's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; nothing to do until something changes.
    Success,
    /// Failed; it is retried after a backoff.
    Error,
    /// Failed in a way that needs a change by someone.
    TerminalError,
    Panic,
}

impl Outcome {
    fn result(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error | Self::TerminalError | Self::Panic => "error",
        }
    }

    /// Whether the key comes back by itself: client-go counts a retry.
    fn comes_back(self) -> bool {
        match self {
            Self::Error | Self::Panic => true,
            Self::Success | Self::TerminalError => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

/// Counts one controller's reconciles. Cheap to clone; all clones count into the same families.
///
/// The controller reports what happens to each key: [`enqueued`](Self::enqueued), then [`started`](Self::started),
/// whose timer takes the outcome; or [`dropped`](Self::dropped) for a key that waits and won't be reconciled.
#[derive(Debug)]
pub struct Reconciles<K> {
    queue: Arc<Mutex<Workqueue<K>>>,
    counts: Arc<Counts>,
}

impl<K> Clone for Reconciles<K> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue), counts: Arc::clone(&self.counts) }
    }
}

#[derive(Debug)]
struct Counts {
    results: Family<ResultLabel, Counter>,
    errors: Counter,
    terminal_errors: Counter,
    panics: Counter,
    seconds: Histogram,
    adds: Counter,
    retries: Counter,
    waiting_seconds: Histogram,
    working_seconds: Histogram,
}

impl<K: Ord + Debug + Send + 'static> Reconciles<K> {
    /// Registers the families of the controller `name` (by controller-runtime's convention the kind in lower case),
    /// which runs any number of reconciles at a time. Once a registry: the families carry the name as a fixed label.
    pub fn register(registry: &mut Registry, name: &str) -> Self {
        let queue = Arc::new(Mutex::new(Workqueue::new()));
        let counts = Arc::new(Counts {
            results: Family::default(),
            errors: Counter::default(),
            terminal_errors: Counter::default(),
            panics: Counter::default(),
            seconds: Histogram::new(RECONCILE_SECONDS),
            adds: Counter::default(),
            retries: Counter::default(),
            waiting_seconds: Histogram::new(QUEUE_SECONDS),
            working_seconds: Histogram::new(QUEUE_SECONDS),
        });
        let by_controller = registry.sub_registry_with_label(("controller".into(), name.to_owned().into()));
        by_controller.register_collector(Box::new(ActiveWorkers(Arc::clone(&queue))));
        counts.register_controller(by_controller);
        let by_name = registry.sub_registry_with_label(("name".into(), name.to_owned().into()));
        by_name.register_collector(Box::new(QueueGauges(Arc::clone(&queue))));
        counts.register_workqueue(by_name);
        Self { queue, counts }
    }

    /// `key` waits to be reconciled. Adds nothing when it already waits.
    pub fn enqueued(&self, key: K) {
        if self.queue.lock().enqueue(key, Instant::now()) {
            self.counts.adds.inc();
        }
    }

    /// `key` waits no longer, and is not going to be reconciled: its object has vanished, for one.
    pub fn dropped(&self, key: &K) {
        self.queue.lock().drop_waiting(key);
    }

    /// The reconcile of `key` starts; it lasts until the timer gets the outcome.
    ///
    /// A key that comes back by itself is not seen to wait: it counts as added now, without a waiting time.
    pub fn started(&self, key: &K) -> ReconcileTimer<K> {
        let (ticket, waited) = self.queue.lock().start(key, Instant::now());
        match waited {
            Some(waited) => self.counts.waiting_seconds.observe(waited.as_secs_f64()),
            None => {
                self.counts.adds.inc();
            }
        }
        ReconcileTimer { reconciles: self.clone(), ticket: Some(ticket) }
    }
}

/// Times one reconcile.
///
/// Dropped without an outcome it counts as a panic when its thread is panicking, else as cancelled: the worker is
/// no longer active, and nothing else is counted, because the reconcile had no result. Code that catches the panic
/// within the timer's life reports [`Outcome::Panic`].
#[derive(Debug)]
#[must_use = "a reconcile without an outcome counts as cancelled"]
pub struct ReconcileTimer<K: Ord> {
    reconciles: Reconciles<K>,
    ticket: Option<Ticket>,
}

impl<K: Ord> ReconcileTimer<K> {
    /// The reconcile is over.
    pub fn finish(mut self, outcome: Outcome) {
        self.end(Some(outcome));
    }

    fn end(&mut self, outcome: Option<Outcome>) {
        let Some(ticket) = self.ticket.take() else { return };
        let took = self.reconciles.queue.lock().end(ticket, Instant::now());
        if let Some(outcome) = outcome {
            self.reconciles.counts.record(outcome, took);
        }
    }
}

impl<K: Ord> Drop for ReconcileTimer<K> {
    fn drop(&mut self) {
        self.end(std::thread::panicking().then_some(Outcome::Panic));
    }
}

impl Counts {
    fn record(&self, outcome: Outcome, took: Duration) {
        let result = outcome.result();
        self.results.get_or_create(&ResultLabel { result }).inc();
        if matches!(outcome, Outcome::Error | Outcome::TerminalError | Outcome::Panic) {
            self.errors.inc();
        }
        if outcome == Outcome::TerminalError {
            self.terminal_errors.inc();
        }
        if outcome == Outcome::Panic {
            self.panics.inc();
        }
        if outcome.comes_back() {
            self.retries.inc();
        }
        self.seconds.observe(took.as_secs_f64());
        self.working_seconds.observe(took.as_secs_f64());
    }

    fn register_controller(&self, registry: &mut Registry) {
        // All that a Go operator shows, although no reconcile here ends with a requeue.
        for result in ["success", "error", "requeue", "requeue_after"] {
            drop(self.results.get_or_create(&ResultLabel { result }));
        }
        registry.register(
            "controller_runtime_reconcile",
            "Total number of reconciliations per controller",
            self.results.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_errors",
            "Total number of reconciliation errors per controller",
            self.errors.clone(),
        );
        registry.register(
            "controller_runtime_terminal_reconcile_errors",
            "Total number of terminal reconciliation errors per controller",
            self.terminal_errors.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_panics",
            "Total number of reconciliation panics per controller",
            self.panics.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            "Length of time per reconciliation per controller",
            self.seconds.clone(),
        );
        registry.register(
            "controller_runtime_max_concurrent_reconciles",
            "Maximum number of concurrent reconciles per controller, 0 when there is none",
            Gauge::<i64>::default(),
        );
    }

    fn register_workqueue(&self, registry: &mut Registry) {
        registry.register("workqueue_adds", "Total number of adds handled by workqueue", self.adds.clone());
        registry.register("workqueue_retries", "Total number of retries handled by workqueue", self.retries.clone());
        registry.register(
            "workqueue_queue_duration_seconds",
            "How long in seconds an item stays in workqueue before being requested",
            self.waiting_seconds.clone(),
        );
        registry.register(
            "workqueue_work_duration_seconds",
            "How long in seconds processing an item from workqueue takes",
            self.working_seconds.clone(),
        );
    }
}

/// The gauge that is read off the queue at a scrape, with the label `controller`.
#[derive(Debug)]
struct ActiveWorkers<K>(Arc<Mutex<Workqueue<K>>>);

impl<K: Ord + Debug + Send + 'static> Collector for ActiveWorkers<K> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let seen = self.0.lock().snapshot(Instant::now());
        gauge(
            &mut encoder,
            "controller_runtime_active_workers",
            "Number of currently used workers per controller.",
            &ConstGauge::new(seen.active),
        )
    }
}

/// The gauges that are read off the queue at a scrape, with the label `name`.
#[derive(Debug)]
struct QueueGauges<K>(Arc<Mutex<Workqueue<K>>>);

impl<K: Ord + Debug + Send + 'static> Collector for QueueGauges<K> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let seen = self.0.lock().snapshot(Instant::now());
        gauge(&mut encoder, "workqueue_depth", "Current depth of workqueue.", &ConstGauge::new(seen.depth))?;
        gauge(
            &mut encoder,
            "workqueue_unfinished_work_seconds",
            "How many seconds of work is in progress and hasn't been observed by work_duration.",
            &ConstGauge::new(seen.unfinished.as_secs_f64()),
        )?;
        gauge(
            &mut encoder,
            "workqueue_longest_running_processor_seconds",
            "How many seconds has the longest running processor for workqueue been running.",
            &ConstGauge::new(seen.longest.as_secs_f64()),
        )
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: &impl EncodeMetric) -> fmt::Result {
    value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::process::metrics::Metrics;

    fn reconciles() -> (Metrics, Reconciles<&'static str>) {
        let mut metrics = Metrics::new();
        let reconciles = Reconciles::register(metrics.registry(), "thing");
        (metrics, reconciles)
    }

    /// The value of the one sample that is written exactly so.
    fn value(metrics: &Metrics, sample: &str) -> u64 {
        let text = metrics.encode().unwrap();
        let mut values = text.lines().filter_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        let value = values.next().unwrap_or_else(|| panic!("no {sample} in\n{text}"));
        assert_eq!(values.next(), None, "{sample} stands there twice");
        value.parse().unwrap()
    }

    #[test]
    fn every_family_is_there_from_the_start_under_the_name_that_go_operators_use() {
        let (metrics, _reconciles) = reconciles();
        let text = metrics.encode().unwrap();
        for line in [
            "# TYPE controller_runtime_reconcile counter",
            r#"controller_runtime_reconcile_total{controller="thing",result="success"} 0"#,
            r#"controller_runtime_reconcile_total{controller="thing",result="error"} 0"#,
            r#"controller_runtime_reconcile_total{controller="thing",result="requeue"} 0"#,
            r#"controller_runtime_reconcile_total{controller="thing",result="requeue_after"} 0"#,
            r#"controller_runtime_reconcile_errors_total{controller="thing"} 0"#,
            r#"controller_runtime_terminal_reconcile_errors_total{controller="thing"} 0"#,
            r#"controller_runtime_reconcile_panics_total{controller="thing"} 0"#,
            "# TYPE controller_runtime_reconcile_time_seconds histogram",
            r#"controller_runtime_reconcile_time_seconds_count{controller="thing"} 0"#,
            r#"controller_runtime_reconcile_time_seconds_bucket{controller="thing",le="0.005"} 0"#,
            r#"controller_runtime_reconcile_time_seconds_bucket{controller="thing",le="60.0"} 0"#,
            r#"controller_runtime_max_concurrent_reconciles{controller="thing"} 0"#,
            "# TYPE controller_runtime_active_workers gauge",
            r#"controller_runtime_active_workers{controller="thing"} 0"#,
            "# TYPE workqueue_depth gauge",
            r#"workqueue_depth{name="thing"} 0"#,
            r#"workqueue_adds_total{name="thing"} 0"#,
            r#"workqueue_retries_total{name="thing"} 0"#,
            r#"workqueue_queue_duration_seconds_count{name="thing"} 0"#,
            r#"workqueue_work_duration_seconds_count{name="thing"} 0"#,
            r#"workqueue_unfinished_work_seconds{name="thing"} 0.0"#,
            r#"workqueue_longest_running_processor_seconds{name="thing"} 0.0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "no line {line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn no_family_is_described_twice() {
        let (metrics, _reconciles) = reconciles();
        let text = metrics.encode().unwrap();
        let mut types: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let all = types.len();
        types.sort_unstable();
        types.dedup();
        assert_eq!(types.len(), all);
    }

    #[test]
    fn depth_counts_keys_that_wait_and_not_how_often_they_were_queued() {
        let (metrics, reconciles) = reconciles();
        reconciles.enqueued("a");
        reconciles.enqueued("a");
        reconciles.enqueued("b");
        assert_eq!(value(&metrics, r#"workqueue_depth{name="thing"}"#), 2);
        assert_eq!(value(&metrics, r#"workqueue_adds_total{name="thing"}"#), 2);

        let timer = reconciles.started(&"a");
        reconciles.dropped(&"b");
        assert_eq!(value(&metrics, r#"workqueue_depth{name="thing"}"#), 0);
        assert_eq!(value(&metrics, r#"controller_runtime_active_workers{controller="thing"}"#), 1);
        timer.finish(Outcome::Success);
        assert_eq!(value(&metrics, r#"controller_runtime_active_workers{controller="thing"}"#), 0);
    }

    #[test]
    fn each_outcome_moves_the_counters_that_controller_runtime_moves() {
        for (outcome, result, errors, terminal, panics, retries) in [
            (Outcome::Success, "success", 0, 0, 0, 0),
            (Outcome::Error, "error", 1, 0, 0, 1),
            (Outcome::TerminalError, "error", 1, 1, 0, 0),
            (Outcome::Panic, "error", 1, 0, 1, 1),
        ] {
            let (metrics, reconciles) = reconciles();
            reconciles.started(&"a").finish(outcome);
            for (sample, expected) in [
                (format!(r#"controller_runtime_reconcile_total{{controller="thing",result="{result}"}}"#), 1),
                (r#"controller_runtime_reconcile_errors_total{controller="thing"}"#.to_owned(), errors),
                (r#"controller_runtime_terminal_reconcile_errors_total{controller="thing"}"#.to_owned(), terminal),
                (r#"controller_runtime_reconcile_panics_total{controller="thing"}"#.to_owned(), panics),
                (r#"controller_runtime_reconcile_time_seconds_count{controller="thing"}"#.to_owned(), 1),
                (r#"workqueue_retries_total{name="thing"}"#.to_owned(), retries),
                (r#"workqueue_work_duration_seconds_count{name="thing"}"#.to_owned(), 1),
            ] {
                let found = value(&metrics, &sample);
                assert_eq!(found, expected, "{outcome:?}: {sample}");
            }
        }
    }

    #[test]
    fn a_key_that_comes_back_by_itself_counts_as_added_without_a_waiting_time() {
        let (metrics, reconciles) = reconciles();
        reconciles.started(&"a").finish(Outcome::Success);
        assert_eq!(value(&metrics, r#"workqueue_adds_total{name="thing"}"#), 1);
        assert_eq!(value(&metrics, r#"workqueue_queue_duration_seconds_count{name="thing"}"#), 0);
    }

    #[test]
    fn a_timer_that_unwinds_counts_a_panic() {
        let (metrics, reconciles) = reconciles();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _timer = reconciles.started(&"a");
            panic!("meant to happen");
        }));
        assert!(panicked.is_err());
        assert_eq!(value(&metrics, r#"controller_runtime_reconcile_panics_total{controller="thing"}"#), 1);
        assert_eq!(value(&metrics, r#"controller_runtime_active_workers{controller="thing"}"#), 0);
    }

    #[test]
    fn a_timer_that_is_only_dropped_counts_no_result() {
        let (metrics, reconciles) = reconciles();
        drop(reconciles.started(&"a"));
        assert_eq!(value(&metrics, r#"controller_runtime_active_workers{controller="thing"}"#), 0);
        assert_eq!(value(&metrics, r#"controller_runtime_reconcile_time_seconds_count{controller="thing"}"#), 0);
    }
}
