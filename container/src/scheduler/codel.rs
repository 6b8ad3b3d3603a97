//! The control law of a queue: whether it is overloaded, from how long the oldest has waited.
//!
//! Pure: the time is an argument. After CoDel (RFC 8289): what counts is not how long a queue is
//! but that it *stands*, which shows in that for a whole interval nobody was let in at once. What
//! differs is what follows. CoDel drops single packets until senders slow down; clients of a server
//! do not slow down, so the answer is that of "Fail at Scale" (B. Maurer, ACM Queue 2015): the
//! newest first, and no waiting beyond the target.

use std::time::{Duration, Instant};

use crate::handler::Patience;

/// Watches one queue.
#[derive(Debug)]
pub(super) struct Codel {
    patience: Patience,
    mood: Mood,
}

/// Who is let in next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The queue takes up a burst: fair.
    OldestFirst,
    /// It stands: whoever came last is the likeliest to be answered in time.
    NewestFirst,
}

#[derive(Debug, Clone, Copy)]
enum Mood {
    /// Somebody was let in within the target, or the queue was empty, not long ago.
    Calm,
    /// Since then everybody has waited longer.
    Rising(Instant),
    /// For a whole interval everybody had; when that was last so.
    Overloaded(Instant),
}

impl Codel {
    pub(super) fn new(patience: Patience) -> Self {
        Codel {
            patience,
            mood: Mood::Calm,
        }
    }

    pub(super) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Somebody is let in at `now`, and the oldest has waited for `waited`: who is it to be?
    pub(super) fn judge(&mut self, waited: Duration, now: Instant) -> Order {
        let Patience {
            target, interval, ..
        } = self.patience;
        let has_passed = |since| now.saturating_duration_since(since) >= interval;
        self.mood = match self.mood {
            Mood::Calm if waited >= target => Mood::Rising(now),
            Mood::Rising(since) if waited >= target => {
                if has_passed(since) {
                    Mood::Overloaded(now)
                } else {
                    Mood::Rising(since)
                }
            }
            Mood::Calm | Mood::Rising(_) => Mood::Calm,
            Mood::Overloaded(_) if waited >= target => Mood::Overloaded(now),
            Mood::Overloaded(last) if has_passed(last) => Mood::Calm,
            Mood::Overloaded(last) => Mood::Overloaded(last),
        };
        self.order()
    }

    /// The last one was let in: as with the last packet in RFC 8289, that queue does not stand.
    pub(super) fn emptied(&mut self) {
        if let Mood::Rising(_) = self.mood {
            self.mood = Mood::Calm;
        }
    }

    /// Whether the queue is overloaded, also when nobody has been let in for a while.
    pub(super) fn is_overloaded(&self, now: Instant) -> bool {
        matches!(self.mood, Mood::Overloaded(last)
            if now.saturating_duration_since(last) < self.patience.interval)
    }

    fn order(&self) -> Order {
        match self.mood {
            Mood::Calm | Mood::Rising(_) => Order::OldestFirst,
            Mood::Overloaded(_) => Order::NewestFirst,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges waits, in milliseconds, at times, in milliseconds; a wait of 0 empties the queue.
    fn check(steps: &[(u64, u64, Order)]) {
        let start = Instant::now();
        let mut codel = Codel::new(Patience::default());
        for &(at, waited, expected) in steps {
            let now = start + Duration::from_millis(at);
            let order = codel.judge(Duration::from_millis(waited), now);
            assert_eq!(order, expected, "at {at} ms");
            if waited == 0 {
                codel.emptied();
            }
        }
    }

    #[test]
    fn a_queue_that_stands_for_an_interval_is_overloaded() {
        use Order::{NewestFirst, OldestFirst};
        check(&[
            (0, 5, OldestFirst),
            (99, 80, OldestFirst),
            (100, 80, NewestFirst),
            // For an interval nobody waits too long.
            (150, 4, NewestFirst),
            (199, 0, NewestFirst),
            (200, 4, OldestFirst),
        ]);
    }

    #[test]
    fn a_burst_is_none() {
        use Order::OldestFirst;
        check(&[
            (0, 5, OldestFirst),
            (90, 95, OldestFirst),
            (99, 4, OldestFirst),
            (110, 50, OldestFirst),
            (209, 50, OldestFirst),
        ]);
    }

    #[test]
    fn who_waits_alone_makes_no_overload() {
        let start = Instant::now();
        let mut codel = Codel::new(Patience::default());
        for second in 0..10 {
            let now = start + Duration::from_secs(second);
            let order = codel.judge(Duration::from_secs(1), now);
            assert_eq!(order, Order::OldestFirst);
            codel.emptied();
        }
    }
}
