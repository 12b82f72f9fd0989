//! Several replicas of the operator as processes that share a Lease, on a real control plane: replaced, killed, stopped, cut off.
//!
//! By hand, longer than in CI: `FLEET_RESTARTS=20`, `FLEET_EDITS=500`, `FLEET_OUTAGE=60` (seconds), `FLEET_SWEEP=all`,
//! `FLEET_STORM=120` (seconds), `FLEET_PENDING=500`.
#![allow(clippy::unwrap_used, reason = "a story that can't go on ends here")]

#[path = "../accounts.rs"]
mod accounts;
#[path = "../phases.rs"]
mod phases;
#[path = "../world.rs"]
#[allow(dead_code, reason = "the stories of one process need more of it")]
mod world;

mod link;
mod record;
mod replicas;
mod rest;

mod handover;
mod networks;
mod outage;
mod permissions;
mod storm;
mod sweep;
mod watches;
mod work;
mod writers;
mod zombie;

/// A number of the environment, else the one for CI.
fn by_hand(variable: &str, in_ci: usize) -> usize {
    std::env::var(variable).map_or(in_ci, |text| text.parse().unwrap())
}
