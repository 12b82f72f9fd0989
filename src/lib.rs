//! A Kubernetes operator for Amazon CodeGuru Profiler.
//!
//! * [`api`]: what users write and read, the `ProfilingGroup` and its conditions.
//! * [`domain`]: decisions, pure. A rule is changed here.
//! * [`aws`]: the service in our own types; a lane for each region, with its inventory.
//! * [`controller`]: the Kubernetes side. Observe, plan, apply, report.
//! * [`process`]: being a good process.
//! * [`cli`]: the command line.
//!
//! A watch keeps the ProfilingGroups, and a claim says which of them speaks for a group. Each region that they name is a
//! lane: it lists AWS at an interval and keeps an inventory, in which our own writes are never mistaken for somebody
//! else's. Whenever the watch or a lane has news, the pure rules are asked of each object that may be concerned whether
//! anything is to be done or said. If so it is reconciled: its situation is observed, the plan's one step is applied in
//! AWS, and the status is written if it differs. Nothing else makes a reconcile, so what has not changed costs nothing.

pub mod api;
pub mod aws;
pub mod cli;
pub mod controller;
pub mod domain;
pub mod process;

#[cfg(test)]
mod rooms;
