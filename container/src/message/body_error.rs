//! `BodyError`: why a body could not be read to its end.

use std::error::Error as StdError;
use std::{fmt, io};

use super::channel::SendError;

/// Why a body could not be read to its end.
///
/// As an [`io::Error`], which is what a [`BodyReader`](super::BodyReader) gives, it has one of
/// these kinds, and is the inner error:
///
/// | what happened | kind |
/// |---|---|
/// | [`is_too_large`](Self::is_too_large) | `FileTooLarge` |
/// | [`is_aborted`](Self::is_aborted) | `ConnectionAborted` |
/// | [`is_timed_out`](Self::is_timed_out) | `TimedOut` |
/// | its source failed | `Other` |
#[derive(Debug)]
pub struct BodyError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// It is longer than the reader allows.
    TooLarge,
    /// The sender went away, or gave up, before the end.
    Aborted,
    /// The sender was too slow.
    TimedOut,
    /// What produces the body failed.
    Source(Box<dyn StdError + Send + Sync>),
}

impl BodyError {
    /// The body is longer than its reader allows.
    pub fn too_large() -> Self {
        BodyError {
            kind: Kind::TooLarge,
        }
    }

    /// The sender went away before the end.
    pub fn aborted() -> Self {
        BodyError {
            kind: Kind::Aborted,
        }
    }

    /// The sender was too slow.
    pub fn timed_out() -> Self {
        BodyError {
            kind: Kind::TimedOut,
        }
    }

    /// What produces the body failed.
    pub fn source(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        BodyError {
            kind: Kind::Source(error.into()),
        }
    }

    /// Whether the body is longer than its reader allows.
    pub fn is_too_large(&self) -> bool {
        matches!(self.kind, Kind::TooLarge)
    }

    /// Whether the sender went away before the end.
    pub fn is_aborted(&self) -> bool {
        matches!(self.kind, Kind::Aborted)
    }

    /// Whether the sender was too slow.
    pub fn is_timed_out(&self) -> bool {
        matches!(self.kind, Kind::TimedOut)
    }

    /// The kind it has as an [`io::Error`].
    pub(super) fn io_kind(&self) -> io::ErrorKind {
        match self.kind {
            Kind::TooLarge => io::ErrorKind::FileTooLarge,
            Kind::Aborted => io::ErrorKind::ConnectionAborted,
            Kind::TimedOut => io::ErrorKind::TimedOut,
            Kind::Source(_) => io::ErrorKind::Other,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.kind {
            Kind::TooLarge => "the body is longer than allowed",
            Kind::Aborted => "the sender went away before the end of the body",
            Kind::TimedOut => "the sender of the body was too slow",
            Kind::Source(_) => "the source of the body failed",
        })
    }
}

impl StdError for BodyError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            Kind::Source(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        io::Error::new(error.io_kind(), error)
    }
}

/// One that was a [`BodyError`] before becomes it again.
impl From<io::Error> for BodyError {
    fn from(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(BodyError::source)
    }
}

/// For those who send a body while they read one: nobody is there to finish for.
impl From<SendError> for BodyError {
    fn from(_: SendError) -> Self {
        BodyError::aborted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_way_through_an_io_error() {
        let errors = [
            (BodyError::too_large(), io::ErrorKind::FileTooLarge),
            (BodyError::aborted(), io::ErrorKind::ConnectionAborted),
            (BodyError::timed_out(), io::ErrorKind::TimedOut),
            (BodyError::source("broken"), io::ErrorKind::Other),
        ];
        for (error, kind) in errors {
            let text = error.to_string();
            let error = io::Error::from(error);
            assert_eq!((error.kind(), error.to_string()), (kind, text.clone()));
            assert_eq!(BodyError::from(error).to_string(), text);
        }
    }
}
