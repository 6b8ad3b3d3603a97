//! What a connection driver needs of a byte stream, be it a socket or two buffers in memory.
//! Must not say anything about what the bytes mean.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::task::{Context, Poll};

use super::Address;

/// A non-blocking byte stream with readiness.
///
/// The `try_` calls do what can be done now and answer [`io::ErrorKind::WouldBlock`] when that
/// is nothing, without a system call if readiness already says so. After `WouldBlock`, a
/// `poll_` call registers the task to be woken.
pub trait Transport: 'static {
    /// Reads into `buffer`; 0 is the end of the peer's bytes (given a buffer that is not empty).
    ///
    /// A read that fills only part of the buffer has drained the stream and clears the
    /// readiness, unless the end has been seen as well: then the next read reports it.
    ///
    /// # Errors
    /// `WouldBlock`, or why the stream is broken.
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes from `buffer`. A write of only a part clears the readiness.
    ///
    /// # Errors
    /// `WouldBlock`, or why the stream is broken.
    fn try_write(&mut self, buffer: &[u8]) -> io::Result<usize>;

    /// As [`Transport::try_write`], from several buffers.
    ///
    /// # Errors
    /// `WouldBlock`, or why the stream is broken.
    fn try_write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Ready when a read is worth trying.
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// Ready when a write is worth trying.
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// Has the task woken by the next event of the reading side, whether a read is worth trying
    /// already or not: for who waits for the peer to go.
    fn watch_read(&self, cx: &mut Context<'_>);

    /// Whether a read is worth trying.
    fn is_read_ready(&self) -> bool;

    /// Has the next read ask the system, whatever is known: for who is about to close.
    fn assume_read_ready(&self);

    /// Whether the end of the peer's bytes has been seen coming; some may still be unread.
    fn is_read_closed(&self) -> bool;

    /// Whether an error or a hang-up was seen: both directions are gone.
    fn is_reset(&self) -> bool;

    /// Ends one direction or both.
    ///
    /// # Errors
    /// Those of the system; a stream that is already gone is no error.
    fn shutdown(&mut self, how: Shutdown) -> io::Result<()>;

    /// Makes the coming drop reset the connection: unsent bytes are thrown away, and the peer is
    /// told by an error instead of an end.
    ///
    /// # Errors
    /// Those of the system.
    fn reset(&mut self) -> io::Result<()>;

    /// The other end.
    fn peer(&self) -> Address;
}
