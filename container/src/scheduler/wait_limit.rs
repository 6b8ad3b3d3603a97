//! `WaitLimit`: how long a request waits in a queue before it leaves by itself. Pure.

use std::time::{Duration, Instant};

use super::queue::Place;
use super::shed::ShedReason;

/// When a request that waits is to be looked at, and why it leaves then.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaitLimit {
    /// Nobody waits beyond this moment.
    longest: Option<Instant>,
    /// Nor beyond this one, if it is still in doubt by then; `None` once that was looked at.
    doubt: Option<Instant>,
}

impl WaitLimit {
    /// For who waits at `place` from now on, and for at most `longest`.
    pub(super) fn new(place: Place, longest: Duration, now: Instant) -> Self {
        WaitLimit {
            longest: now.checked_add(longest),
            doubt: place.doubt(),
        }
    }

    /// When to look; `None`: not at all.
    pub(super) fn next(&self) -> Option<Instant> {
        [self.longest, self.doubt].into_iter().flatten().min()
    }

    /// Looks at `now`: why it leaves, if it does.
    pub(super) fn look(&mut self, is_in_doubt: bool, now: Instant) -> Option<ShedReason> {
        if self.longest.is_some_and(|longest| longest <= now) {
            return Some(ShedReason::Waited);
        }
        let doubt = self.doubt.take_if(|doubt| *doubt <= now);
        (doubt.is_some() && is_in_doubt).then_some(ShedReason::Hopeless)
    }
}
