//! Addresses: where to bind, and who is at the other end. Must not open a socket.

use std::error::Error;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::{fmt, io};

/// What a Unix address starts with in text.
const UNIX_PREFIX: &str = "unix:";

/// Where a server listens.
///
/// ```
/// use container::net::BindAddress;
///
/// let tcp: BindAddress = "127.0.0.1:8888".parse()?;
/// assert_eq!(tcp.to_string(), "127.0.0.1:8888");
/// let unix: BindAddress = "unix:/run/app.sock".parse()?;
/// assert_eq!(unix, BindAddress::Unix("/run/app.sock".into()));
/// assert!("localhost".parse::<BindAddress>().unwrap_err().to_string().contains("port"));
/// # Ok::<(), container::net::AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindAddress {
    /// TCP: the first of these that can be bound.
    Tcp(Vec<SocketAddr>),
    /// TCP: `host:port`, resolved when it is bound.
    Host(String),
    /// A Unix socket at this path.
    Unix(PathBuf),
}

impl BindAddress {
    /// The TCP addresses this stands for; none for a Unix socket. May ask the name service, and
    /// wait for it.
    ///
    /// # Errors
    /// Those of the name service.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            BindAddress::Tcp(addresses) => Ok(addresses.clone()),
            BindAddress::Host(host) => Ok(host.to_socket_addrs()?.collect()),
            BindAddress::Unix(_) => Ok(Vec::new()),
        }
    }
}

impl From<SocketAddr> for BindAddress {
    fn from(address: SocketAddr) -> BindAddress {
        BindAddress::Tcp(vec![address])
    }
}

impl FromStr for BindAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<BindAddress, AddressError> {
        if let Some(path) = text.strip_prefix(UNIX_PREFIX) {
            let path = if path.is_empty() {
                Err(AddressError::EmptyPath)
            } else {
                Ok(path)
            };
            return path.map(|path| BindAddress::Unix(path.into()));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::MissingPort)?;
        if host.is_empty() {
            return Err(AddressError::MissingHost);
        }
        port.parse::<u16>().map_err(|_| AddressError::InvalidPort)?;
        Ok(BindAddress::Host(text.to_owned()))
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindAddress::Tcp(addresses) => {
                for (index, address) in addresses.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "," };
                    write!(f, "{separator}{address}")?;
                }
                Ok(())
            }
            BindAddress::Host(host) => f.write_str(host),
            BindAddress::Unix(path) => write!(f, "{UNIX_PREFIX}{}", path.display()),
        }
    }
}

/// Why a text is no [`BindAddress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// Nothing before the colon.
    MissingHost,
    /// No colon with a port behind it.
    MissingPort,
    /// The port is not a number from 0 to 65535.
    InvalidPort,
    /// `unix:` without a path.
    EmptyPath,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressError::MissingHost => "no host before the port (use 0.0.0.0 or [::] for all)",
            AddressError::MissingPort => "no port: expected host:port or unix:PATH",
            AddressError::InvalidPort => "the port is not a number from 0 to 65535",
            AddressError::EmptyPath => "no path after unix:",
        })
    }
}

impl Error for AddressError {}

/// One end of a connection.
///
/// ```
/// use container::net::Address;
///
/// let address = Address::Tcp(([127, 0, 0, 1], 80).into());
/// assert_eq!(address.to_string(), "127.0.0.1:80");
/// assert_eq!(Address::Unix(None).to_string(), "unix:(unnamed)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IP address and port.
    Tcp(SocketAddr),
    /// A Unix socket, with its path if it has one (connecting ends have none).
    Unix(Option<PathBuf>),
}

impl Address {
    /// The IP address and port, if it has them.
    pub fn as_tcp(&self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Tcp(address)
    }
}

impl From<std::os::unix::net::SocketAddr> for Address {
    fn from(address: std::os::unix::net::SocketAddr) -> Address {
        Address::Unix(address.as_pathname().map(PathBuf::from))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(Some(path)) => write!(f, "{UNIX_PREFIX}{}", path.display()),
            Address::Unix(None) => write!(f, "{UNIX_PREFIX}(unnamed)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<BindAddress, AddressError>) {
        assert_eq!(text.parse::<BindAddress>(), expected, "{text}");
        if let Ok(address) = expected {
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn texts() {
        check(
            "[::1]:80",
            Ok(BindAddress::Tcp(vec!["[::1]:80".parse().unwrap()])),
        );
        check("localhost:80", Ok(BindAddress::Host("localhost:80".into())));
        check("unix:a.sock", Ok(BindAddress::Unix("a.sock".into())));
        check("unix:", Err(AddressError::EmptyPath));
        check("localhost", Err(AddressError::MissingPort));
        check("localhost:http", Err(AddressError::InvalidPort));
        check("localhost:70000", Err(AddressError::InvalidPort));
        check(":80", Err(AddressError::MissingHost));
        check("", Err(AddressError::MissingPort));
    }

    #[test]
    fn resolves() {
        let address: SocketAddr = "127.0.0.1:80".parse().unwrap();
        assert_eq!(BindAddress::from(address).resolve().unwrap(), [address]);
        assert!(BindAddress::Unix("a".into()).resolve().unwrap().is_empty());
    }
}
