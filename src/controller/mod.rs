//! The Kubernetes side: watches, decides when to reconcile, and reconciles in four steps.

pub mod settings;

mod apply;
mod claims;
mod context;
mod events;
mod lane_events;
mod look;
mod metrics;
mod objects;
mod observe;
mod ownership;
mod reconcile;
mod records;
mod refresh;
mod report;
mod stored;
mod triggers;
mod watch;

use std::{future::ready, sync::Arc};

use futures::StreamExt;
use kube::{
    Client,
    api::DynamicObject,
    runtime::{Controller, controller::Action, reflector::store::Writer, watcher::Event},
};
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::{
    context::Context, look::Look, metrics::ControllerMetrics, objects::Key, settings::Settings, triggers::Triggers,
};
use crate::{
    aws::{lanes::Connect, metrics::AwsMetrics},
    process::{
        health::{Liveness, Readiness},
        reconciles::Reconciles,
        system::System,
    },
};

/// What the controller counts, registered before the registry is frozen.
#[derive(Clone)]
pub struct Instruments {
    reconciles: Reconciles<Key>,
    controller: ControllerMetrics,
    aws: Arc<AwsMetrics>,
}

impl Instruments {
    /// Registers the controller's families.
    pub fn register(registry: &mut Registry, aws: Arc<AwsMetrics>) -> Self {
        Self {
            reconciles: Reconciles::register(registry, "profilinggroup"),
            controller: ControllerMetrics::register(registry),
            aws,
        }
    }
}

/// How the process tells others of itself.
pub struct Health {
    /// Beaten by the trigger loop.
    pub liveness: Liveness,
    /// Set when every watch has listed.
    pub readiness: Readiness,
}

/// Runs the controller until `stop`, and then until what is in flight has ended.
pub async fn run(
    client: Client,
    settings: Settings,
    connect: Connect,
    instruments: Instruments,
    health: Health,
    stop: CancellationToken,
    system: System,
) {
    let (looks, looks_received) = mpsc::unbounded_channel();
    let (queue, queued) = futures::channel::mpsc::unbounded::<DynamicObject>();
    let writer = Writer::new(objects::resource());
    let store = writer.as_reader();
    instruments.controller.counts(store.clone());
    let context = Arc::new(Context::new(
        client,
        settings,
        connect,
        instruments,
        store.clone(),
        looks,
        stop.clone(),
        system.clone(),
    ));
    let watching = system.spawn(watch(Arc::clone(&context), writer, health.readiness));
    let triggers = Triggers::new(Arc::clone(&context), queue);
    let triggering = system.spawn(triggers.run(looks_received, health.liveness));

    Controller::for_stream_with(queued.map(Ok), store, objects::resource())
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(reconcile::reconcile, |_, never, _| match *never {}, context)
        .for_each(|_: Result<(_, Action), _>| ready(()))
        .await;
    watching.abort();
    triggering.abort();
}

/// Keeps the store, the claims and the lanes in step with the API server.
async fn watch(context: Arc<Context>, mut writer: Writer<DynamicObject>, readiness: Readiness) {
    let events = watch::watch(&context.client, &objects::resource(), &context.settings.namespaces);
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        // A list that no longer names an object tells its name and nothing more.
        let gone = if let Event::Delete(object) = &event { context.objects.uid(&objects::key(object)) } else { None };
        writer.apply_watcher_event(&event);
        match event {
            Event::Apply(object) | Event::InitApply(object) => {
                let others = context.claimed_by(&object);
                context.look_at(others.into_iter().chain([objects::key(&object)]));
            }
            Event::Delete(object) => {
                let key = objects::key(&object);
                if let Some(uid) = gone {
                    context.records.forget(&uid);
                }
                context.look_at(context.owners.deleted(&key, &context.lanes));
                context.send(Look::Gone(key));
            }
            Event::Init => {}
            Event::InitDone => {
                readiness.set();
                context.send(Look::All);
            }
        }
    }
}
