//! A token bucket in whole numbers: nothing is gained or lost by rounding. Pure.

use std::time::Duration;

use crate::domain::moment::Moment;

/// As many calls as fit into this time may be made at once.
const BURST: Duration = Duration::from_secs(1);

/// One call in a bucket: what a rate of one call per second gains in a second.
const CALL: u64 = 1_000_000;

/// A number of calls per second, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

impl Rate {
    /// So many calls per second.
    #[must_use]
    pub const fn per_second(calls: u32) -> Self {
        Self(calls as u64 * 1000)
    }

    /// This part of it.
    #[must_use]
    pub fn divided_by(self, divisor: u64) -> Self {
        Self((self.0 / divisor).max(1))
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// By how much a rate has grown after `time` that grows by this in `whole`; `None` as long as that is nothing.
    #[must_use]
    pub fn grown_in(self, time: Duration, whole: Duration) -> Option<Self> {
        let grown = u128::from(self.0) * time.as_millis() / whole.as_millis().max(1);
        Some(Self(u64::try_from(grown).unwrap_or(u64::MAX))).filter(|grown| grown.0 > 0)
    }

    /// The number of calls per second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "it is shown to people")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// How long one call takes at this rate.
    #[must_use]
    pub fn time_of_a_call(self) -> Duration {
        self.time_for(CALL)
    }

    fn gained(self, time: Duration) -> u64 {
        self.0.saturating_mul(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    fn burst(self) -> u64 {
        self.gained(BURST).max(CALL)
    }

    fn time_for(self, missing: u64) -> Duration {
        Duration::from_millis(missing.div_ceil(self.0))
    }
}

/// A token bucket that starts full and fills at a rate that the caller gives.
///
/// # Guarantees
/// In every period, the calls that are *sent* are at most those of a second and those of the period, at the highest
/// rate. A call that was let through and not sent yet keeps its place in the bucket, so that calls that wait for
/// something else do not add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    level: u64,
    /// Calls that were let through and not sent yet.
    taken: u64,
    at: Moment,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn full(rate: Rate, now: Moment) -> Self {
        Self { level: rate.burst(), taken: 0, at: now }
    }

    /// Whether there is a call; else when there is one, or `None` when one must be sent or returned first.
    pub fn ready(&mut self, rate: Rate, now: Moment) -> Result<(), Option<Moment>> {
        self.fill(rate, now);
        if self.level >= CALL {
            return Ok(());
        }
        let missing = CALL - self.level;
        Err((self.room(rate) >= CALL).then(|| self.at.plus(rate.time_for(missing))))
    }

    /// Lets the call through that is [`ready`](Self::ready).
    pub fn take(&mut self) {
        self.level = self.level.saturating_sub(CALL);
        self.taken += 1;
    }

    /// A call that was let through is sent.
    pub fn sent(&mut self, rate: Rate, now: Moment) {
        // Until now it has kept its place.
        self.fill(rate, now);
        self.taken = self.taken.saturating_sub(1);
    }

    /// A call that was let through is not sent.
    pub fn returned(&mut self) {
        self.taken = self.taken.saturating_sub(1);
        self.level = self.level.saturating_add(CALL);
    }

    /// Keeps one call at most, and fills from `at` on.
    pub fn restart(&mut self, at: Moment) {
        self.level = self.level.min(CALL);
        self.at = self.at.max(at);
    }

    /// Fills at `rate` until `now`.
    pub fn fill(&mut self, rate: Rate, now: Moment) {
        self.level = self.level.saturating_add(rate.gained(now.since(self.at))).min(self.room(rate));
        self.at = self.at.max(now);
    }

    fn room(&self, rate: Rate) -> u64 {
        rate.burst().saturating_sub(self.taken.saturating_mul(CALL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(bucket: &mut Bucket, rate: Rate, now: u64) -> Result<(), Option<u64>> {
        bucket.ready(rate, Moment(now)).map_err(|at| at.map(|at| at.0))?;
        bucket.take();
        Ok(())
    }

    #[test]
    fn a_bucket_starts_full_and_fills_at_its_rate() {
        let rate = Rate::per_second(4);
        let mut bucket = Bucket::full(rate, Moment(0));
        for (now, answer) in [
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Err(Some(250))),
            (100, Err(Some(250))),
            (250, Ok(())),
            (250, Err(Some(500))),
            (750, Ok(())),
            (750, Ok(())),
            (750, Err(Some(1000))),
            // An hour of rest saves no more than a burst.
            (3_600_000, Ok(())),
            (3_600_000, Ok(())),
            (3_600_000, Ok(())),
            (3_600_000, Ok(())),
            (3_600_000, Err(Some(3_600_250))),
            // A clock that goes back gives nothing and takes nothing.
            (3_000_000, Err(Some(3_600_250))),
            (3_600_250, Ok(())),
        ] {
            let taken = take(&mut bucket, rate, now);
            assert_eq!(taken, answer, "at {now} ms");
            if taken.is_ok() {
                bucket.sent(rate, Moment(now));
            }
        }
    }

    #[test]
    fn a_wait_is_never_in_vain() {
        for calls in [1, 3, 7, 100, 999, 1_000_000] {
            let rate = Rate::per_second(calls);
            let mut bucket = Bucket::full(rate, Moment(0));
            let mut now = 0;
            for _ in 0..3000 {
                if let Err(at) = take(&mut bucket, rate, now) {
                    now = at.unwrap();
                    assert_eq!(take(&mut bucket, rate, now), Ok(()), "{calls} calls a second");
                }
                bucket.sent(rate, Moment(now));
            }
        }
    }

    /// Permits that came late once released all the calls that had gathered.
    #[test]
    fn calls_that_were_let_through_and_wait_for_something_else_do_not_add_up() {
        let rate = Rate::per_second(2);
        let mut bucket = Bucket::full(rate, Moment(0));
        assert_eq!((take(&mut bucket, rate, 0), take(&mut bucket, rate, 0)), (Ok(()), Ok(())));
        assert_eq!(take(&mut bucket, rate, 60_000), Err(None), "it waits for one of the two");
        bucket.sent(rate, Moment(60_000));
        assert_eq!(take(&mut bucket, rate, 60_000), Err(Some(60_500)));
        bucket.returned();
        assert_eq!(take(&mut bucket, rate, 60_000), Ok(()), "what is not sent is there for another one");
    }
}
