//! `Cancellation`: how code that cannot be dropped learns that nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A token that a blocking handler can ask whether its request still matters.
///
/// Take it as an argument: `fn report(cancellation: Cancellation, ..)`. It is set when the client
/// has gone or the deadline has passed; what the handler returns after that is thrown away.
#[derive(Debug, Clone, Default)]
pub struct Cancellation {
    /// Whether it is set; only ever goes from false to true.
    cancelled: Arc<AtomicBool>,
}

impl Cancellation {
    /// A token that is not set.
    pub fn new() -> Self {
        Cancellation::default()
    }

    /// Sets it.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Whether the request no longer matters.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}
