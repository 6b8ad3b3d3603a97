//! From responses to the machine, and from its output to the transport.

use std::io::{self, IoSlice};
use std::task::Context;

use super::{Driver, Feed};
use crate::handler::{IntoResponse, Problem};
use crate::http1::{ProtocolError, SLICES_MAX};
use crate::message::Response;
use crate::net::Transport;
use crate::router::ErrorScope;

/// Bytes sent in one poll: what a system copies for one peer is time that the others wait.
const SEND_SHARE: usize = 64 << 10;

/// Writes in one poll: a transport that takes a byte at a time must not hold the worker either.
const WRITES_PER_POLL: usize = 16;

/// The answer to a broken request.
pub(super) fn refusal(error: ProtocolError) -> Response {
    Problem::new(error.status())
        .with_detail(error.detail())
        .into_response()
}

impl<T: Transport + Unpin> Driver<T> {
    /// Writes a response, or begins to.
    pub(super) fn respond(&mut self, mut response: Response) {
        self.note_answer(&mut response);
        let (status, fields, body) = response.into_parts();
        let now = self.now();
        let date = self.worker().date.line(now);
        self.seat.worker().counters.served.add(1);
        let (machine, output) = (&mut self.machine, &mut self.output);
        match body.into_full() {
            Ok(bytes) => {
                let sent = machine.respond_whole(status, &fields, bytes, &date, output, now);
                self.note_sent(sent);
                self.conclude();
            }
            Err(body) => {
                if machine.respond(status, &fields, body.length(), &date, output, now) {
                    self.send(body);
                } else {
                    self.conclude();
                }
            }
        }
    }

    /// The answer is complete, as far as the handler is concerned.
    pub(super) fn conclude(&mut self) {
        self.conclude_record();
        self.errors = ErrorScope::CONTAINER;
        // Who has answered without reading the body will not read it any more.
        if let Feed::Live(_) = self.feed {
            self.feed = Feed::None;
            let now = self.now();
            self.machine.discard_body(now);
        }
        self.departure = super::Departure::Present;
    }

    /// Sends what waits, as far as the transport takes it.
    pub(super) fn flush(&mut self, context: &mut Context<'_>) {
        let mut share = SEND_SHARE;
        for _ in 0..WRITES_PER_POLL {
            if self.output.is_empty() {
                return;
            }
            if share == 0 {
                break;
            }
            let now = self.now();
            match self.write(share) {
                Ok(count) => {
                    share -= count;
                    self.output.advance(count);
                    self.machine.handle_sent(count, self.output.pending(), now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.machine.handle_sent(0, self.output.pending(), now);
                    if self.transport.poll_write_ready(context).is_ready() {
                        context.waker().wake_by_ref();
                    }
                    return;
                }
                Err(_) => return self.vanished(),
            }
        }
        if !self.output.is_empty() {
            context.waker().wake_by_ref();
        }
    }

    /// Writes once, at most this much.
    fn write(&mut self, most: usize) -> io::Result<usize> {
        if let Some(bytes) = self.output.single() {
            return self.transport.try_write(&bytes[..bytes.len().min(most)]);
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let count = self.output.slices(&mut slices, most);
        self.transport.try_write_vectored(&slices[..count])
    }
}
