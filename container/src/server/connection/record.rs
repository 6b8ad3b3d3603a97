//! What the access log says of a request: one line, when its answer is complete.

use std::time::Instant;

use crate::message::{RequestHead, StatusCode};
use crate::server::worker::Worker;

/// Where the lines go: `log` target `container::access`, level info.
const TARGET: &str = "container::access";

/// What stands in place of a status where the client went before there was one; the number that
/// nginx made known for it.
const CLIENT_GONE: u16 = 499;

/// A request whose line is not written yet.
pub(super) struct Record {
    /// What was asked for.
    head: RequestHead,
    /// When its head was complete.
    begun: Instant,
    /// What was answered; `None` as long as nothing was.
    pub(super) status: Option<StatusCode>,
    /// Bytes of the answer's body.
    pub(super) bytes: u64,
}

impl Record {
    /// A record, where the access log is wanted.
    pub(super) fn begin(head: &RequestHead, worker: &Worker) -> Option<Box<Record>> {
        log::log_enabled!(target: TARGET, log::Level::Info).then(|| {
            let begun = worker.reactor.precise_now();
            Box::new(Record {
                head: head.clone(),
                begun,
                status: None,
                bytes: 0,
            })
        })
    }

    /// Writes the line: method, path, status, bytes, microseconds.
    pub(super) fn write(&self, worker: &Worker) {
        let now = worker.reactor.precise_now();
        let (method, path) = (self.head.method(), self.head.path());
        let (status, bytes) = (
            self.status.map_or(CLIENT_GONE, |status| status.as_u16()),
            self.bytes,
        );
        let micros = now.saturating_duration_since(self.begun).as_micros();
        log::info!(target: TARGET, "{method} {path} {status} {bytes} {micros}");
    }
}
