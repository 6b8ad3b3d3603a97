//! The one public error of the container: opaque, with predicates.

use std::{fmt, io};

use crate::router::RouterError;

/// Why a container could not be started, or stopped running.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The configuration is not valid; one sentence for each fault.
    Config(Vec<String>),
    /// The routing table is not valid.
    Routes(RouterError),
    /// An address could not be listened at.
    Bind { address: String, source: io::Error },
    /// A start-up hook failed.
    Hook(String),
    /// A worker panicked outside of all handlers.
    Worker(String),
    /// The system refused something the container cannot be without.
    System {
        what: &'static str,
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn config(faults: Vec<String>) -> Self {
        Error {
            kind: Kind::Config(faults),
        }
    }

    pub(crate) fn bind(address: impl fmt::Display, source: io::Error) -> Self {
        Error {
            kind: Kind::Bind {
                address: address.to_string(),
                source,
            },
        }
    }

    pub(crate) fn hook(message: String) -> Self {
        Error {
            kind: Kind::Hook(message),
        }
    }

    pub(crate) fn worker(message: String) -> Self {
        Error {
            kind: Kind::Worker(message),
        }
    }

    pub(crate) fn system(what: &'static str, source: io::Error) -> Self {
        Error {
            kind: Kind::System { what, source },
        }
    }

    /// Whether the configuration or the routing table is at fault: a mistake of the program's, or
    /// of whoever configured it.
    pub fn is_config(&self) -> bool {
        matches!(self.kind, Kind::Config(_) | Kind::Routes(_))
    }

    /// Whether an address could not be listened at.
    pub fn is_bind(&self) -> bool {
        matches!(self.kind, Kind::Bind { .. })
    }

    /// The address that could not be listened at, as it was given; `None` for all other errors.
    pub fn address(&self) -> Option<&str> {
        match &self.kind {
            Kind::Bind { address, .. } => Some(address),
            _ => None,
        }
    }

    /// Whether the address is in use by somebody else.
    pub fn is_address_in_use(&self) -> bool {
        let in_use = io::ErrorKind::AddrInUse;
        matches!(&self.kind, Kind::Bind { source, .. } if source.kind() == in_use)
    }

    /// Whether a start-up hook failed.
    pub fn is_hook(&self) -> bool {
        matches!(self.kind, Kind::Hook(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Config(faults) => write!(formatter, "bad configuration: {}", faults.join("; ")),
            Kind::Routes(_) => formatter.write_str("bad routing table"),
            Kind::Bind { address, .. } => write!(formatter, "cannot listen at {address}"),
            Kind::Hook(message) => write!(formatter, "a start-up hook failed: {message}"),
            Kind::Worker(message) => write!(formatter, "a worker panicked: {message}"),
            Kind::System { what, .. } => formatter.write_str(what),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Config(_) | Kind::Hook(_) | Kind::Worker(_) => None,
            Kind::Routes(error) => Some(error),
            Kind::Bind { source, .. } | Kind::System { source, .. } => Some(source),
        }
    }
}

/// What the system refused to the program around the container.
impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        Error::system("the system refused", source)
    }
}

impl From<RouterError> for Error {
    fn from(error: RouterError) -> Self {
        Error {
            kind: Kind::Routes(error),
        }
    }
}
