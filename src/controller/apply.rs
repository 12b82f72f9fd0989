//! Step 3, apply: the one step in AWS that the plan contains. Calls AWS, and the API server before it writes from a
//! spec that may be old.

use kube::ResourceExt;

use super::{account_watch::read_again, memory::Evaluation, report::with_progress, shell::Shell};
use crate::{
    aws::{
        error::Effect,
        lane::{GroupGuard, Stopping},
        turn::Turn,
    },
    domain::{
        facet::Step,
        failure::{Class, Failure, FailureReason},
        lane_id::LaneId,
        plan::{Cause, Plan},
    },
    process::reconciles::Outcome,
};

/// Does what `evaluation` plans, if that is still the plan. The outcome goes to the memory, for the next status to
/// report.
pub async fn apply(shell: &Shell, turn: Turn, evaluation: &Evaluation) -> Outcome {
    let outcome = match &evaluation.plan {
        _ if evaluation.lane() != Some(turn.lane().id()) => Ok(()),
        Plan::Rest => Ok(()),
        Plan::Describe => read(shell, evaluation, turn.describe(&evaluation.situation.desired.name)).await,
        Plan::ReadTags => read_tags(shell, turn, evaluation).await,
        Plan::ReadPolicy => read(shell, evaluation, turn.policy(&evaluation.situation.desired.name)).await,
        Plan::ReadChannels => read(shell, evaluation, turn.channels(&evaluation.situation.desired.name)).await,
        Plan::Write { .. } => write(shell, turn, evaluation).await,
    };
    match outcome {
        Ok(()) | Err(Apply::GivenUp) => Outcome::Success,
        Err(Apply::Failed(failure, in_doubt)) => {
            let outcome = if failure.reason.class() == Class::FixMe { Outcome::TerminalError } else { Outcome::Error };
            let (now, chance) = (shell.now(), shell.system.chance());
            shell.memory.lock().handle_failed(evaluation, failure, in_doubt.map(|step| *step), now, chance);
            outcome
        }
    }
}

enum Apply {
    /// Nothing is to be done any more.
    GivenUp,
    /// With the step that AWS may have taken all the same.
    Failed(Failure, Option<Box<Step>>),
}

impl From<Stopping> for Apply {
    fn from(_: Stopping) -> Self {
        Self::GivenUp
    }
}

async fn read_tags(shell: &Shell, turn: Turn, evaluation: &Evaluation) -> Result<(), Apply> {
    let Some(arn) = evaluation.situation.arn() else { return Err(Apply::GivenUp) };
    read(shell, evaluation, turn.list_tags(&evaluation.situation.desired.name, arn)).await
}

async fn read(
    shell: &Shell,
    evaluation: &Evaluation,
    call: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Apply> {
    call.await.map_err(|failure| Apply::Failed(failure, None))?;
    shell.memory.lock().handle_read(evaluation);
    Ok(())
}

async fn write(shell: &Shell, turn: Turn, evaluation: &Evaluation) -> Result<(), Apply> {
    let guard = turn.lane().guard(&evaluation.situation.desired.name).await?;
    let permit = loop {
        if !shell.may_act(shell.settings.aws_call()).await {
            return Err(Apply::GivenUp);
        }
        let waited = still_planned(shell, evaluation)?;
        if waited.unconfirmed {
            confirm(shell, &waited).await?;
        }
        // Granted after every wait: the permit covers this call alone.
        if let Some(permit) = shell.permits.grant(shell.settings.aws_call()) {
            break permit;
        }
    };
    let evaluation = still_planned(shell, evaluation)?;
    let Plan::Write { step, cause } = &evaluation.plan else { return Err(Apply::GivenUp) };
    send(shell, turn, guard, permit, &evaluation, step, *cause).await
}

async fn send(
    shell: &Shell,
    turn: Turn,
    guard: GroupGuard,
    permit: crate::process::permit::Permit,
    evaluation: &Evaluation,
    step: &Step,
    cause: Cause,
) -> Result<(), Apply> {
    let lane = turn.lane().id().clone();
    let arn = match step {
        // Known by its name alone: an edit may be sent before anything else is known.
        Step::Create(_)
        | Step::Delete
        | Step::Switch(_)
        | Step::PutPermission { .. }
        | Step::RemovePermission { .. }
        | Step::AddChannels(_)
        | Step::RemoveChannel { .. } => evaluation.situation.arn().unwrap_or_default(),
        Step::Mark(_) | Step::Unmark(_) | Step::Tag(_) | Step::Untag(_) => {
            evaluation.situation.arn().ok_or(Apply::GivenUp)?
        }
    };
    let facet = step.facet();
    let call = permit.deadline().bound(turn.write(guard, permit, step, arn));
    match with_progress(shell, evaluation, step, call).await {
        Ok(Ok(())) => {
            shell.memory.lock().handle_written_to_aws(evaluation, step, cause, shell.now());
            if cause == Cause::Drift {
                shell.metrics.drift_corrected(&lane, facet);
            }
            tracing::info!(?step, ?cause, "wrote {facet}");
            Ok(())
        }
        Ok(Err((failure, effect))) => {
            if matches!(step, Step::Create(_)) && failure.reason == FailureReason::Conflict {
                shell.memory.lock().handle_found(evaluation, shell.now());
            }
            tracing::warn!(?step, ?cause, reason = failure.reason.as_str(), "{}", failure.detail);
            Err(Apply::Failed(failure, (effect == Effect::Unclear).then(|| Box::new(step.clone()))))
        }
        Err(error) => {
            tracing::warn!(?step, ?cause, "{error}");
            let message = "AWS did not respond in time; the operator retries.".into();
            let failure =
                Failure { reason: FailureReason::TimedOut, message, detail: error.to_string(), retry_after: None };
            Err(Apply::Failed(failure, Some(Box::new(step.clone()))))
        }
    }
}

/// While it waited, the object may have been deleted or edited, or have lost its claim, or its ProfilerAccount may have
/// been changed.
fn still_planned(shell: &Shell, evaluation: &Evaluation) -> Result<Evaluation, Apply> {
    let same =
        |now: &Evaluation| now.uid == evaluation.uid && now.plan == evaluation.plan && now.lane() == evaluation.lane();
    let now = shell.evaluate(&evaluation.key).filter(same);
    now.filter(|_| !shell.stop.is_cancelled()).ok_or(Apply::GivenUp)
}

/// Reads the object from the API server, and its ProfilerAccount: a watch that has fallen silent, or one that lags behind
/// what a former leader has seen, must not undo a newer change, or use a role that was taken away.
async fn confirm(shell: &Shell, evaluation: &Evaluation) -> Result<(), Apply> {
    if let Some(account) = evaluation.lane().and_then(LaneId::account) {
        read_again(shell, account).await.map_err(|error| unconfirmed(error.to_string()))?;
    }
    let detail = match shell.api(&evaluation.key).get_opt(&evaluation.key.name).await {
        Ok(Some(newest)) if newest.uid().as_deref() == Some(&evaluation.uid) => {
            let current = evaluation.object.is_as_requested_in(&newest);
            shell.handle(|memory, now| memory.handle_answer(newest, now));
            return if current { Ok(()) } else { Err(Apply::GivenUp) };
        }
        Ok(_) => "the watch has not reported yet that the resource is gone".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(unconfirmed(detail))
}

fn unconfirmed(detail: String) -> Apply {
    let failure = Failure {
        reason: FailureReason::InternalError,
        message: "The API server does not confirm that the spec is current; nothing is written to AWS until it does."
            .into(),
        detail,
        retry_after: None,
    };
    Apply::Failed(failure, None)
}
