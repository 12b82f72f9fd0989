//! The memory, with everything that it can't reach: clients, clocks, random numbers, permits. Does what it requests.

use std::{
    mem,
    sync::{Arc, Weak},
    time::Duration,
};

use kube::{Api, Client, api::ListParams};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    Surroundings,
    events::Events,
    instruments::Instruments,
    lane_events::{LaneEvents, regarding},
    memory::{Evaluation, Memory, Wanted, accounts::AccountReport, key::Key, object::Version, raw::RawProfilingGroup},
    metrics::ControllerMetrics,
    settings::Settings,
    triggers::Triggers,
    unmark::unmark,
    waiting::Waiting,
};
use crate::{
    api::Timestamp,
    aws::{
        lanes::{LaneObserver, Lanes},
        metrics::AwsMetrics,
    },
    domain::{
        lane_id::LaneId,
        moment::{Moment, Now},
        transitions::EventDraft,
    },
    process::{permit::Permits, reconciles::Reconciles, system::System},
};

/// What every reconcile shares.
pub struct Shell {
    /// The Kubernetes client.
    pub client: Client,
    /// The operator's settings.
    pub settings: Settings,
    /// What the controller knows. Held for memory access only, never across a wait.
    pub memory: Arc<Mutex<Memory>>,
    /// The lanes that run.
    pub lanes: Arc<Lanes>,
    /// What is to be evaluated.
    pub triggers: Triggers,
    /// Permits for calls that change the outside world.
    pub permits: Permits,
    /// Publishes events.
    pub events: Events,
    /// Counts reconciles.
    pub reconciles: Reconciles<Key>,
    /// Counts what the controller did.
    pub metrics: ControllerMetrics,
    /// Clocks, random numbers and tasks.
    pub system: System,
    /// Cancelled when no more work is to be begun.
    pub stop: CancellationToken,
    /// Notified when every object is known.
    pub complete: Notify,
    /// Notified when what is reported of a ProfilerAccount may be another.
    pub accounts_changed: Notify,
    /// Events for when this process leads.
    before_leading: Mutex<Vec<EventDraft>>,
    lane_events: LaneEvents,
    aws_metrics: Arc<AwsMetrics>,
}

impl Shell {
    /// Knows of no object yet.
    pub fn new(surroundings: Surroundings, settings: Settings, instruments: Instruments) -> Arc<Self> {
        let Surroundings { client, connect, permits, system, stop } = surroundings;
        let Instruments { reconciles, controller: metrics, aws: aws_metrics } = instruments;
        Arc::new_cyclic(|shell: &Weak<Self>| {
            let observer: Weak<dyn LaneObserver> = shell.clone();
            Self {
                events: Events::new(client.clone(), settings.pod.as_ref(), system.clone()),
                lanes: Arc::new(Lanes::new(connect, settings.lane(), observer, system.clone(), stop.clone())),
                memory: Arc::new(Mutex::new(Memory::new(settings.clone()))),
                triggers: Triggers::default(),
                client,
                settings,
                permits,
                reconciles,
                metrics,
                system,
                stop,
                complete: Notify::new(),
                accounts_changed: Notify::new(),
                before_leading: Mutex::default(),
                lane_events: LaneEvents::default(),
                aws_metrics,
            }
        })
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        Now { wall: Timestamp::from_jiff(self.system.now()), moment: self.moment() }
    }

    fn moment(&self) -> Moment {
        Moment::after(self.system.elapsed())
    }

    /// The namespace of `key`.
    pub fn api(&self, key: &Key) -> Api<RawProfilingGroup> {
        Api::namespaced(self.client.clone(), &key.namespace)
    }

    /// Waits until a call that takes so long could be granted a permit; false when the process stops before.
    pub async fn may_act(&self, call: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            permit = self.permits.acquire(call) => {
                drop(permit);
                true
            }
        }
    }

    /// What to do about one object.
    pub fn evaluate(&self, key: &Key) -> Option<Evaluation> {
        self.metrics.evaluated();
        self.memory.lock().evaluate(key, self.now())
    }

    /// What to do about one object, as [`evaluate`](Self::evaluate), and remembers what was found.
    pub fn evaluate_and_note(&self, key: &Key) -> Option<Evaluation> {
        self.metrics.evaluated();
        let mut evaluation = None;
        self.handle(|memory, now| {
            evaluation = memory.evaluate(key, now);
            evaluation.as_ref().map(|evaluation| memory.note(evaluation, now)).unwrap_or_default()
        });
        evaluation
    }

    /// How long what is known about one object may still be trusted.
    pub fn trusted_for(&self, key: &Key) -> Option<Duration> {
        self.memory.lock().trusted_for(key, self.moment())
    }

    /// Hands an event to the memory, and does what it requests.
    pub fn handle(&self, event: impl FnOnce(&mut Memory, Now) -> Wanted) {
        let now = self.now();
        let wanted = event(&mut self.memory.lock(), now);
        self.carry_out(wanted, true);
    }

    /// Waits until this process leads, which a process does that has no rival, and every object is known. AWS lists its
    /// groups beside the API server.
    pub async fn elected(&self) {
        self.permits.elected().await;
        self.handle(Memory::list_early);
        self.complete.notified().await;
    }

    /// Begins to act.
    pub fn begin(self: &Arc<Self>) {
        self.metrics.counts(&self.memory);
        self.handle(Memory::begin);
        drop(self.system.spawn(Arc::clone(self).learn_newest()));
        self.triggers.open();
        let waiting = mem::take(&mut *self.before_leading.lock());
        for draft in waiting {
            self.publish_about_pod(draft);
        }
        if self.permits.are_contested() {
            let note = "This replica leads: the others wait.".to_owned();
            self.publish_about_pod(EventDraft { warning: false, reason: "LeaderElected", action: "Lead", note });
        }
    }

    /// An edit that is newer than all that is stored now needs no read that confirms it. Where this read fails, each
    /// resource's first write to AWS is confirmed by a read of its own.
    async fn learn_newest(self: Arc<Self>) {
        let api: Api<RawProfilingGroup> = match self.settings.namespaces.first() {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        match api.list_metadata(&ListParams::default().limit(1)).await {
            Ok(list) => {
                let newest = list.metadata.resource_version.as_deref().and_then(Version::read);
                self.memory.lock().handle_newest(newest);
            }
            Err(error) => tracing::debug!("the newest version is not known: {error}"),
        }
    }

    /// Publishes an event about the operator's own pod, once this process leads.
    pub fn publish_when_leading(&self, draft: EventDraft) {
        // Locked before it looks: what is added is taken when this process begins to act.
        let mut waiting = self.before_leading.lock();
        if self.triggers.is_open() {
            self.publish_about_pod(draft);
        } else {
            waiting.push(draft);
        }
    }

    /// Publishes an event about the operator's own pod; nothing waits for it.
    fn publish_about_pod(&self, draft: EventDraft) {
        let Some(pod) = &self.settings.pod else { return };
        let (events, pod) = (self.events.clone(), regarding(pod));
        drop(self.system.spawn(async move { events.publish(&pod, draft).await }));
    }

    fn carry_out(&self, Wanted { recheck, lanes, departures }: Wanted, urgent: bool) {
        for left in departures {
            let Some(lane) = self.lanes.get(&left.group.lane) else { continue };
            let (memory, permits) = (Arc::clone(&self.memory), self.permits.clone());
            drop(self.system.spawn(unmark(lane, memory, permits, self.settings.aws_call(), left)));
        }
        for id in lanes {
            let state = self.memory.lock().lane(&id);
            if let Some(state) = state {
                self.metrics.begins(&id);
                self.lanes.start_or_wake(&id, state);
            }
        }
        if recheck.is_empty() {
            return;
        }
        if urgent { self.triggers.urgent(recheck) } else { self.triggers.routine(recheck) }
    }

    /// What is to be reported of each ProfilerAccount.
    pub fn account_reports(&self) -> Vec<AccountReport> {
        let rate = |id: &LaneId| self.lanes.get(id).map(|lane| lane.limits().rate);
        self.memory.lock().account_reports(self.now(), rate)
    }

    fn account_changed(&self, lane: &LaneId) {
        if lane.role().is_some() {
            self.accounts_changed.notify_one();
        }
    }

    /// Sets the gauges of each lane.
    pub fn report_lanes(&self, waiting: &Waiting) {
        for lane in self.lanes.all() {
            let id = lane.id();
            let age = lane.state().inventory_age(self.moment());
            self.aws_metrics.set_inventory_age(id, age);
            self.aws_metrics.set_limits(id, lane.limits(), |class| waiting.count(id, class));
        }
    }

    /// Publishes what is worth an event about a lane; nothing waits for it.
    fn publish_lane_events(&self, id: &LaneId) {
        let Some(lane) = self.lanes.get(id) else { return };
        let draft = {
            let state = lane.state();
            self.lane_events.changed(id, state.circuit(), state.failure(), self.moment())
        };
        if let Some(draft) = draft {
            self.publish_about_pod(draft);
        }
    }
}

impl LaneObserver for Shell {
    fn changed(&self, lane: &LaneId) {
        self.publish_lane_events(lane);
        self.account_changed(lane);
        let wanted = self.memory.lock().handle_lane_news(lane, self.now());
        self.carry_out(wanted, false);
        // A List that succeeded may let a step through.
        self.triggers.routine([]);
    }

    fn ended(&self, lane: &LaneId, idle: Duration) -> bool {
        let ended = self.memory.lock().handle_lane_idle(lane, idle, self.moment());
        if ended {
            self.lane_events.forget(lane);
            self.account_changed(lane);
            self.metrics.ends(lane);
            self.aws_metrics.forget(lane);
        }
        ended
    }

    fn panicked(&self, _: &LaneId) {
        self.metrics.panicked("lane");
    }
}
