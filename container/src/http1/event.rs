//! What the machine tells its driver.

use std::ops::Range;

use http::HeaderMap;

use super::error::ProtocolError;
use crate::message::{BodyLength, RequestHead};

/// What one call of [`Connection::handle_bytes`](super::Connection::handle_bytes) came to.
#[derive(Debug)]
pub struct Step {
    /// Bytes of the input that are done with; the rest is to be given again, with more behind it.
    pub consumed: usize,
    /// What they were; `None` when more input is needed or none is wanted now.
    pub event: Option<Event>,
}

/// Something the peer sent.
#[derive(Debug)]
// The large variant is the usual one: boxing it would cost an allocation per request.
#[allow(clippy::large_enum_variant)]
pub enum Event {
    /// A request begins. A body of `BodyLength::Known(0)` brings no further events; any other ends
    /// with [`EndOfBody`](Event::EndOfBody).
    Request(RequestHead, BodyLength),
    /// Bytes of the body: this range of the input, never empty.
    Body(Range<usize>),
    /// The body is complete; its trailer fields.
    EndOfBody(HeaderMap),
    /// The peer broke the protocol. Nothing more will be read; what remains is to answer with the
    /// error's status, where no answer was begun, and to close.
    Refused(ProtocolError),
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer, or an HTTP/1.0 exchange, asked for the end after this answer.
    Requested,
    /// The peer closed between requests.
    PeerClosed,
    /// The peer closed in the middle of a request.
    PeerClosedEarly,
    /// The peer broke the protocol.
    Protocol(ProtocolError),
    /// Nothing came within the idle timeout.
    Idle,
    /// The peer took no byte of the answer within the write timeout.
    WriteStalled,
    /// An answer had fewer or more bytes than it announced, or its source failed.
    BrokenAnswer,
    /// The handler left more of the request body unread than is worth reading away.
    UnreadBody,
    /// The server is shutting down.
    Draining,
}

impl CloseReason {
    /// Whether the connection must be cut hard, so that the peer does not take a broken answer for
    /// a whole one.
    pub fn is_abortive(self) -> bool {
        matches!(self, CloseReason::WriteStalled | CloseReason::BrokenAnswer)
    }
}
