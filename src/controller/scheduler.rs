//! Decides when an object is worked on: when something it depends on differs from what was reported, or its time has
//! come, and not otherwise. A lost trigger comes back at the next change, or at the latest with its timer.

use std::{
    collections::BTreeMap,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::yield_now,
    time::{Instant, MissedTickBehavior, interval_at, sleep_until},
};

use super::{
    memory::key::Key,
    reconcile::{Job, reconcile},
    shell::Shell,
    slots::Slots,
    timers::Timers,
    waiting::Waiting,
};
use crate::{aws::limiter::Class, domain::lane_id::LaneId, process::health::Liveness};

/// The longest time between two turns of the loop.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Every object is evaluated again after this long, whatever its timer is: a clock that was set changes times.
const LONGEST_TIMER: Duration = Duration::from_mins(30);
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
    /// When a lane may let a step through that waits for it.
    next_turn: Option<Instant>,
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
    /// The class and the lane of a step in AWS; `None` for a report.
    step: Option<(Class, LaneId)>,
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
            next_turn: None,
            timers: Timers::new(),
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
                _ = heartbeat.tick() => shell.report_lanes(&self.waiting),
                Some(ended) = self.ended.1.recv() => self.end(ended),
                Some((key, due)) = self.timers.expired() => self.expired(key, due),
                () = shell.triggers.added() => {}
                () = turn(self.next_turn) => {}
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
                    self.start_what_may();
                }
            }
            self.start_what_may();
        }
    }

    /// A panic affects this object alone.
    fn evaluate_guarded(&mut self, key: &Key) {
        if catch_unwind(AssertUnwindSafe(|| self.evaluate(key))).is_err() {
            tracing::error!(namespace = &*key.namespace, name = &*key.name, "an evaluation panicked");
            self.shell.metrics.panicked("evaluation");
            self.timers.set(key, Instant::now() + AFTER_A_PANIC, None);
        }
    }

    /// What is known may be newer than when the timer was set: then nothing is evaluated.
    fn expired(&mut self, key: Key, due: Instant) {
        let now = Instant::now();
        let trusted = self.shell.trusted_for(&key).filter(|_| due > now);
        match trusted {
            Some(trusted) => self.timers.set(&key, due, Some(trusted)),
            None => self.shell.triggers.routine([key]),
        }
    }

    fn evaluate(&mut self, key: &Key) {
        let shell = Arc::clone(&self.shell);
        self.timers.forget(key);
        let Some(evaluation) = shell.evaluate_and_note(key) else {
            self.wait_for(key, None, false);
            return;
        };
        let Running { applying, reporting } = self.running.get(key).copied().unwrap_or_default();
        let (step, report) = if shell.stop.is_cancelled() {
            // Nothing else begins any more: what AWS has taken is recorded.
            (None, evaluation.unpublished && !applying && !reporting)
        } else {
            let step = evaluation.lane().cloned().zip(evaluation.step(applying, reporting));
            (step, evaluation.reports(applying, reporting))
        };
        // A step that waits for its turn gets it soon, unless the circuit is open.
        let soon = report || (step.is_some() && evaluation.situation.circuit().is_none());
        if !soon {
            let recheck = evaluation.recheck_in.unwrap_or(LONGEST_TIMER).min(LONGEST_TIMER);
            self.timers.set(key, Instant::now() + recheck, evaluation.stale_in);
        }
        self.wait_for(key, step, report);
    }

    fn wait_for(&mut self, key: &Key, step: Option<(LaneId, Class)>, report: bool) {
        let waited = self.waiting.contains(key);
        self.waiting.set(key, step, report);
        match (waited, self.waiting.contains(key)) {
            (_, true) => self.shell.reconciles.enqueued(key.clone()),
            (true, false) => self.shell.reconciles.dropped(key),
            (false, false) => {}
        }
    }

    /// Starts what waits, as far as there is room for it and its lane lets it through.
    fn start_what_may(&mut self) {
        let shell = Arc::clone(&self.shell);
        while self.slots.has_room_for_report()
            && let Some(key) = self.waiting.next_report()
        {
            self.slots.take_report();
            self.start(key, Job::Report, None);
        }
        self.next_turn = None;
        if shell.stop.is_cancelled() {
            return;
        }
        for id in self.waiting.lanes() {
            let Some(lane) = shell.lanes.get(&id) else { continue };
            loop {
                let mut classes = self.waiting.classes(&id);
                classes.retain(|class| self.slots.has_room_for_step(*class, &id));
                if classes.is_empty() {
                    break;
                }
                match lane.turn(&classes) {
                    Ok((class, turn)) => {
                        let Some(key) = self.waiting.next_step(&id, class) else { break };
                        self.slots.take_step(class, &id);
                        self.start(key, Job::Step(turn), Some((class, id.clone())));
                    }
                    Err(wait) => {
                        let at = wait.map(|wait| Instant::now() + wait);
                        self.next_turn = self.next_turn.into_iter().chain(at).min();
                        break;
                    }
                }
            }
        }
    }

    /// `step` is the class and the lane of a step in AWS.
    fn start(&mut self, key: Key, job: Job, step: Option<(Class, LaneId)>) {
        let running = self.running.entry(key.clone()).or_default();
        *running.of(step.as_ref()) = true;
        let (shell, ended) = (Arc::clone(&self.shell), self.ended.0.clone());
        if self.waiting.contains(&key) {
            // What else it waited for may have to wait for this now.
            self.evaluate_guarded(&key);
        }
        shell.reconciles.enqueued(key.clone());
        let task = async move {
            Box::pin(reconcile(&shell, &key, job)).await;
            // The receiver is gone only when the scheduler is.
            drop(ended.send(Ended { key, step }));
        };
        drop(self.shell.system.spawn(task));
    }

    fn end(&mut self, Ended { key, step }: Ended) {
        match &step {
            Some((class, lane)) => self.slots.give_back_step(*class, lane),
            None => self.slots.give_back_report(),
        }
        if let Some(running) = self.running.get_mut(&key) {
            *running.of(step.as_ref()) = false;
            if !running.applying && !running.reporting {
                self.running.remove(&key);
            }
        }
        // At the end a report that did not succeed is not begun again.
        if step.is_some() || !self.shell.stop.is_cancelled() {
            self.shell.triggers.urgent([key]);
        }
    }
}

impl Running {
    fn of(&mut self, step: Option<&(Class, LaneId)>) -> &mut bool {
        if step.is_none() { &mut self.reporting } else { &mut self.applying }
    }
}

async fn turn(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
