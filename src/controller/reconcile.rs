//! One reconcile: observe, plan, apply, report.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use tracing::Instrument;

use super::{
    apply::apply,
    memory::{Evaluation, key::Key},
    report::report,
    shell::Shell,
};
use crate::{
    aws::{
        lane::{internal_error, panic_message},
        sdk::REQUEST_ID,
        turn::Turn,
    },
    domain::lane_id::LaneId,
    process::reconciles::Outcome,
};

/// One piece of work for an object.
pub enum Job {
    /// One step in AWS, whose turn it is.
    Step(Turn),
    /// Write the status, and publish events.
    Report,
}

/// Does one piece of work for one object. A panic affects this object alone: it is counted, reported and retried.
pub async fn reconcile(shell: &Shell, key: &Key, job: Job) {
    let timer = shell.reconciles.started(key);
    // Observe and plan: the memory answers both.
    let Some(evaluation) = shell.evaluate(key) else {
        timer.finish(Outcome::Success);
        return;
    };
    let reports = matches!(job, Job::Report);
    let steps = async {
        match job {
            Job::Step(turn) => apply(shell, turn, &evaluation).await,
            // What was to be reported when the process stopped is found again after the next start, unless it is that AWS
            // was written to.
            Job::Report if shell.stop.is_cancelled() && !evaluation.unpublished => Outcome::Success,
            Job::Report => report(shell, &evaluation).await,
        }
    };
    let outcome = AssertUnwindSafe(steps.instrument(span(&evaluation))).catch_unwind().await.unwrap_or_else(|panic| {
        let detail = panic_message(panic.as_ref()).to_owned();
        tracing::error!(namespace = &*key.namespace, name = &*key.name, "panic: {detail}");
        let (now, chance) = (shell.now(), shell.system.chance());
        let mut memory = shell.memory.lock();
        if reports {
            memory.handle_write_failed(&evaluation, std::time::Duration::ZERO, now, chance);
        } else {
            memory.handle_failed(&evaluation, internal_error(detail), None, now, chance);
        }
        Outcome::Panic
    });
    timer.finish(outcome);
}

fn span(evaluation: &Evaluation) -> tracing::Span {
    let Evaluation { key, object, .. } = evaluation;
    tracing::info_span!(
        "reconcile",
        namespace = &*key.namespace,
        name = &*key.name,
        generation = object.generation,
        account = evaluation.lane().and_then(LaneId::account),
        region = evaluation.lane().map(LaneId::region),
        { REQUEST_ID } = tracing::field::Empty
    )
}
