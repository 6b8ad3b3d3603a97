//! How long a reactor has been busy, for other threads to read. Must not lock: it is written in
//! every turn.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// Written by the reactor, read by any thread.
pub(super) struct Busy {
    /// What instants are counted from.
    base: Instant,
    /// The stretches that have ended, in nanoseconds.
    past_ns: AtomicU64,
    /// When the present stretch began, in nanoseconds after the base; 0 while the reactor rests.
    since_ns: AtomicU64,
}

impl Busy {
    pub(super) fn new() -> Busy {
        Busy {
            base: Instant::now(),
            past_ns: AtomicU64::new(0),
            since_ns: AtomicU64::new(0),
        }
    }

    /// The reactor is about to wait.
    pub(super) fn rest(&self, now: Instant) {
        let since = self.since_ns.swap(0, Ordering::Relaxed);
        if since > 0 {
            let past = self.past_ns.load(Ordering::Relaxed);
            let stretch = self.after_base(now).saturating_sub(since);
            self.past_ns.store(past + stretch, Ordering::Relaxed);
        }
    }

    /// It has work; said again in the midst of it, this changes nothing.
    pub(super) fn resume(&self, now: Instant) {
        if self.since_ns.load(Ordering::Relaxed) == 0 {
            self.since_ns.store(self.after_base(now), Ordering::Relaxed);
        }
    }

    /// All of it. A change between the two looks loses a stretch to the next time.
    pub(super) fn total_ns(&self, now: Instant) -> u64 {
        let past = self.past_ns.load(Ordering::Relaxed);
        match self.since_ns.load(Ordering::Relaxed) {
            0 => past,
            since => past + self.after_base(now).saturating_sub(since),
        }
    }

    /// At least 1, since 0 means that there is none.
    fn after_base(&self, now: Instant) -> u64 {
        let after = now.saturating_duration_since(self.base).as_nanos();
        u64::try_from(after).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn counts_what_is_not_rest() {
        let busy = Busy::new();
        let at = |ms| busy.base + Duration::from_millis(ms);
        let total_ms = |ms| busy.total_ns(at(ms)) / 1_000_000;
        assert_eq!(total_ms(5), 0);
        busy.resume(at(10));
        busy.resume(at(15));
        assert_eq!(total_ms(30), 20, "the present stretch counts");
        busy.rest(at(40));
        busy.rest(at(50));
        assert_eq!(total_ms(100), 30);
        busy.resume(at(100));
        assert_eq!(total_ms(101), 31);
    }
}
