//! Layer 1: readiness, time and tasks of one thread. Knows no socket type, no HTTP and no server.
//!
//! One [`Reactor`] belongs to one thread and never leaves it. All it does happens in
//! [`Reactor::turn`], always in the same order:
//!
//! ```text
//! wait (events set readiness bits) -> timers -> wakes from other threads -> tasks
//! ```
//!
//! Each step is bounded per turn by a constant named here; what is left over makes the next wait
//! return at once, so that no step can starve another.
//!
//! | file | is |
//! |---|---|
//! | `turn` | the turn itself |
//! | `drive` | loops over turns: `block_on`, `run_until_idle`, `advance` |
//! | `source` | file descriptors: tokens, readiness bits, read and write wakers |
//! | `timer`, `time`, `clock` | deadlines as pure data, futures over them, where time comes from |
//! | `executor`, `task`, `join` | the tasks of this thread, their wakers, their results |
//! | `remote`, `oneshot` | what other threads may do: wake, send a job, send a value |
//! | `busy`, `activity` | how long a reactor has not been waiting; what its thread is doing |
//! | `context`, `deadline` | the current reactor of a thread, the deadline of what runs on it |
//! | `per_worker` | [`PerWorker`]: one value for each reactor |
//!
//! No borrow of the reactor's state is ever held while foreign code runs (a future, a waker, a
//! destructor), so that foreign code may call everything here.

mod activity;
mod busy;
mod clock;
mod context;
mod deadline;
mod drive;
mod executor;
mod join;
pub mod oneshot;
mod per_worker;
mod remote;
mod source;
mod task;
mod time;
mod timer;
mod turn;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Instant;

pub use mio::Interest;

pub use self::activity::{Activity, Label, Step};
pub use self::clock::Clock;
pub use self::context::{Entered, clock, now, precise_now, spawn_local};
pub use self::deadline::{Deadline, DeadlineScope};
use self::executor::Executor;
use self::join::Joined;
pub use self::join::{AbortOnDrop, JoinError, JoinHandle};
pub use self::per_worker::PerWorker;
use self::per_worker::Values;
use self::remote::Inbox;
pub use self::remote::{Job, OutsideWork, Remote};
pub use self::source::Registration;
use self::source::SourceTable;
pub use self::time::{
    Elapsed, Sleep, Timeout, YieldNow, sleep, sleep_until, timeout, timeout_at, yield_now,
};
pub use self::timer::{TimerId, TimerQueue};
pub use self::turn::Turn;

/// Events taken from the kernel per wait: enough to spread the cost of the call over a burst,
/// few enough that a turn stays in the low milliseconds.
pub const EVENTS_PER_TURN: usize = 512;

/// Timers fired per turn. Timers come in herds (a stalled network times out thousands at once);
/// the herd shares the thread with I/O.
pub const TIMERS_PER_TURN: usize = 512;

/// Wakes taken from other threads per turn: the whole inbox, since taking one costs nanoseconds.
pub const WAKES_PER_TURN: usize = remote::INBOX_CAPACITY;

/// Jobs of other threads run per turn. They are foreign code of unknown length.
pub const JOBS_PER_TURN: usize = 64;

/// Task polls per turn. Not below [`EVENTS_PER_TURN`], so that a full batch of events is served
/// in the turn that brought it.
pub const TASKS_PER_TURN: usize = 1024;

/// The event loop of one thread: sources, timers and tasks. Clones are the same reactor.
///
/// ```
/// use container::reactor::{Clock, Reactor};
///
/// let reactor = Reactor::new(Clock::real())?;
/// let task = reactor.spawn_local(async { 6 * 7 });
/// assert_eq!(reactor.block_on(task)?.unwrap(), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Reactor {
    /// The state all clones share. Whatever lives inside tasks holds it weakly.
    inner: Rc<Inner>,
}

/// What the clones of one reactor share.
struct Inner {
    /// The kernel's selector. Borrowed for the system call only.
    poll: RefCell<mio::Poll>,
    /// The event buffer. A turn takes it out, which is how a nested turn is noticed.
    events: Cell<Option<mio::Events>>,
    /// Where the time comes from.
    clock: Clock,
    /// The time read after this turn's wait; `None` between turns.
    turn_time: Cell<Option<Instant>>,
    /// The registered sources.
    sources: SourceTable,
    /// The pending timers.
    timers: RefCell<TimerQueue>,
    /// The tasks.
    executor: Executor,
    /// What other threads sent.
    inbox: Inbox,
    /// The values that live as long as it.
    values: Values,
}

impl Reactor {
    /// A reactor for this thread.
    ///
    /// # Errors
    /// When the kernel gives no selector (out of descriptors).
    pub fn new(clock: Clock) -> io::Result<Reactor> {
        let poll = mio::Poll::new()?;
        let inbox = Inbox::new(poll.registry())?;
        let inner = Inner {
            poll: RefCell::new(poll),
            events: Cell::new(Some(mio::Events::with_capacity(EVENTS_PER_TURN))),
            clock,
            turn_time: Cell::new(None),
            sources: SourceTable::default(),
            timers: RefCell::default(),
            executor: Executor::default(),
            inbox,
            values: Values::default(),
        };
        Ok(Reactor {
            inner: Rc::new(inner),
        })
    }

    /// The reactor this thread is inside of.
    ///
    /// # Panics
    /// Outside [`Reactor::turn`], [`Reactor::block_on`] and [`Reactor::enter`].
    pub fn current() -> Reactor {
        Reactor::try_current()
            .expect("no current reactor: call this from a task, `block_on` or after `enter`")
    }

    /// The reactor this thread is inside of, if any.
    pub fn try_current() -> Option<Reactor> {
        context::current()
    }

    /// Makes this the thread's current reactor until the guard is dropped.
    #[must_use = "the reactor is current only as long as the guard lives"]
    pub fn enter(&self) -> Entered {
        Entered::new(self)
    }

    /// The time: inside a turn as read after its wait, else read now.
    pub fn now(&self) -> Instant {
        self.inner.now()
    }

    /// The time read anew, for measuring within a turn; costs a look at the clock.
    pub fn precise_now(&self) -> Instant {
        self.inner.clock.now()
    }

    /// Where its time comes from.
    pub fn clock(&self) -> Clock {
        self.inner.clock.clone()
    }

    /// The handle that other threads use.
    pub fn remote(&self) -> Remote {
        let shared = Arc::clone(self.inner.inbox.shared());
        Remote::new(shared, Arc::clone(self.activity()))
    }

    /// What this thread is doing, for other threads to read. The reactor begins a step with each
    /// poll of a task, under the label that was current when the task was started; the task may
    /// begin others. Outside of tasks the thread is idle, as far as this goes.
    ///
    /// ```
    /// use container::reactor::{Clock, Label, Reactor, spawn_local};
    ///
    /// let reactor = Reactor::new(Clock::real())?;
    /// let activity = reactor.activity().clone();
    /// let inner = reactor.spawn_local(async move {
    ///     assert_eq!(activity.read().label(), Label::UNNUMBERED);
    ///     activity.begin(Label::numbered(7));
    ///     spawn_local(async move { activity.read().label() }).await
    /// });
    /// assert_eq!(reactor.block_on(inner)?.unwrap().unwrap(), Label::numbered(7));
    /// assert_eq!(reactor.activity().read().label(), Label::IDLE);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn activity(&self) -> &Arc<Activity> {
        self.inner.executor.activity()
    }

    /// Which turn it is, for shares of it; wraps around.
    pub(crate) fn turn_number(&self) -> u32 {
        self.inner.executor.turn_number()
    }

    /// Announces work done by another thread: while the guard lives,
    /// [`Reactor::run_until_idle`] waits for it instead of declaring the reactor idle.
    pub fn outside_work(&self) -> OutsideWork {
        self.remote().outside_work()
    }

    /// Registers a source, once and for all its life (edge-triggered; no system call per use).
    ///
    /// # Errors
    /// Those of the kernel, for example for a descriptor that cannot be polled.
    pub fn register<S: mio::event::Source>(
        &self,
        io: S,
        interest: Interest,
    ) -> io::Result<Registration<S>> {
        Registration::new(self, io, interest)
    }

    /// Starts a task on this thread; it first runs in the next turn (or later in this one).
    ///
    /// A panic in it ends the task alone and is reported by the handle.
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let (joined, state) = Joined::new(future);
        let header = self.inner.spawn(Box::pin(joined));
        JoinHandle::new(header, state)
    }

    /// Starts a task that nobody waits for: one allocation less than [`Reactor::spawn_local`].
    ///
    /// A panic in it ends the task alone and is logged.
    pub fn spawn_detached(&self, future: Pin<Box<dyn Future<Output = ()>>>) {
        drop(self.inner.spawn(future));
    }

    /// How many tasks have not finished.
    pub fn task_count(&self) -> usize {
        self.inner.executor.len()
    }

    /// Drops all tasks, even those that keep this reactor alive, then the values of [`PerWorker`]s,
    /// and refuses new ones: what is spawned afterwards is dropped at once and its handle says
    /// cancelled. Sources and timers outside of tasks go on working. Dropping the last clone does the same.
    pub fn shutdown(&self) {
        let _context = self.enter();
        self.inner.inbox.close();
        self.inner.executor.close();
        self.inner.values.close();
    }

    /// The reactor of a weak reference that a source or timer kept.
    fn downgrade(&self) -> Weak<Inner> {
        Rc::downgrade(&self.inner)
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        // Here and not in `Inner`: destructors of futures may ask for the current reactor.
        if Rc::strong_count(&self.inner) == 1 {
            self.shutdown();
        }
    }
}

impl std::fmt::Debug for Reactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reactor")
            .field("tasks", &self.task_count())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn now(&self) -> Instant {
        self.turn_time.get().unwrap_or_else(|| self.clock.now())
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()>>>) -> Option<Arc<task::TaskHeader>> {
        match self.executor.spawn(self.inbox.shared(), future) {
            Ok(header) => Some(header),
            Err(refused) => {
                executor::drop_quietly(refused);
                None
            }
        }
    }

    /// Whether the next turn has work without waiting for anything.
    fn has_leftovers(&self) -> bool {
        self.executor.has_ready() || self.inbox.has_leftovers()
    }
}
