//! The whole controller on simulated time: real shell, real kube-runtime, a model API server, the emulator's core, and
//! faults from a seed.
//!
//! `cargo test --test simulation` runs some schedules. `SIMULATION_SCHEDULES=200000 SIMULATION_FROM=0` runs as many
//! from that seed on, `SIMULATION_SECONDS=120` for at least so long. A schedule that fails is cut to what is needed
//! and printed.
#![allow(clippy::unwrap_used, reason = "a simulation that can't go on ends here")]

mod apiserver;
mod aws;
mod costs;
mod details;
mod faults;
mod kubernetes;
mod old_news;
mod oracle;
mod process;
mod random;
mod rate;
mod run;
mod scenarios;
mod scenarios_election;
mod scenarios_limits;
mod schedule;
mod sdk;
mod stage;
mod world;
