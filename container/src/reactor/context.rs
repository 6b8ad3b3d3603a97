//! The current reactor of a thread, for code that is called from a task and gets no argument.
//! Must not run foreign code while it holds its cell.

use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Instant;

use super::{Clock, Inner, JoinHandle, Reactor};

thread_local! {
    static CURRENT: RefCell<Option<Reactor>> = const { RefCell::new(None) };
}

/// Keeps a reactor current; dropping it restores the one before. Guards of one thread are
/// dropped in the reverse of the order in which they were made.
pub struct Entered {
    /// What was current before.
    previous: Option<Reactor>,
    /// The guard belongs to its thread.
    _local: PhantomData<Rc<()>>,
}

impl Entered {
    pub(super) fn new(reactor: &Reactor) -> Entered {
        let previous = CURRENT.with(|current| current.replace(Some(reactor.clone())));
        Entered {
            previous,
            _local: PhantomData,
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let previous = self.previous.take();
        // The value moves out first: dropping a last reactor runs the destructors of its tasks.
        let left = CURRENT.with(|current| current.replace(previous));
        drop(left);
    }
}

/// The time of the current reactor's turn, or the system's outside of one.
///
/// ```
/// assert!(container::reactor::now() <= std::time::Instant::now());
/// ```
pub fn now() -> Instant {
    with_current(Inner::now).unwrap_or_else(Instant::now)
}

/// The time read anew, for what must not be taken to be as old as the turn; costs a look at the clock.
///
/// ```
/// let before = std::time::Instant::now();
/// assert!(before <= container::reactor::precise_now());
/// ```
pub fn precise_now() -> Instant {
    with_current(|inner| inner.clock.now()).unwrap_or_else(Instant::now)
}

/// The clock of the current reactor, for other threads that work for it; the system's outside of
/// one.
///
/// ```
/// assert!(!container::reactor::clock().is_virtual());
/// ```
pub fn clock() -> Clock {
    with_current(|inner| inner.clock.clone()).unwrap_or_else(Clock::real)
}

/// Starts a task on the current reactor; see [`Reactor::spawn_local`].
///
/// ```
/// use container::reactor::{self, Clock, Reactor};
///
/// let reactor = Reactor::new(Clock::real())?;
/// let sum = reactor.block_on(async { reactor::spawn_local(async { 1 + 1 }).await })?;
/// assert_eq!(sum.unwrap(), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// Outside a reactor.
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    Reactor::current().spawn_local(future)
}

pub(super) fn current() -> Option<Reactor> {
    CURRENT
        .try_with(|current| current.borrow().clone())
        .ok()
        .flatten()
}

/// Runs `f`, which must not run foreign code, on the current reactor.
pub(super) fn with_current<R>(f: impl FnOnce(&Inner) -> R) -> Option<R> {
    CURRENT
        .try_with(|current| current.borrow().as_ref().map(|reactor| f(&reactor.inner)))
        .ok()?
}
