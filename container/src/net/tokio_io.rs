//! tokio's I/O traits on our streams, so that code written for them (h2, rustls, database
//! drivers) runs on this reactor. Must not need tokio's runtime: only the traits are used.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Socket, SocketStream};

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
