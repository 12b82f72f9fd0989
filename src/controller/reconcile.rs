//! One reconcile: observe, plan, apply, report.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use kube::{Resource, api::DynamicObject, runtime::controller::Action};
use tracing::Instrument;

use super::{
    apply::apply,
    context::Context,
    look::Look,
    objects::{Key, key},
    observe::Evaluation,
    records::Record,
    report::{self, report},
    stored,
};
use crate::{
    api::{Reason, Timestamp},
    aws::sdk::REQUEST_ID,
    domain::{
        failure::{Class, Failure},
        plan::Plan,
        status::report_updating,
        transitions::Applied,
    },
    process::{error_chain::error_chain, kube_client::HEAD_WITHIN, reconciles::Outcome},
};

/// A mutation that takes longer is worth telling.
const WORTH_TELLING: Duration = Duration::from_secs(1);
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
        hold(&context, &key, "a reconcile panicked".into());
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
        applied = applied.or(apply_and_tell(context, key, &evaluation).await);
        if applied.is_some() {
            break;
        }
    }
    let mut untold = None;
    record(context, key, |record| untold = record.untold.take());
    let applied = applied.or(untold);
    if let Err(error) = report(context, key, applied).await {
        let why = error_chain(&error);
        tracing::warn!("can't write the status: {why}");
        record(context, key, |record| record.untold = applied);
        hold(context, key, why);
        return Outcome::Error;
    }
    outcome(context, key)
}

/// Applies the plan, and says so in the status if that takes long.
async fn apply_and_tell(context: &Context, key: &Key, evaluation: &Evaluation) -> Option<Applied> {
    let applying = apply(context, key, evaluation);
    tokio::pin!(applying);
    tokio::select! {
        applied = &mut applying => return applied,
        () = tokio::time::sleep(WORTH_TELLING) => {}
    }
    if let (Plan::Update { to, cause }, Some(permit)) = (evaluation.plan, context.permits.acquire(HEAD_WITHIN)) {
        let next = report_updating(&evaluation.situation, to, cause, &evaluation.stored);
        let status = stored::merge(&evaluation.object.data["status"], &next);
        // What AWS answers meanwhile is remembered by the other half: this status is only for people.
        let telling = report::write(context, permit, &evaluation.object, status);
        let (told, applied) = futures::join!(telling, applying);
        if let Err(error) = told {
            tracing::debug!(error = %error, "can't tell that AWS takes long");
        }
        return applied;
    }
    applying.await
}

fn outcome(context: &Context, key: &Key) -> Outcome {
    let setback = context.evaluate(key).and_then(|evaluation| evaluation.situation.setback);
    match setback.map(|setback| setback.failure.class) {
        None => Outcome::Success,
        Some(Class::FixMe) => Outcome::TerminalError,
        Some(Class::Throttled | Class::Transient | Class::Conflict) => Outcome::Error,
    }
}

/// Leaves the object alone for a while: what can't be recorded must not be done.
fn hold(context: &Context, key: &Key, detail: String) {
    let failure = Failure {
        reason: Reason::InternalError,
        class: Class::Transient,
        message: String::new(),
        detail,
        retry_after: None,
    };
    record(context, key, |record| record.unwritten(failure, Timestamp::now()));
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
