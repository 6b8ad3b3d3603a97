//! `Wire`: a stream to the server as the driver reads and writes it, encrypted or not, which counts
//! what is sent. Must not know what that means.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use container::net::{Stream, TlsStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream to the server.
pub(super) struct Wire {
    stream: AnyStream,
    sent: Sent,
}

/// With TLS or without.
pub(super) enum AnyStream {
    Plain(Stream),
    Encrypted(Box<TlsStream<Stream>>),
}

/// How many bytes of a wire were taken to be sent, seen from outside.
#[derive(Clone, Default)]
pub(super) struct Sent(Rc<Cell<u64>>);

/// Calls the same function for whichever stream it is.
macro_rules! either {
    ($any:expr, $stream:ident => $call:expr) => {
        match $any {
            AnyStream::Plain($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
            AnyStream::Encrypted($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
        }
    };
}

impl Wire {
    pub(super) fn new(stream: AnyStream) -> Wire {
        Wire {
            stream,
            sent: Sent::default(),
        }
    }

    /// The count of what goes over it.
    pub(super) fn sent(&self) -> Sent {
        self.sent.clone()
    }

    /// Waits for the server's end, which need not be protected: nothing was to come.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) async fn ended(mut self) -> io::Result<()> {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        match poll_fn(|cx| Pin::new(&mut self).poll_read(cx, &mut buffer)).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            ended => ended,
        }
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
        either!(&mut self.stream, stream => AsyncRead::poll_read(stream, cx, buffer))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = either!(&mut self.stream, stream => AsyncWrite::poll_write(stream, cx, bytes));
        if let Poll::Ready(Ok(count)) = &wrote {
            self.sent.0.set(self.sent.count() + *count as u64);
        }
        wrote
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.stream, stream => AsyncWrite::poll_flush(stream, cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.stream, stream => AsyncWrite::poll_shutdown(stream, cx))
    }
}
