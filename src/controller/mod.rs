//! The Kubernetes side: keeps a memory in step with the API server, and acts on what it decides in four steps.

pub mod instruments;
pub mod settings;

mod account_status;
mod account_watch;
mod apply;
mod events;
mod finalizer;
mod lane_events;
mod memory;
mod metrics;
mod reconcile;
mod report;
mod scheduler;
mod shell;
mod slots;
mod timers;
mod triggers;
mod unmark;
mod waiting;
mod watch;

use std::{pin::pin, sync::Arc};

use futures::StreamExt;
use kube::Client;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use self::{
    account_status::report_accounts,
    account_watch::follow_accounts,
    instruments::Instruments,
    scheduler::Scheduler,
    settings::Settings,
    shell::Shell,
    watch::{Watched, merged_watch},
};
use crate::{
    aws::lanes::Connect,
    domain::transitions::EventDraft,
    process::{
        health::{Liveness, Readiness},
        permit::Permits,
        system::System,
    },
};

/// Through what the controller reaches the outside.
pub struct Surroundings {
    /// Kubernetes.
    pub client: Client,
    /// AWS.
    pub connect: Connect,
    /// Who may change either.
    pub permits: Permits,
    /// Clock, chance and tasks.
    pub system: System,
    /// Cancelled when no more work is to be begun.
    pub stop: CancellationToken,
}

/// How the process reports on itself.
pub struct Health {
    /// Beaten by the scheduler.
    pub liveness: Liveness,
    /// Set when every namespace has listed.
    pub readiness: Readiness,
}

/// A part of the controller ended before it was stopped.
#[derive(Debug, thiserror::Error)]
#[error("{part} ended unexpectedly: {why}")]
pub struct Ended {
    part: &'static str,
    why: String,
}

/// Runs the controller until `stop`, and then until what is under way has ended. Fails when a part of it ends before.
pub async fn run(
    surroundings: Surroundings,
    settings: Settings,
    instruments: Instruments,
    health: Health,
) -> Result<(), Ended> {
    let (system, stop) = (surroundings.system.clone(), surroundings.stop.clone());
    let shell = Shell::new(surroundings, settings, instruments);
    shell.metrics.watches(&shell.settings.namespaces);
    let mut watching = system.spawn(follow(Arc::clone(&shell), health.readiness));
    let mut watching_accounts = system.spawn(follow_accounts(Arc::clone(&shell)));
    let mut reporting_accounts = system.spawn(report_accounts(Arc::clone(&shell)));
    let mut scheduling = system.spawn(Scheduler::new(Arc::clone(&shell)).run(health.liveness));
    let ended = tokio::select! {
        biased;
        done = &mut scheduling => early("the scheduler", done, &stop),
        done = &mut watching => early("the watch", done, &stop),
        done = &mut watching_accounts => early("the watch of ProfilerAccounts", done, &stop),
        done = &mut reporting_accounts => early("the reports of ProfilerAccounts", done, &stop),
    };
    stop.cancel();
    watching.abort();
    watching_accounts.abort();
    reporting_accounts.abort();
    scheduling.abort();
    ended
}

fn early(part: &'static str, done: Result<(), JoinError>, stop: &CancellationToken) -> Result<(), Ended> {
    match done {
        Ok(()) if stop.is_cancelled() => Ok(()),
        Ok(()) => Err(Ended { part, why: "it returned".into() }),
        Err(error) => Err(Ended { part, why: error.to_string() }),
    }
}

/// Keeps the memory in step with the API server.
async fn follow(shell: Arc<Shell>, readiness: Readiness) {
    let events = merged_watch(&shell.client, &shell.settings.namespaces, &shell.system);
    let mut events = pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Watched::Applied(object) => shell.handle(|memory, now| memory.handle_applied(object, now)),
            Watched::Deleted(key) => shell.handle(|memory, now| memory.handle_deleted(&key, now)),
            Watched::Listed { namespace, keys } => {
                shell.handle(|memory, now| memory.handle_listed(&namespace, &keys, now));
            }
            Watched::Complete => {
                readiness.set();
                shell.complete.notify_one();
            }
            Watched::Refused { namespace, detail } => report_refused(&shell, &namespace, &detail),
        }
    }
}

fn report_refused(shell: &Shell, namespace: &str, detail: &str) {
    let what = if namespace.is_empty() { "all namespaces".to_owned() } else { format!("namespace {namespace}") };
    let note = format!(
        "ProfilingGroups in {what} can't be listed and are ignored until they can be: check that the namespace exists \
         and that the operator's ServiceAccount is allowed to list and watch profilinggroups there. {detail}"
    );
    tracing::warn!(namespace, "{note}");
    shell.metrics.refused(namespace);
    shell.publish_when_leading(EventDraft { warning: true, reason: "NamespaceRefused", action: "List", note });
}
