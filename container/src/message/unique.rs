//! Numbers that no other request has, for ids. Unique, not secret: whoever sees one may guess the
//! next.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// What a step adds (SplitMix64): odd, so that the 2^64 states of a thread are all different, and
/// irregular, so that the threads' sequences do not overlap early.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

thread_local! {
    /// Where this thread's sequence stands; it begins at a random place.
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0_u64));
}

/// The next number of this thread's sequence, never 0: a zero id means "none" in traces.
pub(crate) fn unique() -> u64 {
    let state = STATE.get().wrapping_add(STEP);
    STATE.set(state);
    // SplitMix64's finish: one to one, so what is different stays different.
    let mut mixed = state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    if mixed == 0 { unique() } else { mixed }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_number_comes_twice_on_any_thread() {
        let thousand = || (0..1000).map(|_| unique()).collect::<Vec<_>>();
        let other = std::thread::spawn(thousand).join().unwrap();
        let all: HashSet<u64> = thousand().into_iter().chain(other).collect();
        assert_eq!(all.len(), 2000);
        assert!(!all.contains(&0));
    }
}
