//! `Error`: why a request has no answer. Opaque: ask its `is_` methods.

use std::error::Error as StdError;
use std::{fmt, io};

use super::url::{Url, UrlError};
use crate::http1::{RequestError, ResponseError};

/// Why a request has no answer.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Kind {
    /// The URL is none.
    Url(UrlError),
    /// The client's guard does not let it ask for this.
    Forbidden(Box<Url>),
    /// The request could not be written as it is.
    Request(RequestError),
    /// The method has no place here: CONNECT makes tunnels.
    Method,
    /// The host's name could not be resolved.
    Resolve(io::Error),
    /// No address of the host took a connection.
    Connect(io::Error),
    /// No connection was made in time.
    ConnectTimeout,
    /// No complete answer came in time.
    Timeout,
    /// Too many requests wait already: for a connection, or for a name.
    Busy,
    /// The connection broke.
    Io(io::Error),
    /// The server broke the protocol.
    Protocol(ResponseError),
    /// The answer's body is longer than allowed.
    BodyTooLarge,
    /// A redirect leads nowhere.
    Location(Option<UrlError>),
    /// One redirect too many.
    TooManyRedirects,
    /// A redirect leads from `https` to `http`.
    Downgrade,
}

impl Error {
    /// Whether time ran out, be it for the connection or for the whole request.
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::Timeout | Kind::ConnectTimeout)
    }

    /// Whether no connection could be made: nothing was sent.
    pub fn is_connect(&self) -> bool {
        matches!(
            self.kind,
            Kind::Resolve(_) | Kind::Connect(_) | Kind::ConnectTimeout
        )
    }

    /// Whether the server broke the protocol, by closing early for example.
    pub fn is_protocol(&self) -> bool {
        matches!(self.kind, Kind::Protocol(_))
    }

    /// Whether the request itself is at fault: its URL, method or fields.
    pub fn is_request(&self) -> bool {
        matches!(self.kind, Kind::Url(_) | Kind::Request(_) | Kind::Method)
    }

    /// Whether as many requests as allowed wait already; nothing was sent.
    pub fn is_busy(&self) -> bool {
        matches!(self.kind, Kind::Busy)
    }

    /// Whether the answer's body is longer than allowed.
    pub fn is_body_too_large(&self) -> bool {
        matches!(self.kind, Kind::BodyTooLarge)
    }

    /// Whether a redirect could not be followed, or there were too many.
    pub fn is_redirect(&self) -> bool {
        matches!(
            self.kind,
            Kind::Location(_) | Kind::TooManyRedirects | Kind::Downgrade
        )
    }

    /// What the client's [`Guard`](super::Guard) did not let it ask for: the URL of the request, or
    /// one that it was redirected to.
    pub fn forbidden(&self) -> Option<&Url> {
        match &self.kind {
            Kind::Forbidden(url) => Some(url),
            _ => None,
        }
    }
}

impl Error {
    /// Whether the connection ended before the answer did.
    pub(super) fn is_broken(&self) -> bool {
        matches!(
            self.kind,
            Kind::Io(_) | Kind::Protocol(ResponseError::Incomplete)
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.kind {
            Kind::Url(_) => "the URL is not valid",
            Kind::Forbidden(_) => "this client may not ask for that",
            Kind::Request(_) => "the request cannot be sent",
            Kind::Method => "CONNECT is no request for this client",
            Kind::Resolve(_) => "the host cannot be resolved",
            Kind::Connect(_) => "no connection could be made",
            Kind::ConnectTimeout => "no connection was made in time",
            Kind::Timeout => "no answer came in time",
            Kind::Busy => "too many requests wait already",
            Kind::Io(_) => "the connection broke",
            Kind::Protocol(_) => "the server broke the protocol",
            Kind::BodyTooLarge => "the answer's body is longer than allowed",
            Kind::Location(_) => "the redirect leads nowhere",
            Kind::TooManyRedirects => "too many redirects",
            Kind::Downgrade => "the redirect leads from https to http",
        })
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            Kind::Url(error) | Kind::Location(Some(error)) => Some(error),
            Kind::Request(error) => Some(error),
            Kind::Resolve(error) | Kind::Connect(error) | Kind::Io(error) => Some(error),
            Kind::Protocol(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Error { kind }
    }
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Self {
        Kind::Url(error).into()
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        Kind::Request(error).into()
    }
}

impl From<ResponseError> for Error {
    fn from(error: ResponseError) -> Self {
        Kind::Protocol(error).into()
    }
}
