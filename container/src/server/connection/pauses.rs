//! What is sent while an answer's body has nothing to send.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::message::Filler;
use crate::reactor::{self, Sleep, sleep_until};

/// The pauses of one body.
pub(super) struct Pauses {
    /// How long a pause is.
    interval: Duration,
    /// What is sent then.
    filler: Bytes,
    /// Rings when a pause is long enough, or before.
    alarm: Sleep,
    /// Since when nothing has come; `None` until somebody looks after something has.
    since: Option<Instant>,
}

impl Pauses {
    pub(super) fn new(filler: &Filler) -> Self {
        Pauses {
            interval: filler.interval,
            filler: filler.bytes.clone(),
            alarm: sleep_until(reactor::now()),
            since: None,
        }
    }

    /// Something has come.
    pub(super) fn interrupted(&mut self) {
        self.since = None;
    }

    /// Nothing has come; gives the filler once that has been so for long enough.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        let now = reactor::now();
        let since = *self.since.get_or_insert(now);
        // An interval beyond the end of time never passes.
        let Some(deadline) = since.checked_add(self.interval) else {
            return Poll::Pending;
        };
        if deadline > now {
            self.alarm.reset(deadline);
            if Pin::new(&mut self.alarm).poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        self.since = Some(now);
        Poll::Ready(self.filler.clone())
    }
}
