//! Ids of the form of a random UUID, different in each process: of requests, policy revisions and channels.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub struct Ids {
    seed: RandomState,
    last: AtomicU64,
}

impl Ids {
    pub fn new() -> Self {
        Self { seed: RandomState::new(), last: AtomicU64::new(0) }
    }

    pub fn uuid(&self) -> String {
        let [high, low] = self.random();
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }

    /// Two numbers that no other call of this process gives.
    pub fn random(&self) -> [u64; 2] {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        ["high", "low"].map(|half| self.seed.hash_one((half, number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_and_differ() {
        let ids = Ids::new();
        let (first, second) = (ids.uuid(), ids.uuid());
        assert_ne!(first, second);
        assert_eq!(first.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{first}");
        assert!(crate::patterns::UUID.matches(&first), "{first}");
    }
}
