//! What the process uses, under the names that every Prometheus client library gives it, and which version it is. Reads
//! `/proc`.

use std::{fmt, time::Duration};

use procfs::{
    ProcResult, WithCurrentSystemInfo,
    process::{LimitValue, Process},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge, info::Info},
    registry::Registry,
};
use tokio::runtime::Handle;

/// Registers the families `process_*` and the build information. Once a registry.
pub fn register(registry: &mut Registry) {
    let labels = [("version", env!("CARGO_PKG_VERSION"))];
    registry.register("codeguru_profiler_build", "Version of the operator", Info::new(labels));
    registry.register_collector(Box::new(UsageCollector));
}

#[derive(Debug)]
struct UsageCollector;

struct Usage {
    cpu: Duration,
    started: Duration,
    resident_bytes: u64,
    virtual_bytes: u64,
    open_files: usize,
    most_open_files: Option<u64>,
    threads: i64,
}

impl Usage {
    fn read() -> ProcResult<Self> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let lasting = |ticks: u64| Duration::from_millis(ticks.saturating_mul(1000) / procfs::ticks_per_second());
        Ok(Self {
            cpu: lasting(stat.utime + stat.stime),
            started: Duration::from_secs(procfs::boot_time_secs()?) + lasting(stat.starttime),
            resident_bytes: stat.rss_bytes().get(),
            virtual_bytes: stat.vsize,
            open_files: process.fd_count()?,
            most_open_files: match process.limits()?.max_open_files.soft_limit {
                LimitValue::Value(most) => Some(most),
                LimitValue::Unlimited => None,
            },
            threads: stat.num_threads,
        })
    }
}

impl Collector for UsageCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Where /proc can't be read there is nothing to report, and the other families are still of use.
        let Ok(usage) = Usage::read() else { return Ok(()) };
        let mut show = |name, help, metric: &dyn Shown| metric.show(&mut encoder, name, help);
        show(
            "process_cpu_seconds",
            "Total user and system CPU time spent in seconds.",
            &ConstCounter::new(usage.cpu.as_secs_f64()),
        )?;
        show(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            &ConstGauge::new(usage.started.as_secs_f64()),
        )?;
        show(
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            &ConstGauge::new(usage.resident_bytes),
        )?;
        show("process_virtual_memory_bytes", "Virtual memory size in bytes.", &ConstGauge::new(usage.virtual_bytes))?;
        show("process_open_fds", "Number of open file descriptors.", &ConstGauge::new(usage.open_files))?;
        if let Some(most) = usage.most_open_files {
            show("process_max_fds", "Maximum number of open file descriptors.", &ConstGauge::new(most))?;
        }
        show("process_threads", "Number of OS threads in the process.", &ConstGauge::new(usage.threads))?;
        let Ok(runtime) = Handle::try_current() else { return Ok(()) };
        let tasks = u64::try_from(runtime.metrics().num_alive_tasks()).unwrap_or(u64::MAX);
        show("codeguru_profiler_tasks", "Number of asynchronous tasks that run or wait", &ConstGauge::new(tasks))
    }
}

trait Shown {
    fn show(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result;
}

impl<M: EncodeMetric> Shown for M {
    fn show(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result {
        self.encode(encoder.encode_descriptor(name, help, None, self.metric_type())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::metrics::Metrics;

    #[tokio::test]
    async fn a_process_reports_what_it_uses_and_which_version_it_is() {
        let mut metrics = Metrics::new();
        register(metrics.registry());
        let text = metrics.encode().unwrap();
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
        assert!(value("process_max_fds") >= value("process_open_fds"));
        let _task = tokio::spawn(std::future::pending::<()>());
        assert!(value("process_threads") >= 1.0 && value("process_cpu_seconds_total") >= 0.0);
        let age = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64() - value("process_start_time_seconds");
        assert!((0.0..3600.0).contains(&age), "{age} s");
        let version = format!("codeguru_profiler_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&version), "{text}");
    }
}
