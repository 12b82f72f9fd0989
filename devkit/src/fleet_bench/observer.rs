//! Watches the fleet, and remembers of each resource what the phases wait for, and since when.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use devkit::kstatus;
use futures::StreamExt;
use kube::api::{Api, DynamicObject};
use kube::runtime::watcher::{self, Event, watcher};
use tokio::task::JoinHandle;

/// One resource as last seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// `metadata.generation`.
    pub generation: i64,
    /// When that was first seen.
    pub edited: Option<SystemTime>,
    /// The generation that was last reported to be in sync, and when that was first seen.
    pub in_sync: Option<(i64, SystemTime)>,
    /// `status.drift.corrections`.
    pub corrections: u64,
    /// Whether another resource has its group.
    pub claimed: bool,
}

impl Seen {
    /// Whether AWS is reported to be as the present generation wants it.
    pub fn is_in_sync(&self) -> bool {
        self.in_sync.is_some_and(|(generation, _)| generation == self.generation)
    }
}

type Fleet = Arc<Mutex<BTreeMap<String, Seen>>>;

/// A watch that runs until it is dropped.
pub struct Observer {
    fleet: Fleet,
    task: JoinHandle<()>,
}

impl Observer {
    /// Watches from now on.
    pub fn start(resources: Api<DynamicObject>) -> Self {
        let fleet = Fleet::default();
        Self { task: tokio::spawn(follow(resources, Arc::clone(&fleet))), fleet }
    }

    /// How many resources are like this.
    pub fn count(&self, like: impl Fn(&Seen) -> bool) -> usize {
        self.seen().values().filter(|seen| like(seen)).count()
    }

    /// How many corrections there were of all resources.
    pub fn corrections(&self) -> usize {
        self.seen().values().map(|seen| usize::try_from(seen.corrections).unwrap_or_default()).sum()
    }

    /// One resource as last seen.
    pub fn of(&self, name: &str) -> Seen {
        self.seen().get(name).cloned().unwrap_or_default()
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<String, Seen>> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(resources: Api<DynamicObject>, fleet: Fleet) {
    let mut events = pin!(watcher(resources, watcher::Config::default()));
    while let Some(event) = events.next().await {
        let mut fleet = fleet.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                let name = object.metadata.name.clone().unwrap_or_default();
                fleet.entry(name).or_default().update(&object);
            }
            Ok(Event::Delete(object)) => drop(fleet.remove(&object.metadata.name.unwrap_or_default())),
            // The watcher tries again by itself.
            Ok(Event::Init | Event::InitDone) | Err(_) => {}
        }
    }
}

impl Seen {
    fn update(&mut self, object: &DynamicObject) {
        let generation = object.metadata.generation.unwrap_or_default();
        if self.generation != generation {
            (self.generation, self.edited) = (generation, Some(SystemTime::now()));
        }
        self.corrections = object.data["status"]["drift"]["corrections"].as_u64().unwrap_or_default();
        let ready = kstatus::find(&object.data, "Ready");
        let reports = |status: &str, reason: &str| {
            ready.is_some_and(|ready| ready["status"] == status && ready["reason"] == reason)
        };
        self.claimed = reports("False", "ClaimedByAnother");
        let generation = ready.and_then(|ready| ready["observedGeneration"].as_i64());
        if let Some(generation) = generation.filter(|_| reports("True", "InSync"))
            && self.in_sync.is_none_or(|(known, _)| known != generation)
        {
            self.in_sync = Some((generation, SystemTime::now()));
        }
    }
}
