//! `Body`: the bytes of a message, whole or piece by piece, always bounded.
//!
//! Knows nothing of framing: how a body is cut on the wire is `http1`'s business.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{fmt, io};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::HeaderMap;

use super::body_error::BodyError;
use super::channel::{self, BodySender};
use super::pieces::{Filler, Pieces, Source};
use super::reader::BodyReader;
use super::writer::{BodyWriter, Writing};

/// A request's or a response's body.
///
/// An answer's body that is not here as a whole is made while it is sent, no faster than its client
/// takes it:
///
/// | made by | with |
/// |---|---|
/// | a `Stream` | [`Body::stream`], [`Body::sized_stream`] |
/// | another task or thread | [`Body::channel`], [`Body::sized_channel`] |
/// | a `blocking` handler | [`Body::written_by`] |
/// | an async function, which need not be `Send` | [`local_body`](crate::scheduler::local_body) |
///
/// A source that fails, or panics, breaks the connection: a client never takes half of an answer
/// for the whole.
pub struct Body {
    kind: Kind,
}

enum Kind {
    /// Nothing, or nothing any more.
    Empty,
    /// All of it is here.
    Full(Bytes),
    /// It comes piece by piece.
    Pieces(Box<Pieces>),
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

impl Body {
    /// No body.
    pub const fn empty() -> Self {
        Body { kind: Kind::Empty }
    }

    /// A body that is produced while it is sent, of unknown length.
    ///
    /// The stream has to be `Send`, since a body may cross threads: the answer of a `blocking`
    /// handler does. One that is not, because it holds an `Rc` for instance, is sent by
    /// [`local_body`](crate::scheduler::local_body) and [`BodySender::send_all`].
    pub fn stream<S, B, E>(source: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self::from_source(Source::stream(source, BodyLength::Unknown))
    }

    /// The same of known length: it is announced, and a source that gives less or more breaks the
    /// connection rather than the framing.
    pub fn sized_stream<S, B, E>(length: u64, source: S) -> Self
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Into<Bytes>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self::from_source(Source::stream(source, BodyLength::Known(length)))
    }

    /// A body fed from elsewhere through a channel that holds at most `capacity` bytes (but always
    /// one piece).
    pub fn channel(capacity: usize) -> (BodySender, Body) {
        let (sender, receiver) = channel::channel(capacity, BodyLength::Unknown);
        (sender, Self::from_source(Source::Channel(receiver)))
    }

    /// The same of known length.
    pub fn sized_channel(capacity: usize, length: u64) -> (BodySender, Body) {
        let (sender, receiver) = channel::channel(capacity, BodyLength::Known(length));
        (sender, Self::from_source(Source::Channel(receiver)))
    }

    /// The answer of a `blocking` handler that is written while it is sent.
    ///
    /// The handler returns the head; then `write` runs on the handler's thread, under its permit,
    /// and waits where the client is slow. `Ok` ends the answer; an error or a panic breaks it. It
    /// does not run where nobody wants the body (HEAD).
    ///
    /// ```
    /// use container::{Body, Response, Router, blocking};
    /// use std::io::Write;
    ///
    /// fn export() -> Response {
    ///     let body = Body::written_by(|out| {
    ///         for row in 0..1_000_000 {
    ///             writeln!(out, "{row};{}", row * row)?;
    ///         }
    ///         Ok(())
    ///     });
    ///     Response::ok("text/csv", body)
    /// }
    /// let router = Router::new().get("/export", blocking(export).concurrency(4));
    /// ```
    ///
    /// A slow client holds the thread, so the route's `concurrency` should leave some for others.
    /// In long computations, [`BodyWriter::is_closed`] says whether the client has gone.
    /// The route's deadline bounds the time to the head; from then on the client's going and
    /// `timeouts.write_stall` bound the writing.
    ///
    /// Only a `blocking` handler has a thread to write on: as the answer of another it breaks. There,
    /// [`BodySender::into_writer`] goes to a thread of the application's choice.
    pub fn written_by(
        write: impl FnOnce(&mut BodyWriter) -> io::Result<()> + Send + 'static,
    ) -> Self {
        Self::from_source(Source::Written(Box::new(write)))
    }

    fn from_source(source: Source) -> Self {
        Body {
            kind: Kind::Pieces(Box::new(Pieces::new(source))),
        }
    }

    /// The same as an answer that has no end of its own, such as a feed: when the container drains
    /// it ends, cleanly and between two pieces, instead of being waited for. What was sent to a
    /// channel before is still delivered; sending more fails, and a stream is dropped.
    ///
    /// A body of known length is left to its own end.
    pub fn until_drain(mut self) -> Self {
        if let Kind::Pieces(pieces) = &mut self.kind {
            pieces.ends_with_drain();
        }
        self
    }

    /// The same as an answer in whose pauses `filler` is sent, each time that nothing has come for
    /// `interval`: proxies cut connections on which nothing happens, and a client that has gone is
    /// noticed when something is sent to it. The filler comes between two pieces, and has to mean
    /// nothing there.
    ///
    /// A body of known length has no pauses.
    ///
    /// # Panics
    /// When `interval` is zero: there would be nothing but filler.
    pub fn fill_pauses(mut self, interval: Duration, filler: impl Into<Bytes>) -> Self {
        assert!(!interval.is_zero(), "a pause takes time");
        if let Kind::Pieces(pieces) = &mut self.kind {
            pieces.fill_pauses(Filler {
                interval,
                bytes: filler.into(),
            });
        }
        self
    }

    /// How long it is, as far as that is known.
    pub fn length(&self) -> BodyLength {
        match &self.kind {
            Kind::Empty => BodyLength::Known(0),
            Kind::Full(bytes) => BodyLength::Known(bytes.len() as u64),
            Kind::Pieces(pieces) => pieces.length(),
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
            Kind::Pieces(pieces) => pieces.poll_frame(context),
        }
    }

    /// The next bytes; trailers are put aside.
    pub(super) fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match ready!(self.poll_frame(context)) {
                Some(Ok(Frame::Data(bytes))) => return Poll::Ready(Some(Ok(bytes))),
                Some(Ok(Frame::Trailers(trailers))) => {
                    if let Kind::Pieces(pieces) = &mut self.kind {
                        pieces.put_aside(trailers);
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }

    /// The next bytes; `None` at the end, from when on there may be [`trailers`](Self::trailers).
    pub async fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    /// The trailer fields (RFC 9110, section 6.5) that came behind the last
    /// [`chunk`](Self::chunk); those that [`frame`](Self::frame) gave are not here.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        match &self.kind {
            Kind::Pieces(pieces) => pieces.trailers(),
            Kind::Empty | Kind::Full(_) => None,
        }
    }

    /// This body for plain functions, which read it as [`std::io::Read`].
    pub fn into_reader(self) -> BodyReader {
        BodyReader::new(self)
    }

    /// What is to be run, on a thread that may wait, for this body to be written; from then on it
    /// is fed by that.
    pub(crate) fn begin_writing(&mut self) -> Option<Writing> {
        match &mut self.kind {
            Kind::Pieces(pieces) => pieces.begin_writing(),
            Kind::Empty | Kind::Full(_) => None,
        }
    }

    /// The container drains: what has no end of its own ends now.
    pub(crate) fn drain(&mut self) {
        if let Kind::Pieces(pieces) = &mut self.kind {
            pieces.drain();
        }
    }

    /// What is sent in pauses.
    pub(crate) fn filler(&self) -> Option<&Filler> {
        match &self.kind {
            Kind::Pieces(pieces) => pieces.filler(),
            Kind::Empty | Kind::Full(_) => None,
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
            Kind::Pieces(pieces) => write!(formatter, "Body({:?})", pieces.length()),
        }
    }
}
