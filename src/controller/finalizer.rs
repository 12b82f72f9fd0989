//! Adds and removes the operator's finalizer. Calls Kubernetes.

use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{
    memory::{Evaluation, raw::RawProfilingGroup},
    shell::Shell,
};
use crate::{
    api::FINALIZER,
    domain::{
        deletion::Finalizer,
        failure::{Failure, FailureReason},
        transitions::EventDraft,
    },
    process::{
        busy::requested_pause, error_chain::error_chain, kube_client::in_time, permit::Permit, reconciles::Outcome,
    },
};

/// Changes the finalizer as `evaluation` requests, if the object is still the one that was evaluated.
pub async fn change(shell: &Shell, evaluation: &Evaluation, change: Finalizer) -> Outcome {
    let timeout = shell.settings.status_timeout;
    let Some(permit) = shell.permits.grant(timeout) else {
        // The scheduler evaluates the object again.
        shell.may_act(timeout).await;
        return Outcome::Success;
    };
    match patch(shell, permit, evaluation, change).await {
        Ok(Patched::Edited(object)) => {
            shell.handle(|memory, now| memory.handle_answer(object, now));
            Outcome::Success
        }
        Ok(Patched::Done(object)) => {
            shell.handle(|memory, now| memory.handle_answer(object, now));
            if let Finalizer::Release(release) = change
                && let Some(note) = release.warning()
            {
                let draft = EventDraft { warning: true, reason: "Retained", action: "Delete", note };
                shell.events.publish(&evaluation.object.reference(&evaluation.key), draft).await;
            }
            Outcome::Success
        }
        Ok(Patched::Gone) => {
            shell.handle(|memory, now| memory.handle_gone(&evaluation.key, now));
            Outcome::Success
        }
        Err(error) => failed(shell, evaluation, &error),
    }
}

/// What came of a patch.
enum Patched {
    /// The object as it is afterwards.
    Done(RawProfilingGroup),
    /// The object was edited since it was evaluated, and is as it was.
    Edited(RawProfilingGroup),
    /// There is none any more.
    Gone,
}

async fn patch(
    shell: &Shell,
    permit: Permit,
    Evaluation { key, object, uid, .. }: &Evaluation,
    change: Finalizer,
) -> Result<Patched, kube::Error> {
    let api = shell.api(key);
    let request = async {
        let newest = api.get_opt(&key.name).await?.filter(|newest| newest.metadata.uid.as_deref() == Some(uid));
        let Some(newest) = newest else { return Ok(Patched::Gone) };
        if !object.is_as_requested_in(&newest) {
            return Ok(Patched::Edited(newest));
        }
        let mut finalizers = newest.metadata.finalizers.unwrap_or_default();
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        if change == Finalizer::Add {
            finalizers.push(FINALIZER.to_owned());
        }
        let metadata = json!({ "resourceVersion": newest.metadata.resource_version, "finalizers": finalizers });
        let patch = Patch::Merge(json!({ "metadata": metadata }));
        api.patch(&key.name, &PatchParams::default(), &patch).await.map(Patched::Done)
    };
    in_time(&permit, request).await
}

fn failed(shell: &Shell, evaluation: &Evaluation, error: &kube::Error) -> Outcome {
    tracing::warn!("can't change the finalizer: {}", error_chain(error));
    let (now, chance) = (shell.now(), shell.system.chance());
    let mut memory = shell.memory.lock();
    match error {
        kube::Error::Api(status) if status.is_forbidden() => {
            let failure = Failure {
                reason: FailureReason::FinalizerDenied,
                message: format!(
                    "Kubernetes denies the operator the verb patch on profilinggroups, without which it can't add or remove \
                     the finalizer {FINALIZER}: allow it (the chart does for operator.allowedFacets with restore or \
                     delete), or remove the finalizer and set spec.deletionPolicy to Retain."
                ),
                detail: error_chain(error),
                retry_after: None,
            };
            memory.handle_failed(evaluation, failure, None, now, chance);
            Outcome::TerminalError
        }
        _ => {
            memory.handle_write_failed(evaluation, requested_pause(error), now, chance);
            Outcome::Error
        }
    }
}
