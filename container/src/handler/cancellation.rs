//! `Cancellation`: how code that cannot be dropped learns that nobody waits for it any more.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

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
    /// Held while it is set, so that who is about to wait does not miss it.
    lock: Mutex<()>,
    /// Told when it is set.
    changed: Condvar,
}

impl Cancellation {
    /// A token that is not set.
    pub fn new() -> Self {
        Cancellation::default()
    }

    /// Sets it, and wakes all who wait on it.
    pub fn cancel(&self) {
        let guard = self.shared.lock.lock();
        self.shared.cancelled.store(true, Ordering::Release);
        drop(guard);
        self.shared.changed.notify_all();
    }

    /// Whether the request no longer matters.
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Acquire)
    }

    /// Waits until it is set, at most for `limit`, and says whether it is. Blocks its thread, so it
    /// is for threads of the blocking pool and others that may wait; it goes by the system's clock.
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        let guard = self.shared.lock.lock();
        let guard = guard.unwrap_or_else(PoisonError::into_inner);
        let waits = |(): &mut ()| !self.is_cancelled();
        drop(self.shared.changed.wait_timeout_while(guard, limit, waits));
        self.is_cancelled()
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
