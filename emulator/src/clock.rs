//! The service's clock: the only reader of the time. It can be moved for clients without moving the order of events.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A hundred years: the clock always stays inside what a timestamp can hold.
const MAX_OFFSET_MS: i64 = 100 * 366 * 24 * 3600 * 1000;

/// A time with milliseconds, as the service's answers carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(Timestamp);

impl Stamp {
    /// Whatever is finer than a millisecond is dropped.
    pub fn new(time: Timestamp) -> Self {
        Self(Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time))
    }

    /// The form of the HTTP `Date` header.
    pub fn http_date(self) -> String {
        self.0.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.3}", self.0)
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(deserializer).map(Self::new)
    }
}

/// An instant, twice: what clients are told, and a tick that only ever grows.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub stamp: Stamp,
    /// Time since the clock was made. Moving the clock doesn't move it.
    pub tick: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("offsetMs must be within a hundred years: {MAX_OFFSET_MS} either way")]
pub struct OffsetTooLarge;

#[derive(Debug)]
pub struct Clock {
    started: Instant,
    offset_ms: AtomicI64,
}

impl Clock {
    pub fn new() -> Self {
        Self { started: Instant::now(), offset_ms: AtomicI64::new(0) }
    }

    pub fn now(&self) -> Moment {
        let real = Timestamp::now();
        let moved = Timestamp::from_millisecond(real.as_millisecond() + self.offset_ms());
        Moment { stamp: Stamp::new(moved.unwrap_or(real)), tick: self.started.elapsed() }
    }

    pub fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    pub fn set_offset_ms(&self, offset_ms: i64) -> Result<(), OffsetTooLarge> {
        if offset_ms.unsigned_abs() > MAX_OFFSET_MS.unsigned_abs() {
            return Err(OffsetTooLarge);
        }
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_always_shows_three_digits() {
        for (text, shown) in [
            ("2026-06-01T13:15:02Z", "2026-06-01T13:15:02.000Z"),
            ("2026-06-01T13:15:02.0019Z", "2026-06-01T13:15:02.001Z"),
            ("2026-06-01T15:15:02.001+02:00", "2026-06-01T13:15:02.001Z"),
        ] {
            let stamp: Stamp = serde_json::from_value(text.into()).unwrap();
            assert_eq!(stamp.to_string(), shown);
        }
    }

    #[test]
    fn the_date_header_has_the_form_of_http() {
        let stamp: Stamp = serde_json::from_value("2026-06-01T03:15:02Z".into()).unwrap();
        assert_eq!(stamp.http_date(), "Mon, 01 Jun 2026 03:15:02 GMT");
    }

    #[test]
    fn a_moved_clock_moves_stamps_and_leaves_ticks() {
        let clock = Clock::new();
        let before = clock.now();
        clock.set_offset_ms(-3_600_000).unwrap();
        let after = clock.now();
        assert!(after.stamp < before.stamp);
        assert!(after.tick >= before.tick);
        assert!(clock.set_offset_ms(i64::MIN).is_err());
    }
}
