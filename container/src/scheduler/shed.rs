//! Why and where a request was turned away before it reached its handler.

use std::time::Instant;

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ShedReason {
    /// There was no room, not even to wait.
    Full,
    /// It had waited too long: beyond the target of an overloaded queue, or the longest wait.
    Waited,
    /// It was of [`Priority::Background`](crate::handler::Priority::Background) and gave way.
    Displaced,
    /// It would have had to wait for so long that it could not have been answered by its deadline.
    Hopeless,
    /// Its deadline passed while it waited.
    Expired,
    /// Its client went while it waited.
    Gone,
    /// The pool takes no more work.
    Stopping,
}

/// Where: by which budget, or else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Its route's.
    Route,
    /// Its lane's.
    Lane,
    /// The container's.
    Container,
    /// The threads of the blocking pool.
    Pool,
    /// The memory for request bodies.
    Bodies,
    /// None of them, but its own time, which was over when its handler was to start.
    Start,
}

impl ShedReason {
    /// All of them, in the order of their numbers.
    pub const ALL: [ShedReason; 7] = [
        ShedReason::Full,
        ShedReason::Waited,
        ShedReason::Displaced,
        ShedReason::Hopeless,
        ShedReason::Expired,
        ShedReason::Gone,
        ShedReason::Stopping,
    ];

    /// Its name in metrics and logs: one word in lower case.
    pub fn name(self) -> &'static str {
        match self {
            ShedReason::Full => "full",
            ShedReason::Waited => "waited",
            ShedReason::Displaced => "displaced",
            ShedReason::Hopeless => "hopeless",
            ShedReason::Expired => "expired",
            ShedReason::Gone => "gone",
            ShedReason::Stopping => "stopping",
        }
    }

    /// Whether there was no room for it. An expired request counts as timed out, and one whose
    /// client went as cancelled.
    pub fn is_overload(self) -> bool {
        matches!(
            self,
            ShedReason::Full | ShedReason::Waited | ShedReason::Displaced | ShedReason::Hopeless
        )
    }

    /// Why a request with this deadline was given up at `now`, while it waited.
    pub(super) fn of_given_up(deadline: Option<Instant>, now: Instant) -> ShedReason {
        if deadline.is_some_and(|deadline| deadline <= now) {
            ShedReason::Expired
        } else {
            ShedReason::Gone
        }
    }

    /// What the client is told.
    pub(super) fn detail(self) -> &'static str {
        match self {
            ShedReason::Full => "as many requests are here as there is room for",
            ShedReason::Waited => "the request has waited too long for its turn",
            ShedReason::Displaced => "there is no room for background requests now",
            ShedReason::Hopeless => "the request could not be answered in its time",
            ShedReason::Expired | ShedReason::Gone => "the request's time passed before its turn",
            ShedReason::Stopping => "the server is shutting down",
        }
    }
}

impl Stage {
    /// All of them, in the order of their numbers.
    pub const ALL: [Stage; 6] = [
        Stage::Route,
        Stage::Lane,
        Stage::Container,
        Stage::Pool,
        Stage::Bodies,
        Stage::Start,
    ];

    /// Its name in metrics and logs: one word in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Route => "route",
            Stage::Lane => "lane",
            Stage::Container => "container",
            Stage::Pool => "pool",
            Stage::Bodies => "bodies",
            Stage::Start => "start",
        }
    }
}

/// A request that was turned away, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shed {
    pub(super) stage: Stage,
    pub(super) reason: ShedReason,
}
