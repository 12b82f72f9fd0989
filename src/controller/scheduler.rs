//! Decides when an object is worked on: when something it depends on differs from what was reported, or its time has
//! come, and not otherwise. A lost trigger comes back at the next change, or at the latest with its timer.

use std::{
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use tokio::{
    sync::mpsc,
    task::yield_now,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::time::{DelayQueue, delay_queue};

use super::{
    memory::{Work, key::Key},
    reconcile::reconcile,
    shell::Shell,
    slots::Slots,
};
use crate::{domain::lane_id::LaneId, process::health::Liveness};

/// The longest time between two turns of the loop.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Every object is evaluated again after this long, whatever its timer is.
const LONGEST_TIMER: Duration = Duration::from_hours(24);
/// After an evaluation panicked: it may work the next time, and must not take a whole core.
const AFTER_A_PANIC: Duration = Duration::from_secs(30);
/// Evaluations in a row, before others on this thread get a turn.
const BATCH: usize = 100;

/// Evaluates objects, and starts the work that they need.
pub struct Scheduler {
    shell: Arc<Shell>,
    running: BTreeMap<Key, Running>,
    slots: Slots,
    waiting: Waiting,
    timers: Timers,
    ended: (mpsc::UnboundedSender<Ended>, mpsc::UnboundedReceiver<Ended>),
}

/// What runs for one object.
#[derive(Clone, Copy, Default)]
struct Running {
    applying: bool,
    reporting: bool,
}

struct Ended {
    key: Key,
    work: Work,
    lane: Option<LaneId>,
}

impl Scheduler {
    /// Nothing runs yet.
    #[must_use]
    pub fn new(shell: Arc<Shell>) -> Self {
        Self {
            shell,
            running: BTreeMap::new(),
            slots: Slots::default(),
            waiting: Waiting::default(),
            timers: Timers::default(),
            ended: mpsc::unbounded_channel(),
        }
    }

    /// Returns after the shell's `stop`, once what was under way has ended.
    pub async fn run(mut self, liveness: Liveness) {
        let shell = Arc::clone(&self.shell);
        let (mut elected, mut leads) = (pin!(shell.elected()), false);
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !shell.stop.is_cancelled() || !self.running.is_empty() {
            liveness.beat();
            tokio::select! {
                biased;
                () = shell.stop.cancelled(), if self.running.is_empty() => return,
                () = &mut elected, if !leads => {
                    leads = true;
                    shell.begin();
                }
                _ = heartbeat.tick() => shell.report_inventory_ages(),
                Some(ended) = self.ended.1.recv() => self.end(ended),
                Some(key) = self.timers.expired() => shell.triggers.routine([key]),
                () = shell.triggers.added() => {}
            }
            for done in 1.. {
                let Some(key) = shell.triggers.next() else { break };
                self.evaluate_guarded(&key);
                if done % BATCH == 0 {
                    liveness.beat();
                    yield_now().await;
                    while let Ok(ended) = self.ended.1.try_recv() {
                        self.end(ended);
                    }
                }
            }
        }
    }

    /// A panic affects this object alone.
    fn evaluate_guarded(&mut self, key: &Key) {
        if catch_unwind(AssertUnwindSafe(|| self.evaluate(key))).is_err() {
            tracing::error!(namespace = &*key.namespace, name = &*key.name, "an evaluation panicked");
            self.shell.metrics.panicked("evaluation");
            self.timers.set(key, AFTER_A_PANIC);
        }
    }

    fn evaluate(&mut self, key: &Key) {
        let shell = Arc::clone(&self.shell);
        self.timers.forget(key);
        let Some(evaluation) = shell.evaluate(key) else {
            self.forget_waiting(key);
            return;
        };
        shell.handle(|memory, now| memory.note(&evaluation, now));
        let Running { applying, reporting } = self.running.get(key).copied().unwrap_or_default();
        let lane = evaluation.lane().cloned();
        let work = if shell.stop.is_cancelled() {
            // Nothing else begins any more: what AWS has taken is recorded.
            Some(Work::Report).filter(|_| evaluation.unpublished && !applying && !reporting)
        } else {
            evaluation.work(applying, reporting)
        };
        match work {
            Some(work) if self.slots.take(work, lane.as_ref()) => {
                self.waiting.forget(key);
                self.start(key.clone(), work, lane);
            }
            Some(work) => {
                shell.reconciles.enqueued(key.clone());
                self.waiting.add(key, work, lane);
            }
            None => {
                self.forget_waiting(key);
                if let Some(wait) = evaluation.recheck_in {
                    self.timers.set(key, wait.min(LONGEST_TIMER));
                }
            }
        }
    }

    fn forget_waiting(&mut self, key: &Key) {
        if self.waiting.forget(key) {
            self.shell.reconciles.dropped(key);
        }
    }

    fn start(&mut self, key: Key, work: Work, lane: Option<LaneId>) {
        let running = self.running.entry(key.clone()).or_default();
        *running.of(work) = true;
        let (shell, ended) = (Arc::clone(&self.shell), self.ended.0.clone());
        shell.reconciles.enqueued(key.clone());
        let task = async move {
            reconcile(&shell, &key, work).await;
            // The receiver is gone only when the scheduler is.
            drop(ended.send(Ended { key, work, lane }));
        };
        drop(self.shell.system.spawn(task));
    }

    fn end(&mut self, Ended { key, work, lane }: Ended) {
        self.slots.give_back(work, lane.as_ref());
        if let Some(running) = self.running.get_mut(&key) {
            *running.of(work) = false;
            if !running.applying && !running.reporting {
                self.running.remove(&key);
            }
        }
        // At the end a report that did not succeed is not begun again.
        if work != Work::Report || !self.shell.stop.is_cancelled() {
            self.shell.triggers.urgent([key]);
        }
        self.fill();
    }

    /// Starts what waits while there are free places.
    fn fill(&mut self) {
        while let Some(key) = self.waiting.next(&self.slots) {
            self.evaluate_guarded(&key);
        }
    }
}

impl Running {
    fn of(&mut self, work: Work) -> &mut bool {
        if work == Work::Report { &mut self.reporting } else { &mut self.applying }
    }
}

/// The objects that wait for a place, by kind of work and lane, each once.
#[derive(Default)]
struct Waiting {
    queues: BTreeMap<(Work, Option<LaneId>), VecDeque<Key>>,
    places: BTreeMap<Key, (Work, Option<LaneId>)>,
}

impl Waiting {
    fn add(&mut self, key: &Key, work: Work, lane: Option<LaneId>) {
        let place = (work, lane);
        if self.places.get(key) == Some(&place) {
            return;
        }
        self.places.insert(key.clone(), place.clone());
        self.queues.entry(place).or_default().push_back(key.clone());
    }

    fn forget(&mut self, key: &Key) -> bool {
        // Its place in a queue is passed over when its turn comes.
        self.places.remove(key).is_some()
    }

    /// The next one for which there is a place, most urgent first.
    fn next(&mut self, slots: &Slots) -> Option<Key> {
        let places: Vec<_> =
            self.queues.keys().filter(|(work, lane)| slots.has_room(*work, lane.as_ref())).cloned().collect();
        for place in places {
            while let Some(key) = self.queues.get_mut(&place).and_then(VecDeque::pop_front) {
                if self.places.get(&key) == Some(&place) {
                    self.places.remove(&key);
                    return Some(key);
                }
            }
            self.queues.remove(&place);
        }
        None
    }
}

/// When objects are to be evaluated again.
#[derive(Default)]
struct Timers {
    due: DelayQueue<Key>,
    set: BTreeMap<Key, delay_queue::Key>,
}

impl Timers {
    fn set(&mut self, key: &Key, wait: Duration) {
        self.forget(key);
        let timer = self.due.insert(key.clone(), wait);
        self.set.insert(key.clone(), timer);
    }

    fn forget(&mut self, key: &Key) {
        if let Some(timer) = self.set.remove(key) {
            self.due.remove(&timer);
        }
    }

    async fn expired(&mut self) -> Option<Key> {
        let key = self.due.next().await?.into_inner();
        self.set.remove(&key);
        Some(key)
    }
}
