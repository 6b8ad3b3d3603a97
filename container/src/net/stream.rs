//! A connected socket on a reactor: non-blocking for drivers, async for handlers.
//! Must not buffer.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    net::Shutdown,
    task::{Context, Poll, ready},
};

use super::{Address, AnySocket, Socket, Transport};
use crate::reactor::{Interest, Reactor, Registration};

/// On selectors that trigger on edges, fewer bytes than asked for mean that there are no more:
/// the call that would only say `WouldBlock` is spared. (An end that is seen only later brings
/// an edge of its own.)
const SHORT_MEANS_DRAINED: bool = cfg!(unix);

/// A TCP connection. Sends small writes at once unless told otherwise.
pub type TcpStream = SocketStream<mio::net::TcpStream>;

/// A connection over a Unix socket.
pub type UnixStream = SocketStream<mio::net::UnixStream>;

/// A connection of either kind.
pub type Stream = SocketStream<AnySocket>;

/// A connected socket attached to a reactor, whose thread it does not leave. Dropping it closes
/// the connection.
///
/// ```
/// use container::{net::{TcpListener, TcpStream}, reactor::{Clock, Reactor}};
///
/// let reactor = Reactor::new(Clock::real())?;
/// reactor.block_on(async {
///     let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
///     let address = listener.local_addr()?.as_tcp().unwrap();
///     let mut client = TcpStream::connect(address).await?;
///     let mut server = listener.accept().await?;
///     client.write_all(b"hello").await?;
///     let mut buffer = [0; 5];
///     server.read_exact(&mut buffer).await?;
///     assert_eq!(&buffer, b"hello");
///     Ok::<(), std::io::Error>(())
/// })?
/// # ; Ok::<(), std::io::Error>(())
/// ```
pub struct SocketStream<S: Socket> {
    /// The socket and its readiness.
    registration: Registration<S>,
    /// The other end, kept since asking the kernel would be a call for each log line.
    peer: Address,
}

impl<S: Socket> SocketStream<S> {
    pub(super) fn new(reactor: &Reactor, socket: S, peer: Address) -> io::Result<Self> {
        let registration = reactor.register(socket, Interest::READABLE | Interest::WRITABLE)?;
        Ok(SocketStream { registration, peer })
    }

    pub(super) fn from_registration(registration: Registration<S>, peer: Address) -> Self {
        SocketStream { registration, peer }
    }

    /// Reads into `buffer`: at least one byte, or 0 at the end of the peer's bytes.
    ///
    /// # Errors
    /// Those of `recv(2)`.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, buffer)).await
    }

    /// Fills `buffer`.
    ///
    /// # Errors
    /// Those of `recv(2)`; `UnexpectedEof` when the peer ends before.
    pub async fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
        }
        Ok(())
    }

    /// Writes from `buffer` and returns how many bytes, at least one.
    ///
    /// # Errors
    /// Those of `send(2)`.
    pub async fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_write(cx, buffer)).await
    }

    /// Writes from several buffers and returns how many bytes.
    ///
    /// # Errors
    /// Those of `writev(2)`.
    pub async fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_write_vectored(cx, buffers)).await
    }

    /// Writes the whole of `buffer`.
    ///
    /// # Errors
    /// Those of `send(2)`; how much was written before is not known then.
    pub async fn write_all(&mut self, mut buffer: &[u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.write(buffer).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => buffer = &buffer[count..],
            }
        }
        Ok(())
    }

    /// Does nothing: what was written is with the kernel already.
    ///
    /// # Errors
    /// None.
    #[expect(
        clippy::unused_async,
        reason = "has the shape of every other stream's flush"
    )]
    pub async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Ends one direction or both; a connection that is already gone is no error.
    ///
    /// # Errors
    /// Those of `shutdown(2)`.
    pub fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        match self.registration.io().shutdown(how) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }

    /// Sends small writes at once (the default) or gathers them; means nothing to Unix sockets.
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.registration.io().set_nodelay(nodelay)
    }

    /// The other end.
    pub fn peer_addr(&self) -> &Address {
        &self.peer
    }

    /// This end.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<Address> {
        self.registration.io().local()
    }

    /// Reads, or registers the task to be woken when that is possible.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // Ends: a read that would block has cleared the readiness asked for next.
        loop {
            ready!(self.registration.poll_read_ready(cx));
            match self.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Writes, or registers the task to be woken when that is possible.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buffer)])
    }

    /// Writes from several buffers, or registers the task to be woken when that is possible.
    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Ends: a write that would block has cleared the readiness asked for next.
        loop {
            ready!(self.registration.poll_write_ready(cx));
            match self.try_write_vectored(buffers) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Ends the account of a write of `written` out of `wanted` bytes.
    fn wrote(&self, written: io::Result<usize>, wanted: usize) -> io::Result<usize> {
        match written {
            Ok(count) => {
                if SHORT_MEANS_DRAINED && count < wanted {
                    self.registration.clear_write_ready();
                }
                Ok(count)
            }
            Err(error) => Err(settle(error, || self.registration.clear_write_ready())),
        }
    }
}

impl<S: Socket> Transport for SocketStream<S> {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let registration = &self.registration;
        if !registration.is_read_ready() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match registration.io().recv(buffer) {
            Ok(count) => {
                let short = 0 < count && count < buffer.len();
                if SHORT_MEANS_DRAINED && short && !registration.is_read_closed() {
                    registration.clear_read_ready();
                }
                Ok(count)
            }
            Err(error) => Err(settle(error, || registration.clear_read_ready())),
        }
    }

    fn try_write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if !self.registration.is_write_ready() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.wrote(self.registration.io().send(buffer), buffer.len())
    }

    fn try_write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.registration.is_write_ready() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let wanted = buffers.iter().map(|buffer| buffer.len()).sum();
        // One buffer is the common case, and `send` is the cheaper call.
        let written = match buffers {
            [one] => self.registration.io().send(one),
            many => self.registration.io().send_vectored(many),
        };
        self.wrote(written, wanted)
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.registration.poll_read_ready(cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.registration.poll_write_ready(cx)
    }

    fn is_read_ready(&self) -> bool {
        self.registration.is_read_ready()
    }

    fn is_read_closed(&self) -> bool {
        self.registration.is_read_closed()
    }

    fn is_reset(&self) -> bool {
        self.registration.is_failed()
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        SocketStream::shutdown(self, how)
    }

    fn reset(&mut self) -> io::Result<()> {
        self.registration.io().linger_none()
    }

    fn peer(&self) -> Address {
        self.peer.clone()
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Stream {
        Stream::from_registration(stream.registration.map(AnySocket::Tcp), stream.peer)
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Stream {
        Stream::from_registration(stream.registration.map(AnySocket::Unix), stream.peer)
    }
}

/// Clears the readiness when a call would block. An interrupted call (which no kernel we know
/// makes of a non-blocking one) counts as that without clearing: the caller comes again.
fn settle(error: io::Error, clear: impl FnOnce()) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => clear(),
        io::ErrorKind::Interrupted => return io::ErrorKind::WouldBlock.into(),
        _ => {}
    }
    error
}
