//! `Plan`: the flags, checked, and the bytes to send. Shared by all workers, changed by none.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use container::client::Url;
use container::http1::{AnswerTo, ClientConnection, Limits, Output, PIPELINE_MAX};
use container::message::{BodyLength, Bytes, HeaderMap, HeaderValue, Method, header};

use crate::CommandError;
use crate::args::LoadArgs;

/// Each connection holds a descriptor and a local port, of which there are 65,536 at most.
const CONNECTIONS_MAX: u32 = 60_000;

/// More threads than any machine has cores are a slip of the finger.
const WORKERS_MAX: u32 = 256;

/// Requests in all: weeks of them.
const REQUESTS_MAX: u64 = 1_000_000_000_000;

/// Bytes of one pipelined batch, which are kept in memory once.
const BATCH_BYTES_MAX: usize = 64 << 20;

/// Highest rate: beyond what any clock could pace one by one.
const RATE_MAX: f64 = 10e6;

/// What a server's log may say about who loaded it.
const USER_AGENT: &str = "client_rust";

/// What to do.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Threads as asked for; only said in the report, `connections` is what is done.
    pub(super) threads: u32,
    /// Connections of all workers together.
    pub(super) connections: u32,
    /// Threads of the operating system.
    pub(super) workers: u32,
    /// Requests of all connections together; `None` when only the time ends the load.
    pub(super) total: Option<u64>,
    /// From the start to the first request that counts.
    pub(super) warm_up: Duration,
    /// From then until no further request is sent.
    pub(super) duration: Option<Duration>,
    /// Requests per second in all; `None`: each as soon as the one before is answered.
    pub(super) rate: Option<f64>,
    /// Requests sent ahead on a connection.
    pub(super) pipeline: u32,
    /// The longest a request, or a batch of pipelined ones, may take.
    pub(super) timeout: Duration,
    /// Where to connect to.
    pub(super) address: SocketAddr,
    /// What the framing of answers depends on.
    pub(super) answers: AnswerTo,
    /// A whole batch of requests, one behind the other.
    pub(super) bytes: Vec<u8>,
    /// Whether the requests leave the connection open.
    pub(super) keepalive: bool,
}

impl Plan {
    /// Checks the flags, resolves the host and writes the requests.
    pub(super) fn new(arguments: &LoadArgs) -> Result<Plan, CommandError> {
        check(arguments).map_err(CommandError::Usage)?;
        let request = encode(arguments)?;
        let pipeline = arguments.pipeline;
        if request.len().saturating_mul(pipeline as usize) > BATCH_BYTES_MAX {
            let message =
                format!("--body times --pipeline must stay below {BATCH_BYTES_MAX} bytes");
            return Err(CommandError::Usage(message));
        }
        let connections = arguments.connections.unwrap_or(arguments.threads);
        let per_thread = match (arguments.requests, arguments.duration) {
            (None, Some(_)) => None,
            (requests, _) => Some(requests.unwrap_or(1)),
        };
        Ok(Plan {
            threads: arguments.threads,
            connections,
            workers: arguments.workers.min(connections),
            total: per_thread.map(|requests| requests * u64::from(arguments.threads)),
            warm_up: arguments.warm_up.unwrap_or_default(),
            duration: arguments.duration,
            rate: arguments.rate,
            pipeline,
            timeout: arguments.timeout,
            address: resolve(&arguments.url)?,
            answers: AnswerTo::from(&arguments.method),
            bytes: request.repeat(pipeline as usize),
            keepalive: arguments.keepalive,
        })
    }

    /// The bytes of `count` requests, at most a batch.
    pub(super) fn requests(&self, count: u32) -> &[u8] {
        let one = self.bytes.len() / self.pipeline as usize;
        &self.bytes[..one * count as usize]
    }

    /// What is printed before the load.
    pub(super) fn announce(&self) -> String {
        let requests = match self.total {
            Some(total) => (total / u64::from(self.threads)).to_string(),
            None => "until the time is over".to_owned(),
        };
        format!(
            "threads: {}\nconnections: {}\nrequests per thread: {requests}\n",
            self.threads, self.connections
        )
    }
}

/// The share of worker `index` when `total` is split evenly over `workers`.
pub(super) fn share(total: u64, index: u32, workers: u32) -> u64 {
    let (index, workers) = (u64::from(index), u64::from(workers));
    total / workers + u64::from(index < total % workers)
}

/// Says what is wrong with the values, in one line.
fn check(arguments: &LoadArgs) -> Result<(), String> {
    let between = |name: &str, value: u64, max: u64| match value {
        0 => Err(format!("--{name} must be at least 1")),
        _ if value > max => Err(format!("--{name} must be at most {max}")),
        _ => Ok(()),
    };
    between("threads", arguments.threads.into(), CONNECTIONS_MAX.into())?;
    let connections = arguments.connections.unwrap_or(1);
    between("connections", connections.into(), CONNECTIONS_MAX.into())?;
    between("workers", arguments.workers.into(), WORKERS_MAX.into())?;
    between("pipeline", arguments.pipeline.into(), PIPELINE_MAX as u64)?;
    let most = REQUESTS_MAX / u64::from(arguments.threads);
    between("requests", arguments.requests.unwrap_or(1), most)?;
    if arguments.pipeline > 1 && !arguments.keepalive {
        return Err("--pipeline needs --keepalive".to_owned());
    }
    if arguments.url.is_secure() {
        return Err("--url must begin with http://: the load is not sent over TLS".to_owned());
    }
    if arguments.method == Method::CONNECT {
        return Err("--method CONNECT makes tunnels, no load".to_owned());
    }
    match arguments.rate {
        Some(_) if arguments.pipeline > 1 => {
            Err("--rate sends requests one by one: leave --pipeline out".to_owned())
        }
        Some(rate) if !(rate > 0.0 && rate <= RATE_MAX) => {
            Err(format!("--rate must be more than 0 and at most {RATE_MAX}"))
        }
        _ => Ok(()),
    }
}

fn encode(arguments: &LoadArgs) -> Result<Vec<u8>, CommandError> {
    let usage = |error: &dyn std::fmt::Display| CommandError::Usage(error.to_string());
    let url = &arguments.url;
    let host = HeaderValue::from_str(url.authority()).map_err(|error| usage(&error))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, host);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    if !arguments.keepalive {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let body = Bytes::from(arguments.body.clone());
    let length = BodyLength::Known(body.len() as u64);
    let (mut machine, mut output) = (ClientConnection::new(Limits::default()), Output::new());
    machine
        .request(
            &arguments.method,
            url.target(),
            &headers,
            length,
            &mut output,
        )
        .map_err(|error| usage(&error))?;
    let head = output.single().unwrap_or_default();
    Ok([head, &body].concat())
}

fn resolve(url: &Url) -> Result<SocketAddr, CommandError> {
    let failed = |reason: &dyn std::fmt::Display| {
        CommandError::Failed(format!("{} cannot be resolved: {reason}", url.host()))
    };
    let found = (url.host(), url.port()).to_socket_addrs();
    let mut addresses: Vec<_> = found.map_err(|error| failed(&error))?.collect();
    // Where a name stands for both families, servers that listen on one only mostly mean IPv4.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let first = addresses.first().copied();
    first.ok_or_else(|| failed(&"it stands for no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        for (total, workers) in [(0, 1), (10, 3), (2, 5), (1_000_003, 7)] {
            let sum: u64 = (0..workers).map(|index| share(total, index, workers)).sum();
            assert_eq!(sum, total);
        }
    }
}
