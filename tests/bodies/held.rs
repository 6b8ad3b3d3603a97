//! How much of an answer is made ahead for a client that does not read.

use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use container::handler::Endpoint;
use container::message::Bytes;
use container::testing::Faults;
use container::{Body, Handler, blocking, inline, local_body};
use futures_core::Stream;

use crate::{answer, head, serve};

/// Bytes of an answer: many times what may be held of it.
const LENGTH: usize = 1 << 20;

/// Bytes that a connection may hold for a client that does not read.
const HELD_MAX: usize = 128 << 10;

/// What the client's socket takes before it is full.
const SOCKET: usize = 4 << 10;

/// Makes an answer in pieces, and counts them.
#[derive(Clone)]
struct Source {
    /// Bytes of a piece.
    piece: usize,
    /// Bytes that were made.
    made: Arc<AtomicUsize>,
}

impl Source {
    /// The next piece; `None` at the end.
    fn next(&self) -> Option<Bytes> {
        let made = self.made.fetch_add(self.piece, Ordering::SeqCst);
        (made < LENGTH).then(|| vec![b'x'; self.piece].into())
    }
}

impl Stream for Source {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.next().map(Ok))
    }
}

/// Lets a client ask and not read, then read all of it.
#[track_caller]
fn check(way: &str, endpoint: impl Fn(Source) -> Endpoint) {
    for piece in [1 << 10, 16 << 10] {
        let made = Arc::new(AtomicUsize::new(0));
        let source = Source {
            piece,
            made: made.clone(),
        };
        let server = serve(endpoint(source));
        let mut faults = Faults::default();
        faults.capacity = SOCKET;
        let mut client = server.connect_with(faults);
        client.send(head("GET", ""));
        let held = made.load(Ordering::SeqCst) - SOCKET;
        assert!(held <= HELD_MAX, "{way}, pieces of {piece}: {held} bytes");
        faults.capacity = LENGTH;
        client.set_faults(faults);
        assert_eq!(answer(&mut client).body.len(), LENGTH, "{way}");
    }
}

#[test]
fn a_stream_is_not_made_ahead() {
    check("stream", |source| {
        inline(move || Body::stream(source.clone()))
    });
    check("stream of known length", |source| {
        inline(move || Body::sized_stream(LENGTH as u64, source.clone()))
    });
}

#[test]
fn a_task_does_not_write_ahead() {
    check("local body", |source| {
        let handler = move || {
            let source = source.clone();
            let body = local_body(async move |out| out.send_all(source).await);
            async { body }
        };
        handler.into_endpoint()
    });
}

#[test]
fn a_function_does_not_write_ahead() {
    check("written", |source| {
        blocking(move || {
            let source = source.clone();
            Body::written_by(move |out| {
                while let Some(piece) = source.next() {
                    out.write_all(&piece)?;
                }
                Ok(())
            })
        })
    });
    check("sent", |source| {
        blocking(move || {
            let source = source.clone();
            Body::written_by(move |out| {
                while let Some(piece) = source.next() {
                    out.send(piece)?;
                }
                Ok(())
            })
        })
    });
}
