//! `Policy`: where a route's handler runs and what bounds it. Plain data.

use std::time::Duration;

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

/// The bounds of one route.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Where the handler runs.
    pub lane: Lane,
    /// How many requests may be in the handler at once, over all workers; `None`: as many as there
    /// are connections, or threads.
    pub concurrency: Option<usize>,
    /// How many may wait for one of those places; beyond it 503. Default 0.
    pub queue: usize,
    /// How long a request may take, waiting included; then 503. `None`: the container's default.
    pub deadline: Option<Duration>,
    /// What a client's going means. `None`: GET and HEAD are cancelled, others finish.
    pub on_disconnect: Option<OnDisconnect>,
    /// The largest request body in bytes; beyond it 413. `None`: the container's default.
    pub body_limit: Option<u64>,
}

impl Policy {
    /// The lane's defaults.
    pub fn new(lane: Lane) -> Self {
        Policy {
            lane,
            concurrency: None,
            queue: 0,
            deadline: None,
            on_disconnect: None,
            body_limit: None,
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
