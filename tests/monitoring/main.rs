//! What `deploy/monitoring/` ships, judged by Prometheus' own tools and by a real Prometheus that scrapes a real operator. Needs
//! `prometheus` and `promtool` on the PATH.
#![allow(clippy::unwrap_used, reason = "a test that can't go on ends here")]

mod rules;
mod shipped;
