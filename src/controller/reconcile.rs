//! One reconcile: observe, plan, apply, report.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use kube::{Resource, api::DynamicObject, runtime::controller::Action};
use tracing::Instrument;

use super::{
    apply::apply,
    context::Context,
    look::Look,
    objects::{Key, key},
    records::Record,
    report::report,
};
use crate::{
    aws::sdk::REQUEST_ID,
    domain::{failure::Class, plan::Plan},
    process::{error_chain::error_chain, reconciles::Outcome},
};

/// A missing group takes a Describe and then an Update: more steps in a row are for the next reconcile.
const MOST_STEPS: usize = 3;

/// A reconcile never fails as far as kube is concerned: what went wrong is in the record, which knows when to retry.
#[derive(Debug, thiserror::Error)]
pub enum Never {}

/// Reconciles one object, and sends a look at it when done. A panic is that of this object alone.
pub async fn reconcile(object: Arc<DynamicObject>, context: Arc<Context>) -> Result<Action, Never> {
    let key = key(&object);
    let timer = context.reconciles.started(&key);
    let span = span(&context, &key);
    let outcome = AssertUnwindSafe(steps(&context, &key).instrument(span)).catch_unwind().await.unwrap_or_else(|_| {
        record(&context, &key, |record| record.hold(context.now(), context.system.chance()));
        Outcome::Panic
    });
    timer.finish(outcome);
    context.send(Look::Reconciled(key));
    Ok(Action::await_change())
}

async fn steps(context: &Context, key: &Key) -> Outcome {
    let mut applied = None;
    for _ in 0..MOST_STEPS {
        let Some(evaluation) = context.evaluate(key) else { return Outcome::Success };
        if evaluation.plan == Plan::Rest || context.stop.is_cancelled() {
            break;
        }
        applied = apply(context, key, &evaluation).await;
        if applied.is_some() {
            break;
        }
    }
    let mut untold = None;
    record(context, key, |record| untold = record.untold.take());
    let applied = applied.or(untold);
    if let Err(error) = report(context, key, applied).await {
        tracing::warn!("can't write the status: {}", error_chain(&error));
        record(context, key, |record| {
            record.untold = applied;
            record.hold(context.now(), context.system.chance());
        });
        return Outcome::Error;
    }
    outcome(context, key)
}

fn outcome(context: &Context, key: &Key) -> Outcome {
    let mut class = None;
    record(context, key, |record| class = record.backoff.as_ref().map(|backoff| backoff.failure.class));
    match class {
        None => Outcome::Success,
        Some(Class::FixMe) => Outcome::TerminalError,
        Some(Class::Throttled | Class::Transient | Class::Conflict) => Outcome::Error,
    }
}

fn record(context: &Context, key: &Key, work: impl FnOnce(&mut Record)) {
    let Some(uid) = context.objects.get(key).and_then(|object| object.meta().uid.clone()) else { return };
    context.records.update(&uid, work);
}

fn span(context: &Context, key: &Key) -> tracing::Span {
    let object = context.objects.get(key);
    let spec = object.as_ref().map(|object| &object.data["spec"]);
    let region = spec.and_then(|spec| spec["region"].as_str()).or(context.settings.default_region.as_deref());
    tracing::info_span!(
        "reconcile",
        namespace = key.namespace.as_deref(),
        name = key.name,
        generation = object.as_ref().and_then(|object| object.meta().generation),
        region,
        { REQUEST_ID } = tracing::field::Empty
    )
}
