//! Loops over turns: until a future is done, until nothing is left to do, until a time.
//! Must not do any of a turn's work itself.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::remote::Shared;
use super::time::instant_after;
use super::{Reactor, Turn, context};

/// Turns after which a reactor that still finds work counts as one that will never be idle: far
/// above any sensible test, and reached within seconds by a task that wakes itself forever.
const IDLE_TURNS_MAX: usize = 1_000_000;

impl Reactor {
    /// Runs the reactor until `future` is done. Tasks that are not done by then stay.
    ///
    /// With a virtual clock, time moves to the next timer whenever there is nothing else to do
    /// and no [outside work](Reactor::outside_work) to wait for.
    ///
    /// ```
    /// use container::reactor::{Clock, Reactor};
    ///
    /// assert_eq!(Reactor::new(Clock::real())?.block_on(async { 7 })?, 7);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Reactor::turn`].
    pub fn block_on<F: Future>(&self, future: F) -> io::Result<F::Output> {
        let _context = self.enter();
        let root = Root::new(self);
        let waker = Waker::from(Arc::clone(&root));
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if root.take_wake()
                && let Poll::Ready(output) = future.as_mut().poll(&mut cx)
            {
                return Ok(output);
            }
            if root.is_woken() {
                self.turn(Some(Duration::ZERO))?;
            } else {
                self.turn_towards_progress()?;
            }
        }
    }

    /// Turns until nothing is left to do at the present time, and returns the sum of it. Waits,
    /// for real, for announced [outside work](Reactor::outside_work).
    ///
    /// # Errors
    /// Those of [`Reactor::turn`]; [`io::ErrorKind::TimedOut`] when there was still something to
    /// do after a million turns.
    ///
    /// ```
    /// use container::reactor::{Clock, Reactor, sleep};
    ///
    /// let reactor = Reactor::new(Clock::virtual_time())?;
    /// let task = reactor.spawn_local(async { sleep(std::time::Duration::from_secs(1)).await });
    /// assert_eq!(reactor.run_until_idle()?.tasks, 1);
    /// assert!(!task.is_finished());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn run_until_idle(&self) -> io::Result<Turn> {
        let mut sum = Turn::default();
        for _ in 0..IDLE_TURNS_MAX {
            // Read before the turn: work that ended before this line has sent its wakes, and
            // the turn sees them.
            let outside = self.inner.inbox.outside_work();
            let turn = self.turn(Some(Duration::ZERO))?;
            sum += turn;
            if !turn.is_idle() || self.inner.has_leftovers() {
                continue;
            }
            if outside == 0 {
                return Ok(sum);
            }
            sum += self.turn_blocking()?;
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the reactor never became idle",
        ))
    }

    /// Moves a virtual clock by `duration`, timer by timer, running the reactor until it is idle
    /// at each instant that has one. Returns the sum of what was done.
    ///
    /// # Errors
    /// Those of [`Reactor::run_until_idle`].
    ///
    /// # Panics
    /// When the clock is real.
    pub fn advance(&self, duration: Duration) -> io::Result<Turn> {
        let clock = &self.inner.clock;
        let target = instant_after(clock.now(), duration);
        let mut sum = self.run_until_idle()?;
        // Ends: each timer up to the target fires or moves, and time never goes back.
        while let Some(deadline) = self.inner.next_deadline().filter(|next| *next <= target) {
            clock.move_to(deadline);
            sum += self.run_until_idle()?;
        }
        clock.move_to(target);
        sum += self.run_until_idle()?;
        Ok(sum)
    }

    /// A turn that waits, in the way that suits the clock.
    fn turn_towards_progress(&self) -> io::Result<()> {
        let inner = &*self.inner;
        if !inner.clock.is_virtual() {
            return self.turn(None).map(drop);
        }
        let outside = inner.inbox.outside_work();
        let turn = self.turn(Some(Duration::ZERO))?;
        if !turn.is_idle() || inner.has_leftovers() {
            return Ok(());
        }
        match inner.next_deadline() {
            Some(deadline) if outside == 0 => inner.clock.move_to(deadline),
            _ => drop(self.turn_blocking()?),
        }
        Ok(())
    }

    /// A turn that waits for another thread or the kernel, whatever the clock.
    fn turn_blocking(&self) -> io::Result<Turn> {
        if self.inner.clock.is_virtual() {
            self.turn_after(None)
        } else {
            self.turn(None)
        }
    }
}

/// The waker of the future that `block_on` runs, which is not a task.
struct Root {
    /// Whether the future is to be polled.
    woken: AtomicBool,
    /// Ends the wait, for wakes from other threads.
    shared: Arc<Shared>,
}

impl Root {
    fn new(reactor: &Reactor) -> Arc<Root> {
        let shared = Arc::clone(reactor.inner.inbox.shared());
        Arc::new(Root {
            woken: AtomicBool::new(true),
            shared,
        })
    }

    fn take_wake(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }

    fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }
}

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        // On its own thread `block_on` looks at the flag before it waits.
        let own = context::with_current(|inner| Arc::ptr_eq(inner.inbox.shared(), &self.shared));
        if own != Some(true) {
            self.shared.notify();
        }
    }
}
