//! What a request can fail by, named so that a thousand of them make one line.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::{fmt, io};

use container::client;
use container::http1::ResponseError;

/// Why a request counts as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// No connection could be made.
    Connect,
    /// This process may not open another descriptor.
    OpenFiles,
    /// No complete answer came in time.
    Timeout,
    /// The server, or something between, reset the connection.
    Reset,
    /// The server closed before the answer was complete.
    ClosedEarly,
    /// What came is not HTTP/1.
    Malformed,
    /// An answer with a status from 400 on, or one that no load asks for (101).
    Status(u16),
    /// The connection before it failed so often that the rest was given up.
    NotSent,
    /// Something else of the operating system's.
    System(io::ErrorKind),
}

/// `EMFILE`, the same number on all Unix systems.
const TOO_MANY_OPEN_FILES: i32 = 24;

/// How many failures there were of each kind.
pub(crate) type Failures = BTreeMap<Failure, u64>;

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Failure::Connect => "connect",
            Failure::OpenFiles => "too many open files (raise `ulimit -n`)",
            Failure::Timeout => "timeout",
            Failure::Reset => "reset",
            Failure::ClosedEarly => "closed early",
            Failure::Malformed => "malformed answer",
            Failure::NotSent => "not sent",
            Failure::Status(status) => return write!(formatter, "status {status}"),
            Failure::System(kind) => return write!(formatter, "other: {kind}"),
        })
    }
}

impl Failure {
    /// What an error means that came while connecting.
    pub(crate) fn of_connect(error: &io::Error) -> Failure {
        match error.kind() {
            _ if error.raw_os_error() == Some(TOO_MANY_OPEN_FILES) => Failure::OpenFiles,
            // All local ports are in use: no fault of the server's either.
            io::ErrorKind::AddrNotAvailable => Failure::System(io::ErrorKind::AddrNotAvailable),
            _ => Failure::Connect,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        error.kind().into()
    }
}

impl From<io::ErrorKind> for Failure {
    fn from(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Failure::Reset,
            kind => Failure::System(kind),
        }
    }
}

impl From<ResponseError> for Failure {
    fn from(error: ResponseError) -> Self {
        match error {
            ResponseError::Incomplete => Failure::ClosedEarly,
            _ => Failure::Malformed,
        }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        if error.is_timeout() {
            return Failure::Timeout;
        }
        let cause = error.source();
        if error.is_connect() {
            let system = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
            return system.map_or(Failure::Connect, Failure::of_connect);
        }
        if let Some(cause) = cause.and_then(|cause| cause.downcast_ref::<ResponseError>()) {
            return Failure::from(*cause);
        }
        match cause.and_then(|cause| cause.downcast_ref::<io::Error>()) {
            Some(cause) => Failure::from(cause.kind()),
            None => Failure::System(io::ErrorKind::Other),
        }
    }
}
