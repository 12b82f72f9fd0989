//! Counts and times the AWS calls. No I/O here.

mod limits;

use std::{collections::BTreeSet, fmt, time::Duration};

use parking_lot::Mutex;
use prometheus_client::{
    encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use self::limits::LimitMetrics;
use super::{
    error::{AwsError, Operation, is_known},
    limiter::{Class, Snapshot},
};
use crate::domain::lane_id::LaneId;

/// From a fast answer to the longest time-out that makes sense.
const BUCKETS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    #[prometheus(flatten)]
    lane: LaneLabels,
    http_status: u16,
    code: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    operation: &'static str,
    #[prometheus(flatten)]
    lane: LaneLabels,
}

/// A lane: its region, and its ProfilerAccount unless it has the operator's own identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneLabels {
    region: String,
    account: Option<String>,
}

impl From<&LaneId> for LaneLabels {
    fn from(id: &LaneId) -> Self {
        Self { region: id.region().to_owned(), account: id.account().map(str::to_owned) }
    }
}

impl EncodeLabelSet for LaneLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        ("region", self.region.as_str()).encode(encoder.encode_label())?;
        self.account.as_deref().map_or(Ok(()), |account| ("account", account).encode(encoder.encode_label()))
    }
}

/// What is known of the calls to AWS.
#[derive(Debug)]
pub struct AwsMetrics {
    requests: Family<RequestLabels, Counter>,
    /// The label sets of `requests`, which does not list them.
    counted: Mutex<BTreeSet<RequestLabels>>,
    duration: Family<CallLabels, Histogram, fn() -> Histogram>,
    inventory_age: Family<LaneLabels, Gauge<f64, std::sync::atomic::AtomicU64>>,
    limits: LimitMetrics,
}

impl AwsMetrics {
    /// Makes the metrics known to the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let this = Self {
            requests: Family::default(),
            counted: Mutex::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            inventory_age: Family::default(),
            limits: LimitMetrics::register(registry),
        };
        let Self { requests, counted: _, duration, inventory_age, limits: _ } = &this;
        registry.register(
            "codeguru_profiler_aws_requests",
            "Calls to AWS by HTTP status (0: no answer), error code (where AWS sent none, the reason) and reason",
            requests.clone(),
        );
        registry.register_with_unit(
            "codeguru_profiler_aws_request_duration",
            "How long calls to AWS took",
            Unit::Seconds,
            duration.clone(),
        );
        registry.register_with_unit(
            "codeguru_profiler_inventory_age",
            "How long ago the last complete List of a region began; before there is one, how long ago the first attempt",
            Unit::Seconds,
            inventory_age.clone(),
        );
        this
    }

    /// One call, successful unless there is an error.
    pub fn record(
        &self,
        operation: Operation,
        lane: &LaneId,
        http_status: Option<u16>,
        error: Option<&AwsError>,
        elapsed: Duration,
    ) {
        let operation = operation.as_str();
        let code = match error {
            None => "",
            // The number of unknown codes has no limit; they are in the log.
            Some(error) => {
                error.code().map_or(error.reason.as_str(), |code| if is_known(code) { code } else { "Other" })
            }
        };
        let labels = RequestLabels {
            operation,
            lane: lane.into(),
            http_status: http_status.unwrap_or(0),
            code: code.to_owned(),
            reason: error.map_or("", |error| error.reason.as_str()),
        };
        self.requests.get_or_create(&labels).inc();
        self.counted.lock().insert(labels);
        let labels = CallLabels { operation, lane: lane.into() };
        self.duration.get_or_create(&labels).observe(elapsed.as_secs_f64());
    }

    /// A lane polls no longer: its series end.
    pub fn forget(&self, id: &LaneId) {
        let lane = LaneLabels::from(id);
        let mut counted = self.counted.lock();
        counted.retain(|labels| {
            let kept = labels.lane != lane;
            kept || !self.requests.remove(labels)
        });
        for operation in Operation::ALL {
            self.duration.remove(&CallLabels { operation: operation.as_str(), lane: lane.clone() });
        }
        self.limits.forget(&lane);
        self.set_inventory_age(id, None);
    }

    /// How fast a lane calls, and how many calls of each class wait.
    pub(crate) fn set_limits(&self, id: &LaneId, limits: Snapshot, waiting: impl Fn(Class) -> usize) {
        self.limits.set(&id.into(), limits, waiting);
    }

    /// How old a lane's inventory is; `None` while no resource needs it.
    pub fn set_inventory_age(&self, id: &LaneId, age: Option<Duration>) {
        let labels = LaneLabels::from(id);
        match age {
            Some(age) => {
                self.inventory_age.get_or_create(&labels).set(age.as_secs_f64());
            }
            // The last age, standing still, would be taken for a List that has just ended.
            None => {
                self.inventory_age.remove(&labels);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::{
        aws::error::{Effect, ResponseDetails},
        domain::{account::Account, failure::FailureReason},
    };

    fn lane() -> LaneId {
        LaneId::of_region("eu-west-1")
    }

    fn failed(reason: FailureReason, code: Option<&str>) -> AwsError {
        let answer = ResponseDetails { http_status: 400, code: code.map(Into::into), ..ResponseDetails::default() };
        let error = AwsError::new(Operation::Update, "eu-west-1", Some("a"), reason, Effect::Refused);
        AwsError { answer: Some(Box::new(answer)), ..error }
    }

    #[test]
    fn a_call_is_counted_by_operation_region_status_and_code() {
        let mut registry = Registry::default();
        let metrics = AwsMetrics::register(&mut registry);
        let second = Duration::from_secs(1);
        let record = |status, error: Option<&AwsError>| {
            metrics.record(Operation::Update, &lane(), status, error, second);
        };
        record(Some(200), None);
        record(Some(400), Some(&failed(FailureReason::Throttled, Some("ThrottlingException"))));
        record(Some(400), Some(&failed(FailureReason::InvalidRequest, Some("NobodyKnowsThis"))));
        record(Some(503), Some(&failed(FailureReason::ServiceUnavailable, None)));
        record(None, Some(&failed(FailureReason::TimedOut, None)));
        metrics.set_inventory_age(&lane(), Some(Duration::from_millis(2500)));

        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let name = "codeguru_profiler_aws_requests_total";
        for (status, code, reason) in [
            (200, "", ""),
            (400, "ThrottlingException", "Throttled"),
            (400, "Other", "InvalidRequest"),
            (503, "ServiceUnavailable", "ServiceUnavailable"),
            (0, "TimedOut", "TimedOut"),
        ] {
            let call = r#"operation="UpdateProfilingGroup",region="eu-west-1""#;
            let labels = format!(r#"{call},http_status="{status}",code="{code}",reason="{reason}""#);
            assert!(text.contains(&format!("{name}{{{labels}}} 1\n")), "{labels} in {text}");
        }
        for line in [
            "codeguru_profiler_aws_request_duration_seconds_count{operation=\"UpdateProfilingGroup\",region=\"eu-west-1\"} 5",
            "codeguru_profiler_inventory_age_seconds{region=\"eu-west-1\"} 2.5",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn the_calls_of_an_account_have_its_name() {
        let spec = serde_json::json!({ "roleArn": "arn:aws:iam::111122223333:role/a" });
        let account = Account::read("prod", serde_json::from_value(spec).unwrap()).unwrap();
        let lane = LaneId::new(Some(&account.role), "eu-west-1");
        let mut registry = Registry::default();
        let metrics = AwsMetrics::register(&mut registry);
        metrics.record(Operation::List, &lane, Some(200), None, Duration::from_secs(1));
        let shown = || {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            text
        };
        let labels = r#"operation="ListProfilingGroups",region="eu-west-1",account="prod""#;
        assert!(shown().contains(labels), "{}", shown());
        metrics.forget(&LaneId::of_region("eu-west-1"));
        assert!(shown().contains(labels), "of another lane");
        metrics.forget(&lane);
        assert!(!shown().contains(labels), "{}", shown());
    }

    #[test]
    fn a_region_that_no_resource_needs_has_no_age() {
        let mut registry = Registry::default();
        let metrics = AwsMetrics::register(&mut registry);
        metrics.set_inventory_age(&lane(), Some(Duration::from_secs(400)));
        metrics.set_inventory_age(&lane(), None);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert!(!text.contains("codeguru_profiler_inventory_age_seconds{"), "{text}");
    }
}
