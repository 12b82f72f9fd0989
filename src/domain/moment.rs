//! The process's monotonic clock, and both clocks together. Pure: the caller reads them.

use std::time::Duration;

use crate::api::Timestamp;

/// A point on the process's monotonic clock: milliseconds since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// This long after the process began.
    #[must_use]
    pub fn after(elapsed: Duration) -> Self {
        Self::default().plus(elapsed)
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This much later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// The two clocks, read at the same time. What lasts within the process is measured by the monotonic one, so that a
/// wall clock that jumps moves neither ages nor pauses.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The wall clock.
    pub wall: Timestamp,
    /// The monotonic clock.
    pub moment: Moment,
}

impl Now {
    /// What the wall clock would have shown at `moment`, had it never jumped since.
    #[must_use]
    pub fn wall_at(&self, moment: Moment) -> Timestamp {
        if moment <= self.moment {
            self.wall.minus(self.moment.since(moment))
        } else {
            self.wall.plus(moment.since(self.moment))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_as_long_ago_by_the_wall_clock_as_by_the_monotonic_one() {
        let wall = Timestamp::from_millis(1_800_000_000_000);
        let now = Now { wall, moment: Moment(10_000) };
        assert_eq!(now.wall_at(Moment(4_000)), Timestamp::from_millis(1_799_999_994_000));
        assert_eq!(now.wall_at(Moment(12_000)), Timestamp::from_millis(1_800_000_002_000));
    }
}
