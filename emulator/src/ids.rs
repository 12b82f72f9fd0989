//! Ids of the form of a random UUID, which follow from a seed: of requests, policy revisions and channels.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub struct Ids {
    seed: u64,
    last: AtomicU64,
}

impl Ids {
    pub fn new(seed: u64) -> Self {
        Self { seed, last: AtomicU64::new(0) }
    }

    /// Different ones in each process.
    #[allow(clippy::disallowed_methods)]
    pub fn random() -> Self {
        Self::new(RandomState::new().hash_one(()))
    }

    pub fn uuid(&self) -> String {
        let [high, low] = self.pair();
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }

    /// Two numbers that no other call gives.
    pub fn pair(&self) -> [u64; 2] {
        let first = self.last.fetch_add(2, Ordering::Relaxed);
        [first, first.wrapping_add(1)].map(|number| split_mix(self.seed, number))
    }
}

/// The number at this place of the sequence SplitMix64, in which none occurs twice.
fn split_mix(seed: u64, place: u64) -> u64 {
    let state = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_and_differ() {
        let ids = Ids::random();
        let (first, second) = (ids.uuid(), ids.uuid());
        assert_ne!(first, second);
        assert_eq!(first.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{first}");
        assert!(crate::patterns::UUID.matches(&first), "{first}");
    }

    #[test]
    fn the_numbers_are_those_that_the_authors_of_the_sequence_publish() {
        let ids = Ids::new(1_234_567);
        let numbers = [ids.pair(), ids.pair()].concat();
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
        ];
        assert_eq!(numbers, published);
    }
}
