//! Step 3, apply: the one step in AWS that the plan asks for. Calls AWS, and the API server before a correction.

use std::sync::Arc;

use kube::{Resource, ResourceExt, api::DynamicObject};

use super::{context::Context, objects::Key, observe::Evaluation, report::telling};
use crate::{
    api::Reason,
    aws::lane::Lane,
    domain::{
        failure::{Class, Failure},
        plan::{Cause, Plan},
        transitions::Applied,
    },
};

/// Does what `evaluation` plans, if it still is the plan when it is this group's turn. Answers what was written to AWS;
/// failures go into the record, for the next status to tell.
pub async fn apply(context: &Context, key: &Key, evaluation: &Evaluation) -> Option<Applied> {
    let lane = evaluation.lane.as_deref()?;
    match evaluation.plan {
        Plan::Rest => None,
        Plan::Describe => {
            let outcome = lane.describe(&evaluation.situation.desired.name).await;
            context.records.update(&uid(evaluation), |record| match outcome {
                Ok(()) => record.succeeded(),
                Err(failure) => record.failed(failure, context.now(), context.system.chance()),
            });
            None
        }
        Plan::Update { .. } => update(context, key, evaluation, lane).await,
    }
}

async fn update(context: &Context, key: &Key, evaluation: &Evaluation, lane: &Lane) -> Option<Applied> {
    let turn = lane.turn(&evaluation.situation.desired.name).await;
    if context.stop.is_cancelled() {
        return None;
    }
    // While it waited, the object may have vanished, changed its mind, or lost its claim.
    let evaluation = context.evaluate(key).filter(|now| now.plan == evaluation.plan)?;
    let Plan::Update { to, cause } = evaluation.plan else { return None };
    let uid = uid(&evaluation);
    if cause == Cause::Drift
        && let Err(failure) = confirm(context, &evaluation.object).await
    {
        context.records.update(&uid, |record| record.failed(failure, context.now(), context.system.chance()));
        return None;
    }
    let permit = context.permits.acquire(context.settings.aws_timeout)?;
    let outcome = telling(context, &evaluation, to, cause, lane.update(turn, permit, to)).await;
    let now = context.now();
    match outcome {
        Ok(_) => {
            context.records.update(&uid, |record| {
                record.succeeded();
                record.remembered = record.remembered.clone().after_update(&evaluation.situation, to, cause, now);
            });
            if cause == Cause::Drift {
                context.metrics.drift_corrected(lane.region());
            }
            tracing::info!(to, ?cause, "wrote the switch");
            Some(Applied { to, cause })
        }
        Err(failure) => {
            tracing::warn!(to, ?cause, reason = failure.reason.as_str(), "{}", failure.detail);
            context.records.update(&uid, |record| record.failed(failure, now, context.system.chance()));
            None
        }
    }
}

/// Asks the API server whether the spec is still the one the watch has told of: a silent watch must not undo what
/// somebody did in AWS for good reason.
async fn confirm(context: &Context, object: &Arc<DynamicObject>) -> Result<(), Failure> {
    let detail = match context.api(object).get_metadata(&object.name_any()).await {
        Ok(now) if now.uid() == object.uid() && now.meta().generation == object.meta().generation => return Ok(()),
        Ok(_) => "the watch has not told of the newest generation yet".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Failure {
        reason: Reason::InternalError,
        class: Class::Transient,
        message: "Kubernetes does not confirm that the spec is current; AWS is not corrected before it does.".into(),
        detail,
        retry_after: None,
    })
}

fn uid(evaluation: &Evaluation) -> String {
    evaluation.object.uid().unwrap_or_default()
}
