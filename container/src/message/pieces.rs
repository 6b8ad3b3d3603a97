//! Bodies that come piece by piece: from where, and what is done about their pauses and their end.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;

use super::body::{BodyLength, Frame};
use super::body_error::BodyError;
use super::channel::{self, Receiver};
use super::writer::{BodyWriter, WRITTEN_BUFFER, Writing};

/// A body that comes piece by piece.
pub(super) struct Pieces {
    source: Source,
    /// Whether the container's drain ends it.
    ends_with_drain: bool,
    /// What is sent in pauses.
    filler: Option<Filler>,
    /// Trailers that nobody has asked for yet.
    trailers: Option<HeaderMap>,
}

/// Where pieces come from.
pub(super) enum Source {
    /// Through a bounded channel, with back-pressure.
    Channel(Receiver),
    /// Pulled from a stream when there is room to write; and the announced length.
    Stream(
        Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>,
        BodyLength,
    ),
    /// From a function that waits for a thread to be run on.
    Written(WriteFunction),
    /// From nowhere: it has been ended.
    Ended,
}

pub(super) type WriteFunction = Box<dyn FnOnce(&mut BodyWriter) -> io::Result<()> + Send>;

/// What is sent in the pauses of a body.
#[derive(Debug, Clone)]
pub(crate) struct Filler {
    /// How long a pause is.
    pub(crate) interval: Duration,
    /// What is sent then.
    pub(crate) bytes: Bytes,
}

impl Source {
    pub(super) fn stream<S, B, E>(source: S, length: BodyLength) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let source = Mapped {
            source: Box::pin(source),
        };
        Source::Stream(Box::pin(source), length)
    }
}

impl Pieces {
    pub(super) fn new(source: Source) -> Self {
        Pieces {
            source,
            ends_with_drain: false,
            filler: None,
            trailers: None,
        }
    }

    pub(super) fn length(&self) -> BodyLength {
        match &self.source {
            Source::Channel(receiver) => receiver.length(),
            Source::Stream(_, length) => *length,
            Source::Written(_) | Source::Ended => BodyLength::Unknown,
        }
    }

    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, BodyError>>> {
        match &mut self.source {
            Source::Channel(receiver) => receiver.poll_frame(context),
            Source::Stream(source, _) => poll_stream(source.as_mut(), context),
            Source::Written(_) => {
                self.source = Source::Ended;
                let detail = "a written body is the answer of a `blocking` handler only";
                Poll::Ready(Some(Err(BodyError::source(detail))))
            }
            Source::Ended => Poll::Ready(None),
        }
    }

    pub(super) fn put_aside(&mut self, trailers: HeaderMap) {
        self.trailers = Some(trailers);
    }

    pub(super) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    pub(super) fn ends_with_drain(&mut self) {
        self.ends_with_drain = self.length() == BodyLength::Unknown;
    }

    /// The container drains.
    pub(super) fn drain(&mut self) {
        match &mut self.source {
            _ if !self.ends_with_drain => {}
            Source::Channel(receiver) => receiver.close(),
            source => *source = Source::Ended,
        }
    }

    pub(super) fn fill_pauses(&mut self, filler: Filler) {
        if self.length() == BodyLength::Unknown {
            self.filler = Some(filler);
        }
    }

    pub(super) fn filler(&self) -> Option<&Filler> {
        self.filler.as_ref()
    }

    /// Turns a function into a channel and what feeds it.
    pub(super) fn begin_writing(&mut self) -> Option<Writing> {
        let (sender, receiver) = match &self.source {
            Source::Written(_) => channel::channel(WRITTEN_BUFFER, BodyLength::Unknown),
            _ => return None,
        };
        let source = std::mem::replace(&mut self.source, Source::Channel(receiver));
        match source {
            Source::Written(write) => Some(Writing::new(sender, write)),
            _ => None,
        }
    }
}

/// Turns a stream's items and errors into the body's own.
struct Mapped<S> {
    source: Pin<Box<S>>,
}

impl<S, B, E> Stream for Mapped<S>
where
    S: Stream<Item = Result<B, E>>,
    B: Into<Bytes>,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.source.as_mut().poll_next(context);
        item.map(|item| item.map(|item| item.map(Into::into).map_err(BodyError::source)))
    }
}

/// Empty items of a stream are passed over this often before it has to wait for its next turn.
const EMPTY_ITEMS_MAX: usize = 16;

fn poll_stream(
    mut source: Pin<&mut (dyn Stream<Item = Result<Bytes, BodyError>> + Send)>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Frame, BodyError>>> {
    for _ in 0..EMPTY_ITEMS_MAX {
        match source.as_mut().poll_next(context) {
            Poll::Ready(Some(Ok(bytes))) if bytes.is_empty() => {}
            other => return other.map(|item| item.map(|item| item.map(Frame::Data))),
        }
    }
    context.waker().wake_by_ref();
    Poll::Pending
}
