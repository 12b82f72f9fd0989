//! What is counted, and registered before the registry is frozen.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use super::{memory::key::Key, metrics::ControllerMetrics};
use crate::{aws::metrics::AwsMetrics, process::reconciles::Reconciles};

/// What the controller counts.
#[derive(Clone)]
pub struct Instruments {
    pub(super) reconciles: Reconciles<Key>,
    pub(super) controller: ControllerMetrics,
    pub(super) aws: Arc<AwsMetrics>,
}

impl Instruments {
    /// Registers the controller's families.
    pub fn register(registry: &mut Registry, aws: Arc<AwsMetrics>) -> Self {
        Self {
            reconciles: Reconciles::register(registry, "profilinggroup"),
            controller: ControllerMetrics::register(registry),
            aws,
        }
    }
}
