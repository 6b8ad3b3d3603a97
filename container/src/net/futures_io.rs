//! The I/O traits of `futures-io` on our streams, for code written for them.
//! Must not add anything to what the streams can do.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::{Socket, SocketStream};

impl<S: Socket + Unpin> AsyncRead for SocketStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_read(cx, buffer)
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

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_mut().shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::net::UnixStream;
    use crate::reactor::{Clock, Reactor};

    #[test]
    fn reads_writes_and_closes() {
        let reactor = Reactor::new(Clock::real()).unwrap();
        let test = async {
            let (mut one, mut other) = UnixStream::pair()?;
            let wrote = poll_fn(|cx| AsyncWrite::poll_write(Pin::new(&mut one), cx, b"abc")).await;
            assert_eq!(wrote?, 3);
            poll_fn(|cx| Pin::new(&mut one).poll_flush(cx)).await?;
            poll_fn(|cx| Pin::new(&mut one).poll_close(cx)).await?;
            let mut bytes = [0; 8];
            for expected in [3, 0] {
                let other = &mut other;
                let read =
                    poll_fn(|cx| AsyncRead::poll_read(Pin::new(&mut *other), cx, &mut bytes)).await;
                assert_eq!(read?, expected);
            }
            Ok::<(), io::Error>(())
        };
        reactor.block_on(test).unwrap().unwrap();
    }
}
