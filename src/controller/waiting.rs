//! The objects that wait for a turn in AWS or for the status writer, in order. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::memory::key::Key;
use crate::{aws::limiter::Class, domain::lane_id::LaneId};

/// What waits. An object waits for one step at most, and for one report.
#[derive(Default)]
pub struct Waiting {
    steps: Queues<(LaneId, Class)>,
    reports: Queues<()>,
}

impl Waiting {
    /// The step that the object waits for now, if any, and whether it waits for a report. One that waits for the same
    /// already keeps its place.
    pub fn set(&mut self, key: &Key, step: Option<(LaneId, Class)>, report: bool) {
        self.steps.set(key, step);
        self.reports.set(key, report.then_some(()));
    }

    /// Whether the object waits for anything.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        self.steps.places.contains_key(key) || self.reports.places.contains_key(key)
    }

    /// The lanes that steps wait for.
    #[must_use]
    pub fn lanes(&self) -> BTreeSet<LaneId> {
        self.steps.objects.keys().map(|(lane, _)| lane.clone()).collect()
    }

    /// The classes of the steps that wait for this lane.
    #[must_use]
    pub fn classes(&self, lane: &LaneId) -> BTreeSet<Class> {
        Class::ALL.into_iter().filter(|class| self.steps.objects.contains_key(&(lane.clone(), *class))).collect()
    }

    /// How many steps of a class wait for a lane.
    #[must_use]
    pub fn count(&self, lane: &LaneId, class: Class) -> usize {
        self.steps.objects.get(&(lane.clone(), class)).map_or(0, BTreeMap::len)
    }

    /// The object that has waited longest for a step of this lane and class.
    pub fn next_step(&mut self, lane: &LaneId, class: Class) -> Option<Key> {
        self.steps.next(&(lane.clone(), class))
    }

    /// The object that has waited longest for a report.
    pub fn next_report(&mut self) -> Option<Key> {
        self.reports.next(&())
    }
}

/// Objects in several queues, each in one at most, in the order in which they came.
struct Queues<Place> {
    objects: BTreeMap<Place, BTreeMap<u64, Key>>,
    places: BTreeMap<Key, (Place, u64)>,
    tickets: u64,
}

impl<Place> Default for Queues<Place> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), places: BTreeMap::new(), tickets: 0 }
    }
}

impl<Place: Ord + Clone> Queues<Place> {
    fn set(&mut self, key: &Key, place: Option<Place>) {
        if self.places.get(key).map(|(place, _)| place) == place.as_ref() {
            return;
        }
        if let Some((former, ticket)) = self.places.remove(key) {
            self.remove(&former, ticket);
        }
        if let Some(place) = place {
            self.tickets += 1;
            self.places.insert(key.clone(), (place.clone(), self.tickets));
            self.objects.entry(place).or_default().insert(self.tickets, key.clone());
        }
    }

    fn next(&mut self, place: &Place) -> Option<Key> {
        let ticket = *self.objects.get(place)?.first_key_value()?.0;
        let key = self.remove(place, ticket)?;
        self.places.remove(&key);
        Some(key)
    }

    fn remove(&mut self, place: &Place, ticket: u64) -> Option<Key> {
        let queue = self.objects.get_mut(place)?;
        let key = queue.remove(&ticket);
        if queue.is_empty() {
            self.objects.remove(place);
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key { namespace: "n".into(), name: name.into() }
    }

    #[test]
    fn each_class_of_a_lane_is_served_in_the_order_in_which_objects_came() {
        let (lane, other) = (LaneId::of_region("a"), LaneId::of_region("b"));
        let mut waiting = Waiting::default();
        for name in ["one", "two", "three"] {
            waiting.set(&key(name), Some((lane.clone(), Class::Edit)), false);
        }
        waiting.set(&key("one"), Some((lane.clone(), Class::Edit)), false);
        waiting.set(&key("four"), Some((other.clone(), Class::Adopt)), false);
        assert_eq!(waiting.lanes(), [lane.clone(), other.clone()].into());
        assert_eq!((waiting.classes(&lane), waiting.count(&lane, Class::Edit)), ([Class::Edit].into(), 3));
        let order: Vec<_> = std::iter::from_fn(|| waiting.next_step(&lane, Class::Edit)).collect();
        assert_eq!(order, [key("one"), key("two"), key("three")]);
        assert_eq!(waiting.lanes(), [other].into());
    }

    #[test]
    fn an_object_that_stops_waiting_or_waits_for_something_else_leaves_no_place_behind() {
        let lane = LaneId::of_region("a");
        let mut waiting = Waiting::default();
        waiting.set(&key("one"), Some((lane.clone(), Class::Edit)), true);
        waiting.set(&key("one"), Some((lane.clone(), Class::Correct)), true);
        assert_eq!(waiting.classes(&lane), [Class::Correct].into());
        assert_eq!(waiting.next_report(), Some(key("one")), "it waits for a report as well");
        assert!(waiting.contains(&key("one")));
        waiting.set(&key("one"), None, false);
        assert!(!waiting.contains(&key("one")) && waiting.lanes().is_empty());
        assert_eq!(waiting.next_step(&lane, Class::Correct), None);
    }
}
