//! The flags for the container's limits and timers. Their defaults are the container's own.

use clap::Args;
use container::Config;
use container::handler::{Concurrency, Patience};
use container::http1::{Limits, Timeouts};
use container::message::HeaderName;
use container::scheduler::BlockingConfig;

use crate::units::{Size, Time};

/// What bounds the container.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Connections open at once on one worker; beyond it one that has not asked closes, or 503
    #[arg(long, env, value_name = "N", default_value_t = config().connections)]
    connections: usize,

    /// Descriptors left to all but connections: files, databases, outgoing connections
    #[arg(long, env, value_name = "N", default_value_t = config().spare_descriptors)]
    spare_descriptors: usize,

    /// Connections of one peer address; beyond it 503 [default: no limit]
    #[arg(long, env, value_name = "N")]
    connections_per_peer: Option<usize>,

    /// Requests in their handlers at once; beyond it 503 [default: no limit]
    #[arg(long, env, value_name = "N")]
    requests: Option<usize>,

    /// Requests that wait for one of those places; beyond it 503
    #[arg(long, env, value_name = "N", default_value_t = config().budgets.container.queue)]
    requests_queue: usize,

    /// Requests of the blocking lane at once; beyond it they wait, as many as --blocking-queue
    /// says [default: no limit but the threads]
    #[arg(long, env, value_name = "N")]
    blocking_requests: Option<usize>,

    /// Let the limit of the blocking lane find itself, up to --blocking-requests
    #[arg(long, env)]
    blocking_adaptive: bool,

    /// A request's body; beyond it 413
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(config().body_limit))]
    body_limit: Size,

    /// All requests' bodies that are held for handlers; beyond it 503
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(config().budgets.bodies))]
    bodies_limit: Size,

    /// A request's first line; beyond it 414
    #[arg(long, env, value_name = "SIZE", default_value_t = size(limits().request_line))]
    line_limit: Size,

    /// A request's head, first line and fields together; beyond it 431
    #[arg(long, env, value_name = "SIZE", default_value_t = size(limits().head))]
    head_limit: Size,

    /// Fields in a head, 256 at most; beyond it 431
    #[arg(long, env, value_name = "N", default_value_t = limits().fields)]
    fields_limit: usize,

    /// The line before a chunk of a body; beyond it 400
    #[arg(long, env, value_name = "SIZE", default_value_t = size(limits().chunk_line))]
    chunk_line_limit: Size,

    /// The fields after a chunked body; beyond it 431
    #[arg(long, env, value_name = "SIZE", default_value_t = size(limits().trailers))]
    trailers_limit: Size,

    /// What is read away of a body nobody wanted, to keep the connection
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(limits().unread_body))]
    unread_body_limit: Size,

    /// What a closing connection goes on reading, so that its last answer arrives
    #[arg(long, env, value_name = "SIZE", default_value_t = size(limits().linger))]
    linger_limit: Size,

    /// Blocking threads for critical requests alone
    #[arg(long, env, value_name = "N", default_value_t = blocking().critical_threads)]
    critical_threads: usize,

    /// Requests that wait for a blocking thread; beyond it 503
    #[arg(long, env, value_name = "N", default_value_t = blocking().queue)]
    blocking_queue: usize,
}

/// How long things may take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Timers")]
pub(crate) struct TimerArgs {
    /// From when a request's handler is asked for, its body being there, to its answer, waiting
    /// included; then 503. Bodies have limits of their own [default: no limit]
    #[arg(long, env, value_name = "TIME")]
    deadline: Option<Time>,

    /// The field in which clients say how many seconds they will wait [default: none]
    #[arg(long, env, value_name = "NAME")]
    deadline_field: Option<HeaderName>,

    /// The wait in a queue that is good enough; above it for the interval, the newest go first
    #[arg(long, env, value_name = "TIME", default_value_t = Time(patience().target))]
    queue_target: Time,

    /// For how long waits may be longer than that
    #[arg(long, env, value_name = "TIME", default_value_t = Time(patience().interval))]
    queue_interval: Time,

    /// The longest wait in a queue, then 503
    #[arg(long, env, value_name = "TIME", default_value_t = Time(patience().longest))]
    queue_longest: Time,

    /// A connection without a request, then it closes
    #[arg(long, env, value_name = "TIME", default_value_t = Time(timeouts().idle))]
    idle_timeout: Time,

    /// A request's head from first byte to last, then 408
    #[arg(long, env, value_name = "TIME", default_value_t = Time(timeouts().head))]
    head_timeout: Time,

    /// A request's body from first byte to last, then 408
    #[arg(long, env, value_name = "TIME", default_value_t = Time(timeouts().body))]
    body_timeout: Time,

    /// Bytes a second a body must bring, else 408; 0 for any
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(timeouts().body_rate))]
    body_rate: Size,

    /// How long a body may be slower than that
    #[arg(long, env, value_name = "TIME", default_value_t = Time(timeouts().body_rate_grace))]
    body_rate_grace: Time,

    /// An answer of which the client takes nothing, over TCP less than 64 KiB, then it is reset
    #[arg(long, env, value_name = "TIME", default_value_t = Time(timeouts().write_stall))]
    write_timeout: Time,

    /// How long a closing connection waits for something to read
    #[arg(long, env, value_name = "TIME", default_value_t = Time(timeouts().linger))]
    linger_timeout: Time,

    /// How long it reads at all
    #[arg(long, env, value_name = "TIME", default_value_t = Time(timeouts().linger_max))]
    linger_max_timeout: Time,

    /// How long the server goes on accepting when it stops, saying that it is not ready
    #[arg(long, env, value_name = "TIME", default_value_t = Time(config().drain_delay))]
    drain_delay: Time,

    /// How long requests may go on when the server stops
    #[arg(long, env, value_name = "TIME", default_value_t = Time(config().drain))]
    drain_timeout: Time,

    /// How long a handler that was cut may hold its worker then, before that is left behind
    #[arg(long, env, value_name = "TIME", default_value_t = Time(config().close))]
    close_timeout: Time,

    /// How long a connection may still bring its first request then
    #[arg(long, env, value_name = "TIME", default_value_t = Time(config().drain_first_byte))]
    drain_first_byte: Time,

    /// How long a connection may still bring its next request then
    #[arg(long, env, value_name = "TIME", default_value_t = Time(config().drain_idle))]
    drain_idle: Time,

    /// How long after half a close a client is asked whether it is there
    #[arg(long, env, value_name = "TIME", default_value_t = Time(config().disconnect_probe))]
    disconnect_probe: Time,

    /// How long a blocking thread without work stays
    #[arg(long, env, value_name = "TIME", default_value_t = Time(blocking().idle))]
    blocking_idle: Time,
}

impl LimitArgs {
    /// Puts them in their places.
    pub(crate) fn apply(&self, config: &mut Config) {
        config.connections = self.connections;
        config.spare_descriptors = self.spare_descriptors;
        config.connections_per_peer = self.connections_per_peer;
        let budgets = &mut config.budgets;
        if let Some(limit) = self.requests {
            budgets.container.concurrency = Concurrency::Fixed(limit);
        }
        budgets.container.queue = self.requests_queue;
        budgets.bodies = self.bodies_limit.0;
        if let Some(limit) = self.blocking_requests {
            budgets.blocking.concurrency = Concurrency::Fixed(limit);
        }
        if self.blocking_adaptive {
            budgets.blocking.adapt();
        }
        if budgets.blocking.concurrency != Concurrency::Unlimited {
            budgets.blocking.queue = self.blocking_queue;
        }
        config.blocking.critical_threads = self.critical_threads;
        config.body_limit = self.body_limit.0;
        config.blocking.queue = self.blocking_queue;
        let limits = &mut config.http1.limits;
        limits.request_line = self.line_limit.as_usize();
        limits.head = self.head_limit.as_usize();
        limits.fields = self.fields_limit;
        limits.chunk_line = self.chunk_line_limit.as_usize();
        limits.trailers = self.trailers_limit.as_usize();
        limits.unread_body = self.unread_body_limit.0;
        limits.linger = self.linger_limit.as_usize();
    }
}

impl TimerArgs {
    /// Puts them in their places.
    pub(crate) fn apply(&self, config: &mut Config) {
        config.deadline = self.deadline.map(|limit| limit.0);
        config.drain_delay = self.drain_delay.0;
        config.drain_idle = self.drain_idle.0;
        config.deadline_field.clone_from(&self.deadline_field);
        let mut patience = patience();
        patience.target = self.queue_target.0;
        patience.interval = self.queue_interval.0;
        patience.longest = self.queue_longest.0;
        config.budgets.patience = patience;
        config.blocking.patience = patience;
        config.drain = self.drain_timeout.0;
        config.close = self.close_timeout.0;
        config.drain_first_byte = self.drain_first_byte.0;
        config.disconnect_probe = self.disconnect_probe.0;
        config.blocking.idle = self.blocking_idle.0;
        let timeouts = &mut config.http1.timeouts;
        timeouts.idle = self.idle_timeout.0;
        timeouts.head = self.head_timeout.0;
        timeouts.body = self.body_timeout.0;
        timeouts.body_rate = self.body_rate.0;
        timeouts.body_rate_grace = self.body_rate_grace.0;
        timeouts.write_stall = self.write_timeout.0;
        timeouts.linger = self.linger_timeout.0;
        timeouts.linger_max = self.linger_max_timeout.0;
    }
}

fn config() -> Config {
    Config::default()
}

fn limits() -> Limits {
    Limits::default()
}

fn timeouts() -> Timeouts {
    Timeouts::default()
}

fn blocking() -> BlockingConfig {
    BlockingConfig::default()
}

fn patience() -> Patience {
    Patience::default()
}

fn size(bytes: usize) -> Size {
    Size(bytes as u64)
}
