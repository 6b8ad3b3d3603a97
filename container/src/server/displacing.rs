//! `Displacing`: which connection makes room for a new one when there are as many as there may be: the
//! one that was idle for longest; where none is idle, the one that has been at the head of its request
//! for longest. Without it, clients that say nothing, or never all of it, would keep out those that
//! ask, health checks among them. Pure but for the table that it is given.

use std::cell::{Cell, RefCell};
use std::task::Waker;
use std::time::{Duration, Instant};

use slab::Slab;

use super::worker::Sitter;

/// How long a connection must have waited: its first request comes with the connection, the next may
/// be on its way, and the rest of a head comes right behind its beginning.
const SETTLED: Duration = Duration::from_millis(50);

/// Connections that were chosen and have not closed; one on which a request came at that moment is
/// still answered. While there are so many, nobody else is admitted.
const DISPLACED_MAX: usize = 64;

/// What a connection waits for to which nothing is owed, and since when. In the order in which they
/// make room: the least is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waits {
    /// A request.
    Idle { since: Instant },
    /// The rest of a head.
    Head { since: Instant },
}

/// What a worker knows of connections that are to make room.
#[derive(Default)]
pub(super) struct Displacing {
    /// Those that were chosen and have not closed.
    count: Cell<usize>,
    /// Who is next: the seats that were first to make room when all were looked at, the last one first.
    next: RefCell<Vec<usize>>,
    /// When all were looked at. Done once in [`SETTLED`] at most: to look is dear where there are
    /// many.
    looked: Cell<Option<Instant>>,
}

impl Displacing {
    /// Connections that were chosen and have not closed.
    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    /// One of those that were chosen has closed.
    pub(super) fn note_gone(&self) {
        self.count.set(self.count.get() - 1);
    }

    /// Chooses the connection that is the first to make room and marks it; gives what wakes it.
    pub(super) fn choose(&self, seats: &mut Slab<Sitter>, now: Instant) -> Option<Option<Waker>> {
        if self.count.get() >= DISPLACED_MAX {
            return None;
        }
        let before = now.checked_sub(SETTLED)?;
        let mut next = self.next.borrow_mut();
        let is_fresh = |looked: Instant| now.saturating_duration_since(looked) < SETTLED;
        if !self.looked.get().is_some_and(is_fresh) {
            self.looked.set(Some(now));
            *next = first(seats, before);
        }
        // Meanwhile a request may have come on it, or another have its seat.
        while let Some(key) = next.pop() {
            if let Some(sitter) = seats
                .get_mut(key)
                .filter(|sitter| sitter.waits_before(before))
            {
                sitter.is_displaced = true;
                self.count.set(self.count.get() + 1);
                return Some(sitter.waker.clone());
            }
        }
        None
    }
}

/// The seats that are the first to make room, the very first one last: as many as may be chosen at
/// once.
fn first(seats: &Slab<Sitter>, before: Instant) -> Vec<usize> {
    let waiting = seats
        .iter()
        .filter(|(_, sitter)| sitter.waits_before(before));
    let mut waiting: Vec<(Option<Waits>, usize)> =
        waiting.map(|(key, sitter)| (sitter.waits, key)).collect();
    if waiting.len() > DISPLACED_MAX {
        waiting.select_nth_unstable(DISPLACED_MAX);
        waiting.truncate(DISPLACED_MAX);
    }
    waiting.sort_unstable_by(|one, other| other.cmp(one));
    waiting.into_iter().map(|(_, key)| key).collect()
}

impl Waits {
    /// When it began to wait.
    fn since(self) -> Instant {
        match self {
            Waits::Idle { since } | Waits::Head { since } => since,
        }
    }
}

impl Sitter {
    /// Whether it may be chosen: it waits from that moment on, or for longer.
    fn waits_before(&self, before: Instant) -> bool {
        !self.is_displaced && self.waits.is_some_and(|waits| waits.since() <= before)
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    /// Seats that have been idle for so many milliseconds; 0 for one that is not.
    fn seats(idle: &[u64], now: Instant) -> Slab<Sitter> {
        let mut seats = Slab::new();
        for &ms in idle {
            let since = now - Duration::from_millis(ms);
            seats.insert(Sitter {
                waits: (ms > 0).then_some(Waits::Idle { since }),
                ..Sitter::default()
            });
        }
        seats
    }

    fn chosen(displacing: &Displacing, seats: &mut Slab<Sitter>, now: Instant) -> Option<usize> {
        let before: Vec<bool> = seats.iter().map(|(_, one)| one.is_displaced).collect();
        displacing.choose(seats, now)?;
        let mut after = seats.iter().map(|(key, one)| (key, one.is_displaced));
        after.find_map(|(key, is)| (is && !before[key]).then_some(key))
    }

    #[test]
    fn the_longest_idle_goes_first_and_who_is_not_settled_stays() {
        let now = Instant::now() + Duration::from_secs(10);
        let mut seats = seats(&[60, 0, 3000, 49, 500], now);
        let displacing = Displacing::default();
        assert_eq!(chosen(&displacing, &mut seats, now), Some(2));
        seats[4].waits = None;
        assert_eq!(chosen(&displacing, &mut seats, now), Some(0));
        assert_eq!(chosen(&displacing, &mut seats, now), None);
        assert_eq!(displacing.count(), 2);
        let later = now + SETTLED;
        assert_eq!(chosen(&displacing, &mut seats, later), Some(3));
    }

    #[test]
    fn half_a_head_makes_room_after_all_that_are_idle() {
        let now = Instant::now() + Duration::from_secs(10);
        let mut seats = seats(&[60, 70, 80, 90], now);
        for key in [1, 3] {
            let since = seats[key].waits.expect("it waits").since();
            seats[key].waits = Some(Waits::Head { since });
        }
        let displacing = Displacing::default();
        let order: Vec<usize> = iter::from_fn(|| chosen(&displacing, &mut seats, now)).collect();
        assert_eq!(order, [2, 0, 3, 1]);
    }

    #[test]
    fn only_so_many_are_on_their_way_out() {
        let now = Instant::now() + Duration::from_secs(10);
        let mut seats = seats(&[1000; DISPLACED_MAX + 2], now);
        let displacing = Displacing::default();
        for _ in 0..DISPLACED_MAX {
            assert!(displacing.choose(&mut seats, now).is_some());
        }
        assert!(displacing.choose(&mut seats, now).is_none());
        displacing.note_gone();
        assert!(displacing.choose(&mut seats, now + SETTLED).is_some());
    }
}
