//! tokio's I/O traits on our streams, so that code written for them (h2, rustls, database
//! drivers) runs on this reactor. Must not need tokio's runtime: only the traits are used.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Socket, SocketStream};
#[cfg(feature = "tls")]
use super::{TlsStream, Transport};

impl<S: Socket + Unpin> AsyncRead for SocketStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = ready!(self.get_mut().poll_read(cx, buffer.initialize_unfilled()))?;
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket + Unpin> AsyncWrite for SocketStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_mut().shutdown(Shutdown::Write))
    }
}

#[cfg(feature = "tls")]
impl<S: Transport + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_read_ready(cx));
        match self.try_read(buffer.initialize_unfilled()) {
            Ok(count) => {
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // There may be more records without a byte of content; others have their turn first.
                if self.poll_read_ready(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

#[cfg(feature = "tls")]
impl<S: Transport + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        // First what is held back, for nothing is taken before.
        ready!(TlsStream::poll_flush(&mut self, cx))?;
        Poll::Ready(self.try_write(buffer))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        TlsStream::poll_flush(&mut self, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(TlsStream::poll_flush(&mut self, cx))?;
        Poll::Ready(self.shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::net::{Stream, UnixStream};
    use crate::reactor::{Clock, Reactor};

    #[test]
    fn reads_writes_and_shuts_down() {
        let reactor = Reactor::new(Clock::real()).unwrap();
        let test = async {
            let (mut one, other) = UnixStream::pair()?;
            let mut other = Stream::from(other);
            assert!(one.is_write_vectored());
            let wrote = poll_fn(|cx| AsyncWrite::poll_write(Pin::new(&mut one), cx, b"abc")).await;
            assert_eq!(wrote?, 3);
            poll_fn(|cx| Pin::new(&mut one).poll_flush(cx)).await?;
            poll_fn(|cx| Pin::new(&mut one).poll_shutdown(cx)).await?;
            let mut bytes = [0; 8];
            let mut buffer = ReadBuf::new(&mut bytes);
            for _ in 0..2 {
                poll_fn(|cx| AsyncRead::poll_read(Pin::new(&mut other), cx, &mut buffer)).await?;
                assert_eq!(buffer.filled(), b"abc");
            }
            Ok::<(), io::Error>(())
        };
        reactor.block_on(test).unwrap().unwrap();
    }
}
