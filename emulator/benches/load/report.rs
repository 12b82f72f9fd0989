//! The figures as rows of Markdown.

use std::time::Duration;

use crate::client::Outcome;

pub const HEAD: &str = "\
| Request | At once | Floor | p50 | p99 | Emulator | p50 | p99 |
|---|---|---|---|---|---|---|---|";

pub fn row(name: &str, connections: usize, floor: &Outcome, emulator: &Outcome) -> String {
    format!("| {name} | {connections} | {} | {} |", figures(floor), figures(emulator))
}

fn figures(outcome: &Outcome) -> String {
    let [p50, p99] = [50, 99].map(|percent| millis(outcome.percentile(percent)));
    format!("{:.0}/s | {p50} | {p99}", outcome.per_second())
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

#[allow(clippy::cast_precision_loss, reason = "memory in KiB is far below what a float holds exactly")]
pub fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}
