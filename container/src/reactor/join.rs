//! The result of a task, and the handle that waits for it. Must not run the task itself.

use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::executor::{drop_quietly, panic_message};
use super::task::TaskHeader;

/// Waits for a task: a future of its result. Dropping it lets the task go on.
///
/// ```
/// use std::future::pending;
/// use container::reactor::{Clock, Reactor};
///
/// let reactor = Reactor::new(Clock::real())?;
/// let task = reactor.spawn_local(pending::<()>());
/// task.abort();
/// assert!(reactor.block_on(task)?.unwrap_err().is_cancelled());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct JoinHandle<T> {
    /// The task; `None` when the reactor was closed already.
    header: Option<Arc<TaskHeader>>,
    /// Where the result appears.
    state: Rc<JoinState<T>>,
}

/// What a task and its handle share.
pub(super) struct JoinState<T> {
    /// The result, until it is taken.
    result: Cell<Option<Result<T, JoinError>>>,
    /// Who waits for the result.
    waker: Cell<Option<Waker>>,
    /// Whether there is, or was, a result.
    finished: Cell<bool>,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(header: Option<Arc<TaskHeader>>, state: Rc<JoinState<T>>) -> Self {
        JoinHandle { header, state }
    }

    /// Asks for the end of the task: its future is dropped when the executor comes to it (for a
    /// task that aborts itself, when its poll returns). A finished task stays finished.
    pub fn abort(&self) {
        if let (Some(header), false) = (&self.header, self.is_finished()) {
            header.abort();
        }
    }

    /// Whether the task has ended, in whatever way.
    pub fn is_finished(&self) -> bool {
        self.state.finished.get()
    }

    /// A handle that aborts the task when it is dropped.
    pub fn abort_on_drop(self) -> AbortOnDrop<T> {
        AbortOnDrop { handle: self }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    /// # Panics
    /// When polled after it gave the result.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.state.result.take() {
            return Poll::Ready(result);
        }
        assert!(
            !self.is_finished(),
            "JoinHandle polled after its result was taken"
        );
        let waker = match self.state.waker.take() {
            Some(kept) if kept.will_wake(cx.waker()) => kept,
            _ => cx.waker().clone(),
        };
        self.state.waker.set(Some(waker));
        Poll::Pending
    }
}

/// A [`JoinHandle`] whose drop aborts the task.
pub struct AbortOnDrop<T> {
    /// The task.
    handle: JoinHandle<T>,
}

impl<T> AbortOnDrop<T> {
    /// Whether the task has ended, in whatever way.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.handle).poll(cx)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

/// Why a task has no result.
#[derive(Debug)]
pub struct JoinError {
    reason: Reason,
}

enum Reason {
    Cancelled,
    Panicked(Box<dyn Any + Send>),
}

impl JoinError {
    /// Whether the task was aborted, or dropped with its reactor.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.reason, Reason::Cancelled)
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.reason, Reason::Panicked(_))
    }

    /// What the task panicked with.
    ///
    /// # Panics
    /// When the task did not panic.
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.reason {
            Reason::Panicked(payload) => payload,
            Reason::Cancelled => panic!("into_panic on a task that was cancelled"),
        }
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Cancelled => f.write_str("Cancelled"),
            Reason::Panicked(payload) => write!(f, "Panicked({:?})", panic_message(&**payload)),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Cancelled => f.write_str("task was cancelled"),
            Reason::Panicked(payload) => write!(f, "task panicked: {}", panic_message(&**payload)),
        }
    }
}

impl Error for JoinError {}

/// A future that reports how it ended: by a value, a panic, or being dropped.
///
/// The future is boxed in here, which lets this type be moved and needs no pin projection.
pub(super) struct Joined<F: Future> {
    /// Dropped before the end is reported.
    future: Option<Pin<Box<F>>>,
    /// Where the end is reported.
    state: Rc<JoinState<F::Output>>,
}

impl<F: Future> Joined<F> {
    pub(super) fn new(future: F) -> (Joined<F>, Rc<JoinState<F::Output>>) {
        let state = Rc::new(JoinState {
            result: Cell::new(None),
            waker: Cell::new(None),
            finished: Cell::new(false),
        });
        (
            Joined {
                future: Some(Box::pin(future)),
                state: Rc::clone(&state),
            },
            state,
        )
    }

    fn finish(&mut self, result: Result<F::Output, Reason>) {
        drop_quietly(self.future.take());
        self.state.finished.set(true);
        self.state
            .result
            .set(Some(result.map_err(|reason| JoinError { reason })));
        if let Some(waker) = self.state.waker.take() {
            waker.wake();
        }
    }
}

impl<F: Future> Future for Joined<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(future) = self.future.as_mut() else {
            return Poll::Ready(());
        };
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => self.finish(Ok(value)),
            Err(payload) => self.finish(Err(Reason::Panicked(payload))),
        }
        Poll::Ready(())
    }
}

impl<F: Future> Drop for Joined<F> {
    fn drop(&mut self) {
        if self.future.is_some() {
            self.finish(Err(Reason::Cancelled));
        }
    }
}
