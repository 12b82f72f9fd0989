//! Knows whether the process is alive and ready. No I/O; the parts that do the work report to it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How long the loop may miss its heartbeat. The loop that beats it does so every few seconds; a minute is far beyond
/// the longest pause of a loaded node, and with the kubelet's usual three failed probes a stuck process is restarted
/// within two minutes.
const SILENT_AT_MOST: Duration = Duration::from_mins(1);

/// Whether the process makes progress: a loop that must never get stuck beats it on a timer, whether or not there is
/// work. Shared by cloning. By the monotonic clock, so that a jump of the wall clock kills nothing.
#[derive(Clone, Debug)]
pub struct Liveness {
    started: Instant,
    last_beat_millis: Arc<AtomicU64>,
    silent_at_most: Duration,
}

impl Liveness {
    /// Beats once, so that the start-up has the whole limit.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(SILENT_AT_MOST)
    }

    pub(super) fn with_limit(silent_at_most: Duration) -> Self {
        Self { started: Instant::now(), last_beat_millis: Arc::new(AtomicU64::new(0)), silent_at_most }
    }

    /// The loop has come round again.
    pub fn beat(&self) {
        self.beat_at(Instant::now());
    }

    fn beat_at(&self, now: Instant) {
        self.last_beat_millis.store(self.millis_at(now), Ordering::Relaxed);
    }

    /// How long the heartbeat has been missing, when that is too long.
    #[must_use]
    pub fn silent_too_long(&self) -> Option<Duration> {
        self.silent_too_long_at(Instant::now())
    }

    fn silent_too_long_at(&self, now: Instant) -> Option<Duration> {
        let last = self.last_beat_millis.load(Ordering::Relaxed);
        let silent = Duration::from_millis(self.millis_at(now).saturating_sub(last));
        (silent > self.silent_at_most).then_some(silent)
    }

    fn millis_at(&self, now: Instant) -> u64 {
        let age = now.saturating_duration_since(self.started);
        u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for Liveness {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether the process can do its work. Shared by cloning. Once ready it stays so: metrics report what fails later, and
/// a probe that failed with it would only take the metrics away.
#[derive(Clone, Debug)]
pub struct Readiness {
    waiting_for: &'static str,
    ready: Arc<AtomicBool>,
}

impl Readiness {
    /// Not ready until [`set`](Self::set); `what` is missing, as the probe's answer names it.
    #[must_use]
    pub fn waiting_for(what: &'static str) -> Self {
        Self { waiting_for: what, ready: Arc::default() }
    }

    /// What was missing is there.
    pub fn set(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// What is missing, if anything.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        (!self.ready.load(Ordering::Relaxed)).then_some(self.waiting_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heart_may_be_silent_for_a_minute_and_each_beat_begins_it_again() {
        let liveness = Liveness::new();
        let after = |seconds| liveness.started + Duration::from_secs(seconds);
        assert_eq!(liveness.silent_too_long_at(after(60)), None);
        let silent = Duration::from_secs(61);
        assert_eq!(liveness.silent_too_long_at(after(61)), Some(silent));

        liveness.clone().beat_at(after(61));
        assert_eq!(liveness.silent_too_long_at(after(121)), None);
        assert_eq!(liveness.silent_too_long_at(after(122)), Some(silent));
    }

    #[test]
    fn readiness_names_what_is_missing_until_it_is_there() {
        let readiness = Readiness::waiting_for("the first list");
        assert_eq!(readiness.missing(), Some("the first list"));
        readiness.clone().set();
        assert_eq!(readiness.missing(), None);
    }
}
