//! What a phase may cost, and what of it did not come true.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::meter::Measured;
use super::stage::INTERVAL;

const LIST: &str = "ListProfilingGroups";
const UPDATE: &str = "UpdateProfilingGroup";
/// What the jitter may add to an interval, and the time to ask and to begin to act on a busy machine.
const SLACK: Duration = Duration::from_secs(6);

/// The counts that are expected of a phase. Whatever is not named here is not looked at, but for AWS calls: there are no others.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    at_start: bool,
    updates: usize,
    status_writes: Option<usize>,
    reconciles: Option<u64>,
    first_update_within: Option<Duration>,
}

impl Expected {
    /// Of a phase that begins with the operator: it lists at once.
    pub fn at_start() -> Self {
        Self { at_start: true, ..Self::running() }
    }

    /// Of a phase in which the operator runs all the time.
    pub fn running() -> Self {
        Self { at_start: false, updates: 0, status_writes: None, reconciles: None, first_update_within: None }
    }

    pub fn updates(self, updates: usize) -> Self {
        Self { updates, ..self }
    }

    pub fn status_writes(self, status_writes: usize) -> Self {
        Self { status_writes: Some(status_writes), ..self }
    }

    pub fn reconciles(self, reconciles: u64) -> Self {
        Self { reconciles: Some(reconciles), ..self }
    }

    pub fn first_update_within(self, limit: Duration) -> Self {
        Self { first_update_within: Some(limit), ..self }
    }

    /// One sentence for each count that is another.
    pub fn deviations(&self, measured: &Measured) -> Vec<String> {
        let mut found = Vec::new();
        let mut check = |holds: bool, text: String| {
            if !holds {
                found.push(format!("{}: {text}", measured.name));
            }
        };
        let (lists, count) = (lists(self.at_start, measured.elapsed), measured.lists());
        let (least, most) = (lists.start(), lists.end());
        check(lists.contains(&count), format!("{count} Lists, expected {least} to {most}"));
        let requests = measured.requests();
        let updates = requests.get(UPDATE).copied().unwrap_or_default();
        check(updates == self.updates, format!("{updates} Updates, expected {}", self.updates));
        for (name, count) in requests.iter().filter(|(name, _)| ![LIST, UPDATE].contains(&name.as_str())) {
            check(false, format!("{count} times {name}, expected none"));
        }
        if let Some(expected) = self.status_writes {
            let count = measured.status_writes;
            check(count == expected, format!("{count} status writes, expected {expected}"));
        }
        if let Some(expected) = self.reconciles {
            let count = measured.reconciles;
            check(count == expected, format!("{count} reconciles, expected {expected}"));
        }
        if let Some(limit) = self.first_update_within {
            let first = measured.first(UPDATE, measured.began);
            check(
                first.is_some_and(|first| first <= limit + SLACK),
                format!("the first Update after {first:?}, expected within {limit:?}"),
            );
        }
        found
    }
}

/// How many Lists there may be in this time.
fn lists(at_start: bool, elapsed: Duration) -> RangeInclusive<usize> {
    let intervals = (elapsed.as_millis() + INTERVAL.as_millis() / 2) / INTERVAL.as_millis();
    let intervals = usize::try_from(intervals).unwrap_or(usize::MAX);
    if at_start { 1..=intervals + 1 } else { intervals.saturating_sub(1)..=intervals + 1 }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::*;

    fn measured(operations: &[&str], status_writes: usize) -> Measured {
        let entry = |operation: &&str| {
            let entry =
                json!({ "seq": 1, "operation": operation, "httpStatus": 200, "endedAt": "2026-06-01T13:00:00Z" });
            serde_json::from_value(entry).unwrap()
        };
        Measured {
            name: "phase",
            wall: Duration::ZERO,
            elapsed: Duration::from_secs(2),
            calls: operations.iter().map(entry).collect(),
            status_writes,
            events: 0,
            reconciles: 0,
            rss_kib: 0,
            peak_kib: 0,
            cpu: 0.0,
            began: SystemTime::now(),
            process_began: None,
        }
    }

    #[test]
    fn what_is_as_expected_is_not_named() {
        let expected = Expected::at_start().updates(1).status_writes(2).reconciles(0);
        assert_eq!(expected.deviations(&measured(&[LIST, UPDATE], 2)), Vec::<String>::new());
    }

    #[test]
    fn every_count_that_is_another_is_named() {
        let expected = Expected::at_start().updates(1).status_writes(2).reconciles(1).first_update_within(INTERVAL);
        let deviations = expected.deviations(&measured(&["DescribeProfilingGroup"], 3));
        assert_eq!(
            deviations,
            [
                "phase: 0 Lists, expected 1 to 1",
                "phase: 0 Updates, expected 1",
                "phase: 1 times DescribeProfilingGroup, expected none",
                "phase: 3 status writes, expected 2",
                "phase: 0 reconciles, expected 1",
                "phase: the first Update after None, expected within 60s",
            ]
        );
    }

    #[test]
    fn there_is_a_list_for_every_interval_give_or_take_one() {
        assert_eq!(lists(false, Duration::from_mins(10)), 9..=11);
        assert_eq!(lists(false, Duration::from_secs(5)), 0..=1);
        assert_eq!(lists(true, Duration::from_secs(5)), 1..=1);
    }
}
