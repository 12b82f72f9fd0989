//! The service's clock: the only reader of the time. It can be moved for clients without moving the order of events.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::moment::{Moment, Stamp};

/// A hundred years: the clock always stays inside what a timestamp can hold.
const MAX_OFFSET_MS: i64 = 100 * 366 * 24 * 3600 * 1000;

#[derive(Debug, thiserror::Error)]
#[error("offsetMs must be between -{MAX_OFFSET_MS} and {MAX_OFFSET_MS} (100 years)")]
pub struct OffsetTooLarge;

/// Reads the time of day, and how much time has passed since the start.
type Time = dyn Fn() -> (Timestamp, Duration) + Send + Sync;

pub struct Clock {
    time: Box<Time>,
    offset_ms: AtomicI64,
}

impl Clock {
    pub fn new(time: impl Fn() -> (Timestamp, Duration) + Send + Sync + 'static) -> Self {
        Self { time: Box::new(time), offset_ms: AtomicI64::new(0) }
    }

    /// The clock of the machine.
    #[allow(clippy::disallowed_methods)]
    pub fn system() -> Self {
        let started = Instant::now();
        Self::new(move || (Timestamp::now(), started.elapsed()))
    }

    pub fn now(&self) -> Moment {
        let (real, tick) = (self.time)();
        let moved = Timestamp::from_millisecond(real.as_millisecond() + self.offset_ms());
        Moment { stamp: Stamp::new(moved.unwrap_or(real)), tick }
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

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Clock").field("offset_ms", &self.offset_ms).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_clock_moves_stamps_and_leaves_ticks() {
        let clock = Clock::system();
        let before = clock.now();
        clock.set_offset_ms(-3_600_000).unwrap();
        let after = clock.now();
        assert!(after.stamp < before.stamp);
        assert!(after.tick >= before.tick);
        assert!(clock.set_offset_ms(i64::MIN).is_err());
    }
}
