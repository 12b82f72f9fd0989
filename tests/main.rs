//! Stories: what a user sees, told on a real control plane with the operator and the emulator as processes.
#![allow(clippy::unwrap_used, reason = "a story that can't go on ends here")]

mod phases;
mod world;

mod agents;
mod aws_trouble;
mod claims;
mod counts;
mod drift;
mod edits;
mod identity;
mod installation;
mod k9s;
mod kubernetes_trouble;
mod meddlers;
mod process;
mod refusals;
mod requests;
mod suspend;
mod targets;
mod thin_and_stale;
