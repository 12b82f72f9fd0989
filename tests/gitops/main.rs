//! How Argo CD and Flux judge ProfilingGroups, by their own programs.
#![allow(clippy::unwrap_used, reason = "a story that can't go on ends here")]

#[path = "../phases.rs"]
mod phases;
#[path = "../world.rs"]
#[allow(dead_code, reason = "the stories use the rest")]
mod world;

mod applications;
mod commits;
mod flux;
mod live;
mod offline;
mod repository;
