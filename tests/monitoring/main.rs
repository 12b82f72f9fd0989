//! What `deploy/monitoring/` ships, judged by Prometheus' own tools and by a real Prometheus that scrapes a real operator. Needs
//! `prometheus` and `promtool` on the PATH.
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends here")]

mod chart;
mod dashboard;
mod kube_state_metrics;
mod live;
#[path = "../phases.rs"]
mod phases;
mod prometheus;
mod prometheus_operator;
mod rules;
mod shipped;
#[path = "../world.rs"]
#[allow(dead_code, reason = "the stories need more of it")]
mod world;
