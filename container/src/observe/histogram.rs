//! `Histogram`: how long things took, counted by one worker in fixed buckets.

use std::time::Duration;

use crate::scheduler::Counter;

/// The upper bounds of the buckets, in microseconds: 1, 2.5 and 5 of each decade, from what an
/// inline handler takes to longer than a client waits. One more bucket has what is above them.
pub const BOUNDS_US: [u64; 20] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
    500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// All buckets, the one above the bounds included.
const BUCKETS: usize = BOUNDS_US.len() + 1;

/// Times that one worker counts and any thread reads.
#[derive(Debug, Default)]
pub struct Histogram {
    /// How many times are in each bucket, and in no lower one.
    buckets: [Counter; BUCKETS],
    /// All times together, in microseconds.
    sum: Counter,
}

/// The times of one or more histograms, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Times {
    /// How many times are in each bucket, and in no lower one; see [`BOUNDS_US`].
    pub buckets: [u64; BUCKETS],
    /// All times together, in microseconds.
    pub sum_us: u64,
}

impl Histogram {
    /// Counts a time in microseconds; to be called by the histogram's own worker only.
    #[inline]
    pub fn record(&self, micros: u64) {
        // From below: most requests are quick, and the search ends where they are.
        let place = BOUNDS_US.iter().position(|bound| micros <= *bound);
        self.buckets[place.unwrap_or(BUCKETS - 1)].add(1);
        self.sum.add(micros);
    }
}

impl Times {
    /// Adds those of a histogram.
    pub fn add(&mut self, histogram: &Histogram) {
        for (total, bucket) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *total += bucket.read();
        }
        self.sum_us += histogram.sum.read();
    }

    /// Adds those of other histograms.
    pub fn merge(&mut self, other: &Times) {
        for (total, bucket) in self.buckets.iter_mut().zip(other.buckets) {
            *total += bucket;
        }
        self.sum_us += other.sum_us;
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The time that the share `quantile`, from 0 to 1, of all times does not exceed: a straight
    /// line within its bucket, and the highest bound for what is above all of them. `None` when
    /// nothing was counted.
    ///
    /// ```
    /// use container::observe::{Histogram, Times};
    /// use std::time::Duration;
    ///
    /// let histogram = Histogram::default();
    /// (0..100).for_each(|_| histogram.record(200));
    /// let mut times = Times::default();
    /// times.add(&histogram);
    /// assert_eq!(times.quantile(0.5), Some(Duration::from_micros(175)));
    /// ```
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = quantile.clamp(0.0, 1.0) * count as f64;
        let mut below = 0.0;
        let mut lower = 0;
        for (bound, bucket) in BOUNDS_US.iter().zip(self.buckets) {
            let within = bucket as f64;
            if within > 0.0 && below + within >= rank {
                let share = (rank - below).max(0.0) / within;
                let micros = lower as f64 + share * (bound - lower) as f64;
                return Some(Duration::from_secs_f64(micros / 1e6));
            }
            below += within;
            lower = *bound;
        }
        Some(Duration::from_micros(lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(micros: &[u64]) -> Times {
        let histogram = Histogram::default();
        micros.iter().for_each(|time| histogram.record(*time));
        let mut times = Times::default();
        times.add(&histogram);
        times
    }

    #[test]
    fn a_time_is_in_the_first_bucket_that_has_room_for_it() {
        for (micros, bucket) in [(0, 0), (10, 0), (11, 1), (1_000, 6), (30_000_000, 19)] {
            assert_eq!(times(&[micros]).buckets[bucket], 1, "{micros}");
        }
        assert_eq!(times(&[30_000_001, u64::MAX / 2]).buckets[20], 2);
    }

    #[test]
    fn quantiles_are_found_within_their_bucket() {
        let check = |micros: &[u64], quantile: f64, expected: u64| {
            let found = times(micros).quantile(quantile).unwrap();
            assert_eq!(found.as_micros(), u128::from(expected), "{quantile}");
        };
        let mixed: Vec<u64> = (0..90).map(|_| 5).chain((0..10).map(|_| 900)).collect();
        check(&mixed, 0.0, 0);
        check(&mixed, 0.45, 5);
        check(&mixed, 0.9, 10);
        check(&mixed, 0.95, 750);
        check(&mixed, 1.0, 1_000);
        check(&[40_000_000], 0.5, 30_000_000);
        assert_eq!(times(&[]).quantile(0.5), None);
    }

    #[test]
    fn histograms_add_up() {
        let mut all = times(&[1, 20]);
        all.merge(&times(&[1, 3_000_000]));
        assert_eq!((all.count(), all.sum_us), (4, 3_000_022));
        assert_eq!((all.buckets[0], all.buckets[1], all.buckets[17]), (2, 1, 1));
    }
}
