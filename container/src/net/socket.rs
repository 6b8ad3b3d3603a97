//! The system calls of one socket, TCP or Unix. Must not know a reactor: a socket may go to
//! another thread until it is attached to one.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::{Address, SocketStream};
use crate::reactor::Reactor;

/// A connected non-blocking socket.
pub trait Socket: Source + 'static {
    /// Reads what is there. Errors as `recv(2)`.
    fn recv(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes what fits. Errors as `send(2)`.
    fn send(&self, buffer: &[u8]) -> io::Result<usize>;

    /// Writes what fits of several buffers. Errors as `writev(2)`.
    fn send_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Ends one direction or both. Errors as `shutdown(2)`.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// Makes close throw away what is unsent and reset the connection, where there is such a
    /// thing.
    fn linger_none(&self) -> io::Result<()>;

    /// Sends small writes at once (or not); means nothing to a Unix socket.
    fn set_nodelay(&self, nodelay: bool) -> io::Result<()>;

    /// The pending error, if any, which is thereby taken.
    fn take_error(&self) -> io::Result<Option<io::Error>>;

    /// The other end. An error when not connected.
    fn peer(&self) -> io::Result<Address>;

    /// This end.
    fn local(&self) -> io::Result<Address>;
}

impl Socket for mio::net::TcpStream {
    fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut socket = self;
        socket.read(buffer)
    }

    fn send(&self, buffer: &[u8]) -> io::Result<usize> {
        let mut socket = self;
        socket.write(buffer)
    }

    fn send_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut socket = self;
        socket.write_vectored(buffers)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        mio::net::TcpStream::shutdown(self, how)
    }

    fn linger_none(&self) -> io::Result<()> {
        SockRef::from(self).set_linger(Some(Duration::ZERO))
    }

    fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        mio::net::TcpStream::set_nodelay(self, nodelay)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        mio::net::TcpStream::take_error(self)
    }

    fn peer(&self) -> io::Result<Address> {
        self.peer_addr().map(Address::from)
    }

    fn local(&self) -> io::Result<Address> {
        self.local_addr().map(Address::from)
    }
}

impl Socket for mio::net::UnixStream {
    fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut socket = self;
        socket.read(buffer)
    }

    fn send(&self, buffer: &[u8]) -> io::Result<usize> {
        let mut socket = self;
        socket.write(buffer)
    }

    fn send_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut socket = self;
        socket.write_vectored(buffers)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        mio::net::UnixStream::shutdown(self, how)
    }

    fn linger_none(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_nodelay(&self, _nodelay: bool) -> io::Result<()> {
        Ok(())
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        mio::net::UnixStream::take_error(self)
    }

    fn peer(&self) -> io::Result<Address> {
        self.peer_addr().map(Address::from)
    }

    fn local(&self) -> io::Result<Address> {
        self.local_addr().map(Address::from)
    }
}

/// A connected socket of either kind, not yet attached to a reactor.
#[derive(Debug)]
pub enum AnySocket {
    /// TCP.
    Tcp(mio::net::TcpStream),
    /// A Unix stream socket.
    Unix(mio::net::UnixStream),
}

/// Calls the same method of whichever socket it is.
macro_rules! either {
    ($any:expr, $socket:ident => $call:expr) => {
        match $any {
            AnySocket::Tcp($socket) => $call,
            AnySocket::Unix($socket) => $call,
        }
    };
}

impl Socket for AnySocket {
    fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(self, socket => socket.recv(buffer))
    }

    fn send(&self, buffer: &[u8]) -> io::Result<usize> {
        either!(self, socket => socket.send(buffer))
    }

    fn send_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(self, socket => socket.send_vectored(buffers))
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        either!(self, socket => Socket::shutdown(socket, how))
    }

    fn linger_none(&self) -> io::Result<()> {
        either!(self, socket => socket.linger_none())
    }

    fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        either!(self, socket => Socket::set_nodelay(socket, nodelay))
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        either!(self, socket => Socket::take_error(socket))
    }

    fn peer(&self) -> io::Result<Address> {
        either!(self, socket => socket.peer())
    }

    fn local(&self) -> io::Result<Address> {
        either!(self, socket => socket.local())
    }
}

impl Source for AnySocket {
    fn register(&mut self, registry: &Registry, token: Token, wanted: Interest) -> io::Result<()> {
        either!(self, socket => socket.register(registry, token, wanted))
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        wanted: Interest,
    ) -> io::Result<()> {
        either!(self, socket => socket.reregister(registry, token, wanted))
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        either!(self, socket => socket.deregister(registry))
    }
}

/// A connection as it comes from a listener: `Send`, so that an acceptor can give it to another
/// worker, which attaches it.
#[derive(Debug)]
pub struct Accepted<S> {
    /// The socket, non-blocking and closed on exec.
    pub socket: S,
    /// The other end.
    pub peer: Address,
}

impl<S: Socket> Accepted<S> {
    /// Makes it a stream of this thread's reactor.
    ///
    /// # Errors
    /// When the kernel refuses to watch it.
    pub fn attach(self, reactor: &Reactor) -> io::Result<SocketStream<S>> {
        SocketStream::new(reactor, self.socket, self.peer)
    }
}
