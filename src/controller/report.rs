//! Step 4, report: writes the difference between what is stored and what is so, and publishes what happened. Calls the
//! API server.

use std::{pin::pin, time::Duration};

use futures::join;
use kube::{Resource, ResourceExt, api::DynamicObject, api::PostParams};
use serde_json::Value;
use tokio::time::timeout;

use super::{context::Context, events::publish, objects::Key, observe::Evaluation, refresh, stored};
use crate::{
    domain::{
        plan::Cause,
        remembered::Remembered,
        status::report_updating,
        transitions::{Applied, events_between},
    },
    process::{kube_client::HEAD_WITHIN, permit::Permit},
};

/// A mutation that takes longer is worth telling.
const WORTH_TELLING: Duration = Duration::from_secs(1);
/// So often a status is computed anew when somebody else wrote the object at the same time.
const TRIES: usize = 3;

/// Writes the status of `key`, if there is anything to write, and publishes the transitions.
pub async fn report(context: &Context, key: &Key, applied: Option<Applied>) -> Result<(), kube::Error> {
    let mut retries = 1..TRIES;
    loop {
        let Some(evaluation) = context.evaluate(key) else { return Ok(()) };
        let Some(status) = evaluation.write.clone() else {
            publish_transitions(context, &evaluation, applied).await;
            return Ok(());
        };
        let Some(permit) = context.permits.acquire(HEAD_WITHIN) else { return Ok(()) };
        match write(context, permit, &evaluation.object, status).await {
            Ok(()) => {
                remember(context, &evaluation);
                publish_transitions(context, &evaluation, applied).await;
                return Ok(());
            }
            Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(()),
            Err(kube::Error::Api(status)) if status.is_conflict() && retries.next().is_some() => {
                let api = context.api(&evaluation.object);
                if let Some(newest) = api.get_opt(&evaluation.object.name_any()).await? {
                    context.objects.answered(newest);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Waits for a mutation, and says so in the status if it takes long. What its answer changes is for the next report:
/// this one is only for people, and what the process remembers does not follow it.
pub async fn telling<T>(
    context: &Context,
    evaluation: &Evaluation,
    to: bool,
    cause: Cause,
    mutation: impl Future<Output = T>,
) -> T {
    let mut mutation = pin!(mutation);
    if let Ok(answer) = timeout(WORTH_TELLING, &mut mutation).await {
        return answer;
    }
    let Some(permit) = context.permits.acquire(HEAD_WITHIN) else { return mutation.await };
    let next = report_updating(&evaluation.situation, to, cause, &evaluation.stored);
    let status = stored::merge(&evaluation.object.data["status"], &next);
    let (told, answer) = join!(write(context, permit, &evaluation.object, status), mutation);
    if let Err(error) = told {
        tracing::debug!(error = %error, "can't tell that AWS takes long");
    }
    answer
}

/// Writes one status over the version that it was computed from; a stale writer is refused by the API server.
async fn write(context: &Context, _permit: Permit, object: &DynamicObject, status: Value) -> Result<(), kube::Error> {
    let _place = context.writers.acquire().await;
    let mut body = object.clone();
    body.data["status"] = status;
    // Left out, others' field ownership stays as it is.
    body.meta_mut().managed_fields = None;
    let answer = context.api(object).replace_status(&object.name_any(), &PostParams::default(), &body).await?;
    context.objects.answered(answer);
    Ok(())
}

fn remember(context: &Context, evaluation: &Evaluation) {
    let uid = evaluation.object.uid().unwrap_or_default();
    let slot = refresh::slot(&uid, context.now(), context.settings.status_refresh);
    context.records.update(&uid, |record| record.written(Remembered::of(&evaluation.next), slot));
}

async fn publish_transitions(context: &Context, evaluation: &Evaluation, applied: Option<Applied>) {
    let failure = evaluation.situation.backoff.as_ref().map(|backoff| &backoff.failure);
    let after = if evaluation.write.is_some() { &evaluation.next } else { &evaluation.stored };
    for draft in events_between(&evaluation.stored, after, applied, failure) {
        publish(&context.recorder, &evaluation.object, draft).await;
    }
}
