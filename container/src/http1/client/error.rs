//! What can go wrong on the client's side: by the server's fault, or by our own driver's.

use std::error::Error;
use std::fmt;

use crate::http1::ProtocolError;

/// A fault of the server's. The connection cannot be used after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseError {
    /// The first line is not a status line (RFC 9112, section 4).
    StatusLine,
    /// The head is over its limit, in bytes or in fields.
    HeadTooLarge,
    /// More interim answers came than any server has a reason for.
    TooManyInterim,
    /// Bytes came that answer no request.
    Unasked,
    /// The server closed before the answer was complete.
    Incomplete,
    /// A fault that a request can have as well: in a field, a length, a coding.
    Message(ProtocolError),
}

impl fmt::Display for ResponseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            ResponseError::StatusLine => "the status line is not `HTTP/1.1 status reason`",
            ResponseError::HeadTooLarge => "the answer's head is too large",
            ResponseError::TooManyInterim => "too many interim answers came",
            ResponseError::Unasked => "bytes came that answer no request",
            ResponseError::Incomplete => "the connection closed before the answer was complete",
            ResponseError::Message(error) => return error.fmt(formatter),
        })
    }
}

impl Error for ResponseError {}

impl From<ProtocolError> for ResponseError {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::HeadTooLarge => ResponseError::HeadTooLarge,
            other => ResponseError::Message(other),
        }
    }
}

/// Why a request, or a piece of one, was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The target is empty or has bytes that a request target cannot have.
    Target,
    /// There is no Host field (RFC 9112, section 3.2).
    MissingHost,
    /// The body of the request before is not complete, or there is none to be written.
    OutOfOrder,
    /// As many requests as allowed wait for their answers.
    TooManyAhead,
    /// The connection ends: no further request will be answered.
    Closing,
    /// The body has more or fewer bytes than were announced; the connection is of no use now.
    Length,
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            RequestError::Target => "the request target is empty or has bytes it cannot have",
            RequestError::MissingHost => "the request has no Host field",
            RequestError::OutOfOrder => "the parts of the request came out of order",
            RequestError::TooManyAhead => "too many requests wait for their answers",
            RequestError::Closing => "the connection takes no further request",
            RequestError::Length => "the request body differs from its announced length",
        })
    }
}

impl Error for RequestError {}
