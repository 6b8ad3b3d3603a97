//! `TlsStream`: TLS (RFC 8446) over any other transport, as one more transport. rustls does the
//! protocol, without I/O; here is what moves its records. Must not choose whom to trust.

use std::future::poll_fn;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::{Address, Transport};

/// Reads of the transport for one read here: a peer may send records without a byte of content for
/// as long as it likes, and others want their turn.
const RECEIVES_PER_READ: usize = 16;

/// A transport whose bytes nobody else can read or change.
///
/// The peer's end is only believed when it is part of what is protected (`close_notify`): an end
/// that anybody could have made is the error [`io::ErrorKind::UnexpectedEof`]. So a body that lasts
/// until the connection closes cannot be cut short unseen.
///
/// Dropping it tells the peer that it is the end.
pub struct TlsStream<S: Transport> {
    /// Where the records go.
    stream: S,
    /// What they mean.
    session: ClientConnection,
    /// Bytes that are decrypted and not read.
    readable: usize,
}

impl<S: Transport> TlsStream<S> {
    /// Agrees on keys with the server at the other end of `stream`, which has to prove that it is
    /// `name`. Give it a [`timeout`](crate::reactor::timeout): it waits as long as the server does.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when the server cannot be trusted or breaks the protocol, with
    /// rustls's error in it; those of the transport.
    pub async fn connect(
        stream: S,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<TlsStream<S>> {
        let session = ClientConnection::new(config, name).map_err(invalid)?;
        let mut tls = TlsStream {
            stream,
            session,
            readable: 0,
        };
        poll_fn(|cx| tls.poll_handshake(cx)).await?;
        Ok(tls)
    }

    /// Sends what was taken and is still held back, since the transport had no room for it; or has
    /// the task woken when there is some.
    ///
    /// # Errors
    /// Those of the transport.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Ends: records that cannot be sent have cleared the readiness asked for next.
        while done(self.send_records())?.is_none() {
            ready!(self.stream.poll_write_ready(cx));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Ends: each round moves bytes, or finds that none can be moved.
        loop {
            let sent = done(self.send_records())?;
            if self.session.is_handshaking() {
                match done(self.receive_records())? {
                    Some(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                    Some(_) => {}
                    None => ready!(self.poll_read_ready(cx)),
                }
            } else if sent.is_some() {
                return Poll::Ready(Ok(()));
            } else {
                ready!(self.stream.poll_write_ready(cx));
            }
        }
    }

    /// Sends all records that wait.
    fn send_records(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            if self.session.write_tls(&mut Raw(&mut self.stream))? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Receives once, and takes the records that are whole; says how many bytes came.
    fn receive_records(&mut self) -> io::Result<usize> {
        let received = self.session.read_tls(&mut Raw(&mut self.stream))?;
        match self.session.process_new_packets() {
            Ok(state) => {
                self.readable = state.plaintext_bytes_to_read();
                Ok(received)
            }
            Err(error) => {
                // The peer is told why, if it still listens.
                let _ = self.send_records();
                Err(invalid(error))
            }
        }
    }
}

impl<S: Transport> Transport for TlsStream<S> {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for _ in 0..RECEIVES_PER_READ {
            match done(self.session.reader().read(buffer))? {
                Some(count) => {
                    self.readable = self.readable.saturating_sub(count);
                    return Ok(count);
                }
                None => {
                    // What the peer wants to hear for what it sent, such as new keys. If it takes
                    // no more, what it sends itself says why.
                    let _ = self.send_records();
                    self.receive_records()?;
                }
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn try_write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(buffer)])
    }

    fn try_write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        // Nothing is taken while records wait: so they are never more than one call's.
        self.send_records()?;
        let taken = self.session.writer().write_vectored(buffers)?;
        done(self.send_records())?;
        Ok(taken)
    }

    /// Ready, too, when records that were held up can be sent, which the next read does.
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.readable > 0 {
            return Poll::Ready(());
        }
        let sends = self.session.wants_write() && self.stream.poll_write_ready(cx).is_ready();
        match self.stream.poll_read_ready(cx) {
            Poll::Pending if !sends => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_write_ready(cx)
    }

    fn watch_read(&self, cx: &mut Context<'_>) {
        self.stream.watch_read(cx);
    }

    fn is_read_ready(&self) -> bool {
        self.readable > 0 || self.stream.is_read_ready()
    }

    fn assume_read_ready(&self) {
        self.stream.assume_read_ready();
    }

    fn is_read_closed(&self) -> bool {
        self.stream.is_read_closed()
    }

    fn is_reset(&self) -> bool {
        self.stream.is_reset()
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Read {
            self.session.send_close_notify();
            // A peer that reads too slowly for it gets an end that it cannot believe.
            let _ = self.send_records();
        }
        self.stream.shutdown(how)
    }

    fn reset(&mut self) -> io::Result<()> {
        self.stream.reset()
    }

    fn peer(&self) -> Address {
        self.stream.peer()
    }
}

impl<S: Transport> Drop for TlsStream<S> {
    fn drop(&mut self) {
        // RFC 8446, section 6.1; whoever does not listen any more does not miss it.
        self.session.send_close_notify();
        let _ = self.send_records();
    }
}

/// The transport as rustls moves records through it.
struct Raw<'a, S>(&'a mut S);

impl<S: Transport> Read for Raw<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl<S: Transport> Write for Raw<'_, S> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.try_write(buffer)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(buffers)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `None` for what cannot be done now.
fn done<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
