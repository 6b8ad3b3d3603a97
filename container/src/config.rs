//! All the container's limits and timeouts in one piece of plain data, validated once.

use std::time::Duration;

use crate::message::HeaderName;
use crate::scheduler::{BlockingConfig, Budgets, Deadlines, Settings, WatchdogConfig};
use crate::{http1, observe};

/// What bounds a container.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Threads with a reactor and connections of their own. Default: one for each processor.
    pub workers: usize,
    /// Limits and timeouts of the protocol.
    pub http1: http1::Config,
    /// Limits of the blocking lane.
    pub blocking: BlockingConfig,
    /// What counts as held too long.
    pub watchdog: WatchdogConfig,
    /// Connections open at once on one worker. For one beyond, the connection that was idle for
    /// longest is closed; where none is idle, the one that has been at its head for longest; where
    /// there is none either, the new one is answered 503 and closed. Default 10,000, or as many as
    /// the process may have descriptors for, where that is fewer; the log says so then.
    pub connections: usize,
    /// Descriptors that are left to all else in the process: files, databases, outgoing connections,
    /// other containers; a quarter of those there are at most. Default 256.
    pub spare_descriptors: usize,
    /// Connections of one peer address, over all workers; those beyond are answered 503 and closed.
    /// A peer is an IPv4 address or an IPv6 network of 64 bits. Behind a proxy all connections have
    /// one peer, so the default is no limit.
    pub connections_per_peer: Option<usize>,
    /// Requests in flight: of the container and of its lanes, besides each route's own. Default: no
    /// limit. And how long they may wait.
    pub budgets: Budgets,
    /// Bytes of a request body, unless the route says otherwise; beyond it 413. Default 2 MiB.
    pub body_limit: u64,
    /// How long a request may take, unless the route says otherwise; then 503. Default: no limit.
    /// From when its handler is asked for, so that waiting for a place counts, to when that has
    /// returned its answer. The handler is asked for when the body is there, or with the head where
    /// it takes the body as it comes. So neither an upload that is collected nor the body of an
    /// answer counts, however long it is made or sent: both have limits of their own, in
    /// [`http1`](http1::Timeouts).
    pub deadline: Option<Duration>,
    /// The field in which a client may say how many seconds it will wait, such as
    /// `request-timeout: 2.5`; the route's or the container's deadline is the most that it gets.
    /// There is no standard for it, so by default none is looked for. What cannot be read is passed
    /// over; of several the least counts.
    pub deadline_field: Option<HeaderName>,
    /// Futures given to [`detach`](crate::detach) on one worker that have not ended. Default 10,000:
    /// as many as connections.
    pub detached: usize,
    /// How long the server goes on accepting once it is asked to stop, saying that it is not ready
    /// and closing connections with their next answer, until those who send traffic have noticed.
    /// Default 0 s.
    pub drain_delay: Duration,
    /// How long requests have to finish once the server is asked to stop; then they are cut.
    /// Default 30 s.
    pub drain: Duration,
    /// How long workers and shut-down hooks have to end once what is left was cut; a worker that is
    /// held for longer is left behind. Default 2 s: what can be cut takes a few turns.
    pub close: Duration,
    /// How long a connection that has sent nothing yet is kept when the server is asked to stop:
    /// its first request may be on its way. Default 1 s.
    pub drain_first_byte: Duration,
    /// How long a connection is kept after its last answer when the server is asked to stop: the
    /// next request may be on its way. Default 200 ms.
    pub drain_idle: Duration,
    /// After the peer of a cancellable request has closed its writing side: how long until it is
    /// asked, by an interim answer, whether it is still there. Default 1 s.
    pub disconnect_probe: Duration,
    /// What is observed of requests, beside the access log.
    pub observe: observe::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            http1: http1::Config::default(),
            blocking: BlockingConfig::default(),
            watchdog: WatchdogConfig::default(),
            connections: 10_000,
            spare_descriptors: 256,
            connections_per_peer: None,
            budgets: Budgets::default(),
            body_limit: 2 << 20,
            deadline: None,
            deadline_field: None,
            detached: 10_000,
            drain_delay: Duration::ZERO,
            drain: Duration::from_secs(30),
            close: Duration::from_secs(2),
            drain_first_byte: Duration::from_secs(1),
            drain_idle: Duration::from_millis(200),
            disconnect_probe: Duration::from_secs(1),
            observe: observe::Config::default(),
        }
    }
}

impl Config {
    /// The scheduler's part of it.
    pub(crate) fn scheduling(&self) -> Settings {
        Settings {
            budgets: self.budgets.clone(),
            deadlines: Deadlines {
                default: self.deadline,
                field: self.deadline_field.clone(),
            },
            connections_per_peer: self.connections_per_peer,
        }
    }

    /// What is wrong with it, one sentence for each fault; empty when nothing is.
    pub fn faults(&self) -> Vec<String> {
        let limits = &self.http1.limits;
        let timeouts = &self.http1.timeouts;
        let at_least_one = [
            ("workers", self.workers),
            ("connections", self.connections),
            (
                "connections per peer",
                self.connections_per_peer.unwrap_or(usize::MAX),
            ),
            ("blocking threads", self.blocking.threads),
            ("the request line limit", limits.request_line),
            ("the head limit", limits.head),
            ("the field limit", limits.fields),
        ];
        let mut faults: Vec<String> = at_least_one
            .iter()
            .filter(|(_, value)| *value == 0)
            .map(|(name, _)| format!("{name} must be at least 1"))
            .collect();
        if limits.fields > http1::FIELDS_MAX {
            faults.push(format!(
                "the field limit must be at most {}",
                http1::FIELDS_MAX
            ));
        }
        if u32::try_from(limits.head).is_err() {
            faults.push("the head limit must be below 4 GiB".to_owned());
        }
        faults.extend(self.budgets.faults());
        let positive = [
            ("idle", timeouts.idle),
            ("head", timeouts.head),
            ("body", timeouts.body),
            ("write", timeouts.write_stall),
            ("close", self.close),
        ];
        let zero = positive.iter().filter(|(_, value)| value.is_zero());
        faults.extend(zero.map(|(name, _)| format!("the {name} timeout must be above 0")));
        if self.deadline == Some(Duration::ZERO) {
            faults.push("the deadline must be above 0".to_owned());
        }
        faults.extend(self.watchdog.faults());
        faults
    }
}
