//! What is read out of profiles. The times are those at which agents reported; what is in a profile is valid, but empty.

use std::sync::Mutex;
use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Context, Output, invalid, ordered};
use crate::errors::ApiError;
use crate::moment::Stamp;
use crate::state::{AggregationPeriod, Region, TimeRange, TimesQuery};
use crate::world::lock;

const DAY: Duration = Duration::from_hours(24);

/// As documented, for one profile.
const LONGEST_PROFILE: Duration = Duration::from_hours(7 * 24);

/// As documented, for the values of frame metrics.
const LONGEST_METRICS: Duration = DAY;

const ION: &str = "application/x-amzn-ion";
const JSON: &str = "application/json";

/// The version marker of binary Ion, then a struct without fields.
const EMPTY_ION: &[u8] = &[0xe0, 0x01, 0x00, 0xea, 0xd0];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Get {
    profiling_group_name: String,
    #[serde(rename = "Accept")]
    accept: Option<String>,
    #[serde(flatten)]
    time: Time,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Time {
    #[serde(rename = "startTime")]
    start: Option<Stamp>,
    #[serde(rename = "endTime")]
    end: Option<Stamp>,
    period: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Times {
    profiling_group_name: String,
    start_time: Stamp,
    end_time: Stamp,
    period: AggregationPeriod,
    order_by: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metrics {
    profiling_group_name: String,
    #[serde(flatten)]
    time: Time,
    target_resolution: Option<AggregationPeriod>,
    #[serde(default, rename = "frameMetrics")]
    frames: Vec<Value>,
}

pub(super) fn get(get: &Get, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    get.time.range(LONGEST_PROFILE, context.now.stamp)?;
    lock(region).existing(&get.profiling_group_name)?;
    let as_json = get.accept.as_deref().is_some_and(|accept| accept.contains(JSON));
    let (content_type, body): (_, &[u8]) = if as_json { (JSON, b"{}") } else { (ION, EMPTY_ION) };
    Ok(Output::Payload { content_type, body })
}

pub(super) fn times(times: &Times, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    ordered(times.start_time, times.end_time)?;
    let query = TimesQuery {
        period: times.period,
        range: TimeRange { start: times.start_time, end: times.end_time },
        descending: times.order_by.as_deref() != Some("TimestampAscending"),
    };
    let (starts, next_token) = lock(region).profile_times(
        &times.profiling_group_name,
        query,
        times.next_token.as_deref(),
        context.page_limit(times.max_results),
        context.page_token_life(),
        context.now,
    )?;
    let starts: Vec<Value> = starts.into_iter().map(|start| json!({"start": start})).collect();
    let mut answer = json!({"profileTimes": starts});
    if let Some(token) = next_token {
        answer["nextToken"] = token.into();
    }
    super::json(&answer)
}

/// No time steps, and so no values: nothing is known of frames.
pub(super) fn frame_metrics(asked: Metrics, region: &Mutex<Region>, context: &Context<'_>) -> Result<Output, ApiError> {
    let range = asked.time.range(LONGEST_METRICS, context.now.stamp)?;
    lock(region).existing(&asked.profiling_group_name)?;
    let data: Vec<Value> =
        asked.frames.into_iter().map(|metric| json!({"frameMetric": metric, "values": []})).collect();
    super::json(&json!({
        "startTime": range.start,
        "endTime": range.end,
        "resolution": asked.target_resolution.unwrap_or(AggregationPeriod::FiveMinutes),
        "endTimes": [],
        "unprocessedEndTimes": {},
        "frameMetricData": data,
    }))
}

impl Time {
    /// Two of start, end and period make the range; the period alone reaches up to now.
    fn range(&self, longest: Duration, now: Stamp) -> Result<TimeRange, ApiError> {
        let period = self.period.as_deref().map(length).transpose()?;
        let range = match (self.start, self.end, period) {
            (Some(start), Some(end), None) => TimeRange { start, end },
            (Some(start), None, Some(period)) => TimeRange { start, end: start.later(period) },
            (None, Some(end), Some(period)) => TimeRange { start: end.earlier(period), end },
            (None, None, Some(period)) => TimeRange { start: now.earlier(period), end: now },
            _ => return Err(invalid("period", "Give the period, or two of startTime, endTime and period")),
        };
        ordered(range.start, range.end)?;
        if range.end.since(range.start) > longest {
            return Err(invalid("period", &format!("The range must be at most {} hours", longest.as_secs() / 3600)));
        }
        Ok(range)
    }
}

/// The length of a duration of ISO 8601, with days of 24 hours.
fn length(text: &str) -> Result<Duration, ApiError> {
    let span = text.parse::<Span>().ok();
    let exact = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    exact
        .filter(|length| *length > SignedDuration::ZERO)
        .and_then(|length| Duration::try_from(length).ok())
        .ok_or_else(|| invalid("period", "Member must be a duration of ISO 8601, such as P1DT1H1M1S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2026-06-01T12:00:00Z";
    const LATER: &str = "2026-06-02T13:00:00Z";

    fn stamp(text: &str) -> Stamp {
        serde_json::from_value(json!(text)).unwrap()
    }

    fn range(start: Option<&str>, end: Option<&str>, period: Option<&str>) -> Result<TimeRange, ApiError> {
        let time = Time { start: start.map(stamp), end: end.map(stamp), period: period.map(str::to_owned) };
        time.range(LONGEST_PROFILE, stamp(LATER))
    }

    #[test]
    fn two_of_three_make_a_range_and_a_period_alone_reaches_up_to_now() {
        let whole = Ok(TimeRange { start: stamp(NOON), end: stamp(LATER) });
        assert_eq!(range(Some(NOON), Some(LATER), None), whole);
        assert_eq!(range(Some(NOON), None, Some("P1DT1H")), whole);
        assert_eq!(range(None, Some(LATER), Some("PT25H")), whole);
        assert_eq!(range(None, None, Some("P1DT60M")), whole);
    }

    #[test]
    fn other_combinations_and_lengths_are_refused() {
        for (start, end, period) in [
            (None, None, None),
            (Some(NOON), None, None),
            (None, Some(NOON), None),
            (Some(NOON), Some(LATER), Some("P1D")),
            (Some(LATER), Some(NOON), None),
            (Some(NOON), Some(NOON), None),
            (None, None, Some("P8D")),
            (None, None, Some("P1M")),
            (None, None, Some("-P1D")),
            (None, None, Some("PT0S")),
            (None, None, Some("soon")),
        ] {
            let refused = range(start, end, period).unwrap_err();
            assert_eq!(refused.status, 400, "{start:?} {end:?} {period:?}");
        }
    }
}
