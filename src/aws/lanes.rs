//! All lanes that run: started when the first resource needs one, ended when no resource needs it any more.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::FutureExt;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{
    lane::{Lane, LaneSettings, SharedLaneState, panic_message},
    service::ProfilerService,
};
use crate::{domain::lane_id::LaneId, process::system::System};

/// Makes the client of one lane.
pub type Connect = Box<dyn Fn(&LaneId) -> Arc<dyn ProfilerService> + Send + Sync>;

/// A lane rests for a moment after its loop has panicked: a panic that repeats itself must not take a whole core.
const AFTER_A_PANIC: Duration = Duration::from_secs(5);

/// Is notified about the lanes.
pub trait LaneObserver: Send + Sync {
    /// The lane has attempted a List, learned its account, or opened or closed its circuit.
    fn changed(&self, lane: &LaneId);
    /// The lane has been idle for `idle` and ends; returns false if it is needed again and has to go on.
    fn ended(&self, lane: &LaneId, idle: Duration) -> bool;
    /// The lane's loop has panicked.
    fn panicked(&self, lane: &LaneId);
}

/// The lanes that run.
pub struct Lanes {
    connect: Connect,
    settings: LaneSettings,
    observer: Weak<dyn LaneObserver>,
    stop: CancellationToken,
    system: System,
    running: Mutex<BTreeMap<LaneId, Arc<Lane>>>,
}

impl Lanes {
    /// No lane runs yet. All of them end with `stop`.
    #[must_use]
    pub fn new(
        connect: Connect,
        settings: LaneSettings,
        observer: Weak<dyn LaneObserver>,
        system: System,
        stop: CancellationToken,
    ) -> Self {
        Self { connect, settings, observer, stop, system, running: Mutex::default() }
    }

    /// The lane, if it runs.
    #[must_use]
    pub fn get(&self, id: &LaneId) -> Option<Arc<Lane>> {
        self.running.lock().get(id).cloned()
    }

    /// Every lane that runs.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Lane>> {
        self.running.lock().values().cloned().collect()
    }

    /// What resources need from a lane has changed: starts the lane, or wakes it.
    pub fn start_or_wake(self: &Arc<Self>, id: &LaneId, state: SharedLaneState) {
        let mut running = self.running.lock();
        if let Some(lane) = running.get(id) {
            lane.wake();
            return;
        }
        let (system, stop) = (self.system.clone(), self.stop.clone());
        let (observer, name) = (self.observer.clone(), id.clone());
        let news = Box::new(move || {
            if let Some(observer) = observer.upgrade() {
                observer.changed(&name);
            }
        });
        let lane = Arc::new(Lane::new(id.clone(), (self.connect)(id), state, self.settings.of(id), system, stop, news));
        running.insert(id.clone(), Arc::clone(&lane));
        let lanes = Arc::clone(self);
        drop(self.system.spawn(async move { lanes.run(&lane).await }));
    }

    /// Polls until the lane is idle or the process stops; a panic is counted, and the loop goes on.
    async fn run(&self, lane: &Arc<Lane>) {
        let idle = self.settings.of(lane.id()).poll_interval;
        while !self.stop.is_cancelled() {
            let Some(observer) = self.observer.upgrade() else { return };
            let polled = AssertUnwindSafe(lane.poll(idle)).catch_unwind().await;
            if let Err(panic) = polled {
                tracing::error!(region = lane.id().region(), "panic: {}", panic_message(panic.as_ref()));
                observer.panicked(lane.id());
                tokio::time::sleep(AFTER_A_PANIC).await;
                continue;
            }
            let mut running = self.running.lock();
            if !self.stop.is_cancelled() && observer.ended(lane.id(), idle) {
                running.remove(lane.id());
                return;
            }
        }
    }
}
