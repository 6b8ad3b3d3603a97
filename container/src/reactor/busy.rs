//! How long a reactor has been busy, for other threads to read. Must not lock: it is written in
//! every turn.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Written by the reactor, read by any thread.
pub(super) struct Busy {
    /// What instants are counted from.
    base: Instant,
    /// The stretches that have ended, in nanoseconds.
    past_ns: AtomicU64,
    /// When the present stretch began, in nanoseconds after the base; 0 while the reactor rests.
    since_ns: AtomicU64,
    /// When the present turn, or the last one, began to work, in nanoseconds after the base.
    turn_ns: AtomicU64,
}

impl Busy {
    pub(super) fn new() -> Busy {
        Busy {
            base: Instant::now(),
            past_ns: AtomicU64::new(0),
            since_ns: AtomicU64::new(0),
            turn_ns: AtomicU64::new(0),
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

    /// A turn begins its work, after a rest or right after the one before.
    pub(super) fn resume(&self, now: Instant) {
        let now_ns = self.after_base(now);
        self.turn_ns.store(now_ns, Ordering::Relaxed);
        if self.since_ns.load(Ordering::Relaxed) == 0 {
            self.since_ns.store(now_ns, Ordering::Relaxed);
        }
    }

    /// For how long the present turn has been at work; 0 while the reactor rests.
    pub(super) fn turn_ns(&self, now: Instant) -> u64 {
        if self.since_ns.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let began = self.turn_ns.load(Ordering::Relaxed);
        self.after_base(now).saturating_sub(began)
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
        assert_eq!(busy.turn_ns(at(30)), 15_000_000);
        busy.rest(at(40));
        busy.rest(at(50));
        assert_eq!((total_ms(100), busy.turn_ns(at(100))), (30, 0));
        busy.resume(at(100));
        assert_eq!(total_ms(101), 31);
    }
}
