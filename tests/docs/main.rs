//! The documentation against what it speaks of: what it leaves out or makes up fails here.
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends here")]

mod alerts;
mod architecture;
mod ci;
mod conditions;
mod configuration;
mod iam;
mod install;
mod kube_state_metrics;
mod links;
mod text;
