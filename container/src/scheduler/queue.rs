//! `WaitQueue`: who waits, be it for a permit or for a thread, and who is next.
//!
//! Pure: the time is an argument, and whoever is turned away is handed back to be told. Bounded in
//! length by its room and in time by its [`Patience`].

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::codel::{Codel, Order};
use super::deadline::SetBy;
use super::forecast::{Forecast, Outlook, Run};
use super::shed::ShedReason;
use super::watchdog::label_of_caller;
use crate::handler::{Patience, Priority};
use crate::reactor::Label;

/// Who may be made to wait and be turned away, those first that are let in first.
const SHEDDABLE: [Priority; 2] = [Priority::Normal, Priority::Background];

/// Waiting `T`s.
pub(super) struct WaitQueue<T> {
    /// How many may wait, the critical ones aside: there are never more of those than connections.
    room: usize,
    codel: Codel,
    forecast: Forecast,
    /// By priority, then by number, and so by age.
    classes: [BTreeMap<u64, Waiter<T>>; 3],
    /// Who came last, by label; there are as many as routes.
    latest: HashMap<Label, Place>,
    /// The number of the next one.
    next: u64,
}

/// What is known of a request that asks to be let in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ticket {
    pub(super) priority: Priority,
    /// From when on there is no use in running it.
    pub(super) deadline: Option<Instant>,
    /// Who says so.
    pub(super) set_by: SetBy,
    /// What kind of work it is.
    pub(super) label: Label,
}

impl Ticket {
    /// For what the calling thread is about to do.
    pub(super) fn new(priority: Priority, deadline: Option<Instant>) -> Self {
        Ticket {
            priority,
            deadline,
            set_by: SetBy::default(),
            label: label_of_caller(),
        }
    }

    /// The same with a deadline that was set by somebody.
    pub(super) fn set_by(self, set_by: SetBy) -> Self {
        Ticket { set_by, ..self }
    }
}

/// Who else wants to be let in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd {
    /// How many wait already.
    pub(super) ahead: usize,
    /// How many may be inside at once.
    pub(super) places: usize,
}

/// Where one waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    priority: Priority,
    number: u64,
    label: Label,
    /// When it is to leave, if nothing of its label has ended by then, from which it could be told
    /// how long it will wait.
    doubt: Option<Instant>,
}

struct Waiter<T> {
    item: T,
    since: Instant,
    ticket: Ticket,
    number: u64,
    found: Found,
}

/// What one found when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Somebody who is about to take it: it is not asked whether there is use in that.
    FreePlace,
    /// Others who want to be let in too.
    Crowd,
}

/// Who was turned away, and why.
pub(super) type Left<T> = Vec<(T, ShedReason)>;

impl<T> WaitQueue<T> {
    pub(super) fn new(room: usize, patience: Patience) -> Self {
        WaitQueue {
            room,
            codel: Codel::new(patience),
            forecast: Forecast::default(),
            classes: [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()],
            latest: HashMap::new(),
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

    /// Queues `item` for what `crowd` wants too; without one, somebody is about to take it. Whoever
    /// has to give way for it is added to `left`.
    ///
    /// # Errors
    /// With the item and the reason, when it cannot wait, or there is no use in it.
    pub(super) fn push(
        &mut self,
        item: T,
        ticket: Ticket,
        crowd: Option<Crowd>,
        now: Instant,
        left: &mut Left<T>,
    ) -> Result<Place, (T, ShedReason)> {
        let priority = ticket.priority;
        let doubt = match crowd.map(|crowd| self.outlook(ticket, crowd, now)) {
            None | Some(Outlook::Hopeful) => None,
            Some(Outlook::Hopeless) => return Err((item, ShedReason::Hopeless)),
            Some(Outlook::Unknown(until)) => Some(until),
        };
        if let Err(reason) = self.make_room(priority, now, left) {
            return Err((item, reason));
        }
        let number = self.next;
        self.next += 1;
        let place = Place {
            priority,
            number,
            label: ticket.label,
            doubt,
        };
        let found = crowd.map_or(Found::FreePlace, |_| Found::Crowd);
        self.latest.insert(ticket.label, place);
        let waiter = Waiter {
            item,
            since: now,
            ticket,
            number,
            found,
        };
        self.class_mut(priority).insert(number, waiter);
        Ok(place)
    }

    /// What becomes of a request that has to wait. In an overloaded queue the newest is the next.
    ///
    /// One of each label is hopeful whatever the forecast says while none runs: if all of a kind
    /// were refused since one of them took long, it would never be seen that others do not.
    fn outlook(&self, ticket: Ticket, crowd: Crowd, now: Instant) -> Outlook {
        let ahead = if self.is_overloaded(now) {
            0
        } else {
            crowd.ahead
        };
        let outlook = self.forecast.outlook(ticket, ahead, crowd.places, now);
        match outlook {
            Outlook::Hopeless if self.is_missed(ticket.label) => Outlook::Hopeful,
            _ => outlook,
        }
    }

    /// Whether nothing of this label runs, nor waits to correct what is known of it.
    fn is_missed(&self, label: Label) -> bool {
        let waits = |place: &Place| self.class(place.priority).contains_key(&place.number);
        self.forecast.runs_nothing_of(label) && !self.latest.get(&label).is_some_and(waits)
    }

    /// Whether it still cannot be told how long somebody at this place will wait.
    pub(super) fn is_in_doubt(&self, place: Place) -> bool {
        self.forecast.knows_nothing_of(place.label)
    }

    /// What runs, and how long it usually does.
    pub(super) fn forecast(&mut self) -> &mut Forecast {
        &mut self.forecast
    }

    /// Takes out who is next, which begins now. Whoever is not to wait any longer is added to `left`.
    pub(super) fn pop(&mut self, now: Instant, left: &mut Left<T>) -> Option<(T, Run)> {
        let waited = self
            .oldest()
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let order = self.codel.judge(waited, now);
        let next = loop {
            let Some(waiter) = self.take(order) else {
                break None;
            };
            if let Some(reason) = self.too_late(&waiter, now) {
                left.push((waiter.item, reason));
                continue;
            }
            break Some(self.begin(waiter, now));
        };
        if order == Order::NewestFirst {
            self.shed_stale(now, left);
        }
        if self.is_empty() {
            self.codel.emptied();
        }
        next
    }

    /// Takes out the most urgent critical one, which begins now.
    pub(super) fn pop_critical(&mut self, now: Instant) -> Option<(T, Run)> {
        let (_, waiter) = self.class_mut(Priority::Critical).pop_first()?;
        Some(self.begin(waiter, now))
    }

    /// Gives back who waits there; `None` when he was taken out already.
    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        let waiter = self.class_mut(place.priority).remove(&place.number)?;
        Some(waiter.item)
    }

    /// Takes out the `nth` in the order in which they came, the critical ones first; it begins now.
    pub(super) fn pop_nth(&mut self, nth: usize, now: Instant) -> Option<(T, Run)> {
        let mut before = 0;
        let class = self.classes.iter_mut().find(|class| {
            let is_here = nth < before + class.len();
            before += if is_here { 0 } else { class.len() };
            is_here
        })?;
        let number = *class.keys().nth(nth - before)?;
        let waiter = class.remove(&number)?;
        Some(self.begin(waiter, now))
    }

    fn begin(&mut self, waiter: Waiter<T>, now: Instant) -> (T, Run) {
        (waiter.item, self.forecast.begin(waiter.ticket.label, now))
    }

    /// Why there is no use in letting this one in, if there is none.
    fn too_late(&self, waiter: &Waiter<T>, now: Instant) -> Option<ShedReason> {
        let ticket = waiter.ticket;
        if ticket.deadline? <= now {
            return Some(ShedReason::Expired);
        }
        let is_judged = waiter.found == Found::Crowd && !self.corrects(waiter);
        let is_too_late = is_judged && self.forecast.is_too_late(ticket, now);
        is_too_late.then_some(ShedReason::Hopeless)
    }

    /// Whether the forecast would learn from this one as from no other: nothing of its label runs,
    /// and of those that wait it came last, so that it has the most time.
    fn corrects(&self, waiter: &Waiter<T>) -> bool {
        let label = waiter.ticket.label;
        let latest = self.latest.get(&label);
        latest.is_some_and(|latest| latest.number == waiter.number)
            && self.forecast.runs_nothing_of(label)
    }

    /// Turns all away for this reason.
    pub(super) fn clear(&mut self, reason: ShedReason) -> Left<T> {
        let classes = std::mem::take(&mut self.classes);
        let waiters = classes.into_iter().flat_map(BTreeMap::into_values);
        waiters.map(|waiter| (waiter.item, reason)).collect()
    }

    /// Why one more of this priority could not wait now; `None` when it could, perhaps in the place
    /// of another.
    pub(super) fn refusal(&self, priority: Priority, now: Instant) -> Option<ShedReason> {
        let is_overloaded = self.is_overloaded(now);
        match priority {
            Priority::Critical => None,
            Priority::Background if is_overloaded => Some(ShedReason::Displaced),
            _ if self.has_room() => None,
            Priority::Background => Some(ShedReason::Full),
            Priority::Normal => {
                let gives_way = !self.class(Priority::Background).is_empty()
                    || is_overloaded && !self.class(Priority::Normal).is_empty();
                (!gives_way).then_some(ShedReason::Full)
            }
        }
    }

    /// Finds room for one more of this priority.
    fn make_room(
        &mut self,
        priority: Priority,
        now: Instant,
        left: &mut Left<T>,
    ) -> Result<(), ShedReason> {
        if let Some(reason) = self.refusal(priority, now) {
            return Err(reason);
        }
        if priority == Priority::Critical || self.has_room() {
            return Ok(());
        }
        if let Some((_, waiter)) = self.class_mut(Priority::Background).pop_last() {
            left.push((waiter.item, ShedReason::Displaced));
        } else if let Some((_, waiter)) = self.class_mut(Priority::Normal).pop_first() {
            // The newest goes first, so the oldest would be the last.
            left.push((waiter.item, ShedReason::Waited));
        }
        Ok(())
    }

    /// Whether one more may wait without another giving way.
    fn has_room(&self) -> bool {
        let waiting = SHEDDABLE.map(|priority| self.class(priority).len());
        waiting.iter().sum::<usize>() < self.room
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

impl Place {
    /// When to leave, if nothing has ended by then.
    pub(super) fn doubt(self) -> Option<Instant> {
        self.doubt
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
            let ticket = Ticket::new(priority, None);
            let mut left = vec![];
            let pushed = self.queue.push(name, ticket, None, self.now, &mut left);
            left.extend(pushed.err());
            left
        }

        /// Pops, and says who was turned away.
        fn pop(&mut self) -> (Option<&'static str>, Vec<(&'static str, ShedReason)>) {
            let mut left = vec![];
            let next = self.queue.pop(self.now, &mut left);
            (next.map(|(name, _)| name), left)
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
        let now = fixture.now;
        let ticket = Ticket::new(Normal, Some(now + Duration::from_millis(3)));
        let pushed = fixture.queue.push("late", ticket, None, now, &mut vec![]);
        assert!(pushed.is_ok());
        fixture.push("a", Normal);
        fixture.advance(3);
        assert_eq!(
            fixture.pop(),
            (Some("a"), vec![("late", ShedReason::Expired)])
        );
    }

    /// Requests of one kind that are known to take 10 s and have one; another kind has the only place.
    #[test]
    fn a_forecast_that_is_too_dark_is_corrected() {
        let (kind, other) = (Label::numbered(1), Label::numbered(2));
        let crowd = |ahead| Some(Crowd { ahead, places: 1 });
        let mut fixture = Fixture::new(10);
        let slow = fixture.queue.forecast().begin(kind, fixture.now);
        fixture.advance(10_000);
        fixture.queue.forecast().end(slow, fixture.now);
        fixture.queue.forecast().begin(other, fixture.now);
        let (now, deadline) = (fixture.now, fixture.now + Duration::from_secs(1));
        let ticket = Ticket {
            priority: Normal,
            deadline: Some(deadline),
            set_by: SetBy::Server,
            label: kind,
        };
        let queue = &mut fixture.queue;
        let push = |queue: &mut WaitQueue<_>, name, crowd| {
            let pushed = queue.push(name, ticket, crowd, now, &mut vec![]);
            pushed.map(drop).map_err(|(_, reason)| reason)
        };
        // While none of its kind runs one may wait, whatever is known, and is let in.
        assert_eq!(push(queue, "a", crowd(0)), Ok(()));
        assert_eq!(push(queue, "b", crowd(1)), Err(ShedReason::Hopeless));
        let mut left = vec![];
        let popped = queue.pop(now, &mut left);
        assert!(matches!(popped, Some(("a", _))) && left.is_empty());
        assert_eq!(push(queue, "b", crowd(0)), Err(ShedReason::Hopeless));
        // Who finds a free place is not asked how long he will take.
        assert_eq!(push(queue, "c", None), Ok(()));
        let popped = queue.pop(now, &mut left);
        assert!(matches!(popped, Some(("c", _))) && left.is_empty());
    }

    /// Requests that might have been answered in time when they came, and no longer can: the last one
    /// is let in all the same, since nothing of its kind runs.
    #[test]
    fn the_last_one_that_waits_is_let_in_when_none_of_its_kind_runs() {
        let mut fixture = Fixture::new(10);
        let ticket = Ticket::new(Normal, Some(fixture.now + Duration::from_secs(12)));
        let slow = fixture.queue.forecast().begin(ticket.label, fixture.now);
        for (ahead, name) in ["a", "b", "c"].into_iter().enumerate() {
            let crowd = Some(Crowd { ahead, places: 3 });
            let pushed = fixture
                .queue
                .push(name, ticket, crowd, fixture.now, &mut vec![]);
            assert!(pushed.is_ok());
        }
        fixture.advance(10_000);
        fixture.queue.forecast().end(slow, fixture.now);
        let hopeless = vec![("a", ShedReason::Hopeless), ("b", ShedReason::Hopeless)];
        assert_eq!(fixture.pop(), (Some("c"), hopeless));
    }

    #[test]
    fn who_leaves_is_gone() {
        let mut fixture = Fixture::new(2);
        let now = fixture.now;
        let place = fixture
            .queue
            .push("a", Ticket::default(), None, now, &mut vec![]);
        let place = place.expect("there is room");
        assert_eq!(fixture.queue.remove(place), Some("a"));
        assert_eq!(fixture.queue.remove(place), None);
        assert_eq!(fixture.pop(), (None, vec![]));
    }
}
