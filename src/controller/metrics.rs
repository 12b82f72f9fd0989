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

use crate::api::{ConditionType, Reason};

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
    /// Registers `codeguru_profiler_drift_corrections_total{region}`, and `codeguru_profiler_objects{condition,status}`
    /// and `codeguru_profiler_objects_by_reason{condition,status,reason}`, which are counted whenever they are read.
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

    /// A region is looked at from now on. Its counter starts at 0, not with its first count: from a series that begins at 500, Prometheus sees no increase.
    pub fn looks_at(&self, region: &str) {
        drop(self.drift_corrections.get_or_create(&RegionLabel { region: region.into() }));
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
        let Counts { by_status, by_reason } = count(objects.iter().map(AsRef::as_ref));
        let mut family = encoder.encode_descriptor(
            "codeguru_profiler_objects",
            "ProfilingGroups by condition and status",
            None,
            MetricType::Gauge,
        )?;
        for ((condition, status), count) in by_status {
            let labels = [("condition", condition), ("status", status)];
            ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
        }
        let mut family = encoder.encode_descriptor(
            "codeguru_profiler_objects_by_reason",
            "ProfilingGroups by condition, status and reason: only what occurs",
            None,
            MetricType::Gauge,
        )?;
        for ((condition, status, reason), count) in by_reason {
            let labels = [("condition", condition), ("status", status), ("reason", reason)];
            ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq)]
struct Counts {
    /// Every condition and status, those of no object with 0: what is not there can't be alerted on.
    by_status: BTreeMap<(&'static str, &'static str), i64>,
    /// Only what occurs: most reasons never go with most conditions.
    by_reason: BTreeMap<(&'static str, &'static str, &'static str), i64>,
}

/// Only our own conditions, statuses and reasons: anybody may write others, and labels must stay few.
fn count<'a>(objects: impl Iterator<Item = &'a DynamicObject>) -> Counts {
    let statuses = ["True", "False", "Unknown"];
    let mut by_status: BTreeMap<_, _> =
        ConditionType::ALL.iter().flat_map(|kind| statuses.map(|status| ((kind.as_str(), status), 0))).collect();
    let mut by_reason = BTreeMap::new();
    for object in objects {
        for condition in object.data["status"]["conditions"].as_array().into_iter().flatten() {
            let known =
                by_status.keys().find(|(kind, status)| condition["type"] == *kind && condition["status"] == *status);
            let Some((kind, status)) = known.copied() else { continue };
            *by_status.entry((kind, status)).or_default() += 1;
            if let Some(reason) = Reason::ALL.iter().find(|reason| condition["reason"] == reason.as_str()) {
                *by_reason.entry((kind, status, reason.as_str())).or_default() += 1;
            }
        }
    }
    Counts { by_status, by_reason }
}

#[cfg(test)]
mod tests {
    use kube::api::ApiResource;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::ProfilingGroup;

    fn object(conditions: &Value) -> DynamicObject {
        let mut object = DynamicObject::new("a", &ApiResource::erase::<ProfilingGroup>(&()));
        object.data = json!({ "status": { "conditions": conditions } });
        object
    }

    #[test]
    fn every_status_is_counted_even_when_nobody_has_it_and_every_reason_that_occurs() {
        let stalled = json!([
            { "type": "Ready", "status": "False", "reason": "AccessDenied" },
            { "type": "Stalled", "status": "True", "reason": "AccessDenied" },
        ]);
        let well = json!([{ "type": "Ready", "status": "True", "reason": "InSync" }]);
        let objects = [object(&stalled), object(&stalled), object(&well)];
        let Counts { by_status, by_reason } = count(objects.iter());
        assert_eq!(by_status.len(), ConditionType::ALL.len() * 3);
        assert_eq!((by_status[&("Ready", "True")], by_status[&("Ready", "Unknown")]), (1, 0));
        let expected = [
            (("Ready", "False", "AccessDenied"), 2),
            (("Ready", "True", "InSync"), 1),
            (("Stalled", "True", "AccessDenied"), 2),
        ];
        assert_eq!(by_reason, BTreeMap::from(expected));
    }

    /// The first storm once went unnoticed.
    #[test]
    fn corrections_are_counted_from_0_on_in_every_region_that_is_looked_at() {
        let mut registry = Registry::default();
        let metrics = ControllerMetrics::register(&mut registry);
        let text = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            text
        };
        let shown = |count: u8| format!("codeguru_profiler_drift_corrections_total{{region=\"eu-west-1\"}} {count}\n");
        metrics.looks_at("eu-west-1");
        assert!(text().contains(&shown(0)), "{}", text());
        metrics.drift_corrected("eu-west-1");
        metrics.looks_at("eu-west-1");
        assert!(text().contains(&shown(1)), "{}", text());
    }

    #[test]
    fn what_others_write_makes_no_labels() {
        let foreign = json!([
            { "type": "Theirs", "status": "True", "reason": "InSync" },
            { "type": "Ready", "status": "Perhaps", "reason": "InSync" },
            { "type": "Ready", "status": "True", "reason": "TheirReason" },
            "nonsense",
        ]);
        let Counts { by_status, by_reason } = count([object(&foreign)].iter());
        assert_eq!(by_status.values().sum::<i64>(), 1);
        assert_eq!(by_reason, BTreeMap::new());
    }
}
