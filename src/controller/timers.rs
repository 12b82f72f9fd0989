//! When objects are to be evaluated again, or checked whether what is known about them is still new enough.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use tokio::time::Instant;
use tokio_util::time::{DelayQueue, delay_queue};

use super::memory::key::Key;

/// One timer for each object.
pub struct Timers {
    began: Instant,
    due: DelayQueue<(Key, Instant)>,
    set: BTreeMap<Key, delay_queue::Key>,
}

impl Timers {
    /// None is set.
    #[must_use]
    pub fn new() -> Self {
        Self { began: Instant::now(), due: DelayQueue::new(), set: BTreeMap::new() }
    }

    /// `due` is when the object is to be evaluated, `stale_in` when what is known may be too old before that.
    pub fn set(&mut self, key: &Key, due: Instant, stale_in: Option<Duration>) {
        self.forget(key);
        let at = stale_in.map_or(due, |wait| self.next_check(Instant::now() + wait).min(due));
        let timer = self.due.insert_at((key.clone(), due), at);
        self.set.insert(key.clone(), timer);
    }

    /// The next whole second after `at`: with a moment of its own, each of thousands of objects would wake the process.
    fn next_check(&self, at: Instant) -> Instant {
        self.began + Duration::from_secs(at.saturating_duration_since(self.began).as_secs() + 1)
    }

    /// The object has no timer any more.
    pub fn forget(&mut self, key: &Key) {
        if let Some(timer) = self.set.remove(key) {
            self.due.remove(&timer);
        }
    }

    /// Waits for the next timer, and returns when its object is to be evaluated; `None` while none is set.
    pub async fn expired(&mut self) -> Option<(Key, Instant)> {
        let (key, due) = self.due.next().await?.into_inner();
        self.set.remove(&key);
        Some((key, due))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn key(number: u64) -> Key {
        Key { namespace: "n".into(), name: number.to_string().into() }
    }

    /// 20,000 resources at rest once woke the process 300 times a second, and took three times the CPU time of the Lists.
    #[tokio::test(start_paused = true)]
    async fn what_turns_stale_within_a_second_is_checked_at_once_and_not_too_early() {
        let (mut timers, began) = (Timers::new(), Instant::now());
        for number in 0..1000 {
            let stale_in = Duration::from_millis(60_000 + number * 4);
            timers.set(&key(number), began + Duration::from_hours(1), Some(stale_in));
        }
        let mut moments = BTreeSet::new();
        while let Some((key, _)) = timers.expired().await {
            let stale_in = Duration::from_millis(60_000 + key.name.parse::<u64>().unwrap() * 4);
            let late = began.elapsed().checked_sub(stale_in).expect("not before it is stale");
            assert!(late <= Duration::from_millis(1001), "{late:?}");
            moments.insert(began.elapsed().as_secs());
        }
        assert_eq!(moments.len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_is_due_at_its_own_moment() {
        let (mut timers, began) = (Timers::new(), Instant::now());
        let due = began + Duration::from_millis(1500);
        timers.set(&key(1), began + Duration::from_secs(9), None);
        timers.set(&key(1), due, Some(Duration::from_millis(1400)));
        timers.set(&key(2), began + Duration::from_secs(1), None);
        timers.forget(&key(2));
        assert_eq!(timers.expired().await, Some((key(1), due)));
        assert_eq!((began.elapsed().as_millis(), timers.expired().await), (1500, None));
    }
}
