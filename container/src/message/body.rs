//! `Body`: the bytes of a message, whole or arriving, always bounded.
//!
//! Knows nothing of framing: how a body is cut on the wire is `http1`'s business.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::HeaderMap;

use super::channel::{self, BodySender, Receiver};

/// A request's or a response's body.
pub struct Body {
    kind: Kind,
}

enum Kind {
    /// Nothing, or nothing any more.
    Empty,
    /// All of it is here.
    Full(Bytes),
    /// It comes through a bounded channel, with back-pressure.
    Channel(Receiver),
    /// It is pulled from a stream when there is room to write.
    Stream(Box<Streamed>),
}

struct Streamed {
    source: Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>,
    /// The announced length, when it is known beforehand.
    length: Option<u64>,
}

/// A piece of a body.
#[derive(Debug)]
pub enum Frame {
    /// Some bytes, never none.
    Data(Bytes),
    /// The trailer fields (RFC 9110, section 6.5); nothing comes after them.
    Trailers(HeaderMap),
}

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// This many bytes.
    Known(u64),
    /// Only its end will tell.
    Unknown,
}

/// Why a body could not be read to its end.
#[derive(Debug)]
pub struct BodyError {
    kind: BodyErrorKind,
}

#[derive(Debug)]
enum BodyErrorKind {
    /// It is longer than the reader allows.
    TooLarge,
    /// The sender went away, or gave up, before the end.
    Aborted,
    /// The sender was too slow.
    TimedOut,
    /// What produces the body failed.
    Source(Box<dyn StdError + Send + Sync>),
}

impl Body {
    /// No body.
    pub const fn empty() -> Self {
        Body { kind: Kind::Empty }
    }

    /// A body that is produced while it is sent, of unknown length.
    pub fn stream<S, B, E>(source: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self::streamed(source, None)
    }

    /// The same of known length: it is announced, and a source that gives less or more breaks the
    /// connection rather than the framing.
    pub fn sized_stream<S, B, E>(length: u64, source: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self::streamed(source, Some(length))
    }

    fn streamed<S, B, E>(source: S, length: Option<u64>) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let source = Box::pin(Mapped {
            source: Box::pin(source),
        });
        Body {
            kind: Kind::Stream(Box::new(Streamed { source, length })),
        }
    }

    /// A body fed from elsewhere through a channel that holds at most `capacity` bytes (but always
    /// one piece).
    pub fn channel(capacity: usize) -> (BodySender, Body) {
        let (sender, receiver) = channel::channel(capacity, BodyLength::Unknown);
        (
            sender,
            Body {
                kind: Kind::Channel(receiver),
            },
        )
    }

    /// The same of known length.
    pub fn sized_channel(capacity: usize, length: u64) -> (BodySender, Body) {
        let (sender, receiver) = channel::channel(capacity, BodyLength::Known(length));
        (
            sender,
            Body {
                kind: Kind::Channel(receiver),
            },
        )
    }

    /// How long it is, as far as that is known.
    pub fn length(&self) -> BodyLength {
        match &self.kind {
            Kind::Empty => BodyLength::Known(0),
            Kind::Full(bytes) => BodyLength::Known(bytes.len() as u64),
            Kind::Channel(receiver) => receiver.length(),
            Kind::Stream(stream) => stream.length.map_or(BodyLength::Unknown, BodyLength::Known),
        }
    }

    /// Whether all of it is here; then [`into_full`](Self::into_full) has it.
    pub fn is_full(&self) -> bool {
        matches!(self.kind, Kind::Empty | Kind::Full(_))
    }

    /// All of it, where all of it is here; otherwise the body back.
    ///
    /// # Errors
    /// The body itself when it is still arriving.
    pub fn into_full(self) -> Result<Bytes, Body> {
        match self.kind {
            Kind::Empty => Ok(Bytes::new()),
            Kind::Full(bytes) => Ok(bytes),
            kind => Err(Body { kind }),
        }
    }

    /// The next piece, for drivers; handlers call [`chunk`](Self::chunk).
    pub fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, BodyError>>> {
        match &mut self.kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.kind = Kind::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::Data(bytes))))
            }
            Kind::Channel(receiver) => receiver.poll_frame(context),
            Kind::Stream(stream) => poll_stream(stream.source.as_mut(), context),
        }
    }

    /// The next bytes; `None` at the end. Trailers are passed over.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            match self.frame().await? {
                Ok(Frame::Data(bytes)) => return Some(Ok(bytes)),
                Ok(Frame::Trailers(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The next piece: bytes, or the trailers at the end.
    pub async fn frame(&mut self) -> Option<Result<Frame, BodyError>> {
        poll_fn(|context| self.poll_frame(context)).await
    }

    /// All of it, if it is at most `limit` bytes.
    ///
    /// # Errors
    /// [`BodyError::is_too_large`] beyond the limit, and whatever ended the body early.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, BodyError> {
        let too_large = |length: u64| length > limit as u64;
        if matches!(self.length(), BodyLength::Known(length) if too_large(length)) {
            return Err(BodyError::too_large());
        }
        let Some(first) = self.chunk().await.transpose()? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.chunk().await.transpose()? else {
            return if too_large(first.len() as u64) {
                Err(BodyError::too_large())
            } else {
                Ok(first)
            };
        };
        let mut all = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(bytes) = next {
            if too_large((all.len() + bytes.len()) as u64) {
                return Err(BodyError::too_large());
            }
            all.extend_from_slice(&bytes);
            next = self.chunk().await.transpose()?;
        }
        Ok(all.freeze())
    }
}

impl BodyError {
    /// The body is longer than its reader allows.
    pub fn too_large() -> Self {
        BodyError {
            kind: BodyErrorKind::TooLarge,
        }
    }

    /// The sender went away before the end.
    pub fn aborted() -> Self {
        BodyError {
            kind: BodyErrorKind::Aborted,
        }
    }

    /// The sender was too slow.
    pub fn timed_out() -> Self {
        BodyError {
            kind: BodyErrorKind::TimedOut,
        }
    }

    /// What produces the body failed.
    pub fn source(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        BodyError {
            kind: BodyErrorKind::Source(error.into()),
        }
    }

    /// Whether the body is longer than its reader allows.
    pub fn is_too_large(&self) -> bool {
        matches!(self.kind, BodyErrorKind::TooLarge)
    }

    /// Whether the sender went away before the end.
    pub fn is_aborted(&self) -> bool {
        matches!(self.kind, BodyErrorKind::Aborted)
    }

    /// Whether the sender was too slow.
    pub fn is_timed_out(&self) -> bool {
        matches!(self.kind, BodyErrorKind::TimedOut)
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.kind {
            BodyErrorKind::TooLarge => "the body is longer than allowed",
            BodyErrorKind::Aborted => "the sender went away before the end of the body",
            BodyErrorKind::TimedOut => "the sender of the body was too slow",
            BodyErrorKind::Source(_) => "the source of the body failed",
        })
    }
}

impl StdError for BodyError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            BodyErrorKind::Source(error) => Some(&**error),
            _ => None,
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Body {
            kind: if bytes.is_empty() {
                Kind::Empty
            } else {
                Kind::Full(bytes)
            },
        }
    }
}

macro_rules! body_from {
    ($($from:ty => $convert:expr),+ $(,)?) => {
        $(impl From<$from> for Body {
            fn from(value: $from) -> Self {
                let convert: fn($from) -> Bytes = $convert;
                convert(value).into()
            }
        })+
    };
}

body_from! {
    &'static str => |text| Bytes::from_static(text.as_bytes()),
    &'static [u8] => Bytes::from_static,
    String => Bytes::from,
    Vec<u8> => Bytes::from,
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Empty => formatter.write_str("Body(empty)"),
            Kind::Full(bytes) => write!(formatter, "Body({} bytes)", bytes.len()),
            Kind::Channel(_) | Kind::Stream(_) => write!(formatter, "Body({:?})", self.length()),
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
