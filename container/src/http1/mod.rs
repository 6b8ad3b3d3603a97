//! Sans-IO HTTP/1.0 and 1.1 (RFC 9110, RFC 9112): bytes and the time in; events, bytes and the next
//! timeout out. There is no socket, no clock and no thread in here.
//!
//! # The server's side
//!
//! [`Connection`] is driven like this, and by nothing but this:
//!
//! 1. Offer what was received to [`handle_bytes`](Connection::handle_bytes), again and again while
//!    it consumes or tells something, as long as [`wants_input`](Connection::wants_input); keep
//!    what it leaves and offer it again with more behind it. Then, at the end of the input,
//!    [`handle_eof`](Connection::handle_eof).
//! 2. On [`Event::Request`] produce an answer, sooner or later, and write it with
//!    [`respond`](Connection::respond), [`send_body`](Connection::send_body) and
//!    [`finish_body`](Connection::finish_body) into an [`Output`]. On [`Event::Refused`] answer
//!    with the error's status.
//! 3. Send what the `Output` holds and report it with [`handle_sent`](Connection::handle_sent).
//! 4. Call [`handle_timeout`](Connection::handle_timeout) at
//!    [`poll_timeout`](Connection::poll_timeout).
//! 5. Once [`is_closed`](Connection::is_closed) and all output is sent, close;
//!    [`close_reason`](Connection::close_reason) says why.
//!
//! Requests of one connection are handled one after another: the next is not parsed before the
//! answer to the one before is complete, so pipelined answers cannot get out of order, and requests
//! that depend on each other do not run side by side.
//!
//! What follows what is drawn in `state.rs`, where all transitions stand.
//!
//! # The client's side
//!
//! [`ClientConnection`], in `client/`, shares the codings, limits and outputs with the server's
//! side. Its driver writes requests, ahead of their answers if it likes, and offers what it
//! receives in the same way; answers come in the order of the requests.
//!
//! | file | is |
//! |---|---|
//! | `connection`, `receive` | the server's side; its reading half |
//! | `state` | all states and transitions of it |
//! | `parse`, `target` | request heads; which targets and authorities are taken |
//! | `framing`, `decode`, `chunked` | how a body ends; reading it; the chunked coding, both ways |
//! | `encode`, `output` | answers as bytes; what waits to be sent |
//! | `event`, `error` | what the driver is told; what a peer did wrong |
//! | `timer`, `config` | which phase has how long; all limits and timeouts |
//! | `client` | the client's side |

mod chunked;
mod client;
mod config;
mod connection;
mod decode;
mod encode;
mod error;
mod event;
mod framing;
mod output;
mod parse;
mod receive;
mod state;
mod target;
mod timer;

pub use chunked::may_be_trailer;
pub use client::{
    AnswerTo, ClientConnection, ClientEvent, ClientStep, INTERIM_MAX, PIPELINE_MAX, RequestError,
    ResponseError, ResponseHead,
};
pub use config::{Config, FIELDS_MAX, Limits, Timeouts};
pub use connection::Connection;
pub use encode::DateLine;
pub use error::ProtocolError;
pub use event::{CloseReason, Event, Step};
pub use framing::Framing;
pub use output::{Output, SLICES_MAX};
