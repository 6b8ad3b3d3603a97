//! A connected socket on a reactor: non-blocking for drivers, async for handlers.
//! Must not buffer.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::task::{Context, Poll, ready};

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

    fn watch_read(&self, cx: &mut Context<'_>) {
        self.registration.watch_read(cx);
    }

    fn is_read_ready(&self) -> bool {
        self.registration.is_read_ready()
    }

    fn assume_read_ready(&self) {
        self.registration.assume_read_ready();
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::net::{TcpListener, UNSENT_MAX, UnixListener};
    use crate::reactor::{Clock, spawn_local};

    fn run<F: Future<Output = io::Result<()>>>(test: F) {
        Reactor::new(Clock::real())
            .unwrap()
            .block_on(test)
            .unwrap()
            .unwrap();
    }

    async fn tcp_pair() -> io::Result<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
        let address = listener.local_addr()?.as_tcp().unwrap();
        let client = TcpStream::connect(address).await?;
        Ok((client, listener.accept().await?))
    }

    async fn read_ready(stream: &impl Transport) {
        poll_fn(|cx| stream.poll_read_ready(cx)).await;
    }

    async fn write_ready(stream: &impl Transport) {
        poll_fn(|cx| stream.poll_write_ready(cx)).await;
    }

    /// Turns until the end of the peer's bytes has been seen.
    async fn end_seen(stream: &impl Transport) {
        while !stream.is_read_closed() {
            crate::reactor::yield_now().await;
        }
    }

    fn would_block<T: std::fmt::Debug>(result: io::Result<T>) {
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn addresses_and_nodelay() {
        run(async {
            let (client, server) = tcp_pair().await?;
            assert_eq!(client.peer_addr(), &server.local_addr()?);
            assert_eq!(server.peer(), client.local_addr()?);
            for stream in [&client, &server] {
                assert!(stream.registration.io().nodelay()?);
            }
            server.set_nodelay(false)?;
            assert!(!server.registration.io().nodelay()?);
            Ok(())
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn little_waits_in_the_kernel_for_a_peer_that_does_not_read() {
        run(async {
            let (client, mut server) = tcp_pair().await?;
            write_ready(&server).await;
            let mut taken = 0;
            let end = loop {
                match server.try_write(&[0; 16 << 10]) {
                    Ok(count) => taken += count as u32,
                    Err(error) => break error,
                }
            };
            would_block::<()>(Err(end));
            // The first window of a peer that has read nothing is 64 KiB.
            assert!((UNSENT_MAX..4 * UNSENT_MAX).contains(&taken), "{taken}");
            drop(client);
            Ok(())
        });
    }

    #[test]
    fn short_read_spares_the_call_that_would_block() {
        run(async {
            let (mut client, mut server) = tcp_pair().await?;
            would_block(server.try_read(&mut [0; 8]));
            client.write_all(b"abc").await?;
            read_ready(&server).await;
            assert_eq!(server.try_read(&mut [0; 2])?, 2);
            assert!(server.is_read_ready());
            assert_eq!(server.try_read(&mut [0; 2])?, 1);
            assert!(!server.is_read_ready());
            would_block(server.try_read(&mut [0; 8]));
            Ok(())
        });
    }

    #[test]
    fn end_that_came_with_bytes_is_not_lost() {
        run(async {
            let (mut client, mut server) = tcp_pair().await?;
            client.write_all(b"bye").await?;
            client.shutdown(Shutdown::Write)?;
            end_seen(&server).await;
            assert_eq!(server.try_read(&mut [0; 8])?, 3);
            assert!(server.is_read_ready(), "the end is still to be read");
            assert_eq!(server.try_read(&mut [0; 8])?, 0);
            assert_eq!(server.try_read(&mut [0; 8])?, 0);
            // The other direction goes on.
            assert!(!server.is_reset());
            server.write_all(b"answer").await?;
            let mut answer = [0; 6];
            client.read_exact(&mut answer).await?;
            assert_eq!(&answer, b"answer");
            Ok(())
        });
    }

    #[test]
    fn full_stream_waits_for_its_reader() {
        const SIZE: usize = 8 << 20;
        run(async {
            let (mut client, mut server) = tcp_pair().await?;
            let writer = spawn_local(async move {
                let bytes = vec![7; SIZE];
                let head = [IoSlice::new(&bytes[..10]), IoSlice::new(&bytes[10..SIZE])];
                let mut written = client.write_vectored(&head).await?;
                assert!(written < SIZE, "more than the kernel takes at once");
                would_block(client.try_write(&bytes[written..]));
                would_block(client.try_write_vectored(&head));
                while written < SIZE {
                    written += client.write(&bytes[written..]).await?;
                }
                client.flush().await?;
                client.shutdown(Shutdown::Write)
            });
            let (mut buffer, mut sum) = (vec![0; 1 << 16], 0);
            loop {
                match server.read(&mut buffer).await? {
                    0 => break,
                    count => sum += count,
                }
            }
            assert_eq!(sum, SIZE);
            writer.await.unwrap()
        });
    }

    #[test]
    fn reset_is_seen_by_the_peer() {
        run(async {
            let (mut client, mut server) = tcp_pair().await?;
            client.reset()?;
            drop(client);
            read_ready(&server).await;
            assert!(server.is_reset());
            let error = server.try_read(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            // Gone is no error for a shutdown.
            server.shutdown(Shutdown::Both)
        });
    }

    #[test]
    fn refused_connection_is_an_error() {
        run(async {
            let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
            let address = listener.local_addr()?.as_tcp().unwrap();
            drop(listener);
            let error = TcpStream::connect(address).await.err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            Ok(())
        });
    }

    #[test]
    fn unix_sockets_work_alike() {
        run(async {
            let (mut one, other) = UnixStream::pair()?;
            one.write_all(b"abc").await?;
            one.shutdown(Shutdown::Write)?;
            let mut other = Stream::from(other);
            assert_eq!(other.peer(), Address::Unix(None));
            end_seen(&other).await;
            write_ready(&other).await;
            assert_eq!(other.read(&mut [0; 8]).await?, 3);
            assert_eq!(other.read(&mut [0; 8]).await?, 0);
            other.set_nodelay(true)?;
            other.reset()?;
            other.write_all(b"d").await?;
            assert_eq!(one.read(&mut [0; 8]).await?, 1);
            drop(other);
            assert_eq!(one.read(&mut [0; 8]).await?, 0);
            assert!(one.is_reset());
            Ok(())
        });
    }

    #[test]
    fn streams_change_their_type_under_way() {
        run(async {
            let (client, server) = tcp_pair().await?;
            let (mut client, mut server) = (Stream::from(client), Stream::from(server));
            let reader = spawn_local(async move {
                let mut bytes = [0; 2];
                server.read_exact(&mut bytes).await?;
                let error = server.read_exact(&mut bytes).await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
                Ok(())
            });
            client.write_all(b"abc").await?;
            drop(client);
            reader.await.unwrap()
        });
    }

    #[test]
    fn std_streams_are_taken_over() {
        run(async {
            let (one, other) = std::os::unix::net::UnixStream::pair()?;
            let (mut one, mut other) = (UnixStream::from_std(one)?, UnixStream::from_std(other)?);
            one.write_all(b"a").await?;
            assert_eq!(other.read(&mut [0; 8]).await?, 1);
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            let client = std::net::TcpStream::connect(listener.local_addr()?)?;
            let (mut client, mut server) = (
                TcpStream::from_std(client)?,
                TcpStream::from_std(listener.accept()?.0)?,
            );
            client.write_all(b"a").await?;
            assert_eq!(server.read(&mut [0; 8]).await?, 1);
            Ok(())
        });
    }

    #[test]
    fn unix_connect_needs_a_listener() {
        let path = std::env::temp_dir().join(format!("net-stream-{}.sock", std::process::id()));
        run(async {
            assert!(UnixStream::connect(&path).await.is_err());
            let listener = UnixListener::bind(&path)?;
            let mut client = UnixStream::connect(&path).await?;
            assert_eq!(client.peer_addr(), &Address::Unix(Some(path.clone())));
            let mut server = listener.accept().await?;
            client.write_all(b"a").await?;
            assert_eq!(server.read(&mut [0; 8]).await?, 1);
            Ok(())
        });
    }
}
