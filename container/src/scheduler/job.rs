//! A job of the blocking pool, from its queue to its result. Each of them is called once: to run, or
//! to hear why it does not.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use super::blocking_pool::BlockingPool;
use super::forecast::Run;
use super::queue::{Left, Place};
use super::shed::ShedReason;
use super::wait_limit::WaitLimit;
use crate::handler::{Priority, catch_panic};
use crate::reactor::{self, Reactor, Sleep, oneshot, sleep_until};

/// What a thread is to do.
pub(super) struct Job {
    /// Runs it, or tells why it does not.
    run: Box<dyn FnOnce(Result<Timed, ShedReason>) + Send>,
    priority: Priority,
}

/// A job's time, as the pool's forecast sees it: over with the result. What the thread does after
/// that, such as writing a body as fast as its client takes it, is no part of it; and a job that is
/// dropped without a result does not show how long it takes.
pub(super) struct Timed {
    pool: BlockingPool,
    /// `None` once it is over.
    run: Option<Run>,
}

/// Where a job sends its result.
pub(super) struct Reporter<T> {
    sender: oneshot::Sender<Result<T, ShedReason>>,
    timed: Timed,
}

/// A job's result, once it is there; dropping it takes a job that has not begun out of the queue.
pub(super) struct Submitted<T> {
    receiver: oneshot::Receiver<Result<T, ShedReason>>,
    /// Its place in the queue, as long as it may be there.
    queued: Option<Queued>,
}

/// A job that may still be in the queue.
struct Queued {
    pool: BlockingPool,
    place: Place,
    deadline: Option<Instant>,
    /// How long it may wait there; `None` where a thread is about to take it.
    patience: Option<Patience>,
}

/// The end of a job's wait.
struct Patience {
    limit: WaitLimit,
    /// Rings when the limit is to be looked at.
    alarm: Sleep,
}

impl Job {
    pub(super) fn new(
        run: impl FnOnce(Result<Timed, ShedReason>) + Send + 'static,
        priority: Priority,
    ) -> Self {
        Job {
            run: Box::new(run),
            priority,
        }
    }

    pub(super) fn priority(&self) -> Priority {
        self.priority
    }

    pub(super) fn run(self, timed: Timed) {
        self.call(Ok(timed));
    }

    pub(super) fn refuse(self, reason: ShedReason) {
        self.call(Err(reason));
    }

    /// Users' code catches its own panics; this is for what is left, such as a panic in a
    /// destructor.
    fn call(self, verdict: Result<Timed, ShedReason>) {
        if catch_panic(|| (self.run)(verdict)).is_err() {
            log::error!("a job of the blocking pool panicked while it was dropped");
        }
    }
}

/// Tells each of them why it does not run. To be called without the queue's lock.
pub(super) fn refuse_all(left: Left<Job>) {
    for (job, reason) in left {
        job.refuse(reason);
    }
}

impl Timed {
    pub(super) fn new(pool: BlockingPool, run: Run) -> Self {
        let run = Some(run);
        Timed { pool, run }
    }

    fn end(mut self) {
        if let Some(run) = self.run.take() {
            self.pool.end(run);
        }
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            self.pool.forget(run);
        }
    }
}

impl<T> Reporter<T> {
    pub(super) fn new(sender: oneshot::Sender<Result<T, ShedReason>>, timed: Timed) -> Self {
        Reporter { sender, timed }
    }

    /// Ends the job's time. Says whether anybody waits for its result.
    pub(super) fn send(self, result: T) -> bool {
        self.timed.end();
        self.sender.send(Ok(result)).is_ok()
    }
}

impl<T> Submitted<T> {
    /// A job that is at `place` in the queue of `pool`, where it may wait up to this limit, and has
    /// this deadline.
    pub(super) fn new(
        receiver: oneshot::Receiver<Result<T, ShedReason>>,
        pool: BlockingPool,
        place: Place,
        limit: Option<WaitLimit>,
        deadline: Option<Instant>,
    ) -> Self {
        // Outside of a reactor no time is known; there it waits as long as its caller does.
        let limit = limit.filter(|_| Reactor::try_current().is_some());
        Submitted {
            receiver,
            queued: Some(Queued {
                pool,
                place,
                deadline,
                patience: limit.and_then(Patience::new),
            }),
        }
    }

    /// Gives up; says whether the job was still in the queue, where it is no longer: it hears why.
    pub(super) fn withdraw(&mut self, reason: ShedReason) -> bool {
        let queued = self.queued.take();
        queued.is_some_and(|queued| queued.withdraw(reason))
    }
}

impl<T> Future for Submitted<T> {
    type Output = Result<T, ShedReason>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(result) = Pin::new(&mut self.receiver).poll(context) {
            self.queued = None;
            // A job is dropped untold only by a panic in what it held.
            return Poll::Ready(result.unwrap_or(Err(ShedReason::Stopping)));
        }
        let Some(queued) = &mut self.queued else {
            return Poll::Pending;
        };
        match queued.poll_limit(context) {
            Poll::Ready(reason) if queued.withdraw(reason) => Poll::Ready(Err(reason)),
            Poll::Ready(_) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Patience {
    fn new(limit: WaitLimit) -> Option<Self> {
        let alarm = sleep_until(limit.next()?);
        Some(Patience { limit, alarm })
    }
}

impl Queued {
    /// Why the job is not to wait any longer, once it is not.
    fn poll_limit(&mut self, context: &mut Context<'_>) -> Poll<ShedReason> {
        // Ends: each round is one of the two moments of a limit.
        while let Some(Patience { limit, alarm }) = &mut self.patience {
            if Pin::new(&mut *alarm).poll(context).is_pending() {
                return Poll::Pending;
            }
            let reason = limit.look(self.pool.is_in_doubt(self.place), reactor::now());
            match (reason, limit.next()) {
                (None, Some(next)) => alarm.reset(next),
                _ => self.patience = None,
            }
            if let Some(reason) = reason {
                return Poll::Ready(reason);
            }
        }
        Poll::Pending
    }

    fn withdraw(&self, reason: ShedReason) -> bool {
        self.pool.withdraw(self.place, reason)
    }

    /// Nobody waits for its result any more.
    fn give_up(&self) {
        let now = self.pool.clock().now();
        self.withdraw(ShedReason::of_given_up(self.deadline, now));
    }
}

impl<T> Drop for Submitted<T> {
    fn drop(&mut self) {
        if let Some(queued) = &self.queued {
            queued.give_up();
        }
    }
}
