//! What the controller counts.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use kube::{api::DynamicObject, runtime::reflector::Store};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, counter::Counter, family::Family, gauge::ConstGauge},
    registry::Registry,
};

use crate::api::ConditionType;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RegionLabel {
    region: String,
}

/// What the controller counts.
#[derive(Clone, Debug)]
pub struct ControllerMetrics {
    drift_corrections: Family<RegionLabel, Counter>,
    objects: Arc<OnceLock<Store<DynamicObject>>>,
}

impl ControllerMetrics {
    /// Registers `codeguru_profiler_drift_corrections_total{region}` and
    /// `codeguru_profiler_objects{condition,status}`, which is counted whenever it is read.
    pub fn register(registry: &mut Registry) -> Self {
        let drift_corrections = Family::default();
        registry.register(
            "codeguru_profiler_drift_corrections",
            "Groups put right after somebody else had changed them in AWS",
            drift_corrections.clone(),
        );
        let objects = Arc::default();
        registry.register_collector(Box::new(ObjectsByCondition(Arc::clone(&objects))));
        Self { drift_corrections, objects }
    }

    /// A group was put right.
    pub fn drift_corrected(&self, region: &str) {
        self.drift_corrections.get_or_create(&RegionLabel { region: region.into() }).inc();
    }

    /// The objects to count.
    pub fn counts(&self, store: Store<DynamicObject>) {
        self.objects.get_or_init(|| store);
    }
}

#[derive(Debug)]
struct ObjectsByCondition(Arc<OnceLock<Store<DynamicObject>>>);

impl Collector for ObjectsByCondition {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let objects = self.0.get().map(Store::state).unwrap_or_default();
        let mut family = encoder.encode_descriptor(
            "codeguru_profiler_objects",
            "ProfilingGroups by condition and status",
            None,
            MetricType::Gauge,
        )?;
        for ((condition, status), count) in count(objects.iter().map(AsRef::as_ref)) {
            let labels = [("condition", condition), ("status", status)];
            ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// Only our own conditions: anybody may write others, and labels must stay few.
fn count<'a>(objects: impl Iterator<Item = &'a DynamicObject>) -> BTreeMap<(&'static str, &'static str), i64> {
    let statuses = ["True", "False", "Unknown"];
    let mut counts: BTreeMap<_, _> =
        ConditionType::ALL.iter().flat_map(|kind| statuses.map(|status| ((kind.as_str(), status), 0))).collect();
    for object in objects {
        for condition in object.data["status"]["conditions"].as_array().into_iter().flatten() {
            let known =
                counts.keys().find(|(kind, status)| condition["type"] == *kind && condition["status"] == *status);
            if let Some(known) = known.copied() {
                *counts.entry(known).or_default() += 1;
            }
        }
    }
    counts
}
