//! When the agents' timestamps alone are worth a write: once a slot, and each object has slots of its own. Pure.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use crate::api::{ProfilingGroupStatus, Timestamp};

/// The slot that `now` falls into for the object `uid`: slots are `every` long, and spread evenly over the objects.
#[must_use]
pub fn slot(uid: &str, now: Timestamp, every: Duration) -> i64 {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    now.as_millis().saturating_add(millis(phase(uid, every))).div_euclid(millis(every).max(1))
}

/// A part of `every` that is this object's own, spread evenly over the objects: so that they do not all act at once.
#[must_use]
pub fn phase(uid: &str, every: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    let every = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(hasher.finish() % every)
}

/// `next`, but with the agents' timestamps of `stored`.
#[must_use]
pub fn without_agents_news(next: &ProfilingGroupStatus, stored: &ProfilingGroupStatus) -> ProfilingGroupStatus {
    ProfilingGroupStatus { profiling_status: stored.profiling_status.clone(), ..next.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_mins(15);

    #[test]
    fn each_object_has_one_slot_in_every_period() {
        let start = Timestamp::from_millis(1_800_000_000_000);
        for uid in ["a", "b", "c"] {
            assert_eq!(slot(uid, start.plus(EVERY), EVERY), slot(uid, start, EVERY) + 1);
        }
    }

    #[test]
    fn the_slots_of_many_objects_are_spread() {
        let start = Timestamp::from_millis(1_800_000_000_000);
        let minute = Duration::from_mins(1);
        let turning = (0..1500).filter(|i| {
            let uid = format!("uid-{i}");
            slot(&uid, start, EVERY) != slot(&uid, start.plus(minute), EVERY)
        });
        let turning = turning.count();
        assert!((60..140).contains(&turning), "a fifteenth of them turns each minute: {turning}");
    }
}
