//! What is counted by route: outcomes, and the times that handlers waited and ran.
//!
//! Each worker counts for itself, without locked instructions; who wants to know adds up.

use std::sync::Arc;

use super::histogram::{Histogram, Times};
use super::text::push_word;
use crate::handler::{Endpoint, Lane};
use crate::message::StatusCode;
use crate::scheduler::Counter;

/// What a route is called in logs and metrics.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RouteName {
    /// The pattern, such as `/users/{id}`; `fallback:/api` for a fallback, `-` for what no route
    /// answers.
    pub template: Arc<str>,
    /// The method; `*` for a route that takes any.
    pub method: Arc<str>,
    /// Its handler, which may be moved to another lane; `None` for what no route answers.
    endpoint: Option<Arc<Endpoint>>,
    /// The template as logs have it where it must be one word.
    pub(super) word: Arc<[u8]>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With this answer, though it may have broken off.
    Answered(StatusCode),
    /// Its client went before there was an answer.
    Gone,
    /// The server cut it off before there was one: by the end of a drain, or with a worker that died.
    Cut,
}

/// How requests ended: the class of their status, or why there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx, and what is outside of all classes.
    Success,
    /// 3xx.
    Redirection,
    /// 4xx.
    ClientError,
    /// 5xx.
    ServerError,
    /// The client went first.
    Gone,
    /// The server cut them off: by the end of a drain, or with a worker that died.
    Cut,
}

/// What one worker counts of one route.
#[derive(Debug, Default)]
struct RouteCounters {
    /// Requests by outcome.
    outcomes: [Counter; Outcome::ALL.len()],
    /// How long requests waited for a permit or a thread.
    waited: Histogram,
    /// How long handlers ran; those that never began are not among them.
    ran: Histogram,
    /// Bytes of answers' bodies.
    bytes: Counter,
}

/// What one worker counts.
#[derive(Debug)]
pub struct WorkerMetrics {
    /// Of each route, by its index, and last of what no route answers.
    routes: Box<[RouteCounters]>,
    /// Requests begun.
    pub begun: Counter,
    /// Requests that have ended, in whatever way.
    pub ended: Counter,
}

/// What was counted of one route, added up over the workers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RouteStats {
    /// The route.
    pub name: RouteName,
    /// Requests by outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// How long requests waited for a permit or a thread.
    pub waited: Times,
    /// How long handlers ran; those that never began are not among them.
    pub ran: Times,
    /// Bytes of answers' bodies.
    pub bytes: u64,
}

/// What a request came to.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// How it ended.
    pub ending: Ending,
    /// Microseconds for which it waited for a permit or a thread.
    pub waited: u64,
    /// Microseconds for which its handler ran; `None` where that never began.
    pub ran: Option<u64>,
    /// Bytes of the answer's body.
    pub bytes: u64,
}

impl RouteName {
    /// That of a route.
    pub fn new(template: Arc<str>, method: &str, endpoint: Endpoint) -> Self {
        RouteName::of(template, method, Some(endpoint))
    }

    /// That of requests which no route answers.
    pub(super) fn none() -> Self {
        RouteName::of("-".into(), "-", None)
    }

    fn of(template: Arc<str>, method: &str, endpoint: Option<Endpoint>) -> Self {
        let mut word = Vec::new();
        push_word(&mut word, template.as_bytes());
        RouteName {
            template,
            method: method.into(),
            endpoint: endpoint.map(Arc::new),
            word: word.into(),
        }
    }

    /// The lane in which its handler runs at present, in one word: `inline`, `async`, `blocking`; or
    /// `-` where there is none.
    pub fn lane(&self) -> &'static str {
        match self.endpoint.as_ref().map(|endpoint| endpoint.lane()) {
            Some(Lane::Inline) => "inline",
            Some(Lane::Async) => "async",
            Some(Lane::Blocking) => "blocking",
            None => "-",
        }
    }
}

impl Outcome {
    /// All of them, each at its own place.
    pub const ALL: [Outcome; 6] = [
        Outcome::Success,
        Outcome::Redirection,
        Outcome::ClientError,
        Outcome::ServerError,
        Outcome::Gone,
        Outcome::Cut,
    ];

    /// That of a request which ended so.
    fn of(ending: Ending) -> Self {
        let status = match ending {
            Ending::Answered(status) => status,
            Ending::Gone => return Outcome::Gone,
            Ending::Cut => return Outcome::Cut,
        };
        match status.as_u16() / 100 {
            3 => Outcome::Redirection,
            4 => Outcome::ClientError,
            5 => Outcome::ServerError,
            _ => Outcome::Success,
        }
    }

    /// What it is called: `2xx` .. `5xx`, `gone` or `cut`.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Success => "2xx",
            Outcome::Redirection => "3xx",
            Outcome::ClientError => "4xx",
            Outcome::ServerError => "5xx",
            Outcome::Gone => "gone",
            Outcome::Cut => "cut",
        }
    }
}

impl WorkerMetrics {
    /// For this many routes.
    pub fn new(routes: usize) -> Self {
        WorkerMetrics {
            routes: (0..=routes).map(|_| RouteCounters::default()).collect(),
            begun: Counter::default(),
            ended: Counter::default(),
        }
    }

    /// Counts a request; `route` is its route's index, `None` where there was no route. To be
    /// called by the worker only.
    #[inline]
    pub fn record(&self, route: Option<usize>, measured: &Measured) {
        let last = self.routes.len() - 1;
        let counters = &self.routes[route.map_or(last, |route| route.min(last))];
        counters.outcomes[Outcome::of(measured.ending) as usize].add(1);
        counters.waited.record(measured.waited);
        if let Some(ran) = measured.ran {
            counters.ran.record(ran);
        }
        counters.bytes.add(measured.bytes);
    }

    /// Requests that are being dealt with.
    pub fn in_flight(&self) -> u64 {
        // Read in this order, what ends in between makes the number smaller, not negative.
        let ended = self.ended.read();
        self.begun.read().saturating_sub(ended)
    }
}

impl RouteStats {
    /// Adds up what the workers counted of the route at `index`.
    pub(super) fn collect(name: &RouteName, index: usize, workers: &[Arc<WorkerMetrics>]) -> Self {
        let mut stats = RouteStats {
            name: name.clone(),
            outcomes: [0; Outcome::ALL.len()],
            waited: Times::default(),
            ran: Times::default(),
            bytes: 0,
        };
        for counters in workers.iter().filter_map(|worker| worker.routes.get(index)) {
            for (total, counter) in stats.outcomes.iter_mut().zip(&counters.outcomes) {
                *total += counter.read();
            }
            stats.waited.add(&counters.waited);
            stats.ran.add(&counters.ran);
            stats.bytes += counters.bytes.read();
        }
        stats
    }

    /// Requests that have ended, in whatever way.
    pub fn requests(&self) -> u64 {
        self.outcomes.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::blocking;

    #[test]
    fn workers_add_up_by_route() {
        let workers = [0, 1].map(|_| Arc::new(WorkerMetrics::new(2)));
        let name = RouteName::new("/a".into(), "GET", blocking(|| ""));
        let record = |worker: usize, route, ending, ran| {
            let measured = Measured {
                ending,
                waited: 1,
                ran,
                bytes: 100,
            };
            workers[worker].record(route, &measured);
        };
        let answered = Ending::Answered;
        record(0, Some(1), answered(StatusCode::OK), Some(20));
        record(1, Some(1), answered(StatusCode::SERVICE_UNAVAILABLE), None);
        record(1, Some(1), Ending::Gone, Some(20));
        record(1, Some(1), Ending::Cut, Some(20));
        record(0, None, answered(StatusCode::NOT_FOUND), Some(20));
        let stats = |index| RouteStats::collect(&name, index, &workers);
        assert_eq!(stats(0).requests(), 0);
        assert_eq!(stats(1).outcomes, [1, 0, 0, 1, 1, 1]);
        assert_eq!((stats(1).ran.sum_us, stats(1).waited.sum_us), (60, 4));
        assert_eq!((stats(1).ran.count(), stats(1).waited.count()), (3, 4));
        assert_eq!(stats(1).bytes, 400);
        assert_eq!(stats(2).outcomes, [0, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn each_outcome_is_at_its_own_place() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
        }
        let unchanged = Ending::Answered(StatusCode::NOT_MODIFIED);
        assert_eq!(Outcome::of(unchanged).name(), "3xx");
    }
}
