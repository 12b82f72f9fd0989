//! Parts of a period that are an object's own, so that many objects do not all act at once. Pure.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use crate::api::Timestamp;

/// The slot that `now` falls into for the object `uid`: slots are `every` long, and spread evenly over the objects.
#[must_use]
pub fn slot(uid: &str, now: Timestamp, every: Duration) -> i64 {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    now.as_millis().saturating_add(millis(phase(uid, every))).div_euclid(millis(every).max(1))
}

/// How long the present slot of the object `uid` still lasts.
#[must_use]
pub fn remaining(uid: &str, now: Timestamp, every: Duration) -> Duration {
    let every_millis = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let phase = i64::try_from(phase(uid, every).as_millis()).unwrap_or(0);
    let into = now.as_millis().saturating_add(phase).rem_euclid(every_millis);
    Duration::from_millis(u64::try_from(every_millis - into).unwrap_or(0))
}

/// A part of `every` that is this object's own, spread evenly over the objects.
#[must_use]
pub fn phase(uid: &str, every: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    let every = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(hasher.finish() % every)
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
            let next = start.plus(remaining(uid, start, EVERY));
            assert_eq!(slot(uid, next, EVERY), slot(uid, start, EVERY) + 1);
            assert_eq!(slot(uid, next.minus(Duration::from_millis(1)), EVERY), slot(uid, start, EVERY));
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
