//! hyper's server over bytes in memory, polled by hand: no runtime, no socket, no clock.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use container::http1::FIELDS_MAX;
use container::message::{HeaderMap, Method, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};

/// One request that hyper has read to its end.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) trailers: HeaderMap,
}

/// The client's bytes, then the end; what is written goes nowhere.
struct Wire<'w> {
    rest: &'w [u8],
}

/// Whether the connection wants to be polled again.
#[derive(Default)]
struct Woken(AtomicBool);

/// What hyper reads of `wire`, up to where it refuses or the end comes.
pub(super) fn serve(wire: &[u8]) -> Vec<Seen> {
    let seen = Rc::new(RefCell::new(vec![]));
    let service = service_fn(|request| answer(request, seen.clone()));
    let mut builder = Builder::new();
    builder
        .half_close(true)
        .header_read_timeout(None)
        .max_headers(FIELDS_MAX);
    let mut connection = pin!(builder.serve_connection(Wire { rest: wire }, service));
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(woken.clone());
    loop {
        let polled = connection.as_mut().poll(&mut Context::from_waker(&waker));
        // The bytes are always there: who waits without being woken waits for ever.
        if polled.is_ready() || !woken.0.swap(false, Ordering::Relaxed) {
            return seen.take();
        }
    }
}

/// Not a success, so that CONNECT makes no tunnel of the connection.
async fn answer(
    request: Request<Incoming>,
    seen: Rc<RefCell<Vec<Seen>>>,
) -> Result<Response<String>, Infallible> {
    let (head, mut incoming) = request.into_parts();
    let (mut body, mut trailers) = (vec![], HeaderMap::new());
    while let Some(frame) = poll_fn(|context| Pin::new(&mut incoming).poll_frame(context)).await {
        let Ok(frame) = frame else {
            return Ok(refusal());
        };
        match frame.into_data() {
            Ok(bytes) => body.extend_from_slice(&bytes),
            Err(other) => trailers = other.into_trailers().unwrap_or_default(),
        }
    }
    seen.borrow_mut().push(Seen {
        method: head.method,
        uri: head.uri,
        version: head.version,
        headers: head.headers,
        body,
        trailers,
    });
    Ok(refusal())
}

fn refusal() -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

impl Read for Wire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let count = buffer.remaining().min(self.rest.len());
        buffer.put_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
