//! The deadline of the code that is running. Must not enforce it: that is for whoever set it.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Clock;

thread_local! {
    static CURRENT: RefCell<Option<Deadline>> = const { RefCell::new(None) };
}

/// Until when the result of the code that asks is wanted: an instant, or no limit.
///
/// A handler takes it as an argument, or asks for [`Deadline::current`]. It is there while a
/// handler with a deadline is polled, and on the thread of a blocking one; a task that a handler
/// spawns has none. Outgoing requests of [`client`](crate::client) never take longer.
///
/// ```
/// use container::reactor::Deadline;
/// assert_eq!(Deadline::current().remaining(), None);
/// ```
#[derive(Clone)]
pub struct Deadline {
    /// `None`: no limit.
    limit: Option<(Instant, Clock)>,
}

/// Makes a deadline the current one of its thread; dropping it restores the one before.
pub struct DeadlineScope {
    previous: Option<Deadline>,
    /// It belongs to its thread.
    local: PhantomData<Rc<()>>,
}

impl Deadline {
    /// No limit.
    pub fn none() -> Self {
        Deadline { limit: None }
    }

    /// This instant, by this clock.
    pub fn new(at: Instant, clock: Clock) -> Self {
        Deadline {
            limit: Some((at, clock)),
        }
    }

    /// That of the code that is running.
    pub fn current() -> Self {
        CURRENT
            .with_borrow(Clone::clone)
            .unwrap_or_else(Deadline::none)
    }

    /// When it is; `None` without a limit.
    pub fn at(&self) -> Option<Instant> {
        self.limit.as_ref().map(|(at, _)| *at)
    }

    /// How much time is left, zero once it has passed; `None` without a limit.
    pub fn remaining(&self) -> Option<Duration> {
        let (at, clock) = self.limit.as_ref()?;
        Some(at.saturating_duration_since(clock.now()))
    }

    /// Whether it has passed.
    pub fn has_passed(&self) -> bool {
        self.remaining().is_some_and(|left| left.is_zero())
    }

    /// Makes it the current one of this thread for as long as the scope lives.
    pub fn enter(self) -> DeadlineScope {
        DeadlineScope {
            previous: CURRENT.replace(Some(self)),
            local: PhantomData,
        }
    }
}

impl Drop for DeadlineScope {
    fn drop(&mut self) {
        CURRENT.set(self.previous.take());
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Deadline")
            .field(&self.remaining())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_nest() {
        let clock = Clock::virtual_time();
        let second = Duration::from_secs(1);
        let outer = Deadline::new(clock.now() + 2 * second, clock.clone()).enter();
        let inner = Deadline::new(clock.now() + second, clock.clone()).enter();
        assert_eq!(Deadline::current().remaining(), Some(second));
        drop(inner);
        assert_eq!(Deadline::current().remaining(), Some(2 * second));
        clock.move_to(clock.now() + 3 * second);
        assert!(Deadline::current().has_passed());
        drop(outer);
        assert_eq!(Deadline::current().at(), None);
    }
}
