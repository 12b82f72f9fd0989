//! Shows how fast each region is called, and what waits for it. No I/O here.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::LaneLabels;
use crate::aws::limiter::{Class, Snapshot};

/// The label of the List among the classes of calls.
const LIST: &str = "list";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabels {
    #[prometheus(flatten)]
    lane: LaneLabels,
    class: &'static str,
}

/// What limiters show.
#[derive(Debug, Default)]
pub(super) struct LimitMetrics {
    rate: Family<LaneLabels, Gauge<f64, AtomicU64>>,
    decreases: Family<LaneLabels, Counter>,
    waiting: Family<ClassLabels, Gauge>,
    open: Family<LaneLabels, Gauge>,
}

impl LimitMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let this = Self::default();
        let Self { rate, decreases, waiting, open } = &this;
        registry.register(
            "codeguru_profiler_aws_rate_limit",
            "Calls per second that the operator allows itself in a region at present",
            rate.clone(),
        );
        registry.register(
            "codeguru_profiler_aws_rate_decreases",
            "Times that this limit was lowered because AWS throttled",
            decreases.clone(),
        );
        registry.register(
            "codeguru_profiler_aws_calls_waiting",
            "Calls that wait for this limit or for the circuit, by what they are for",
            waiting.clone(),
        );
        registry.register(
            "codeguru_profiler_aws_circuit_open",
            "1 while calls about groups wait and one at a time is tried, because too many in a row have failed; else 0",
            open.clone(),
        );
        this
    }

    pub(super) fn set(&self, lane: &LaneLabels, limits: Snapshot, waiting: impl Fn(Class) -> usize) {
        self.rate.get_or_create(lane).set(limits.rate);
        // The limiter counts.
        self.decreases.get_or_create(lane).inner().store(limits.decreases, Ordering::Relaxed);
        self.open.get_or_create(lane).set(limits.open.into());
        let classes = Class::ALL.map(|class| (class.as_str(), waiting(class)));
        for (class, number) in classes.into_iter().chain([(LIST, limits.list_waits.into())]) {
            let labels = ClassLabels { lane: lane.clone(), class };
            self.waiting.get_or_create(&labels).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }

    pub(super) fn forget(&self, lane: &LaneLabels) {
        self.rate.remove(lane);
        self.decreases.remove(lane);
        self.open.remove(lane);
        for class in Class::ALL.map(Class::as_str).into_iter().chain([LIST]) {
            self.waiting.remove(&ClassLabels { lane: lane.clone(), class });
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::domain::lane_id::LaneId;

    fn text(registry: &Registry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text
    }

    #[test]
    fn a_region_shows_its_rate_and_what_waits_until_it_ends() {
        let mut registry = Registry::default();
        let metrics = LimitMetrics::register(&mut registry);
        let limits = Snapshot { rate: 12.5, decreases: 3, open: true, list_waits: true };
        let lane = (&LaneId::of_region("eu-west-1")).into();
        metrics.set(&lane, limits, |class| if class == Class::Edit { 7 } else { 0 });
        let shown = text(&registry);
        for line in [
            r#"codeguru_profiler_aws_rate_limit{region="eu-west-1"} 12.5"#,
            r#"codeguru_profiler_aws_rate_decreases_total{region="eu-west-1"} 3"#,
            r#"codeguru_profiler_aws_circuit_open{region="eu-west-1"} 1"#,
            r#"codeguru_profiler_aws_calls_waiting{region="eu-west-1",class="edit"} 7"#,
            r#"codeguru_profiler_aws_calls_waiting{region="eu-west-1",class="describe"} 0"#,
            r#"codeguru_profiler_aws_calls_waiting{region="eu-west-1",class="list"} 1"#,
        ] {
            assert!(shown.contains(line), "{line} in {shown}");
        }
        metrics.forget(&lane);
        assert!(!text(&registry).contains("eu-west-1"), "{}", text(&registry));
    }
}
