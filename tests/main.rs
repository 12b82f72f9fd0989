//! Stories: what a user sees, on a real control plane with the operator and the emulator as processes.
#![allow(clippy::unwrap_used, reason = "a story that can't go on ends here")]

mod accounts;
mod phases;
mod pod_identity;
mod world;

mod agents;
mod aws_trouble;
mod claims;
mod counts;
mod creation;
mod deletion;
mod drift;
mod edits;
mod identity;
mod installation;
mod k9s;
mod kubernetes_trouble;
mod meddlers;
mod namespaces;
mod not_kept;
mod notifications;
mod owners;
mod permissions;
mod process;
mod profiler_accounts;
mod refusals;
mod requests;
mod suspend;
mod tags;
mod targets;
mod teams;
mod thin_and_stale;
mod upgrade;

#[tokio::test]
#[should_panic(expected = "a story ends with `world.judge().await`")]
async fn a_story_that_forgets_its_judge_fails() {
    world::World::new().await;
}
