//! `BodyWriter`: how plain functions write a body, as [`std::io::Write`].

use std::io::{self, Write};

use bytes::Bytes;
use http::HeaderMap;

use super::body_error::BodyError;
use super::channel::BodySender;
use super::pieces::WriteFunction;
use super::waiting::wait;

/// Bytes in one piece of a written body: pieces of this size are sent from where they lie, and one
/// is made while another waits to be sent.
pub(super) const PIECE: usize = 16 << 10;

/// Bytes of a body written by a function that wait to be sent: one piece, while the next is made.
pub(super) const WRITTEN_BUFFER: usize = PIECE;

/// Writes a body while it is sent: the other end is a [`Body`](super::Body).
///
/// What is written is collected into pieces of 16 KiB; `flush` sends what there is. Writing waits
/// while the client does not take what is there, and fails with [`io::ErrorKind::BrokenPipe`] once
/// nobody wants the rest: the client has gone, or asked for the head only.
///
/// Whoever has one of its own, from [`BodySender::into_writer`], ends the body with
/// [`finish`](Self::finish). Dropped before that, for instance by a panic, it breaks the answer, so
/// that a client never takes half of it for the whole.
#[derive(Debug)]
pub struct BodyWriter {
    /// Where the pieces go.
    sender: BodySender,
    /// The piece that is being made; no storage before there is something in it.
    piece: Vec<u8>,
    /// What is sent after the end.
    trailers: HeaderMap,
}

impl BodyWriter {
    pub(super) fn new(sender: BodySender) -> Self {
        BodyWriter {
            sender,
            piece: Vec::new(),
            trailers: HeaderMap::new(),
        }
    }

    /// Sends these bytes as a piece of their own, after what was written before.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] when nobody wants them any more.
    pub fn send(&mut self, bytes: impl Into<Bytes>) -> io::Result<()> {
        self.flush()?;
        self.send_piece(bytes.into())
    }

    /// Whether nobody wants the rest any more: to be asked in the middle of a long computation.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// The trailer fields (RFC 9110, section 6.5) that are sent after the end, where the client
    /// can get them.
    pub fn set_trailers(&mut self, trailers: HeaderMap) {
        self.trailers = trailers;
    }

    /// Sends what is left and ends the body as it should end.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] when nobody wants it any more.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.sender.finish_with(self.trailers);
        Ok(())
    }

    /// Ends the body with an error: the answer breaks.
    pub fn abort(self, error: BodyError) {
        self.sender.abort(error);
    }

    fn send_piece(&mut self, piece: Bytes) -> io::Result<()> {
        wait(|context| self.sender.poll_ready(context))??;
        self.sender.send_now(piece);
        Ok(())
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.reserve_exact(PIECE - self.piece.len());
        let count = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..count]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = if self.piece.len() == PIECE {
            std::mem::take(&mut self.piece).into()
        } else {
            // Small pieces must not hold the storage of large ones while they wait.
            let piece = Bytes::copy_from_slice(&self.piece);
            self.piece.clear();
            piece
        };
        self.send_piece(piece)
    }
}

/// A function that is to write a body, and where to.
pub(crate) struct Writing {
    sender: BodySender,
    write: WriteFunction,
}

impl Writing {
    pub(super) fn new(sender: BodySender, write: WriteFunction) -> Self {
        Writing { sender, write }
    }

    /// Runs the function on this thread, once somebody wants the body. A panic breaks the body.
    pub(crate) fn run(self) {
        let wanted = wait(|context| self.sender.poll_wanted(context));
        let Ok(Ok(())) = wanted else { return };
        let mut writer = BodyWriter::new(self.sender);
        match (self.write)(&mut writer) {
            // Who has gone does not miss the end.
            Ok(()) => drop(writer.finish()),
            Err(error) => writer.abort(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Body, BodyLength};
    use super::*;

    #[test]
    fn what_is_written_arrives_in_pieces() {
        let (sender, body) = Body::channel(1 << 20);
        let mut writer = sender.into_writer();
        assert_eq!(body.length(), BodyLength::Unknown);
        writer.write_all(&[b'a'; 20_000]).unwrap();
        writer.send("b").unwrap();
        writer.write_all(b"c").unwrap();
        writer.finish().unwrap();
        let mut sizes = vec![];
        let mut body = body;
        while let Some(piece) = wait(|context| body.poll_chunk(context)).unwrap() {
            sizes.push(piece.unwrap().len());
        }
        assert_eq!(sizes, [PIECE, 20_000 - PIECE, 1, 1]);
    }

    #[test]
    fn a_reader_that_has_gone_is_a_broken_pipe() {
        let (sender, body) = Body::channel(1 << 20);
        let mut writer = sender.into_writer();
        writer.write_all(b"a").unwrap();
        drop(body);
        assert!(writer.is_closed());
        assert_eq!(
            writer.flush().unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }

    #[test]
    fn a_writer_that_is_dropped_is_an_error_and_not_an_end() {
        let (sender, body) = Body::channel(1 << 20);
        let mut writer = sender.into_writer();
        writer.write_all(b"a").unwrap();
        writer.flush().unwrap();
        drop(writer);
        let mut all = vec![];
        let error = io::copy(&mut body.into_reader(), &mut all).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(all, b"a");
    }
}
