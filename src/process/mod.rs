//! Being a good process: permits, metrics, HTTP endpoints, telemetry, shutdown. Knows nothing of the domain.

pub mod error_chain;
pub mod permit;
