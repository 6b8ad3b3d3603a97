//! `Cancellation`: how code that cannot be dropped learns that nobody waits for it any more.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

thread_local! {
    static CURRENT: RefCell<Option<Cancellation>> = const { RefCell::new(None) };
}

/// A token that a blocking handler can ask, or wait on, whether its request still matters.
///
/// Take it as an argument: `fn report(cancellation: Cancellation, ..)`. It is set when the client
/// has gone or the deadline has passed; what the handler returns after that is thrown away. Clones
/// are the same token, and any thread may have one.
///
/// ```
/// use container::handler::Cancellation;
/// use std::time::Duration;
///
/// // In place of a sleep: one that ends when nobody waits any more.
/// fn poll_until_ready(cancellation: Cancellation) -> &'static str {
///     while !is_ready() {
///         if cancellation.wait_timeout(Duration::from_millis(50)) {
///             return "nobody waits";
///         }
///     }
///     "ready"
/// }
/// # fn is_ready() -> bool { true }
/// ```
#[derive(Clone, Default)]
pub struct Cancellation {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Whether it is set; only ever goes from false to true, under the lock.
    cancelled: AtomicBool,
    /// The task that waits for it: the last that asked. Locked while it is set, so that who is about
    /// to wait does not miss it.
    waiting: Mutex<Option<Waker>>,
    /// Told when it is set.
    changed: Condvar,
}

/// Makes a token the current one of its thread; dropping it restores the one before.
pub(crate) struct CancellationScope {
    previous: Option<Cancellation>,
    /// It belongs to its thread.
    local: PhantomData<Rc<()>>,
}

impl Cancellation {
    /// A token that is not set.
    pub fn new() -> Self {
        Cancellation::default()
    }

    /// That of the request whose blocking handler runs on this thread; one that nobody sets where
    /// there is none.
    pub fn current() -> Self {
        CURRENT.with_borrow(Clone::clone).unwrap_or_default()
    }

    /// Makes it the current one of this thread for as long as the scope lives.
    pub(crate) fn enter(self) -> CancellationScope {
        CancellationScope {
            previous: CURRENT.replace(Some(self)),
            local: PhantomData,
        }
    }

    /// Sets it, and wakes all who wait on it.
    pub fn cancel(&self) {
        let mut waiting = self.lock();
        self.shared.cancelled.store(true, Ordering::Release);
        let waker = waiting.take();
        drop(waiting);
        self.shared.changed.notify_all();
        waker.into_iter().for_each(Waker::wake);
    }

    /// Ready once it is set. Of all tasks that wait, only the last one is woken.
    pub(crate) fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<()> {
        let mut waiting = self.lock();
        if self.is_cancelled() {
            return Poll::Ready(());
        }
        let waker = waiting.replace(cx.waker().clone());
        drop(waiting);
        // A waker may be foreign code.
        drop(waker);
        Poll::Pending
    }

    /// Whether the request no longer matters.
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Acquire)
    }

    /// Waits until it is set, at most for `limit`, and says whether it is. Blocks its thread, so it
    /// is for threads of the blocking pool and others that may wait; it goes by the system's clock.
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        let waits = |_: &mut Option<Waker>| !self.is_cancelled();
        let changed = &self.shared.changed;
        drop(changed.wait_timeout_while(self.lock(), limit, waits));
        self.is_cancelled()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        let waiting = self.shared.waiting.lock();
        waiting.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CancellationScope {
    fn drop(&mut self) {
        CURRENT.set(self.previous.take());
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Cancellation")
            .field(&self.is_cancelled())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Far longer than any test takes: only being cancelled ends such a wait.
    const FOR_EVER: Duration = Duration::from_secs(3600);

    #[test]
    fn a_wait_ends_when_it_is_cancelled() {
        let cancellation = Cancellation::new();
        let waiting = {
            let cancellation = cancellation.clone();
            thread::spawn(move || cancellation.wait_timeout(FOR_EVER))
        };
        cancellation.cancel();
        assert!(waiting.join().unwrap());
        assert!(cancellation.wait_timeout(FOR_EVER), "it stays set");
    }

    #[test]
    fn a_wait_ends_with_its_time() {
        let cancellation = Cancellation::new();
        assert!(!cancellation.wait_timeout(Duration::from_millis(1)));
        assert!(!cancellation.wait_timeout(Duration::ZERO));
    }
}
