//! Opening connections. Must not resolve names.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::{Address, Socket, SocketStream, TcpStream, UnixStream};
use crate::reactor::{Interest, Reactor, Registration};

impl TcpStream {
    /// Connects to `address`, on the current reactor. Give it a
    /// [`timeout`](crate::reactor::timeout): the kernel's own is minutes.
    ///
    /// # Errors
    /// Why there is no connection, for example `ConnectionRefused`.
    pub async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = connected(mio::net::TcpStream::connect(address)?).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Takes over a connection that was made by other means, on the current reactor.
    ///
    /// # Errors
    /// When it is not connected or cannot be watched.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        stream.set_nonblocking(true)?;
        let socket = mio::net::TcpStream::from_std(stream);
        let peer = socket.peer()?;
        SocketStream::new(&Reactor::current(), socket, peer)
    }
}

impl UnixStream {
    /// Connects to the socket at `path`, on the current reactor.
    ///
    /// # Errors
    /// Why there is no connection; `WouldBlock` when the listener's backlog is full.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        connected(mio::net::UnixStream::connect(path)?).await
    }

    /// Two ends of a connection, on the current reactor.
    ///
    /// # Errors
    /// Those of `socketpair(2)`.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let reactor = Reactor::current();
        let (one, other) = mio::net::UnixStream::pair()?;
        let unnamed = Address::Unix(None);
        let one = SocketStream::new(&reactor, one, unnamed.clone())?;
        Ok((one, SocketStream::new(&reactor, other, unnamed)?))
    }

    /// Takes over a connection that was made by other means, on the current reactor.
    ///
    /// # Errors
    /// When it is not connected or cannot be watched.
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        stream.set_nonblocking(true)?;
        let socket = mio::net::UnixStream::from_std(stream);
        let peer = socket.peer()?;
        SocketStream::new(&Reactor::current(), socket, peer)
    }
}

/// Waits until a connection under way is made, or has failed.
async fn connected<S: Socket>(socket: S) -> io::Result<SocketStream<S>> {
    let interest = Interest::READABLE | Interest::WRITABLE;
    let registration = Reactor::current().register(socket, interest)?;
    let peer = loop {
        poll_fn(|cx| registration.poll_write_ready(cx)).await;
        if let Some(peer) = outcome(&registration)? {
            break peer;
        }
        // Woken too early; the event that counts is still to come.
        registration.clear_write_ready();
    };
    Ok(SocketStream::from_registration(registration, peer))
}

/// The peer once connected, `None` while still under way.
fn outcome<S: Socket>(registration: &Registration<S>) -> io::Result<Option<Address>> {
    if let Some(error) = registration.io().take_error()? {
        return Err(error);
    }
    match registration.io().peer() {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(None),
        peer => peer.map(Some),
    }
}
