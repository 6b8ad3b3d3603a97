//! Futures over the timer queue: sleep, timeout, yield. Must not read a clock other than the
//! reactor's.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Weak;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::{Inner, Reactor, TimerId};

/// Stands for "never" where a duration does not fit: about thirty years, which every platform's
/// `Instant` can hold.
const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 86_400);

/// Waits for `duration`. Panics outside a reactor.
///
/// ```
/// use std::time::Duration;
/// use container::reactor::{Clock, Reactor, now, sleep};
///
/// let reactor = Reactor::new(Clock::virtual_time())?;
/// reactor.block_on(async {
///     let start = now();
///     sleep(Duration::from_secs(60)).await;
///     assert_eq!(now() - start, Duration::from_secs(60));
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    let reactor = Reactor::current();
    Sleep::new(&reactor, instant_after(reactor.now(), duration))
}

/// Waits until `deadline`. Panics outside a reactor.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new(&Reactor::current(), deadline)
}

/// Gives `future` at most `duration`. Panics outside a reactor.
///
/// ```
/// use std::{future::pending, time::Duration};
/// use container::reactor::{Clock, Reactor, timeout};
///
/// let reactor = Reactor::new(Clock::virtual_time())?;
/// let result = reactor.block_on(async {
///     timeout(Duration::from_secs(1), pending::<()>()).await
/// })?;
/// assert!(result.is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout {
        future: Box::pin(future),
        sleep: sleep(duration),
    }
}

/// Gives `future` time until `deadline`. Panics outside a reactor.
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout {
        future: Box::pin(future),
        sleep: sleep_until(deadline),
    }
}

/// Lets everything else have its turn, I/O included, before the task goes on.
///
/// ```
/// use container::reactor::{Clock, Reactor, yield_now};
///
/// Reactor::new(Clock::real())?.block_on(yield_now())?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`sleep`]. Dropping it cancels its timer.
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    /// When it is over.
    deadline: Instant,
    /// The timer; made by the first poll that has to wait.
    timer: Option<TimerId>,
    /// Whose time it is. Weak, since tasks own sleeps and the reactor owns tasks.
    reactor: Weak<Inner>,
}

impl Sleep {
    fn new(reactor: &Reactor, deadline: Instant) -> Sleep {
        Sleep {
            deadline,
            timer: None,
            reactor: reactor.downgrade(),
        }
    }

    /// When it is over.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it is over.
    pub fn is_elapsed(&self) -> bool {
        self.reactor
            .upgrade()
            .is_none_or(|inner| inner.now() >= self.deadline)
    }

    /// Moves the end. Moving it back costs next to nothing; a task that waits is woken at the
    /// new time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use container::reactor::{Clock, Reactor, now, sleep};
    ///
    /// let reactor = Reactor::new(Clock::virtual_time())?;
    /// let slept = reactor.block_on(async {
    ///     let start = now();
    ///     let mut idle = sleep(Duration::from_secs(75));
    ///     idle.reset(start + Duration::from_secs(10));
    ///     idle.await;
    ///     now() - start
    /// })?;
    /// assert_eq!(slept, Duration::from_secs(10));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if let (Some(timer), Some(inner)) = (self.timer, self.reactor.upgrade()) {
            inner.timers.borrow_mut().set_deadline(timer, deadline);
        }
    }

    fn cancel(&mut self) {
        if let (Some(timer), Some(inner)) = (self.timer.take(), self.reactor.upgrade()) {
            // Bound first: the waker is dropped after the borrow has ended.
            let waker = inner.timers.borrow_mut().remove(timer);
            drop(waker);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Without its reactor no time passes, and nobody is left to be told.
        let Some(inner) = self.reactor.upgrade() else {
            return Poll::Pending;
        };
        let deadline = self.deadline;
        if inner.now() >= deadline {
            self.cancel();
            return Poll::Ready(());
        }
        match self.timer {
            Some(timer) => inner.arm(timer, deadline, cx),
            None => {
                let waker = cx.waker().clone();
                self.timer = Some(inner.timers.borrow_mut().insert(deadline, waker));
            }
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Inner {
    /// Clones and drops wakers, which may be foreign code, with no borrow held.
    fn arm(&self, timer: TimerId, deadline: Instant, cx: &Context<'_>) {
        if self
            .timers
            .borrow()
            .is_armed_for(timer, deadline, cx.waker())
        {
            return;
        }
        let waker = cx.waker().clone();
        let previous = self.timers.borrow_mut().arm(timer, deadline, waker);
        drop(previous);
    }
}

/// The future of [`timeout`]. The inner future is on the heap, so that this one may be moved.
#[must_use = "futures do nothing unless awaited"]
pub struct Timeout<F> {
    /// What is waited for.
    future: Pin<Box<F>>,
    /// For how long.
    sleep: Sleep,
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    /// Asks the future first: a result that came in time is never lost to a late look.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut self.sleep)
            .poll(cx)
            .map(|()| Err(Elapsed(())))
    }
}

/// The time given to a future has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl Error for Elapsed {}

/// The future of [`yield_now`].
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        // A task that wakes itself runs again in the next turn, after that turn's wait.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// `now + duration`, or [`FAR_FUTURE`] where that does not fit.
pub(super) fn instant_after(now: Instant, duration: Duration) -> Instant {
    now.checked_add(duration)
        .unwrap_or_else(|| now + FAR_FUTURE)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::pending;
    use std::rc::Rc;

    use super::*;
    use crate::reactor::{Clock, Turn};

    const SECOND: Duration = Duration::from_secs(1);

    fn reactor() -> Reactor {
        Reactor::new(Clock::virtual_time()).unwrap()
    }

    fn armed(reactor: &Reactor) -> usize {
        reactor.inner.timers.borrow().armed()
    }

    #[test]
    fn sleeps_end_in_the_order_of_their_deadlines() {
        let reactor = reactor();
        let seen = Rc::new(RefCell::new(Vec::new()));
        for seconds in [3, 1, 2] {
            let seen = Rc::clone(&seen);
            drop(reactor.spawn_local(async move {
                let start = Reactor::current().now();
                sleep(SECOND * seconds).await;
                seen.borrow_mut()
                    .push((seconds, (Reactor::current().now() - start).as_secs()));
            }));
        }
        reactor.advance(SECOND * 2).unwrap();
        assert_eq!(*seen.borrow(), [(1, 1), (2, 2)]);
        reactor.advance(SECOND).unwrap();
        assert_eq!(*seen.borrow(), [(1, 1), (2, 2), (3, 3)]);
        assert_eq!(armed(&reactor), 0);
    }

    #[test]
    fn advance_stops_at_timers_that_tasks_make_on_the_way() {
        let reactor = reactor();
        let task = reactor.spawn_local(async {
            for _ in 0..10 {
                sleep(SECOND).await;
            }
        });
        reactor.advance(SECOND * 9).unwrap();
        assert!(!task.is_finished());
        reactor.advance(SECOND).unwrap();
        assert!(task.is_finished());
    }

    #[test]
    fn dropped_sleep_cancels_its_timer() {
        let reactor = reactor();
        let task = reactor.spawn_local(async { sleep(SECOND).await });
        reactor.run_until_idle().unwrap();
        assert_eq!(armed(&reactor), 1);
        task.abort();
        reactor.run_until_idle().unwrap();
        assert_eq!(armed(&reactor), 0);
    }

    #[test]
    fn reset_moves_both_ways() {
        let reactor = reactor();
        let sleeping = Rc::new(RefCell::new({
            let _context = reactor.enter();
            sleep(SECOND * 2)
        }));
        let polled = Rc::clone(&sleeping);
        let task = reactor.spawn_local(std::future::poll_fn(move |cx| {
            Pin::new(&mut *polled.borrow_mut()).poll(cx)
        }));
        let start = reactor.now();
        reactor.run_until_idle().unwrap();
        sleeping.borrow_mut().reset(start + SECOND * 5);
        assert_eq!(
            reactor.advance(SECOND * 4).unwrap().tasks,
            0,
            "no wake at the old deadline"
        );
        sleeping.borrow_mut().reset(start + SECOND * 4);
        assert!(sleeping.borrow().is_elapsed());
        reactor.run_until_idle().unwrap();
        assert!(task.is_finished());
    }

    #[test]
    fn timeout_takes_what_came_in_time() {
        let reactor = reactor();
        let in_time = reactor.block_on(async { timeout(SECOND, sleep(SECOND)).await });
        assert_eq!(in_time.unwrap(), Ok(()));
        let late = reactor.block_on(async {
            let deadline = Reactor::current().now() + SECOND;
            timeout_at(deadline, pending::<()>()).await
        });
        assert_eq!(
            late.unwrap().unwrap_err().to_string(),
            "deadline has elapsed"
        );
    }

    #[test]
    fn idle_timers_cost_nothing() {
        const SLEEPERS: usize = 100_000;
        let reactor = reactor();
        for _ in 0..SLEEPERS {
            reactor.spawn_detached(Box::pin(async { sleep(SECOND * 60).await }));
        }
        reactor.run_until_idle().unwrap();
        assert_eq!(armed(&reactor), SLEEPERS);
        assert_eq!(reactor.advance(SECOND * 59).unwrap(), Turn::default());
        let sum = reactor.advance(SECOND).unwrap();
        assert_eq!((sum.timers, sum.tasks), (SLEEPERS, SLEEPERS));
        assert_eq!(reactor.task_count(), 0);
    }

    #[test]
    fn endless_durations_do_not_panic() {
        let reactor = reactor();
        let task = reactor.spawn_local(async { sleep(Duration::MAX).await });
        reactor.advance(SECOND * 86_400 * 365).unwrap();
        assert!(!task.is_finished());
    }

    #[test]
    fn real_time_passes() {
        let reactor = Reactor::new(Clock::real()).unwrap();
        let start = std::time::Instant::now();
        let span = Duration::from_millis(1);
        reactor.block_on(async { sleep(span).await }).unwrap();
        assert!(start.elapsed() >= span);
    }

    #[test]
    fn outlives_its_reactor_in_silence() {
        let reactor = reactor();
        let mut sleeping = {
            let _context = reactor.enter();
            sleep(SECOND)
        };
        drop(reactor);
        sleeping.reset(std::time::Instant::now());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut sleeping).poll(&mut cx).is_pending());
    }

    #[test]
    #[should_panic(expected = "no current reactor")]
    fn needs_a_reactor() {
        drop(sleep(SECOND));
    }
}
