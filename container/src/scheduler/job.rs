//! A job of the blocking pool, from its queue to its result.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::blocking_pool::BlockingPool;
use super::queue::{Left, Place};
use super::shed::ShedReason;
use crate::handler::{Priority, catch_panic};
use crate::reactor::{Reactor, Sleep, oneshot, sleep};

/// What a thread is to do.
pub(super) struct Job {
    /// Runs it, or tells why it does not.
    run: Box<dyn FnOnce(Result<(), ShedReason>) + Send>,
    priority: Priority,
}

/// Where a job sends its result.
pub(super) struct Reporter<T> {
    sender: oneshot::Sender<Result<T, ShedReason>>,
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
    /// The longest it may wait there; `None` where a thread is about to take it.
    patience: Option<Sleep>,
}

impl Job {
    pub(super) fn new(
        run: impl FnOnce(Result<(), ShedReason>) + Send + 'static,
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

    pub(super) fn run(self) {
        self.call(Ok(()));
    }

    pub(super) fn refuse(self, reason: ShedReason) {
        self.call(Err(reason));
    }

    /// Users' code catches its own panics; this is for what is left, such as a panic in a
    /// destructor.
    fn call(self, verdict: Result<(), ShedReason>) {
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

impl<T> Reporter<T> {
    pub(super) fn new(sender: oneshot::Sender<Result<T, ShedReason>>) -> Self {
        Reporter { sender }
    }

    /// Says whether anybody waits for it.
    pub(super) fn send(self, result: T) -> bool {
        self.sender.send(Ok(result)).is_ok()
    }
}

impl<T> Submitted<T> {
    /// A job that is at `place` in the queue of `pool`, where it may wait for `longest`.
    pub(super) fn new(
        receiver: oneshot::Receiver<Result<T, ShedReason>>,
        pool: BlockingPool,
        place: Place,
        longest: Option<Duration>,
    ) -> Self {
        // Outside of a reactor no time is known; there it waits as long as its caller does.
        let longest = longest.filter(|_| Reactor::try_current().is_some());
        Submitted {
            receiver,
            queued: Some(Queued {
                pool,
                place,
                patience: longest.map(sleep),
            }),
        }
    }

    /// Gives up; says whether the job was still in the queue, which it is no longer.
    pub(super) fn withdraw(&mut self) -> bool {
        self.queued.take().is_some_and(|queued| queued.withdraw())
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
        let Some(patience) = &mut queued.patience else {
            return Poll::Pending;
        };
        if Pin::new(patience).poll(context).is_pending() {
            return Poll::Pending;
        }
        queued.patience = None;
        if queued.withdraw() {
            return Poll::Ready(Err(ShedReason::Waited));
        }
        Poll::Pending
    }
}

impl Queued {
    fn withdraw(&self) -> bool {
        self.pool.withdraw(self.place)
    }
}

impl<T> Drop for Submitted<T> {
    fn drop(&mut self) {
        self.withdraw();
    }
}
