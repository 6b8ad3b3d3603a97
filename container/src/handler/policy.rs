//! `Policy`: where a route's handler runs and what bounds it. Plain data.

use std::fmt;
use std::time::Duration;

use super::budget::Budget;
use crate::message::Method;

/// Where a handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// On the worker, on the spot; it must not wait.
    Inline,
    /// A task on the worker; it may await, and must not block.
    Async,
    /// On a thread of the blocking pool.
    Blocking,
}

impl Lane {
    /// All of them, in the order of their numbers.
    pub const ALL: [Lane; 3] = [Lane::Inline, Lane::Async, Lane::Blocking];
}

impl fmt::Display for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Lane::Inline => "inline",
            Lane::Async => "async",
            Lane::Blocking => "blocking",
        })
    }
}

/// How much a request matters when there is not room for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Never shed: health, readiness, metrics, administration. It draws on no budget but its
    /// route's own, and on the blocking lane threads are kept for it.
    Critical,
    /// As most.
    #[default]
    Normal,
    /// Let in last and shed first.
    Background,
}

/// What becomes of a handler whose client has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDisconnect {
    /// It is dropped at its next await; a blocking one is told by its [`Cancellation`].
    ///
    /// [`Cancellation`]: super::Cancellation
    Cancel,
    /// It runs to its end.
    Finish,
}

/// What those who watch are shown of a request's path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShownPath {
    /// All of it, as it was sent.
    #[default]
    Whole,
    /// The route's template in its place, such as `/reset/{token}`.
    Template,
}

/// The bounds of one route.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Where the handler runs.
    pub lane: Lane,
    /// How many requests may be in the handler at once, and how many may wait; beyond it 503.
    /// Default: no limit.
    pub budget: Budget,
    /// How much its requests matter when there is not room for all.
    pub priority: Priority,
    /// How long a request may take, waiting included; then 503. `None`: the container's default.
    pub deadline: Option<Duration>,
    /// What a client's going means. `None`: GET and HEAD are cancelled, others finish.
    pub on_disconnect: Option<OnDisconnect>,
    /// The largest request body in bytes; beyond it 413. `None`: the container's default.
    pub body_limit: Option<u64>,
    /// What those who watch are shown of its requests' paths. Default: all.
    pub shown_path: ShownPath,
}

impl Policy {
    /// The lane's defaults.
    pub fn new(lane: Lane) -> Self {
        Policy {
            lane,
            budget: Budget::default(),
            priority: Priority::default(),
            deadline: None,
            on_disconnect: None,
            body_limit: None,
            shown_path: ShownPath::default(),
        }
    }

    /// What a client's going means for a request of this method.
    pub fn disconnect(&self, method: &Method) -> OnDisconnect {
        let harmless = *method == Method::GET || *method == Method::HEAD;
        let default = if harmless {
            OnDisconnect::Cancel
        } else {
            OnDisconnect::Finish
        };
        self.on_disconnect.unwrap_or(default)
    }
}
