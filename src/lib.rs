//! A Kubernetes operator for Amazon CodeGuru Profiler.
//!
//! * [`api`]: what users write and read, the `ProfilingGroup` and its conditions.
//! * [`domain`]: decisions, pure. A rule is changed here.
//! * [`aws`]: the service in our own types; a lane for each region, with its inventory.
//! * [`election`]: which of several processes acts, by a Lease.
//! * [`controller`]: the Kubernetes side. Observe, plan, apply, report.
//! * [`process`]: being a good process.
//! * [`cli`]: the command line.
//!
//! The controller keeps a memory of the ProfilingGroups, of which one owns each group, and of what the lanes know. A lane
//! lists the groups of one region once per interval and keeps an inventory, in which our own writes are never mistaken for
//! external changes. Whenever the watch, a lane or a timer has news, the memory evaluates each resource that may be
//! affected by the pure rules: what is to be done in AWS, which status it should have, and when to evaluate it again. If
//! there is something to do, the resource is reconciled: one step in AWS, or one status write. Nothing else starts a
//! reconcile, so what has not changed costs nothing. The map is in `docs/architecture.md`.

pub mod api;
pub mod aws;
pub mod cli;
pub mod controller;
pub mod domain;
pub mod election;
pub mod process;

#[cfg(test)]
mod layers;
