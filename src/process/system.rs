//! What the process takes from the system besides I/O: the wall clock, random numbers, and tasks. A simulation has its
//! own.

use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use k8s_openapi::jiff::Timestamp;
use tokio::{task::JoinHandle, time::Instant};

/// The wall clock, random numbers and tasks of this process. Shared by cloning.
///
/// The monotonic clock is tokio's, which a test can pause.
#[derive(Clone)]
pub struct System {
    began: Instant,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    chance: Arc<dyn Fn() -> f64 + Send + Sync>,
    spawn: Arc<dyn Fn(BoxFuture<'static, ()>) -> JoinHandle<()> + Send + Sync>,
}

impl System {
    /// The machine's own.
    #[must_use]
    pub fn real() -> Self {
        Self::new(Timestamp::now, rand::random, tokio::spawn)
    }

    /// `chance` returns a number from 0 up to, but without, 1.
    #[must_use]
    pub fn new(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        chance: impl Fn() -> f64 + Send + Sync + 'static,
        spawn: impl Fn(BoxFuture<'static, ()>) -> JoinHandle<()> + Send + Sync + 'static,
    ) -> Self {
        Self { began: Instant::now(), now: Arc::new(now), chance: Arc::new(chance), spawn: Arc::new(spawn) }
    }

    /// The wall clock's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// The monotonic clock: the time since this was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The time on tokio's clock so long after this was made.
    #[must_use]
    pub fn instant(&self, elapsed: Duration) -> Instant {
        self.began + elapsed
    }

    /// A random number from 0 up to, but without, 1.
    #[must_use]
    pub fn chance(&self) -> f64 {
        (self.chance)()
    }

    /// Starts a task. The handle reports how it ended; dropping it leaves the task running.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        (self.spawn)(Box::pin(task))
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("System")
    }
}
