//! Layer 2: sockets as futures and as non-blocking streams. Knows the reactor, but no HTTP.
//!
//! TCP and Unix sockets share one implementation: [`SocketStream`] and [`SocketListener`] are
//! generic over the socket, and [`TcpStream`], [`UnixStream`] and [`Stream`] (either kind) are
//! names for their instances. A socket that is not yet attached to a reactor ([`Accepted`],
//! [`AnySocket`], [`AnyListener`]) is `Send` and may go to another worker; an attached one stays.
//!
//! | file | is |
//! |---|---|
//! | `address` | where to bind, who the peer is |
//! | `transport` | [`Transport`]: what a connection driver needs of any byte stream |
//! | `socket` | system calls of one socket, TCP or Unix |
//! | `stream`, `connect` | an attached socket: reads, writes; connecting |
//! | `listener`, `accept` | attached listeners; what accept's errors mean |
//! | `bind`, `unix_socket` | making listening sockets; a Unix socket's file |
//! | `tls` | [`TlsStream`]: TLS over any of them, behind a feature |
//! | `tokio_io`, `futures_io` | the I/O traits of other worlds, behind features |
//!
//! Names are not resolved here, except those that are bound at the start.

mod accept;
mod address;
mod bind;
mod connect;
#[cfg(feature = "futures-io")]
mod futures_io;
mod listener;
mod socket;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tokio-io")]
mod tokio_io;
mod transport;
mod unix_socket;

pub use self::accept::AcceptError;
pub use self::address::{Address, AddressError, BindAddress};
pub use self::bind::{AnyListener, BACKLOG, ListenOptions, UNSENT_MAX};
pub use self::listener::{ListenSocket, Listener, SocketListener, TcpListener, UnixListener};
pub use self::socket::{Accepted, AnySocket, Socket};
pub use self::stream::{SocketStream, Stream, TcpStream, UnixStream};
#[cfg(feature = "tls")]
pub use self::tls::TlsStream;
pub use self::transport::Transport;
pub use self::unix_socket::{SocketFile, UnixListenSocket};
