//! `ProtocolError`: what a peer did wrong, and the status to tell it.

use std::fmt;

use http::StatusCode;

/// A fault of the peer's. Each is answered once, with [`status`](Self::status), and ends the
/// connection: where its next message would begin is no longer sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The first line is not a request line (RFC 9112, section 3).
    RequestLine,
    /// The target is in none of the four forms, or in one that the method does not allow
    /// (RFC 9112, section 3.2).
    Target,
    /// The target is an `https` URI, and nothing has secured the connection (RFC 9110, section 7.4).
    Misdirected,
    /// A tunnel is asked for, and there are none (RFC 9110, section 9.3.6).
    Tunnel,
    /// A major version other than 1, or HTTP/0.9 by name.
    Version,
    /// A field line breaks the grammar (RFC 9112, section 5), a bare CR or LF included.
    Field,
    /// Host is missing, repeated or not a host (RFC 9112, section 3.2).
    Host,
    /// Content-Length is not one number (RFC 9112, section 6.3, step 5).
    ContentLength,
    /// Transfer-Encoding where it cannot be trusted: with Content-Length, in HTTP/1.0, or without
    /// `chunked` once and last (RFC 9112, sections 6.1 and 6.3, steps 3 and 4).
    TransferEncoding,
    /// A transfer coding that is not implemented.
    TransferCoding,
    /// The chunked coding is broken (RFC 9112, section 7.1).
    Chunk,
    /// A trailer field breaks the grammar, or would say how a message is framed or routed.
    Trailer,
    /// An expectation other than `100-continue` (RFC 9110, section 10.1.1).
    Expectation,
    /// The request line is over its limit.
    RequestLineTooLong,
    /// The head is over its limit, in bytes or in fields.
    HeadTooLarge,
    /// The trailer section is over its limit.
    TrailersTooLarge,
    /// The body is over its limit.
    BodyTooLarge,
    /// The peer stopped sending in the middle of a request.
    Incomplete,
    /// The head did not arrive in time.
    HeadTimeout,
    /// The body did not arrive in time, or too slowly.
    BodyTimeout,
}

impl ProtocolError {
    /// The status that tells the peer.
    pub fn status(self) -> StatusCode {
        match self {
            ProtocolError::RequestLine
            | ProtocolError::Target
            | ProtocolError::Field
            | ProtocolError::Host
            | ProtocolError::ContentLength
            | ProtocolError::TransferEncoding
            | ProtocolError::Chunk
            | ProtocolError::Trailer
            | ProtocolError::Incomplete => StatusCode::BAD_REQUEST,
            ProtocolError::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            ProtocolError::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            ProtocolError::Tunnel | ProtocolError::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            ProtocolError::Expectation => StatusCode::EXPECTATION_FAILED,
            ProtocolError::RequestLineTooLong => StatusCode::URI_TOO_LONG,
            ProtocolError::HeadTooLarge | ProtocolError::TrailersTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            ProtocolError::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ProtocolError::HeadTimeout | ProtocolError::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// One sentence for the peer's developer.
    pub fn detail(self) -> &'static str {
        match self {
            ProtocolError::RequestLine => "the request line is not `method target HTTP/1.1`",
            ProtocolError::Target => "the request target has a form that cannot be served",
            ProtocolError::Misdirected => "`https` is not served over this connection",
            ProtocolError::Tunnel => "there are no tunnels through this server",
            ProtocolError::Version => "only HTTP/1.0 and HTTP/1.1 are spoken here",
            ProtocolError::Field => "a header field is malformed",
            ProtocolError::Host => "exactly one valid Host field is needed",
            ProtocolError::ContentLength => "Content-Length must be one decimal number",
            ProtocolError::TransferEncoding => "the Transfer-Encoding leaves the length in doubt",
            ProtocolError::TransferCoding => "of the transfer codings only `chunked` is known",
            ProtocolError::Chunk => "the chunked body is malformed",
            ProtocolError::Trailer => "a trailer field is malformed",
            ProtocolError::Expectation => "the only expectation known is `100-continue`",
            ProtocolError::RequestLineTooLong => "the request line is too long",
            ProtocolError::HeadTooLarge => "the header fields are too large or too many",
            ProtocolError::TrailersTooLarge => "the trailer fields are too large or too many",
            ProtocolError::BodyTooLarge => "the request body is larger than allowed here",
            ProtocolError::Incomplete => "the request ended before it was complete",
            ProtocolError::HeadTimeout => "the request head did not arrive in time",
            ProtocolError::BodyTimeout => "the request body did not arrive in time",
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.detail())
    }
}

impl std::error::Error for ProtocolError {}
