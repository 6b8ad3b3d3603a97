//! `WaitQueue`: who waits, be it for a permit or for a thread, and who is next.
//!
//! Pure: the time is an argument, and whoever is turned away is handed back to be told. Bounded in
//! length by its room and in time by its [`Patience`].

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::codel::{Codel, Order};
use super::shed::ShedReason;
use crate::handler::{Patience, Priority};

/// Who may be made to wait and be turned away, those first that are let in first.
const SHEDDABLE: [Priority; 2] = [Priority::Normal, Priority::Background];

/// Waiting `T`s.
pub(super) struct WaitQueue<T> {
    /// How many may wait, the critical ones aside: there are never more of those than connections.
    room: usize,
    codel: Codel,
    /// By priority, then by number, and so by age.
    classes: [BTreeMap<u64, Waiter<T>>; 3],
    /// The number of the next one.
    next: u64,
}

/// What is known of a request that asks to be let in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ticket {
    pub(super) priority: Priority,
    /// From when on there is no use in running it.
    pub(super) deadline: Option<Instant>,
}

/// Where one waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    priority: Priority,
    number: u64,
}

struct Waiter<T> {
    item: T,
    since: Instant,
    deadline: Option<Instant>,
}

/// Who was turned away, and why.
pub(super) type Left<T> = Vec<(T, ShedReason)>;

impl<T> WaitQueue<T> {
    pub(super) fn new(room: usize, patience: Patience) -> Self {
        WaitQueue {
            room,
            codel: Codel::new(patience),
            classes: [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()],
            next: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.classes.iter().map(BTreeMap::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.classes.iter().all(BTreeMap::is_empty)
    }

    pub(super) fn is_overloaded(&self, now: Instant) -> bool {
        self.codel.is_overloaded(now)
    }

    /// Changes how many may wait.
    pub(super) fn set_room(&mut self, room: usize) {
        self.room = room;
    }

    /// Queues `item`. Whoever has to give way for it is added to `left`.
    ///
    /// # Errors
    /// With the item and the reason, when it cannot wait.
    pub(super) fn push(
        &mut self,
        item: T,
        ticket: Ticket,
        now: Instant,
        left: &mut Left<T>,
    ) -> Result<Place, (T, ShedReason)> {
        let Ticket { priority, deadline } = ticket;
        if let Err(reason) = self.make_room(priority, now, left) {
            return Err((item, reason));
        }
        let number = self.next;
        self.next += 1;
        let waiter = Waiter {
            item,
            since: now,
            deadline,
        };
        self.class_mut(priority).insert(number, waiter);
        Ok(Place { priority, number })
    }

    /// Takes out who is next. Whoever is not to wait any longer is added to `left`.
    pub(super) fn pop(&mut self, now: Instant, left: &mut Left<T>) -> Option<T> {
        let waited = self
            .oldest()
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let order = self.codel.judge(waited, now);
        let next = loop {
            let Some(waiter) = self.take(order) else {
                break None;
            };
            if waiter.has_expired(now) {
                left.push((waiter.item, ShedReason::Expired));
                continue;
            }
            break Some(waiter.item);
        };
        if order == Order::NewestFirst {
            self.shed_stale(now, left);
        }
        if self.is_empty() {
            self.codel.emptied();
        }
        next
    }

    /// Takes out the most urgent critical one.
    pub(super) fn pop_critical(&mut self) -> Option<T> {
        let (_, waiter) = self.class_mut(Priority::Critical).pop_first()?;
        Some(waiter.item)
    }

    /// Gives back who waits there; `None` when he was taken out already.
    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        let waiter = self.class_mut(place.priority).remove(&place.number)?;
        Some(waiter.item)
    }

    /// Takes out the `nth` in the order in which they came, the critical ones first.
    pub(super) fn remove_nth(&mut self, nth: usize) -> Option<T> {
        let mut before = 0;
        let class = self.classes.iter_mut().find(|class| {
            let is_here = nth < before + class.len();
            before += if is_here { 0 } else { class.len() };
            is_here
        })?;
        let number = *class.keys().nth(nth - before)?;
        class.remove(&number).map(|waiter| waiter.item)
    }

    /// Turns all away for this reason.
    pub(super) fn clear(&mut self, reason: ShedReason) -> Left<T> {
        let classes = std::mem::take(&mut self.classes);
        let waiters = classes.into_iter().flat_map(BTreeMap::into_values);
        waiters.map(|waiter| (waiter.item, reason)).collect()
    }

    /// Finds room for one more of this priority.
    fn make_room(
        &mut self,
        priority: Priority,
        now: Instant,
        left: &mut Left<T>,
    ) -> Result<(), ShedReason> {
        let is_overloaded = self.is_overloaded(now);
        if priority == Priority::Critical {
            return Ok(());
        }
        if priority == Priority::Background && is_overloaded {
            return Err(ShedReason::Displaced);
        }
        let waiting = SHEDDABLE.map(|priority| self.class(priority).len());
        if waiting.iter().sum::<usize>() < self.room {
            return Ok(());
        }
        if priority == Priority::Background {
            return Err(ShedReason::Full);
        }
        if let Some((_, waiter)) = self.class_mut(Priority::Background).pop_last() {
            left.push((waiter.item, ShedReason::Displaced));
            return Ok(());
        }
        if is_overloaded && let Some((_, waiter)) = self.class_mut(Priority::Normal).pop_first() {
            // The newest goes first, so the oldest would be the last.
            left.push((waiter.item, ShedReason::Waited));
            return Ok(());
        }
        Err(ShedReason::Full)
    }

    fn take(&mut self, order: Order) -> Option<Waiter<T>> {
        if let Some((_, waiter)) = self.class_mut(Priority::Critical).pop_first() {
            return Some(waiter);
        }
        let next = SHEDDABLE.into_iter().find_map(|priority| {
            let class = self.class_mut(priority);
            match order {
                Order::OldestFirst => class.pop_first(),
                Order::NewestFirst => class.pop_last(),
            }
        });
        next.map(|(_, waiter)| waiter)
    }

    /// Turns away who has waited as long as an overloaded queue lets anybody wait.
    fn shed_stale(&mut self, now: Instant, left: &mut Left<T>) {
        let target = self.codel.patience().target;
        for priority in SHEDDABLE.into_iter().rev() {
            let class = self.class_mut(priority);
            while let Some(oldest) = class.first_entry() {
                if now.saturating_duration_since(oldest.get().since) < target {
                    break;
                }
                left.push((oldest.remove().item, ShedReason::Waited));
            }
        }
    }

    /// Since when the oldest of those that may be shed waits.
    fn oldest(&self) -> Option<Instant> {
        let firsts = SHEDDABLE
            .into_iter()
            .filter_map(|priority| self.class(priority).values().next());
        firsts.map(|waiter| waiter.since).min()
    }

    fn class(&self, priority: Priority) -> &BTreeMap<u64, Waiter<T>> {
        &self.classes[priority as usize]
    }

    fn class_mut(&mut self, priority: Priority) -> &mut BTreeMap<u64, Waiter<T>> {
        &mut self.classes[priority as usize]
    }
}

impl<T> Waiter<T> {
    fn has_expired(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}

#[cfg(test)]
mod tests {
    use Priority::{Background, Critical, Normal};

    use super::*;

    /// A queue of names, and the time.
    struct Fixture {
        queue: WaitQueue<&'static str>,
        now: Instant,
    }

    impl Fixture {
        fn new(room: usize) -> Self {
            Fixture {
                queue: WaitQueue::new(room, Patience::default()),
                now: Instant::now(),
            }
        }

        /// Pushes, and says who was turned away, be it the new one.
        fn push(
            &mut self,
            name: &'static str,
            priority: Priority,
        ) -> Vec<(&'static str, ShedReason)> {
            let ticket = Ticket {
                priority,
                deadline: None,
            };
            let mut left = vec![];
            let pushed = self.queue.push(name, ticket, self.now, &mut left);
            left.extend(pushed.err());
            left
        }

        /// Pops, and says who was turned away.
        fn pop(&mut self) -> (Option<&'static str>, Vec<(&'static str, ShedReason)>) {
            let mut left = vec![];
            let next = self.queue.pop(self.now, &mut left);
            (next, left)
        }

        fn advance(&mut self, millis: u64) {
            self.now += Duration::from_millis(millis);
        }

        /// Makes it stand until it counts as overloaded; nobody is left in it then.
        fn overload(&mut self) {
            for _ in 0..2 {
                self.push("x", Normal);
                self.push("y", Normal);
                self.advance(100);
                self.pop();
            }
            assert!(self.queue.is_overloaded(self.now));
            self.queue.clear(ShedReason::Stopping);
        }
    }

    #[test]
    fn oldest_first_until_it_stands_then_newest_first() {
        let mut fixture = Fixture::new(10);
        for name in ["a", "b", "c"] {
            fixture.push(name, Normal);
        }
        assert_eq!(fixture.pop(), (Some("a"), vec![]));
        fixture.queue.clear(ShedReason::Stopping);
        fixture.overload();
        for name in ["a", "b"] {
            fixture.push(name, Normal);
        }
        fixture.advance(5);
        for name in ["c", "d"] {
            fixture.push(name, Normal);
        }
        let stale = vec![("a", ShedReason::Waited), ("b", ShedReason::Waited)];
        assert_eq!(fixture.pop(), (Some("d"), stale));
        assert_eq!(fixture.pop(), (Some("c"), vec![]));
    }

    #[test]
    fn the_only_one_that_waits_is_let_in_however_long_it_took() {
        let mut fixture = Fixture::new(10);
        fixture.overload();
        fixture.push("a", Normal);
        fixture.advance(1000);
        assert_eq!(fixture.pop(), (Some("a"), vec![]));
    }

    #[test]
    fn full_refuses_the_newest_and_overloaded_the_oldest() {
        let mut fixture = Fixture::new(1);
        assert_eq!(fixture.push("a", Normal), vec![]);
        assert_eq!(fixture.push("b", Normal), vec![("b", ShedReason::Full)]);
        let mut fixture = Fixture::new(2);
        fixture.overload();
        for name in ["a", "b"] {
            fixture.push(name, Normal);
        }
        assert_eq!(fixture.push("c", Normal), vec![("a", ShedReason::Waited)]);
    }

    #[test]
    fn background_gives_way_and_critical_is_never_turned_away() {
        let mut fixture = Fixture::new(2);
        for name in ["a", "b"] {
            fixture.push(name, Background);
        }
        assert_eq!(fixture.push("c", Background), vec![("c", ShedReason::Full)]);
        assert_eq!(
            fixture.push("d", Normal),
            vec![("b", ShedReason::Displaced)]
        );
        assert_eq!(fixture.push("e", Critical), vec![]);
        let order: Vec<_> = (0..3).filter_map(|_| fixture.pop().0).collect();
        assert_eq!(order, ["e", "d", "a"]);
        fixture.overload();
        assert_eq!(
            fixture.push("f", Background),
            vec![("f", ShedReason::Displaced)]
        );
    }

    #[test]
    fn whose_time_has_passed_is_passed_over() {
        let mut fixture = Fixture::new(2);
        let ticket = Ticket {
            priority: Normal,
            deadline: Some(fixture.now + Duration::from_millis(3)),
        };
        let now = fixture.now;
        let pushed = fixture.queue.push("late", ticket, now, &mut vec![]);
        assert!(pushed.is_ok());
        fixture.push("a", Normal);
        fixture.advance(3);
        assert_eq!(
            fixture.pop(),
            (Some("a"), vec![("late", ShedReason::Expired)])
        );
    }

    #[test]
    fn who_leaves_is_gone() {
        let mut fixture = Fixture::new(2);
        let now = fixture.now;
        let place = fixture.queue.push("a", Ticket::default(), now, &mut vec![]);
        let place = place.expect("there is room");
        assert_eq!(fixture.queue.remove(place), Some("a"));
        assert_eq!(fixture.queue.remove(place), None);
        assert_eq!(fixture.pop(), (None, vec![]));
    }
}
