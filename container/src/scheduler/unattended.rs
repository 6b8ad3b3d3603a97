//! `Unattended`: a request whose client has gone, and which is to be finished if it has begun. What
//! still waits, at a gate or for a thread, leaves its queue.
//!
//! That nobody waits is left with the thread, since what knows whether a handler has begun lies within
//! whatever futures of middleware are around it.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::handler::LocalFuture;
use crate::message::Response;

thread_local! {
    /// Whether nobody waits for the request that this thread polls.
    static UNATTENDED: Cell<bool> = const { Cell::new(false) };
}

/// A reply for which nobody waits any more: ready once its handler has ended, or has been given up
/// before it began.
pub struct Unattended(pub LocalFuture<Response>);

/// Takes back what was said when a poll ends, in whatever way.
struct Scope;

/// Whether nobody waits for the request that is being polled, so that it is not to be begun.
pub(super) fn is_unattended() -> bool {
    UNATTENDED.get()
}

impl Future for Unattended {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        UNATTENDED.set(true);
        let _scope = Scope;
        self.0.as_mut().poll(context).map(drop)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        UNATTENDED.set(false);
    }
}
