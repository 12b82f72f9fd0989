//! What an election shows: who leads, under client-go's name, and how old the last renewal is.

use std::{fmt, sync::Arc};

use parking_lot::Mutex;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{family::Family, gauge::ConstGauge, gauge::Gauge},
    registry::Registry,
};
use tokio::time::Instant;

/// The name of the Lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeaseLabel {
    name: String,
}

/// The metrics of one election.
#[derive(Clone, Debug)]
pub struct ElectionMetrics {
    master: Family<LeaseLabel, Gauge>,
    label: LeaseLabel,
    renewed: Arc<Mutex<Option<Instant>>>,
}

impl ElectionMetrics {
    /// Registers `leader_election_master_status{name}` and `codeguru_profiler_lease_renewal_age_seconds`.
    #[must_use]
    pub fn register(registry: &mut Registry, lease: &str) -> Self {
        let label = LeaseLabel { name: lease.to_owned() };
        let this = Self { master: Family::default(), label, renewed: Arc::default() };
        this.leads(false);
        registry.register(
            "leader_election_master_status",
            "1 where this process leads, 0 where it waits for the Lease",
            this.master.clone(),
        );
        registry.register_collector(Box::new(RenewalAge(Arc::clone(&this.renewed))));
        this
    }

    /// Whether this process leads.
    pub fn leads(&self, leads: bool) {
        self.master.get_or_create(&self.label).set(i64::from(leads));
    }

    /// When the last renewal that succeeded was requested.
    pub fn renewed(&self, at: Instant) {
        *self.renewed.lock() = Some(at);
    }
}

/// Measured whenever it is read; absent where this process has never led.
#[derive(Debug)]
struct RenewalAge(Arc<Mutex<Option<Instant>>>);

impl Collector for RenewalAge {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(renewed) = *self.0.lock() else { return Ok(()) };
        let age = ConstGauge::new(renewed.elapsed().as_secs_f64());
        let help = "Time since the last renewal of the Lease by this process that succeeded";
        let name = "codeguru_profiler_lease_renewal_age_seconds";
        age.encode(encoder.encode_descriptor(name, help, None, age.metric_type())?)
    }
}
