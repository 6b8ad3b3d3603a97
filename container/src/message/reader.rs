//! `BodyReader`: a body for plain functions, as [`std::io::Read`].

use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes};
use http::HeaderMap;

use super::body::Body;
use super::waiting::wait;

/// A body as [`Read`] and [`BufRead`], for `blocking` handlers: reading waits until something has
/// come.
///
/// As an argument of a `blocking` handler it is the live body: the handler starts with the head,
/// and what it does not read stays with the client once 64 KiB wait. Take it where the body is too
/// large to be held, for while a slow client sends, its handler holds a thread. In other handlers
/// the body is whole, and reading never waits.
///
/// ```
/// use container::message::BodyReader;
/// use container::{Router, blocking};
/// use std::io::{self, BufRead};
///
/// fn count_lines(body: BodyReader) -> Result<String, container::message::BodyError> {
///     let lines: io::Result<Vec<String>> = body.lines().collect();
///     Ok(lines?.len().to_string())
/// }
/// let router = Router::new().post("/lines", blocking(count_lines).body_limit(1 << 30));
/// ```
///
/// Errors have the kinds that [`BodyError`](super::BodyError) lists, and stay: after one, each
/// further read fails alike, so that half a body never passes for all of it. The body breaks off
/// when its client goes, when the time for it is over, and when the request is answered, by the
/// handler's deadline for instance.
#[derive(Debug)]
pub struct BodyReader {
    /// Where the pieces come from.
    body: Body,
    /// What is left of the last piece.
    piece: Bytes,
    /// How the body broke off, once it has.
    broken: Option<io::ErrorKind>,
}

impl BodyReader {
    pub(super) fn new(body: Body) -> Self {
        BodyReader {
            body,
            piece: Bytes::new(),
            broken: None,
        }
    }

    /// The trailer fields (RFC 9110, section 6.5); there are none before the end was read.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.body.trailers()
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let piece = self.fill_buf()?;
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for BodyReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece.is_empty() {
            if let Some(kind) = self.broken {
                return Err(kind.into());
            }
            match wait(|context| self.body.poll_chunk(context))? {
                None => {}
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => {
                    self.broken = Some(error.io_kind());
                    return Err(error.into());
                }
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, count: usize) {
        self.piece.advance(count.min(self.piece.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::BodyError;
    use super::*;

    #[test]
    fn reads_across_pieces_then_the_trailers() {
        let (mut sender, body) = Body::channel(1000);
        for piece in ["one\ntw", "o\n", "three"] {
            sender.send_now(piece.into());
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-count", 3.into());
        sender.finish_with(trailers);
        let mut reader = body.into_reader();
        assert!(reader.trailers().is_none());
        let lines: Vec<String> = reader.by_ref().lines().map(Result::unwrap).collect();
        assert_eq!(lines, ["one", "two", "three"]);
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0, "the end stays");
        assert_eq!(reader.trailers().unwrap()["x-count"], "3");
    }

    #[test]
    fn an_error_stays() {
        let (mut sender, body) = Body::channel(1000);
        sender.send_now("half".into());
        sender.abort(BodyError::timed_out());
        let mut reader = body.into_reader();
        let mut all = Vec::new();
        let error = reader.read_to_end(&mut all).unwrap_err();
        assert!(error.downcast::<BodyError>().unwrap().is_timed_out());
        assert_eq!(all, b"half");
        let again = reader.read(&mut [0; 8]).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::TimedOut);
    }
}
