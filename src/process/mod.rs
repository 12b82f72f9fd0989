//! Being a good process: permits, metrics, HTTP endpoints, telemetry, shutdown. Knows nothing about the domain.

pub mod busy;
pub mod error_chain;
pub mod head_timeout;
pub mod health;
pub(crate) mod http;
pub mod kube_client;
pub mod metrics;
pub mod permit;
pub(crate) mod reconciles;
pub mod rest_client;
pub(crate) mod shutdown;
pub mod system;
pub(crate) mod telemetry;
pub(crate) mod usage;

mod workqueue;
