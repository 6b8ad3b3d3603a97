//! Deadlines as pure data: `now` is always an argument. Must not read a clock and must not wake
//! anybody.
//!
//! A timer that is moved to a later deadline keeps its place in the order and is put back when
//! that place comes up. Thus a connection that pushes its timeout back with each request pays a
//! store, not two tree operations, and a timer that only sleeps costs nothing at all.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Instant;

use slab::Slab;

/// A timer in a [`TimerQueue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerId(usize);

/// Timers in the order of their deadlines; equal deadlines in the order of arming.
///
/// ```
/// use std::{task::Waker, time::{Duration, Instant}};
/// use container::reactor::TimerQueue;
///
/// let mut timers = TimerQueue::default();
/// let start = Instant::now();
/// let timer = timers.insert(start + Duration::from_secs(1), Waker::noop().clone());
/// assert!(timers.pop_expired(start).is_none());
/// assert!(timers.pop_expired(start + Duration::from_secs(1)).is_some());
/// timers.remove(timer);
/// ```
#[derive(Debug, Default)]
pub struct TimerQueue {
    /// The armed timers by their place.
    order: BTreeMap<Place, TimerId>,
    /// All timers that exist, armed or fired.
    timers: Slab<Timer>,
    /// Numbers the places, which keeps equal deadlines in order.
    sequence: u64,
}

/// The place of a timer in the order: never later than its deadline.
type Place = (Instant, u64);

#[derive(Debug)]
struct Timer {
    /// When it is due.
    deadline: Instant,
    /// Where it stands in the order; `None` once fired.
    place: Option<Place>,
    /// Who is told; `None` once fired.
    waker: Option<Waker>,
}

impl TimerQueue {
    /// A new timer, armed.
    pub fn insert(&mut self, deadline: Instant, waker: Waker) -> TimerId {
        let id = TimerId(self.timers.insert(Timer {
            deadline,
            place: None,
            waker: Some(waker),
        }));
        self.place(id, deadline);
        id
    }

    /// Arms a timer again. Returns the waker it had, which the caller drops.
    pub fn arm(&mut self, id: TimerId, deadline: Instant, waker: Waker) -> Option<Waker> {
        let previous = self.timers[id.0].waker.replace(waker);
        self.set_deadline(id, deadline);
        previous
    }

    /// Moves the deadline of an armed timer; a fired one stays fired.
    pub fn set_deadline(&mut self, id: TimerId, deadline: Instant) {
        let timer = &mut self.timers[id.0];
        if timer.waker.is_none() {
            return;
        }
        timer.deadline = deadline;
        match timer.place {
            Some((place, _)) if place <= deadline => {}
            Some(place) => {
                self.order.remove(&place);
                self.place(id, deadline);
            }
            None => self.place(id, deadline),
        }
    }

    /// Whether the timer is armed for this deadline and wakes the same task as `waker`.
    pub fn is_armed_for(&self, id: TimerId, deadline: Instant, waker: &Waker) -> bool {
        let timer = &self.timers[id.0];
        timer.deadline == deadline
            && timer
                .waker
                .as_ref()
                .is_some_and(|armed| armed.will_wake(waker))
    }

    /// Ends a timer. Returns its waker, which the caller drops.
    pub fn remove(&mut self, id: TimerId) -> Option<Waker> {
        let timer = self.timers.remove(id.0);
        if let Some(place) = timer.place {
            self.order.remove(&place);
        }
        timer.waker
    }

    /// The waker of the earliest timer that is due at `now`; the timer counts as fired.
    pub fn pop_expired(&mut self, now: Instant) -> Option<Waker> {
        // Ends: each round either returns or moves one timer behind `now`.
        loop {
            let entry = self.order.first_entry()?;
            if entry.key().0 > now {
                return None;
            }
            let id = entry.remove();
            let timer = &mut self.timers[id.0];
            timer.place = None;
            if timer.deadline <= now {
                return timer.waker.take();
            }
            let deadline = timer.deadline;
            self.place(id, deadline);
        }
    }

    /// When to look again: not later than the earliest deadline, possibly earlier.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.order.first_key_value().map(|(place, _)| place.0)
    }

    /// How many timers are armed.
    pub fn armed(&self) -> usize {
        self.order.len()
    }

    fn place(&mut self, id: TimerId, deadline: Instant) {
        let place = (deadline, self.sequence);
        self.sequence += 1;
        self.timers[id.0].place = Some(place);
        self.order.insert(place, id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    use super::*;

    /// Counts its wakes, so that a test can tell which timer fired.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Fixture {
        timers: TimerQueue,
        start: Instant,
        counts: Vec<Arc<Count>>,
    }

    impl Fixture {
        fn new() -> Fixture {
            Fixture {
                timers: TimerQueue::default(),
                start: Instant::now(),
                counts: Vec::new(),
            }
        }

        fn at(&self, second: u64) -> Instant {
            self.start + Duration::from_secs(second)
        }

        fn insert(&mut self, second: u64) -> TimerId {
            let count = Arc::new(Count::default());
            self.counts.push(Arc::clone(&count));
            self.timers.insert(self.at(second), Waker::from(count))
        }

        /// The numbers of the timers that fire at this time, in their order.
        fn fired(&mut self, second: u64) -> Vec<usize> {
            let now = self.at(second);
            let mut fired = Vec::new();
            while let Some(waker) = self.timers.pop_expired(now) {
                waker.wake();
                let found = self
                    .counts
                    .iter()
                    .position(|c| c.0.swap(0, Ordering::Relaxed) == 1);
                fired.push(found.unwrap());
            }
            fired
        }
    }

    #[test]
    fn fires_in_order_and_once() {
        let mut fixture = Fixture::new();
        for second in [3, 1, 2, 1] {
            fixture.insert(second);
        }
        assert_eq!(fixture.timers.next_deadline(), Some(fixture.at(1)));
        assert_eq!(fixture.fired(0), [0; 0]);
        assert_eq!(fixture.fired(2), [1, 3, 2]);
        assert_eq!(fixture.fired(9), [0]);
        assert_eq!(fixture.fired(9), [0; 0]);
        assert_eq!(fixture.timers.next_deadline(), None);
    }

    #[test]
    fn later_deadline_keeps_its_place_until_it_comes_up() {
        let mut fixture = Fixture::new();
        let timer = fixture.insert(1);
        fixture.timers.set_deadline(timer, fixture.at(5));
        assert_eq!(fixture.timers.next_deadline(), Some(fixture.at(1)));
        assert_eq!(fixture.fired(1), [0; 0]);
        assert_eq!(fixture.timers.next_deadline(), Some(fixture.at(5)));
        assert_eq!(fixture.fired(5), [0]);
    }

    #[test]
    fn earlier_deadline_moves_at_once() {
        let mut fixture = Fixture::new();
        let timer = fixture.insert(5);
        fixture.insert(3);
        fixture.timers.set_deadline(timer, fixture.at(1));
        assert_eq!(fixture.timers.next_deadline(), Some(fixture.at(1)));
        assert_eq!(fixture.fired(4), [0, 1]);
    }

    #[test]
    fn fired_timer_fires_again_only_when_armed() {
        let mut fixture = Fixture::new();
        let timer = fixture.insert(1);
        assert_eq!(fixture.fired(1), [0]);
        fixture.timers.set_deadline(timer, fixture.at(2));
        assert_eq!(fixture.fired(2), [0; 0]);
        let waker = Waker::from(Arc::clone(&fixture.counts[0]));
        assert!(
            fixture
                .timers
                .arm(timer, fixture.at(3), waker.clone())
                .is_none()
        );
        assert!(fixture.timers.is_armed_for(timer, fixture.at(3), &waker));
        assert!(!fixture.timers.is_armed_for(timer, fixture.at(4), &waker));
        assert!(
            !fixture
                .timers
                .is_armed_for(timer, fixture.at(3), Waker::noop())
        );
        assert_eq!(fixture.fired(3), [0]);
    }

    #[test]
    fn removed_timer_is_silent() {
        let mut fixture = Fixture::new();
        let timer = fixture.insert(1);
        fixture.insert(1);
        assert!(fixture.timers.remove(timer).is_some());
        assert_eq!(fixture.timers.armed(), 1);
        assert_eq!(fixture.fired(1), [1]);
    }
}
