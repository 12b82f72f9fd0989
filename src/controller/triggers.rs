//! Decides when an object is reconciled: when something it depends on differs from what was reported, or its time has
//! come, and not otherwise. A lost trigger comes back at the next List.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use kube::api::DynamicObject;
use tokio::{sync::mpsc, time::interval};
use tokio_util::time::{DelayQueue, delay_queue};

use super::{
    context::Context,
    look::Look,
    objects::{Key, key, resource},
    watch::stub,
};
use crate::process::health::Liveness;

/// How often the loop shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Looks at objects, and sends those that need work to be reconciled.
pub struct Triggers {
    context: Arc<Context>,
    queue: futures::channel::mpsc::UnboundedSender<DynamicObject>,
    busy: HashSet<Key>,
    due: DelayQueue<Key>,
    timers: HashMap<Key, delay_queue::Key>,
}

impl Triggers {
    /// Nothing is queued yet.
    #[must_use]
    pub fn new(context: Arc<Context>, queue: futures::channel::mpsc::UnboundedSender<DynamicObject>) -> Self {
        Self { context, queue, busy: HashSet::new(), due: DelayQueue::new(), timers: HashMap::new() }
    }

    /// Goes on for ever.
    pub async fn run(mut self, mut looks: mpsc::UnboundedReceiver<Look>, liveness: Liveness) {
        let mut heartbeat = interval(HEARTBEAT);
        loop {
            tokio::select! {
                Some(look) = looks.recv() => self.take(look),
                Some(expired) = self.due.next() => {
                    let key = expired.into_inner();
                    self.timers.remove(&key);
                    self.look(&key);
                }
                _ = heartbeat.tick() => {
                    liveness.beat();
                    self.context.tell_inventory_ages();
                }
            }
        }
    }

    fn take(&mut self, look: Look) {
        match look {
            Look::At(key) => self.look(&key),
            Look::Reconciled(key) => {
                self.busy.remove(&key);
                self.look(&key);
            }
            Look::Gone(key) => {
                self.forget_timer(&key);
                self.context.objects.forget(&key);
            }
            Look::Lane(region) => {
                self.context.tell_lane_events(&region);
                for object in self.context.objects.all() {
                    // Whoever names no region may be in any lane: looking is cheap.
                    let named = object.data["spec"]["region"].as_str();
                    if named.is_none_or(|named| named == region) {
                        self.look(&key(&object));
                    }
                }
            }
            Look::All => {
                for object in self.context.objects.all() {
                    self.look(&key(&object));
                }
            }
        }
    }

    /// While an object is queued or being reconciled there is no need to look: its end is a reason to look again.
    fn look(&mut self, key: &Key) {
        if self.busy.contains(key) {
            return;
        }
        self.forget_timer(key);
        let Some(evaluation) = self.context.evaluate(key) else { return };
        if evaluation.needs_work() {
            self.busy.insert(key.clone());
            self.context.reconciles.enqueued(key.clone());
            // The receiver is gone only when the process ends.
            drop(self.queue.unbounded_send(stub(key, &resource())));
        } else if let Some(at) = evaluation.recheck_at {
            let timer = self.due.insert(key.clone(), at.since(self.context.now()));
            self.timers.insert(key.clone(), timer);
        }
    }

    fn forget_timer(&mut self, key: &Key) {
        if let Some(timer) = self.timers.remove(key) {
            self.due.remove(&timer);
        }
    }
}
