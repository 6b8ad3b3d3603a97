//! The bounded channel behind a body that is fed from elsewhere.
//!
//! Counts bytes, not pieces: the sender waits while the receiver has `capacity` bytes unread, so a
//! slow reader slows its sender down to the socket. Both ends are `Send`.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::{fmt, io};

use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;

use super::body::{BodyLength, Frame};
use super::body_error::BodyError;
use super::writer::BodyWriter;

/// The feeding end of [`Body::channel`](super::Body::channel). Dropped before
/// [`finish`](Self::finish), it makes the body end with an error.
pub struct BodySender {
    shared: Arc<Mutex<Shared>>,
}

/// The receiver has gone: nobody will read what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendError;

pub(super) struct Receiver {
    shared: Arc<Mutex<Shared>>,
}

/// What a piece counts besides its bytes: its place in the queue and what keeps its bytes alive.
/// Without it, a body in pieces of one byte would hold many times its capacity.
const PIECE_COST: usize = 64;

struct Shared {
    /// What was sent and not read.
    frames: VecDeque<Frame>,
    /// The cost of what is in `frames`: bytes, and [`PIECE_COST`] for each piece.
    queued: usize,
    /// The cost beyond which the sender has to wait.
    capacity: usize,
    /// How many bytes are still to be read, when that is known.
    length: BodyLength,
    /// How the body ended, once it has.
    end: Option<Result<(), BodyError>>,
    /// Where the receiver stands.
    demand: Demand,
    /// Woken when there is something to read.
    receiver: Option<Waker>,
    /// Woken when there is room, when reading begins, or when the receiver has gone.
    sender: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// Nobody has asked for the body yet (a client that waits for `100 Continue` waits on).
    Untouched,
    /// It has been asked for.
    Wanted,
    /// The receiver was dropped.
    Gone,
}

pub(super) fn channel(capacity: usize, length: BodyLength) -> (BodySender, Receiver) {
    let shared = Arc::new(Mutex::new(Shared {
        frames: VecDeque::new(),
        queued: 0,
        capacity,
        length,
        end: None,
        demand: Demand::Untouched,
        receiver: None,
        sender: None,
    }));
    (
        BodySender {
            shared: shared.clone(),
        },
        Receiver { shared },
    )
}

impl BodySender {
    /// Ready when there is room for more.
    ///
    /// # Errors
    /// When the receiver has gone.
    pub fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut shared = lock(&self.shared);
        if shared.demand == Demand::Gone {
            return Poll::Ready(Err(SendError));
        }
        if shared.queued < shared.capacity {
            return Poll::Ready(Ok(()));
        }
        shared.sender = Some(context.waker().clone());
        Poll::Pending
    }

    /// Ready when the reader has asked for the body for the first time.
    ///
    /// # Errors
    /// When the receiver has gone.
    pub fn poll_wanted(&self, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut shared = lock(&self.shared);
        match shared.demand {
            Demand::Wanted => Poll::Ready(Ok(())),
            Demand::Gone => Poll::Ready(Err(SendError)),
            Demand::Untouched => {
                shared.sender = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Waits for room and sends.
    ///
    /// # Errors
    /// When the receiver has gone.
    pub async fn send(&mut self, bytes: impl Into<Bytes>) -> Result<(), SendError> {
        poll_fn(|context| self.poll_ready(context)).await?;
        self.send_now(bytes.into());
        Ok(())
    }

    /// Sends without waiting; for drivers that have asked [`poll_ready`](Self::poll_ready), since
    /// what is sent is queued whether there is room or not.
    pub fn send_now(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        let mut shared = lock(&self.shared);
        if shared.demand != Demand::Gone {
            shared.queued += bytes.len() + PIECE_COST;
            shared.frames.push_back(Frame::Data(bytes));
            wake(shared, |shared| &mut shared.receiver);
        }
    }

    /// Sends all that a stream gives, which need not be `Send`.
    ///
    /// # Errors
    /// The stream's own, and that the receiver has gone.
    pub async fn send_all<S, B, E>(&mut self, source: S) -> Result<(), BodyError>
    where
        S: Stream<Item = Result<B, E>>,
        B: Into<Bytes>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let mut source = pin!(source);
        while let Some(item) = poll_fn(|context| source.as_mut().poll_next(context)).await {
            self.send(item.map_err(BodyError::source)?).await?;
        }
        Ok(())
    }

    /// This end for plain functions, which write to it as [`std::io::Write`].
    pub fn into_writer(self) -> BodyWriter {
        BodyWriter::new(self)
    }

    /// Whether the receiver has gone: nobody wants more.
    pub fn is_closed(&self) -> bool {
        lock(&self.shared).demand == Demand::Gone
    }

    /// Waits until the receiver has gone, within the task that sends: one task at a time is woken.
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + 'static {
        let shared = self.shared.clone();
        poll_fn(move |context| {
            let mut shared = lock(&shared);
            if shared.demand == Demand::Gone {
                return Poll::Ready(());
            }
            shared.sender = Some(context.waker().clone());
            Poll::Pending
        })
    }

    /// Ends the body as it should end.
    pub fn finish(self) {
        self.end(Ok(()));
    }

    /// Ends the body with trailer fields (RFC 9110, section 6.5).
    pub fn finish_with(self, trailers: HeaderMap) {
        if !trailers.is_empty() {
            lock(&self.shared)
                .frames
                .push_back(Frame::Trailers(trailers));
        }
        self.end(Ok(()));
    }

    /// Ends the body with an error.
    pub fn abort(self, error: BodyError) {
        self.end(Err(error));
    }

    fn end(&self, end: Result<(), BodyError>) {
        let mut shared = lock(&self.shared);
        if shared.end.is_none() {
            shared.end = Some(end);
            wake(shared, |shared| &mut shared.receiver);
        }
    }
}

impl Drop for BodySender {
    fn drop(&mut self) {
        self.end(Err(BodyError::aborted()));
    }
}

impl Receiver {
    pub(super) fn length(&self) -> BodyLength {
        lock(&self.shared).length
    }

    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, BodyError>>> {
        let mut shared = lock(&self.shared);
        let first_touch = shared.demand == Demand::Untouched;
        if first_touch {
            shared.demand = Demand::Wanted;
        }
        if let Some(frame) = shared.frames.pop_front() {
            shared.took(&frame);
            wake(shared, |shared| &mut shared.sender);
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut shared.end {
            // The error is told once; after it the body is simply over.
            Some(end) => Poll::Ready(std::mem::replace(end, Ok(())).err().map(Err)),
            None => {
                shared.receiver = Some(context.waker().clone());
                if first_touch {
                    wake(shared, |shared| &mut shared.sender);
                }
                Poll::Pending
            }
        }
    }
}

impl Receiver {
    /// Ends the body as it should end, behind what has been sent. The sender learns that nobody
    /// wants more.
    pub(super) fn close(&mut self) {
        let mut shared = lock(&self.shared);
        shared.end.get_or_insert(Ok(()));
        shared.demand = Demand::Gone;
        wake(shared, |shared| &mut shared.sender);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        shared.demand = Demand::Gone;
        let unread = std::mem::take(&mut shared.frames);
        wake(shared, |shared| &mut shared.sender);
        drop(unread);
    }
}

impl Shared {
    fn took(&mut self, frame: &Frame) {
        if let Frame::Data(bytes) = frame {
            self.queued -= bytes.len() + PIECE_COST;
            if let BodyLength::Known(length) = &mut self.length {
                *length = length.saturating_sub(bytes.len() as u64);
            }
        }
    }
}

/// Wakes after unlocking: a waker may run code that takes the lock again.
fn wake(mut shared: MutexGuard<'_, Shared>, which: fn(&mut Shared) -> &mut Option<Waker>) {
    let waker = which(&mut shared).take();
    drop(shared);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// A poisoned lock is taken all the same: nothing in this file can leave the state half changed.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl fmt::Display for SendError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the reader of the body has gone")
    }
}

impl fmt::Debug for BodySender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BodySender").finish_non_exhaustive()
    }
}

impl StdError for SendError {}

impl From<SendError> for io::Error {
    fn from(error: SendError) -> Self {
        io::Error::new(io::ErrorKind::BrokenPipe, error)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Body;
    use super::*;

    fn poll<T>(work: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        work(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_sender_waits_for_the_reader() {
        let (mut sender, mut body) = Body::channel(4);
        sender.send_now(Bytes::from_static(b"12345"));
        assert!(poll(|context| sender.poll_ready(context)).is_pending());
        assert!(poll(|context| body.poll_frame(context)).is_ready());
        assert!(poll(|context| sender.poll_ready(context)).is_ready());
    }

    #[test]
    fn a_dropped_sender_is_an_error_and_a_dropped_reader_too() {
        let (sender, mut body) = Body::channel(4);
        drop(sender);
        let Poll::Ready(Some(Err(error))) = poll(|context| body.poll_frame(context)) else {
            panic!("expected an error");
        };
        assert!(error.is_aborted());
        let (sender, body) = Body::channel(4);
        drop(body);
        assert_eq!(
            poll(|context| sender.poll_ready(context)),
            Poll::Ready(Err(SendError))
        );
    }

    #[test]
    fn wanted_only_once_somebody_reads() {
        let (sender, mut body) = Body::channel(4);
        assert!(poll(|context| sender.poll_wanted(context)).is_pending());
        assert!(poll(|context| body.poll_frame(context)).is_pending());
        assert!(poll(|context| sender.poll_wanted(context)).is_ready());
    }
}
