//! One value from any thread to a task. Must not know reactors: a waker is all it needs.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::{fmt, mem};

/// A sender and a receiver of one value.
///
/// ```
/// use container::reactor::{Clock, Reactor, oneshot};
///
/// let (sender, receiver) = oneshot::channel();
/// let thread = std::thread::spawn(move || sender.send(42));
/// assert_eq!(Reactor::new(Clock::real())?.block_on(receiver)?, Ok(42));
/// assert_eq!(thread.join().unwrap(), Ok(()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let cell = Arc::new(Mutex::new(State::Open(None)));
    (
        Sender {
            cell: Some(Arc::clone(&cell)),
        },
        Receiver { cell },
    )
}

type Shared<T> = Arc<Mutex<State<T>>>;

enum State<T> {
    /// Both ends live, nothing is sent; who waits.
    Open(Option<Waker>),
    /// The value is on its way.
    Sent(T),
    /// The value was taken, or an end has gone.
    Closed,
}

/// The sending end; dropping it without a value tells the receiver.
pub struct Sender<T> {
    /// Empty once the value has been sent.
    cell: Option<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends the value and wakes the receiver.
    ///
    /// # Errors
    /// Gives the value back when the receiver has gone.
    pub fn send(mut self, value: T) -> Result<(), T> {
        let Some(cell) = self.cell.take() else {
            return Err(value);
        };
        let mut state = lock(&cell);
        if matches!(*state, State::Closed) {
            return Err(value);
        }
        let before = mem::replace(&mut *state, State::Sent(value));
        drop(state);
        before.wake();
        Ok(())
    }

    /// Whether the receiver has gone, so that nobody wants the value.
    pub fn is_closed(&self) -> bool {
        self.cell
            .as_ref()
            .is_none_or(|cell| matches!(*lock(cell), State::Closed))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(cell) = self.cell.take() {
            let before = mem::replace(&mut *lock(&cell), State::Closed);
            before.wake();
        }
    }
}

/// The receiving end: a future of the value.
#[must_use = "futures do nothing unless awaited"]
pub struct Receiver<T> {
    cell: Shared<T>,
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Cloned and dropped outside the lock, since both may be foreign code.
        let mut waker = Some(cx.waker().clone());
        let mut state = lock(&self.cell);
        match &mut *state {
            State::Open(waiting) => {
                mem::swap(waiting, &mut waker);
                drop(state);
                Poll::Pending
            }
            _ => match mem::replace(&mut *state, State::Closed) {
                State::Sent(value) => Poll::Ready(Ok(value)),
                _ => Poll::Ready(Err(Closed)),
            },
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let before = mem::replace(&mut *lock(&self.cell), State::Closed);
        drop(before);
    }
}

/// The sender has gone without sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender has gone without sending")
    }
}

impl Error for Closed {}

impl<T> State<T> {
    fn wake(self) {
        if let State::Open(Some(waker)) = self {
            waker.wake();
        }
    }
}

/// No foreign code runs under the lock, so that it cannot be poisoned in a way that matters.
fn lock<T>(cell: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll<T>(receiver: &mut Receiver<T>) -> Poll<Result<T, Closed>> {
        Pin::new(receiver).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn value_is_taken_once() {
        let (sender, mut receiver) = channel();
        assert!(poll(&mut receiver).is_pending());
        assert!(!sender.is_closed());
        sender.send(1).unwrap();
        assert_eq!(poll(&mut receiver), Poll::Ready(Ok(1)));
        assert_eq!(poll(&mut receiver), Poll::Ready(Err(Closed)));
    }

    #[test]
    fn each_end_sees_the_other_go() {
        let (sender, mut receiver) = channel::<()>();
        drop(sender);
        assert_eq!(poll(&mut receiver), Poll::Ready(Err(Closed)));

        let (sender, receiver) = channel();
        drop(receiver);
        assert!(sender.is_closed());
        assert_eq!(sender.send(1), Err(1));
    }

    #[test]
    fn unread_value_is_dropped_with_the_receiver() {
        let value = Arc::new(());
        let (sender, receiver) = channel();
        sender.send(Arc::clone(&value)).unwrap();
        drop(receiver);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn end_of_the_sender_wakes() {
        let reactor = crate::reactor::Reactor::new(crate::reactor::Clock::virtual_time()).unwrap();
        let (sender, receiver) = channel::<()>();
        let task = reactor.spawn_local(receiver);
        reactor.run_until_idle().unwrap();
        std::thread::spawn(move || drop(sender)).join().unwrap();
        reactor.run_until_idle().unwrap();
        assert!(task.is_finished());
    }
}
