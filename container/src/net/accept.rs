//! What an error of `accept(2)` means for the listener. Must not accept on its own.

use std::error::Error;
use std::{fmt, io};

/// What to do about an error of `accept(2)`.
#[derive(Debug)]
pub enum AcceptError {
    /// That connection is lost; the next can be taken at once.
    Transient(io::Error),
    /// No descriptors or no memory: accepting makes no sense until something is closed.
    OutOfDescriptors(io::Error),
    /// The listener is unusable.
    Fatal(io::Error),
}

/// Numbers of errors that have no [`io::ErrorKind`].
#[cfg(target_os = "linux")]
mod errno {
    pub(super) const ENFILE: i32 = 23;
    pub(super) const EMFILE: i32 = 24;
    pub(super) const ENONET: i32 = 64;
    pub(super) const EPROTO: i32 = 71;
    pub(super) const ENOPROTOOPT: i32 = 92;
    pub(super) const ENOBUFS: i32 = 105;
    pub(super) const EHOSTDOWN: i32 = 112;
}

/// The numbers of macOS and the BSDs, which have no `ENONET`.
#[cfg(not(target_os = "linux"))]
mod errno {
    pub(super) const ENFILE: i32 = 23;
    pub(super) const EMFILE: i32 = 24;
    pub(super) const ENONET: i32 = -1;
    pub(super) const EPROTO: i32 = 100;
    pub(super) const ENOPROTOOPT: i32 = 42;
    pub(super) const ENOBUFS: i32 = 55;
    pub(super) const EHOSTDOWN: i32 = 64;
}

impl AcceptError {
    /// Classifies an error of `accept(2)`. Linux reports pending network errors of the new
    /// connection here; they say nothing about the listener.
    pub fn from_io(error: io::Error) -> AcceptError {
        use std::io::ErrorKind as Kind;

        match (error.kind(), error.raw_os_error().unwrap_or(0)) {
            (Kind::OutOfMemory, _) | (_, errno::EMFILE | errno::ENFILE | errno::ENOBUFS) => {
                AcceptError::OutOfDescriptors(error)
            }
            (
                Kind::ConnectionAborted
                | Kind::ConnectionReset
                | Kind::Interrupted
                | Kind::PermissionDenied
                | Kind::NetworkDown
                | Kind::NetworkUnreachable
                | Kind::HostUnreachable
                | Kind::TimedOut,
                _,
            )
            | (_, errno::EPROTO | errno::ENOPROTOOPT | errno::EHOSTDOWN | errno::ENONET) => {
                AcceptError::Transient(error)
            }
            _ => AcceptError::Fatal(error),
        }
    }

    fn io(&self) -> &io::Error {
        match self {
            AcceptError::Transient(error)
            | AcceptError::OutOfDescriptors(error)
            | AcceptError::Fatal(error) => error,
        }
    }
}

impl From<AcceptError> for io::Error {
    fn from(error: AcceptError) -> io::Error {
        match error {
            AcceptError::Transient(error)
            | AcceptError::OutOfDescriptors(error)
            | AcceptError::Fatal(error) => error,
        }
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AcceptError::Transient(_) => "a connection was lost before it was accepted",
            AcceptError::OutOfDescriptors(_) => "no descriptors left to accept a connection",
            AcceptError::Fatal(_) => "the listener does not work any more",
        })
    }
}

impl Error for AcceptError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.io())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(errno: i32) -> &'static str {
        match AcceptError::from_io(io::Error::from_raw_os_error(errno)) {
            AcceptError::Transient(_) => "transient",
            AcceptError::OutOfDescriptors(_) => "out of descriptors",
            AcceptError::Fatal(_) => "fatal",
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn classes() {
        const ECONNABORTED: i32 = 103;
        const EINTR: i32 = 4;
        const EPERM: i32 = 1;
        const ENETDOWN: i32 = 100;
        const EHOSTUNREACH: i32 = 113;
        for errno in [
            ECONNABORTED,
            EINTR,
            EPERM,
            ENETDOWN,
            EHOSTUNREACH,
            errno::EPROTO,
        ] {
            assert_eq!(class(errno), "transient", "{errno}");
        }
        const ENOMEM: i32 = 12;
        for errno in [errno::EMFILE, errno::ENFILE, errno::ENOBUFS, ENOMEM] {
            assert_eq!(class(errno), "out of descriptors", "{errno}");
        }
        const EBADF: i32 = 9;
        const EINVAL: i32 = 22;
        for errno in [EBADF, EINVAL] {
            assert_eq!(class(errno), "fatal", "{errno}");
        }
    }

    #[test]
    fn keeps_its_cause() {
        let error = AcceptError::from_io(io::Error::from_raw_os_error(errno::EMFILE));
        assert!(error.source().is_some());
        assert_eq!(io::Error::from(error).raw_os_error(), Some(errno::EMFILE));
    }
}
