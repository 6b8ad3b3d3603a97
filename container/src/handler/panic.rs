//! Catching the panics of users' code, so that a worker and its connections outlive them.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a piece of users' code panicked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked {
    /// Its message, where it had one.
    pub message: String,
}

/// Runs users' code.
///
/// # Errors
/// When it panics.
// Unwind safety is asserted: what the code shared with others is behind locks of its own, and
// what it owned is dropped.
pub fn catch_panic<T>(code: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(code)).map_err(Panicked::from)
}

/// A future of users' code whose panics are values.
pub struct CatchPanic<F: ?Sized> {
    /// The future; not polled again once it has panicked.
    inner: Pin<Box<F>>,
}

impl<F: Future + ?Sized> CatchPanic<F> {
    /// Wraps a boxed future.
    pub fn new(inner: Pin<Box<F>>) -> Self {
        CatchPanic { inner }
    }
}

impl<F: Future + ?Sized> Future for CatchPanic<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_panic(|| self.inner.as_mut().poll(context)) {
            Ok(poll) => poll.map(Ok),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}

impl From<Box<dyn Any + Send>> for Panicked {
    fn from(payload: Box<dyn Any + Send>) -> Self {
        let message = match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => payload
                .downcast_ref::<&str>()
                .copied()
                .unwrap_or_default()
                .to_owned(),
        };
        Panicked { message }
    }
}
