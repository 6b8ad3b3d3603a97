//! The named limits and timeouts of the protocol machine: plain data, each with its reason.

use std::time::Duration;

/// Most fields a head may be allowed to have; the parser's table is this large.
pub const FIELDS_MAX: usize = 256;

/// What a head may measure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the request line; beyond it 414. Default 8 KiB, what RFC 9112, section 3, asks at
    /// the least.
    pub request_line: usize,
    /// Bytes of request line and fields together; beyond it 431. Default 32 KiB: large cookies pass.
    pub head: usize,
    /// Field lines in a head, at most [`FIELDS_MAX`]; beyond it 431. Default 128.
    pub fields: usize,
    /// Bytes of one chunk's size line, extensions included; beyond it 400. Default 1 KiB.
    pub chunk_line: usize,
    /// Bytes of a trailer section; beyond it 431. Default 8 KiB.
    pub trailers: usize,
    /// Bytes of a body that its handler left unread which are read away so that the connection can
    /// be used again; beyond it the connection closes. Default 256 KiB.
    pub unread_body: u64,
    /// Bytes that a closing connection goes on reading, so that its last answer is not lost to a
    /// reset (RFC 9112, section 9.6). Default 64 MiB: an upload that was refused at its beginning, by
    /// a client that reads only once it has sent all of it.
    pub linger: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            request_line: 8 << 10,
            head: 32 << 10,
            fields: 128,
            chunk_line: 1 << 10,
            trailers: 8 << 10,
            unread_body: 256 << 10,
            linger: 64 << 20,
        }
    }
}

/// How long each phase may take.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From accept, or from the last answer, to the first byte of a request; then the connection
    /// closes. Default 75 s, what browsers and proxies expect.
    pub idle: Duration,
    /// From the first byte of a head to its last; then 408. Default 10 s.
    pub head: Duration,
    /// From the head to the end of the body, time spent waiting for the handler not counted; then
    /// 408. Default 30 s.
    pub body: Duration,
    /// The body must come at this many bytes a second on average, once
    /// [`body_rate_grace`](Self::body_rate_grace) has passed; then 408. 0 switches it off.
    /// Default 512.
    pub body_rate: u64,
    /// How long a body may be slower than [`body_rate`](Self::body_rate). Default 5 s.
    pub body_rate_grace: Duration,
    /// Without a byte taken by the peer while an answer waits to be sent; then the connection is
    /// reset. Over TCP a byte is taken when the kernel has room again, of which it tells after half
    /// of [`UNSENT_MAX`](crate::net::UNSENT_MAX), 64 KiB: a peer needs to take 2.2 KB/s. Default 30 s.
    pub write_stall: Duration,
    /// How long a closing connection waits for the next byte to read away, so that its last answer is
    /// not lost to a reset (RFC 9112, section 9.6). Default 2 s.
    pub linger: Duration,
    /// How long it reads at all, however steadily they come. Default 30 s, what a body may take.
    pub linger_max: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            idle: Duration::from_secs(75),
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            body_rate: 512,
            body_rate_grace: Duration::from_secs(5),
            write_stall: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            linger_max: Duration::from_secs(30),
        }
    }
}

/// Limits and timeouts together, shared by all connections of a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What a head may measure.
    pub limits: Limits,
    /// How long each phase may take.
    pub timeouts: Timeouts,
}
