//! What the client's machine tells its driver. Borrows from the input and copies nothing.

use std::ops::Range;

use http::HeaderMap;

use super::head::ResponseHead;
use crate::message::BodyLength;

/// What one call of [`ClientConnection::handle_bytes`](super::ClientConnection::handle_bytes)
/// came to.
#[derive(Debug)]
pub struct ClientStep<'a> {
    /// Bytes of the input that are done with; the rest is to be given again, with more behind it.
    pub consumed: usize,
    /// What they were; `None` when more input is needed.
    pub event: Option<ClientEvent<'a>>,
}

/// Something the server sent.
#[derive(Debug)]
pub enum ClientEvent<'a> {
    /// An interim answer (RFC 9110, section 15.2); the final one is still to come.
    Interim(ResponseHead<'a>),
    /// The answer to the oldest request begins. A body of `BodyLength::Known(0)` brings no further
    /// events; any other ends with [`EndOfBody`](ClientEvent::EndOfBody).
    Response(ResponseHead<'a>, BodyLength),
    /// Bytes of the body: this range of the input, never empty.
    Body(Range<usize>),
    /// The body is complete; its trailer fields.
    EndOfBody(HeaderMap),
}

impl ClientStep<'_> {
    /// Nothing was consumed and nothing happened.
    pub(super) const NOTHING: ClientStep<'static> = ClientStep {
        consumed: 0,
        event: None,
    };
}
