//! The flags for the container's limits and timers. Their defaults are the container's own.

use clap::Args;
use container::Config;
use container::http1::{Limits, Timeouts};
use container::scheduler::BlockingConfig;

use crate::units::{Size, Time};

/// What bounds the container.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Connections open at once on one worker; beyond it 503
    #[arg(long, env, value_name = "N", default_value_t = config().connections)]
    connections: usize,

    /// A request's body; beyond it 413
    #[arg(long, env, value_name = "SIZE", default_value_t = Size(config().body_limit))]
    body_limit: Size,

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

    /// Requests that wait for a blocking thread; beyond it 503
    #[arg(long, env, value_name = "N", default_value_t = blocking().queue)]
    blocking_queue: usize,
}

/// How long things may take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Timers")]
pub(crate) struct TimerArgs {
    /// A request as a whole, then 503 [default: no limit]
    #[arg(long, env, value_name = "TIME")]
    deadline: Option<Time>,

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

    /// An answer of which the client takes nothing, then it is reset
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
        config.drain = self.drain_timeout.0;
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

fn size(bytes: usize) -> Size {
    Size(bytes as u64)
}
