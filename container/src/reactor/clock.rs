//! Where the time comes from: the system, or a test. Must not decide anything by the time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A source of time, real or virtual.
///
/// ```
/// use std::time::Duration;
/// use container::reactor::{Clock, Reactor, sleep};
///
/// let reactor = Reactor::new(Clock::virtual_time())?;
/// let hour = reactor.spawn_local(sleep_an_hour());
/// reactor.advance(Duration::from_secs(3599))?;
/// assert!(!hour.is_finished());
/// reactor.advance(Duration::from_secs(1))?;
/// assert!(hour.is_finished());
///
/// async fn sleep_an_hour() {
///     sleep(Duration::from_secs(3600)).await;
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Clock {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Real,
    /// The time it stands at, which all clones share.
    Virtual(Arc<Mutex<Instant>>),
}

impl Clock {
    /// The system's monotonic clock.
    pub fn real() -> Clock {
        Clock { kind: Kind::Real }
    }

    /// A clock that stands still until a reactor's `advance` (or `block_on`, when it has nothing
    /// else to do) moves it. Clones are the same clock.
    pub fn virtual_time() -> Clock {
        Clock {
            kind: Kind::Virtual(Arc::new(Mutex::new(Instant::now()))),
        }
    }

    /// Whether a test moves this clock.
    pub fn is_virtual(&self) -> bool {
        matches!(self.kind, Kind::Virtual(_))
    }

    /// The time.
    pub fn now(&self) -> Instant {
        match &self.kind {
            Kind::Real => Instant::now(),
            Kind::Virtual(time) => *lock(time),
        }
    }

    /// Moves a virtual clock forward to `instant`; never back.
    ///
    /// # Panics
    /// When the clock is real.
    pub(super) fn move_to(&self, instant: Instant) {
        let Kind::Virtual(time) = &self.kind else {
            panic!("only a virtual clock can be moved: make the reactor with Clock::virtual_time()")
        };
        let mut time = lock(time);
        *time = instant.max(*time);
    }
}

/// An instant is whole even if a thread panicked beside it.
fn lock(time: &Mutex<Instant>) -> MutexGuard<'_, Instant> {
    time.lock().unwrap_or_else(PoisonError::into_inner)
}
