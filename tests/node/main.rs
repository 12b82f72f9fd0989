//! A real node: the cluster that `cargo devkit cluster` makes, and the operator in a pod on it. Needs root and Debian's packages.
#![allow(clippy::unwrap_used, reason = "a story that can't go on ends here")]

mod container;
mod flips;
mod leaves_nothing;
mod names;
mod one_node;
mod report;
mod traces;

use std::path::PathBuf;

use devkit::cargo;

async fn devkit() -> PathBuf {
    cargo::dev("devkit").await.unwrap()
}
