//! What every reconcile shares.

use std::sync::Arc;

use kube::{
    Api, Client, ResourceExt,
    api::DynamicObject,
    runtime::{
        events::{Recorder, Reporter},
        reflector::Store,
    },
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    Instruments,
    events::publish_about,
    lane_events::{LaneEvents, regarding},
    look::Look,
    metrics::ControllerMetrics,
    objects::{Key, Objects, resource},
    ownership::Owners,
    records::Records,
    settings::Settings,
};
use crate::{
    api::Timestamp,
    aws::{
        lanes::{Connect, Lanes},
        metrics::AwsMetrics,
    },
    process::{permit::Permits, reconciles::Reconciles, system::System},
};

/// Who reports events.
const CONTROLLER: &str = "codeguru-profiler-operator";
/// Status writes under way at a time: more would only queue up in the API server.
const WRITERS: usize = 32;

/// What every reconcile shares.
pub struct Context {
    /// The Kubernetes client.
    pub client: Client,
    /// The operator's settings.
    pub settings: Settings,
    /// The lanes to AWS.
    pub lanes: Lanes,
    /// The objects as last known.
    pub objects: Objects,
    /// Who speaks for which group.
    pub owners: Owners,
    /// The process's own memory.
    pub records: Records,
    /// Who may change the outside world.
    pub permits: Permits,
    /// Publishes events.
    pub recorder: Recorder,
    /// Bounds the status writes under way.
    pub writers: Semaphore,
    /// Counts reconciles.
    pub reconciles: Reconciles<Key>,
    /// Counts what the controller did.
    pub metrics: ControllerMetrics,
    /// Cancelled when no more work is to be begun.
    pub stop: CancellationToken,
    /// What was said of the lanes.
    pub lane_events: LaneEvents,
    /// Clock, chance and tasks.
    pub system: System,
    aws_metrics: Arc<AwsMetrics>,
    looks: mpsc::UnboundedSender<Look>,
}

impl Context {
    /// Knows of no object yet.
    pub fn new(
        client: Client,
        settings: Settings,
        connect: Connect,
        instruments: Instruments,
        store: Store<DynamicObject>,
        looks: mpsc::UnboundedSender<Look>,
        stop: CancellationToken,
        system: System,
    ) -> Self {
        let Instruments { reconciles, controller: metrics, aws: aws_metrics } = instruments;
        let counts = metrics.clone();
        let connect: Connect = Box::new(move |region| {
            counts.looks_at(region);
            connect(region)
        });
        let news = looks.clone();
        let news = Arc::new(move |region: &str| drop(news.send(Look::Lane(region.to_owned()))));
        let instance = settings.pod.as_ref().map(|pod| pod.name.clone());
        let reporter = Reporter { controller: CONTROLLER.into(), instance };
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            lanes: Lanes::new(connect, settings.lane(), news, stop.clone(), system.clone()),
            stop,
            lane_events: LaneEvents::default(),
            client,
            settings,
            objects: Objects::new(store),
            owners: Owners::default(),
            records: Records::default(),
            permits: Permits::always_granted(),
            writers: Semaphore::new(WRITERS),
            reconciles,
            metrics,
            aws_metrics,
            looks,
            system,
        }
    }

    /// The namespace of `object`, untyped.
    pub fn api(&self, object: &DynamicObject) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &object.namespace().unwrap_or_default(), &resource())
    }

    /// Asks for a look. The trigger loop is gone only when the process ends.
    pub fn send(&self, look: Look) {
        drop(self.looks.send(look));
    }

    /// Asks for a look at each of these.
    pub fn look_at(&self, keys: impl IntoIterator<Item = Key>) {
        keys.into_iter().for_each(|key| self.send(Look::At(key)));
    }

    /// The wall clock's time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_jiff(self.system.now())
    }

    /// Takes an object's claim; answers the others whose standing may have changed.
    pub fn claimed_by(&self, object: &DynamicObject) -> Vec<Key> {
        self.owners.applied(object, self.settings.default_region.as_deref(), &self.lanes)
    }

    /// Publishes what is worth saying of a lane that has news; nobody waits for it.
    pub fn tell_lane_events(self: &Arc<Self>, region: &str) {
        let Some(pod) = self.settings.pod.clone() else { return };
        let failure = self.lanes.get(region).failure();
        let Some(draft) = self.lane_events.attempted(region, failure.as_ref()) else { return };
        let context = Arc::clone(self);
        self.system.spawn(async move { publish_about(&context.recorder, &regarding(&pod), draft).await });
    }

    /// Sets the gauge of each lane.
    pub fn tell_inventory_ages(&self) {
        for lane in self.lanes.all() {
            self.aws_metrics.set_inventory_age(lane.region(), lane.inventory_age());
        }
    }
}
