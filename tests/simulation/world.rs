//! What all actors of a simulation share: the time, chance from one seed, the trace, and the two services. No sockets.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::Value;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{
    apiserver::ApiServer,
    aws::Aws,
    faults::{Fault, Faults},
    oracle::Oracle,
    run::account_crd,
};

/// When every simulation begins.
const BEGIN: i64 = 1_800_000_000;

/// Permits that are granted are granted until then.
const FAR: Duration = Duration::from_hours(10_000);

/// What all actors share. Cheap to clone.
#[derive(Clone)]
pub struct World(Arc<Shared>);

struct Shared {
    began: Instant,
    chance: Mutex<SmallRng>,
    trace: Mutex<Vec<Line>>,
    api: Mutex<ApiServer>,
    changed: Notify,
    faults: Mutex<Faults>,
    oracle: Mutex<Oracle>,
    permits: watch::Sender<Instant>,
    refused_since: Mutex<Duration>,
    granted_at: Mutex<Duration>,
    aws: Aws,
}

/// One line of the schedule as it is printed.
pub struct Line {
    at: Duration,
    actor: &'static str,
    event: String,
}

impl World {
    /// An empty cluster and an empty account.
    pub fn new(seed: u64, crd: &Value) -> Self {
        let began = Instant::now();
        let mut api = ApiServer::new();
        api.install(crd);
        api.install(account_crd());
        // A quarter of the seeds meets an API server without WatchList.
        if seed % 4 == 3 {
            api.list_in_pages_only();
        }
        Self(Arc::new(Shared {
            began,
            chance: Mutex::new(SmallRng::seed_from_u64(seed)),
            trace: Mutex::default(),
            api: Mutex::new(api),
            changed: Notify::new(),
            faults: Mutex::default(),
            oracle: Mutex::default(),
            permits: watch::channel(began + FAR).0,
            refused_since: Mutex::default(),
            granted_at: Mutex::default(),
            aws: Aws::new(began, seed),
        }))
    }

    /// How long the simulation has run.
    pub fn elapsed(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// The true time.
    pub fn now(&self) -> Timestamp {
        time_at(self.elapsed())
    }

    /// A random number from 0 up to, but without, 1.
    pub fn chance(&self) -> f64 {
        self.0.chance.lock().random()
    }

    /// A random duration between the two.
    pub fn between(&self, least: Duration, most: Duration) -> Duration {
        least + most.saturating_sub(least).mul_f64(self.chance())
    }

    /// Adds a line to the trace.
    pub fn trace(&self, actor: &'static str, event: impl Into<String>) {
        self.0.trace.lock().push(Line { at: self.elapsed(), actor, event: event.into() });
    }

    /// The trace as text: time, actor, event; what repeats itself is one line.
    pub fn trace_text(&self) -> String {
        let mut text = String::new();
        let trace = self.0.trace.lock();
        let same = |one: &Line, next: &Line| (one.actor, &one.event) == (next.actor, &next.event);
        for lines in trace.chunk_by(same) {
            let Line { at, actor, event } = &lines[0];
            let times = if lines.len() > 1 { format!(" (x {})", lines.len()) } else { String::new() };
            let _ = writeln!(text, "{:>10.3} {actor:<10} {event}{times}", at.as_secs_f64());
        }
        text
    }

    /// The model API server.
    pub fn api(&self) -> MutexGuard<'_, ApiServer> {
        self.0.api.lock()
    }

    /// Wakes every watch: something may have been written.
    pub fn wake_watches(&self) {
        self.0.changed.notify_waiters();
    }

    /// Ends when something may have been written after this was called.
    pub fn written(&self) -> impl Future<Output = ()> + Send + '_ {
        self.0.changed.notified()
    }

    /// The faults in force.
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.faults.lock()
    }

    /// Until when the operators may act.
    pub fn permits(&self) -> watch::Receiver<Instant> {
        self.0.permits.subscribe()
    }

    /// The operators may not act for so long.
    pub fn refuse_permits(&self, lasts: Duration) {
        *self.0.refused_since.lock() = self.elapsed();
        self.0.permits.send_replace(Instant::now());
        let world = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(lasts).await;
            world.grant_permits();
        });
    }

    /// The operators may act.
    pub fn grant_permits(&self) {
        if !self.faults().holds(Fault::PermitsRefused, self.elapsed()) {
            self.0.permits.send_replace(self.0.began + FAR);
            *self.0.granted_at.lock() = self.elapsed();
        }
    }

    /// When the operators were allowed to act again.
    pub fn permits_granted_at(&self) -> Duration {
        *self.0.granted_at.lock()
    }

    /// How long permits have been refused.
    pub fn permits_refused_for(&self) -> Duration {
        self.elapsed().saturating_sub(*self.0.refused_since.lock())
    }

    /// What must never happen.
    pub fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.0.oracle.lock()
    }

    /// The AWS accounts.
    pub fn aws(&self) -> &Aws {
        &self.0.aws
    }
}

/// The true time so long after the beginning.
pub fn time_at(elapsed: Duration) -> Timestamp {
    let millis = BEGIN * 1000 + i64::try_from(elapsed.as_millis()).unwrap();
    Timestamp::from_millisecond(millis).unwrap()
}

/// Counts by name.
pub type Counts = BTreeMap<String, u64>;
