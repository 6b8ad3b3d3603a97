//! One turn of a reactor: wait, timers, wakes, tasks. Must not loop over turns.

use std::io;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use super::source::WAKER_TOKEN;
use super::{Inner, Reactor, TASKS_PER_TURN, TIMERS_PER_TURN};

/// What a turn did.
///
/// ```
/// use std::time::Duration;
/// use container::reactor::{Clock, Reactor};
///
/// let reactor = Reactor::new(Clock::real())?;
/// drop(reactor.spawn_local(async {}));
/// assert_eq!(reactor.turn(None)?.tasks, 1);
/// assert!(reactor.turn(Some(Duration::ZERO))?.is_idle());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turn {
    /// Events of registered sources.
    pub events: usize,
    /// Timers fired.
    pub timers: usize,
    /// Wakes and jobs of other threads; a bare notification counts as one.
    pub wakes: usize,
    /// Tasks polled.
    pub tasks: usize,
}

impl Turn {
    /// Whether nothing happened.
    pub fn is_idle(&self) -> bool {
        *self == Turn::default()
    }
}

impl AddAssign for Turn {
    fn add_assign(&mut self, other: Turn) {
        self.events += other.events;
        self.timers += other.timers;
        self.wakes += other.wakes;
        self.tasks += other.tasks;
    }
}

impl Reactor {
    /// Waits for the first event, timer or wake, but at most for `max_wait` (`None`: as long as
    /// it takes), and does what is to do, within the bounds per turn. A reactor with a virtual
    /// clock never waits here.
    ///
    /// # Errors
    /// Those of the kernel's selector.
    ///
    /// # Panics
    /// When called from inside a turn.
    pub fn turn(&self, max_wait: Option<Duration>) -> io::Result<Turn> {
        self.turn_after(self.inner.wait_time(max_wait))
    }

    /// A turn that waits for the kernel as told, `None` being forever.
    pub(super) fn turn_after(&self, wait: Option<Duration>) -> io::Result<Turn> {
        let _context = self.enter();
        let inner = &*self.inner;
        let mut running = Running::begin(inner);
        running.wait(wait)?;
        Ok(Turn {
            events: running.dispatch(),
            timers: inner.fire_timers(),
            wakes: inner.inbox.receive(&inner.executor),
            tasks: inner.executor.run(TASKS_PER_TURN),
        })
    }
}

/// A turn under way; gives the event buffer back even when foreign code panics.
struct Running<'a> {
    /// Whose turn it is.
    inner: &'a Inner,
    /// The event buffer, taken out for the turn.
    events: Option<mio::Events>,
}

impl<'a> Running<'a> {
    fn begin(inner: &'a Inner) -> Running<'a> {
        let events = inner.events.take();
        assert!(
            events.is_some(),
            "a reactor cannot be turned from inside its own turn"
        );
        Running { inner, events }
    }

    fn wait(&mut self, wait: Option<Duration>) -> io::Result<()> {
        let Some(events) = self.events.as_mut() else {
            return Ok(());
        };
        let waited = self.inner.poll.borrow_mut().poll(events, wait);
        let now = self.inner.clock.now();
        self.inner.turn_time.set(Some(now));
        self.inner.inbox.shared().busy.resume(now);
        match waited {
            // A signal came: its handler has its own way to wake the reactor.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            other => other,
        }
    }

    fn dispatch(&self) -> usize {
        let events = self
            .events
            .iter()
            .flatten()
            .filter(|event| event.token() != WAKER_TOKEN);
        events
            .filter(|event| self.inner.sources.dispatch(event))
            .count()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.inner.turn_time.set(None);
        self.inner.events.set(self.events.take());
    }
}

impl Inner {
    fn wait_time(&self, max_wait: Option<Duration>) -> Option<Duration> {
        if self.clock.is_virtual() || self.has_leftovers() {
            return Some(Duration::ZERO);
        }
        // Read anew: the last turn's tasks have taken time since its wait.
        let now = self.clock.now();
        self.inbox.shared().busy.rest(now);
        let Some(deadline) = self.next_deadline() else {
            return max_wait;
        };
        let until = deadline.saturating_duration_since(now);
        Some(max_wait.map_or(until, |max| max.min(until)))
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.timers.borrow().next_deadline()
    }

    fn fire_timers(&self) -> usize {
        let now = self.now();
        let mut fired = 0;
        while fired < TIMERS_PER_TURN {
            let expired = self.timers.borrow_mut().pop_expired(now);
            let Some(waker) = expired else { break };
            waker.wake();
            fired += 1;
        }
        fired
    }
}
