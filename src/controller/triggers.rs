//! Which objects are to be evaluated: a set, so that a thousand reasons to evaluate one object are one.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::memory::key::Key;

/// The objects to evaluate. Changes by users come before news from lanes and timers.
#[derive(Default)]
pub struct Triggers {
    pending: Mutex<Pending>,
    added: Notify,
}

#[derive(Default)]
struct Pending {
    open: bool,
    urgent: BTreeSet<Key>,
    routine: BTreeSet<Key>,
}

impl Triggers {
    /// A user may be waiting for these.
    pub fn urgent(&self, keys: impl IntoIterator<Item = Key>) {
        self.pending.lock().urgent.extend(keys);
        self.added.notify_one();
    }

    /// These are not urgent.
    pub fn routine(&self, keys: impl IntoIterator<Item = Key>) {
        self.pending.lock().routine.extend(keys);
        self.added.notify_one();
    }

    /// Every object is known, and this process leads: until then nothing is evaluated, because another object may own the
    /// group, and another process act.
    pub fn open(&self) {
        self.pending.lock().open = true;
        self.added.notify_one();
    }

    /// Whether anything is evaluated yet.
    pub fn is_open(&self) -> bool {
        self.pending.lock().open
    }

    /// The next one, once it is open.
    pub fn next(&self) -> Option<Key> {
        let mut pending = self.pending.lock();
        if !pending.open {
            return None;
        }
        pending.urgent.pop_first().or_else(|| pending.routine.pop_first())
    }

    /// Returns once something may have been added since the last call.
    pub async fn added(&self) {
        self.added.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key { namespace: "n".into(), name: name.into() }
    }

    #[test]
    fn an_object_is_evaluated_once_for_any_number_of_reasons_and_edits_come_first() {
        let triggers = Triggers::default();
        for _ in 0..1000 {
            triggers.routine([key("a")]);
        }
        triggers.urgent([key("z")]);
        assert_eq!(triggers.next(), None, "not every object is known");
        triggers.open();
        let order: Vec<_> = std::iter::from_fn(|| triggers.next()).map(|key| key.name.to_string()).collect();
        assert_eq!(order, ["z", "a"]);
    }
}
