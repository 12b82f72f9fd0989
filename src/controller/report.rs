//! Step 4, report: writes the status where it differs from the stored one, and publishes events. Calls the API server.

use std::{pin::pin, time::Duration};

use futures::join;
use kube::api::PostParams;
use tokio::time::timeout;

use super::{finalizer, memory::Evaluation, shell::Shell};
use crate::{
    api::ProfilingGroupStatus,
    domain::{
        facet::Step,
        status::progress_status,
        status_merge::StoredStatus,
        transitions::{EventDraft, Reported, events_between, events_of},
        writes::NotKept,
    },
    process::{
        busy::requested_pause, error_chain::error_chain, kube_client::in_time, permit::Permit, reconciles::Outcome,
    },
};

/// A mutation that takes longer is worth a report.
const WORTH_REPORTING: Duration = Duration::from_secs(1);
/// How many times a status is computed again when someone else wrote the object at the same time.
const TRIES: usize = 3;
/// How long at least an object is left alone that was not found, or is another one of the same name: it is gone, and the
/// watch will report it.
const AFTER_NOT_FOUND: Duration = Duration::from_secs(30);

/// Writes the status of `evaluation`, if it is worth a write, and publishes what happened.
pub async fn report(shell: &Shell, evaluation: &Evaluation) -> Outcome {
    if let Some(change) = evaluation.finalizer {
        publish_applied(shell, evaluation).await;
        return finalizer::change(shell, evaluation, change).await;
    }
    let mut evaluation = evaluation.clone();
    let mut tries = 1..TRIES;
    while evaluation.writes {
        let Some(permit) = shell.permits.grant(shell.settings.status_timeout) else {
            if !shell.may_act(shell.settings.status_timeout).await {
                return Outcome::Success;
            }
            // What was computed before the wait may be old.
            let Some(newer) = shell.evaluate(&evaluation.key) else { return Outcome::Success };
            evaluation = newer;
            continue;
        };
        match write(shell, permit, &evaluation, &evaluation.next).await {
            Ok(kept) => {
                let not_kept = shell.memory.lock().handle_written(&evaluation, kept, shell.now());
                publish(shell, &evaluation).await;
                if let Some(cause) = not_kept {
                    report_not_kept(shell, &evaluation, cause).await;
                }
                return outcome(&evaluation);
            }
            Err(conflict) if is_conflict(&conflict) && tries.next().is_some() => {
                match shell.api(&evaluation.key).get_opt(&evaluation.key.name).await {
                    Ok(Some(newest)) if newest.metadata.uid.as_deref() == Some(&evaluation.uid) => {
                        shell.handle(|memory, now| memory.handle_answer(newest, now));
                    }
                    Ok(_) => return failed(shell, &evaluation, &conflict, AFTER_NOT_FOUND),
                    Err(error) => return failed(shell, &evaluation, &error, Duration::ZERO),
                }
                let Some(newer) = shell.evaluate(&evaluation.key) else { return Outcome::Success };
                evaluation = newer;
            }
            Err(error) => {
                let gone = matches!(&error, kube::Error::Api(status) if status.is_not_found());
                let at_least = if gone { AFTER_NOT_FOUND } else { Duration::ZERO };
                return failed(shell, &evaluation, &error, at_least);
            }
        }
    }
    if evaluation.unpublished {
        publish(shell, &evaluation).await;
    }
    outcome(&evaluation)
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict())
}

fn failed(shell: &Shell, evaluation: &Evaluation, error: &kube::Error, at_least: Duration) -> Outcome {
    tracing::warn!("can't write the status: {}", error_chain(error));
    let at_least = at_least.max(requested_pause(error));
    let (now, chance) = (shell.now(), shell.system.chance());
    shell.memory.lock().handle_write_failed(evaluation, at_least, now, chance);
    Outcome::Error
}

/// A reconcile counts as what the resource reports.
fn outcome(evaluation: &Evaluation) -> Outcome {
    if evaluation.is_stalled() { Outcome::TerminalError } else { Outcome::Success }
}

/// Waits for a mutation, and reports it in the status if it takes long. This report is only for people: the memory
/// does not take it in, and the next report has what the answer changes.
pub async fn with_progress<T>(
    shell: &Shell,
    evaluation: &Evaluation,
    step: &Step,
    mutation: impl Future<Output = T>,
) -> T {
    let mut mutation = pin!(mutation);
    if let Ok(answer) = timeout(WORTH_REPORTING, &mut mutation).await {
        return answer;
    }
    let Some(permit) = shell.permits.grant(shell.settings.status_timeout) else { return mutation.await };
    let status = progress_status(&evaluation.situation, step, &evaluation.stored.ours);
    let (written, answer) = join!(write(shell, permit, evaluation, &status), mutation);
    if let Err(error) = written {
        tracing::debug!(error = %error, "can't report that AWS takes long");
    }
    answer
}

/// Writes one status over the version that it was computed from; a stale writer is refused by the API server. Returns
/// whether the API server has stored what was sent.
async fn write(
    shell: &Shell,
    permit: Permit,
    Evaluation { key, object, .. }: &Evaluation,
    next: &ProfilingGroupStatus,
) -> Result<bool, kube::Error> {
    let api = shell.api(key);
    let (params, body) = (PostParams::default(), object.with_status(key, next));
    in_time(&permit, api.replace_subresource("status", &key.name, &params, &body)).await.map(|answer| {
        let kept = !StoredStatus::parse(answer.status.as_str()).differs(next);
        shell.handle(|memory, now| memory.handle_answer(answer, now));
        kept
    })
}

/// Publishes what was written to AWS.
async fn publish_applied(shell: &Shell, evaluation: &Evaluation) {
    let applied = shell.memory.lock().take_unpublished(evaluation);
    for draft in events_of(&applied) {
        shell.events.publish(&evaluation.object.reference(&evaluation.key), draft).await;
    }
}

/// Publishes what was written to AWS, and the transitions that AWS or the user caused.
async fn publish(shell: &Shell, evaluation: &Evaluation) {
    publish_applied(shell, evaluation).await;
    let failure = evaluation.situation.backoff.as_ref().map(|backoff| &backoff.failure);
    // That calls wait is reported once, for the lane.
    let news = evaluation.writes && !evaluation.situation.waits_for_circuit();
    let written = news.then_some(&evaluation.next);
    let stored = Reported::of(&evaluation.stored.ours);
    let transitions = written.into_iter().flat_map(|next| events_between(evaluation.reported, stored, next, failure));
    for draft in transitions {
        shell.events.publish(&evaluation.object.reference(&evaluation.key), draft).await;
    }
}

async fn report_not_kept(shell: &Shell, evaluation: &Evaluation, cause: NotKept) {
    let (label, note) = match cause {
        NotKept::ByServer => (
            "server",
            "The API server does not store the status as it was sent: the CRD in the cluster is older than the \
             operator, or an admission webhook changes the status. Update the CRD; until then the status is written \
             again with a growing pause.",
        ),
        NotKept::ByOthers => (
            "others",
            "Another client keeps changing this status: check whether a second operator watches the same namespaces. \
             The status is written again with a growing pause.",
        ),
    };
    tracing::warn!("{note}");
    shell.metrics.status_not_kept(label);
    let draft = EventDraft { warning: true, reason: "StatusNotKept", action: "WriteStatus", note: note.into() };
    shell.events.publish(&evaluation.object.reference(&evaluation.key), draft).await;
}
