//! `Begun`: how whoever runs requests tells whoever measures them when their handlers began.
//!
//! It is left with the thread, since it would otherwise have to go along with every reply.

use std::cell::Cell;
use std::time::Instant;

/// When the handler of a request began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// When it was asked for.
    AtOnce,
    /// Not yet: it waits for a permit, or for a thread; or never, since it was turned away.
    NotYet,
    /// Then.
    At(Instant),
}

thread_local! {
    /// What was told since it was last asked for.
    static TOLD: Cell<Option<Begun>> = const { Cell::new(None) };
}

/// What this thread's scheduler has told of the request that was dispatched, or polled, since the
/// last call; `None` when there is no news.
#[inline]
pub fn take_begun() -> Option<Begun> {
    TOLD.take()
}

/// Tells it.
pub(super) fn tell(begun: Begun) {
    TOLD.set(Some(begun));
}
