//! Being a good process: permits, metrics, HTTP endpoints, telemetry, shutdown. Knows nothing of the domain.

pub mod error_chain;
pub mod metrics;
pub mod permit;
pub mod reconciles;

mod lock;
mod workqueue;
