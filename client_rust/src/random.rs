//! A small generator of random numbers, good enough to pick test data. Not for secrets.

use std::hash::{BuildHasher, RandomState};

/// SplitMix64: one addition and a few mixing steps for a number.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The generator of a seed; the same numbers for the same seed.
    pub(crate) fn seeded(seed: u64) -> Random {
        Random { state: seed }
    }

    /// A seed that differs from run to run.
    pub(crate) fn fresh_seed() -> u64 {
        // The standard library seeds its hash maps from the system's random numbers.
        RandomState::new().hash_one(0)
    }

    /// One of `items`; `None` when there are none.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        // The bias of a remainder is beyond notice for a handful of items.
        let index = self.next().checked_rem(items.len() as u64)?;
        items.get(index as usize)
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_are_repeatable_and_reach_everything() {
        let items = [0, 1, 2, 3, 4];
        let picks = |seed| {
            let mut random = Random::seeded(seed);
            let pick = |_| *random.pick(&items).unwrap();
            (0..100).map(pick).collect::<Vec<_>>()
        };
        assert_eq!(picks(7), picks(7));
        assert_ne!(picks(7), picks(8));
        assert!(items.iter().all(|item| picks(7).contains(item)));
        assert_eq!(Random::seeded(1).pick::<u8>(&[]), None);
    }
}
