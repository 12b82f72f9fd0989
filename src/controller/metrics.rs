//! What the controller counts.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock, Weak},
};

use parking_lot::Mutex;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, counter::Counter, family::Family, gauge::ConstGauge},
    registry::Registry,
};

use super::memory::{Memory, compact::CompactStatus};
use crate::{
    api::{ConditionType, Reason},
    aws::metrics::LaneLabels,
    domain::{conditions::Status, facet::Facet, lane_id::LaneId},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FacetLabels {
    #[prometheus(flatten)]
    lane: LaneLabels,
    facet: &'static str,
}

impl FacetLabels {
    fn of(lane: &LaneId, facet: Facet) -> Self {
        Self { lane: lane.into(), facet: facet.name() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabel {
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TaskLabel {
    task: &'static str,
}

/// Not `namespace`: where an operator is scraped, that is the namespace of its pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NamespaceLabel {
    watched_namespace: String,
}

/// What the controller counts.
#[derive(Clone)]
pub struct ControllerMetrics {
    drift_corrections: Family<FacetLabels, Counter>,
    evaluations: Counter,
    status_not_kept: Family<CauseLabel, Counter>,
    panics: Family<TaskLabel, Counter>,
    refused: Family<NamespaceLabel, Counter>,
    objects: Arc<OnceLock<Weak<Mutex<Memory>>>>,
}

impl ControllerMetrics {
    /// Registers the families; `codeguru_profiler_resources{condition,status}` and
    /// `codeguru_profiler_resources_by_reason{condition,status,reason}` are counted whenever they are read.
    pub fn register(registry: &mut Registry) -> Self {
        let this = Self {
            drift_corrections: Family::default(),
            evaluations: Counter::default(),
            status_not_kept: Family::default(),
            panics: Family::default(),
            refused: Family::default(),
            objects: Arc::default(),
        };
        let Self { drift_corrections, evaluations, status_not_kept, panics, refused, objects } = &this;
        registry.register(
            "codeguru_profiler_drift_corrections",
            "Drift corrections by region and facet (the field of the spec): groups reset after an external change",
            drift_corrections.clone(),
        );
        registry.register(
            "codeguru_profiler_evaluations",
            "Decisions about a resource: what to do in AWS, and what to report",
            evaluations.clone(),
        );
        registry.register(
            "codeguru_profiler_status_not_kept",
            "Resources whose status does not stay as written, by cause: the API server (an older CRD, a webhook), or others \
             that write it",
            status_not_kept.clone(),
        );
        registry.register(
            "codeguru_profiler_panics",
            "Panics outside of reconciles that were caught, by task",
            panics.clone(),
        );
        registry.register(
            "codeguru_profiler_namespaces_refused",
            "Times a namespace was found that can't be listed; empty for all namespaces",
            refused.clone(),
        );
        for cause in ["server", "others"] {
            drop(status_not_kept.get_or_create(&CauseLabel { cause }));
        }
        for task in ["lane", "evaluation"] {
            drop(panics.get_or_create(&TaskLabel { task }));
        }
        registry.register_collector(Box::new(ObjectsByCondition(Arc::clone(objects))));
        this
    }

    /// A lane polls from now on. Its counters start at 0, not with its first count: from a series that begins at
    /// 500, Prometheus sees no increase.
    pub fn begins(&self, lane: &LaneId) {
        for facet in Facet::ALL {
            drop(self.drift_corrections.get_or_create(&FacetLabels::of(lane, facet)));
        }
    }

    /// A lane polls no longer: its series end.
    pub fn ends(&self, lane: &LaneId) {
        for facet in Facet::ALL {
            self.drift_corrections.remove(&FacetLabels::of(lane, facet));
        }
    }

    /// A group was reset.
    pub fn drift_corrected(&self, lane: &LaneId, facet: Facet) {
        self.drift_corrections.get_or_create(&FacetLabels::of(lane, facet)).inc();
    }

    /// A decision was made.
    pub fn evaluated(&self) {
        self.evaluations.inc();
    }

    /// A status does not stay as written.
    pub fn status_not_kept(&self, cause: &'static str) {
        self.status_not_kept.get_or_create(&CauseLabel { cause }).inc();
    }

    /// A panic was caught.
    pub fn panicked(&self, task: &'static str) {
        self.panics.get_or_create(&TaskLabel { task }).inc();
    }

    /// These namespaces are watched, or all when there are none. Their counters start at 0.
    pub fn watches(&self, namespaces: &[String]) {
        let all = [String::new()];
        for namespace in if namespaces.is_empty() { &all } else { namespaces } {
            drop(self.refused.get_or_create(&NamespaceLabel { watched_namespace: namespace.clone() }));
        }
    }

    /// A namespace can't be listed.
    pub fn refused(&self, namespace: &str) {
        self.refused.get_or_create(&NamespaceLabel { watched_namespace: namespace.into() }).inc();
    }

    /// Whose objects to count from now on: nothing is shown before, so that replicas do not count the same objects.
    pub fn counts(&self, memory: &Arc<Mutex<Memory>>) {
        self.objects.get_or_init(|| Arc::downgrade(memory));
    }
}

struct ObjectsByCondition(Arc<OnceLock<Weak<Mutex<Memory>>>>);

impl fmt::Debug for ObjectsByCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectsByCondition")
    }
}

impl Collector for ObjectsByCondition {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Some(memory) = self.0.get().and_then(Weak::upgrade) else { return Ok(()) };
        let Counts { by_status, by_reason } = count(memory.lock().statuses().flat_map(CompactStatus::conditions));
        let mut family = encoder.encode_descriptor(
            "codeguru_profiler_resources",
            "ProfilingGroups by condition and status",
            None,
            MetricType::Gauge,
        )?;
        for ((condition, status), count) in by_status {
            let labels = [("condition", condition), ("status", status)];
            ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
        }
        let mut family = encoder.encode_descriptor(
            "codeguru_profiler_resources_by_reason",
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

fn count(conditions: impl Iterator<Item = (ConditionType, Status, Option<Reason>)>) -> Counts {
    let statuses = [Status::True, Status::False, Status::Unknown].map(Status::as_str);
    let mut by_status: BTreeMap<_, _> =
        ConditionType::ALL.iter().flat_map(|kind| statuses.map(|status| ((kind.as_str(), status), 0))).collect();
    let mut by_reason = BTreeMap::new();
    for (kind, status, reason) in conditions {
        let (kind, status) = (kind.as_str(), status.as_str());
        *by_status.entry((kind, status)).or_default() += 1;
        if let Some(reason) = reason {
            *by_reason.entry((kind, status, reason.as_str())).or_default() += 1;
        }
    }
    Counts { by_status, by_reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_status_is_counted_even_when_nobody_has_it_and_every_reason_that_occurs() {
        let (ready, stalled) = (ConditionType::Ready, ConditionType::Stalled);
        let (not_ready, is_stalled) =
            ((ready, Status::False, Some(Reason::AccessDenied)), (stalled, Status::True, Some(Reason::AccessDenied)));
        let well = (ready, Status::True, Some(Reason::InSync));
        let Counts { by_status, by_reason } = count([not_ready, is_stalled, not_ready, is_stalled, well].into_iter());
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
    fn corrections_are_counted_from_0_on_in_every_region_that_is_polled() {
        let mut registry = Registry::default();
        let metrics = ControllerMetrics::register(&mut registry);
        let text = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            text
        };
        let shown = |count: u8| {
            format!("codeguru_profiler_drift_corrections_total{{region=\"eu-west-1\",facet=\"tags\"}} {count}\n")
        };
        let lane = LaneId::of_region("eu-west-1");
        metrics.begins(&lane);
        assert!(text().contains(&shown(0)), "{}", text());
        metrics.drift_corrected(&lane, Facet::Tags);
        metrics.begins(&lane);
        assert!(text().contains(&shown(1)), "{}", text());
    }

    #[test]
    fn what_others_write_makes_no_labels() {
        let theirs = |kind: &str, status: &str, reason: &str| json!({ "type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": "2026-06-01T00:00:00Z" });
        let foreign = json!({ "conditions": [
            theirs("Theirs", "True", "InSync"),
            theirs("Stalled", "Perhaps", "InSync"),
            theirs("Ready", "True", "TheirReason"),
        ] });
        let (foreign, _) = CompactStatus::of(&serde_json::from_value(foreign).unwrap());
        let Counts { by_status, by_reason } = count(foreign.conditions());
        assert_eq!(by_status.values().sum::<i64>(), 1);
        assert_eq!(by_reason, BTreeMap::new());
    }
}
