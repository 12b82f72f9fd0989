//! The record of drift and the guard against fights. Pure.

use std::time::Duration;

use crate::api::{Correction, DriftStatus, FieldDifference, Slowdown, Timestamp};

/// Number of free corrections of one group within the window; the next one slows down.
const FREE_CORRECTIONS: usize = 3;
const SHORTEST_WINDOW: Duration = Duration::from_mins(10);
const FIRST_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(30);

/// How long a correction counts towards a fight: the longer of ten minutes and five intervals.
#[must_use]
pub fn window(poll_interval: Duration) -> Duration {
    SHORTEST_WINDOW.max(poll_interval * 5)
}

/// The record while AWS differs from what it had agreed to.
#[must_use]
pub fn detected(mut drift: DriftStatus, fields: Vec<FieldDifference>, now: Timestamp) -> DriftStatus {
    if drift.fields != fields {
        drift.fields = fields;
        drift.last_detected_at = Some(now);
    }
    drift
}

/// The record once AWS agrees again by itself.
#[must_use]
pub fn over(mut drift: DriftStatus, now: Timestamp, window: Duration) -> DriftStatus {
    drift.fields.clear();
    if calm_at(&drift, window).is_some_and(|calm| calm <= now) {
        drift.slowdown = None;
    }
    drift
}

/// The record after a correction to which AWS agreed at `now`.
#[must_use]
pub fn corrected(drift: DriftStatus, difference: FieldDifference, now: Timestamp, window: Duration) -> DriftStatus {
    let mut drift =
        if drift.fields.contains(&difference) { drift } else { detected(drift, vec![difference.clone()], now) };
    drift.fields.retain(|other| other.field != difference.field);
    drift.corrections += 1;
    drift.last_corrected_at = Some(now);
    drift.recent_corrections.retain(|earlier| now.since(earlier.at) < window);
    // Nearly always one: room for four would be kept for each resource.
    drift.recent_corrections.reserve_exact(1);
    drift.recent_corrections.push(Correction { at: now, difference });
    if let Some(excess) = drift.recent_corrections.len().checked_sub(FREE_CORRECTIONS + 1) {
        drift.recent_corrections.drain(..excess);
        let step = drift.slowdown.map_or(1, |slowdown| slowdown.step.saturating_add(1));
        drift.slowdown = Some(Slowdown { step, until: now.plus(pause(step)) });
    } else if let Some(slowdown) = &mut drift.slowdown {
        slowdown.step = slowdown.step.saturating_add(1);
        slowdown.until = now.plus(pause(slowdown.step));
    }
    drift
}

/// When a slowed-down group is at peace again if nothing happens until then: a full window without drift.
#[must_use]
pub fn calm_at(drift: &DriftStatus, window: Duration) -> Option<Timestamp> {
    drift.slowdown?;
    drift.last_detected_at.max(drift.last_corrected_at).map(|last| last.plus(window))
}

fn pause(step: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << step.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_mins(10);

    fn at(seconds: i128) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + seconds * 1000)
    }

    fn difference() -> FieldDifference {
        FieldDifference { field: "profilingEnabled".into(), observed: "false".into(), desired: "true".into() }
    }

    fn fight(times: &[i128]) -> DriftStatus {
        times.iter().fold(DriftStatus::default(), |drift, t| corrected(drift, difference(), at(*t), WINDOW))
    }

    #[test]
    fn the_window_is_the_longer_of_ten_minutes_and_five_intervals() {
        assert_eq!(window(Duration::from_mins(1)), WINDOW);
        assert_eq!(window(Duration::from_mins(5)), Duration::from_mins(25));
    }

    #[test]
    fn the_fourth_correction_within_the_window_slows_down() {
        assert_eq!(fight(&[0, 60, 120]).slowdown, None);
        assert_eq!(fight(&[0, 60, 120, 180]).slowdown, Some(Slowdown { step: 1, until: at(240) }));
        assert_eq!(fight(&[0, 60, 120, 601]).slowdown, None, "the first one no longer counts");
        assert_eq!(fight(&[0, 60, 120, 601]).corrections, 4);
    }

    #[test]
    fn the_pause_doubles_up_to_half_an_hour_even_when_the_window_is_shorter() {
        let drift = fight(&[0, 1, 2, 3, 70, 200, 500, 1000, 2000, 4000, 6000]);
        assert_eq!(drift.slowdown, Some(Slowdown { step: 8, until: at(6000 + 1800) }));
        assert!(drift.recent_corrections.len() <= 4);
    }

    #[test]
    fn a_slowdown_ends_after_a_full_window_without_drift() {
        let drift = fight(&[0, 60, 120, 180]);
        assert_eq!(calm_at(&drift, WINDOW), Some(at(780)));
        assert!(over(drift.clone(), at(779), WINDOW).slowdown.is_some());
        assert_eq!(over(drift, at(780), WINDOW).slowdown, None);
    }

    #[test]
    fn a_difference_that_lasts_is_detected_once() {
        let drift = detected(detected(DriftStatus::default(), vec![difference()], at(1)), vec![difference()], at(9));
        assert_eq!(drift.last_detected_at, Some(at(1)));
        let again = detected(over(drift, at(10), WINDOW), vec![difference()], at(11));
        assert_eq!(again.last_detected_at, Some(at(11)));
    }
}
