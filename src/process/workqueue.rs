//! Remembers which keys wait and which are being worked on. Pure: the time is given.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::{Duration, Instant},
};

/// The keys that wait for work and the work that runs.
///
/// As in client-go's workqueue a key waits at most once, and may wait again while it is being worked on.
#[derive(Debug)]
pub(super) struct Workqueue<K> {
    /// Ordered, though no order is needed: a hash map would keep the room that a burst took.
    waiting: BTreeMap<K, Instant>,
    running: BTreeMap<Ticket, Instant>,
    next_ticket: u64,
}

/// Names one piece of work that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// What the gauges show.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Snapshot {
    /// Keys that wait.
    pub(super) depth: usize,
    /// Pieces of work that run.
    pub(super) active: usize,
    /// The time spent so far on all the work that runs.
    pub(super) unfinished: Duration,
    /// The time spent so far on the oldest work that runs.
    pub(super) longest: Duration,
}

impl<K: Ord> Workqueue<K> {
    pub(super) fn new() -> Self {
        Self { waiting: BTreeMap::new(), running: BTreeMap::new(), next_ticket: 0 }
    }

    /// Queues `key`. False when it already waits.
    pub(super) fn enqueue(&mut self, key: K, now: Instant) -> bool {
        match self.waiting.entry(key) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(now);
                true
            }
        }
    }

    /// `key` no longer waits and is not worked on.
    pub(super) fn drop_waiting(&mut self, key: &K) {
        self.waiting.remove(key);
    }

    /// Work on `key` starts. The duration is how long it waited, if it did.
    pub(super) fn start(&mut self, key: &K, now: Instant) -> (Ticket, Option<Duration>) {
        let waited = self.waiting.remove(key).map(|since| now.saturating_duration_since(since));
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.running.insert(ticket, now);
        (ticket, waited)
    }

    /// The work of `ticket` ended. The duration is how long it took.
    pub(super) fn end(&mut self, ticket: Ticket, now: Instant) -> Duration {
        self.running.remove(&ticket).map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    pub(super) fn snapshot(&self, now: Instant) -> Snapshot {
        let ages = || self.running.values().map(|since| now.saturating_duration_since(*since));
        Snapshot {
            depth: self.waiting.len(),
            active: self.running.len(),
            unfinished: ages().sum(),
            longest: ages().max().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_key_that_already_waits_is_counted_once_and_keeps_its_place() {
        let start = Instant::now();
        let mut queue = Workqueue::new();
        assert!(queue.enqueue("a", start));
        assert!(!queue.enqueue("a", start + SECOND));
        assert!(queue.enqueue("b", start));
        assert_eq!(queue.snapshot(start).depth, 2);

        let (_, waited) = queue.start(&"a", start + 3 * SECOND);
        assert_eq!(waited, Some(3 * SECOND));
        assert_eq!(queue.snapshot(start).depth, 1);
    }

    #[test]
    fn a_key_may_wait_again_while_it_is_being_worked_on() {
        let now = Instant::now();
        let mut queue = Workqueue::new();
        queue.enqueue("a", now);
        queue.start(&"a", now);
        assert!(queue.enqueue("a", now));
        let seen = queue.snapshot(now);
        assert_eq!((seen.depth, seen.active), (1, 1));
    }

    #[test]
    fn work_that_was_not_queued_has_no_waiting_time() {
        let now = Instant::now();
        let mut queue = Workqueue::new();
        let (_, waited) = queue.start(&"a", now);
        assert_eq!(waited, None);
    }

    #[test]
    fn a_dropped_key_leaves_the_queue() {
        let now = Instant::now();
        let mut queue = Workqueue::new();
        queue.enqueue("gone", now);
        queue.drop_waiting(&"gone");
        queue.drop_waiting(&"never there");
        assert_eq!(queue.snapshot(now), Snapshot::default());
    }

    #[test]
    fn unfinished_work_adds_up_and_the_longest_stands_out() {
        let start = Instant::now();
        let mut queue = Workqueue::new();
        let (slow, _) = queue.start(&"slow", start);
        queue.start(&"fast", start + 4 * SECOND);
        let now = start + 5 * SECOND;
        let seen = queue.snapshot(now);
        assert_eq!((seen.active, seen.unfinished, seen.longest), (2, 6 * SECOND, 5 * SECOND));

        assert_eq!(queue.end(slow, now), 5 * SECOND);
        let seen = queue.snapshot(now);
        assert_eq!((seen.active, seen.unfinished, seen.longest), (1, SECOND, SECOND));
    }
}
