//! How fast a lane may call AWS: a token bucket that starts full.

use std::{num::NonZeroU32, time::Duration};

use tokio::{sync::Mutex, time::Instant};

/// As many calls as fit into this time may be made at once.
const BURST: Duration = Duration::from_secs(1);

/// The bucket without a clock: time saved up, of which each call costs its share of a second. Pure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    cost: Duration,
    saved: Duration,
    at: Duration,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(calls_per_second: NonZeroU32) -> Self {
        Self { cost: BURST / calls_per_second.get(), saved: BURST, at: Duration::ZERO }
    }

    /// Takes a call, or returns how long to wait before the next attempt. `now` counts from any fixed point.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.saved = BURST.min(self.saved + now.saturating_sub(self.at));
        self.at = self.at.max(now);
        match self.saved.checked_sub(self.cost) {
            Some(left) => {
                self.saved = left;
                Ok(())
            }
            None => Err(self.cost.saturating_sub(self.saved)),
        }
    }
}

/// The bucket on the real clock.
///
/// # Guarantees
/// First come, first served; a caller that stops waiting takes nothing.
#[derive(Debug)]
pub struct Limiter {
    bucket: Mutex<Bucket>,
    start: Instant,
}

impl Limiter {
    /// A limiter that lets a second's calls through at once.
    #[must_use]
    pub fn new(calls_per_second: NonZeroU32) -> Self {
        Self { bucket: Mutex::new(Bucket::new(calls_per_second)), start: Instant::now() }
    }

    /// Waits until a call may be made.
    pub async fn take(&self) {
        // The lock is kept while waiting: its queue is the order of the calls.
        let mut bucket = self.bucket.lock().await;
        while let Err(wait) = bucket.take(self.start.elapsed()) {
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn per_second(calls: u32) -> NonZeroU32 {
        NonZeroU32::new(calls).unwrap()
    }

    #[test]
    fn a_bucket_starts_full_and_fills_at_its_rate() {
        let mut bucket = Bucket::new(per_second(4));
        for (now, answer) in [
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Err(250)),
            (100, Err(150)),
            (250, Ok(())),
            (250, Err(250)),
            (750, Ok(())),
            (750, Ok(())),
            (750, Err(250)),
            // An hour of rest saves no more than a burst.
            (3_600_000, Ok(())),
            (3_600_000, Ok(())),
            (3_600_000, Ok(())),
            (3_600_000, Ok(())),
            (3_600_000, Err(250)),
            // A clock that goes back gives nothing and takes nothing.
            (3_000_000, Err(250)),
            (3_600_250, Ok(())),
        ] {
            let answer = answer.map_err(Duration::from_millis);
            assert_eq!(bucket.take(Duration::from_millis(now)), answer, "at {now} ms");
        }
    }

    #[test]
    fn a_wait_is_never_in_vain() {
        for calls in [1, 3, 7, 100, 999, 1_000_000] {
            let mut bucket = Bucket::new(per_second(calls));
            let mut now = Duration::ZERO;
            for _ in 0..3000 {
                if let Err(wait) = bucket.take(now) {
                    now += wait;
                    assert_eq!(bucket.take(now), Ok(()), "{calls} calls a second");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_beyond_the_burst_go_at_the_rate_and_in_their_order() {
        let limiter = Arc::new(Limiter::new(per_second(10)));
        let start = Instant::now();
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        for call in 0..30 {
            let (limiter, sender) = (Arc::clone(&limiter), sender.clone());
            tokio::spawn(async move {
                limiter.take().await;
                sender.send((call, start.elapsed())).unwrap();
            });
            tokio::task::yield_now().await;
        }
        drop(sender);
        for call in 0..30_u32 {
            let (number, at) = receiver.recv().await.unwrap();
            assert_eq!(number, call);
            let due = Duration::from_millis(100) * call.saturating_sub(9);
            assert!((due..due + Duration::from_millis(20)).contains(&at), "call {call} at {at:?}, due {due:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_given_up_takes_nothing() {
        let limiter = Limiter::new(per_second(1));
        limiter.take().await;
        let half = Duration::from_millis(500);
        assert!(tokio::time::timeout(half, limiter.take()).await.is_err());
        let start = Instant::now();
        limiter.take().await;
        assert!(start.elapsed() < half + Duration::from_millis(10));
    }
}
