//! `Wire`: a stream to the server as the driver reads and writes it, which counts what is sent. Must
//! not know what that means.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use container::net::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream to the server.
pub(super) struct Wire {
    stream: Stream,
    sent: Sent,
}

/// How many bytes of a wire the system has taken, seen from outside.
#[derive(Clone, Default)]
pub(super) struct Sent(Rc<Cell<u64>>);

impl Wire {
    /// The wire over a stream, and the count of what goes over it from now on.
    pub(super) fn new(stream: Stream) -> (Wire, Sent) {
        let sent = Sent::default();
        let wire = Wire {
            stream,
            sent: sent.clone(),
        };
        (wire, sent)
    }
}

impl Sent {
    /// How many by now. While it stays the same, nothing has reached the server.
    pub(super) fn count(&self) -> u64 {
        self.0.get()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.stream), cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = AsyncWrite::poll_write(Pin::new(&mut self.stream), cx, buffer);
        if let Poll::Ready(Ok(count)) = &wrote {
            self.sent.0.set(self.sent.count() + *count as u64);
        }
        wrote
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
