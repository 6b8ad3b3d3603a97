//! Deadlines as pure data: `now` is always an argument. Must not read a clock and must not wake
//! anybody.
//!
//! A timer that is moved to a later deadline keeps its place in the order and is put back when
//! that place comes up. Thus a connection that pushes its timeout back with each request pays a
//! store, not two tree operations, and a timer that only sleeps costs nothing at all.

use std::{collections::BTreeMap, task::Waker, time::Instant};

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
