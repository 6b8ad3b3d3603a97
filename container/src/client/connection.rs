//! One outgoing connection: the one place on this side where `net` and `http1` meet.
//!
//! Sends a request while it reads the answer, since a server may answer, and stop reading, early.
//! Must not know of other connections.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::error::{Error, Kind};
use super::request::ClientRequest;
use crate::http1::{
    ClientConnection, ClientEvent, Limits, Output, RequestError, ResponseError, ResponseHead,
    SLICES_MAX,
};
use crate::message::{BodyLength, Response};
use crate::net::Transport;

/// Bytes read at once.
const READ_BUFFER: usize = 16 << 10;

/// Reads of one connection before other tasks have their turn.
const READS_PER_POLL: usize = 16;

/// Most memory taken for a body on the word of its Content-Length alone.
const RESERVE_MAX: usize = 64 << 10;

/// A connection that is used for one request after another.
pub(super) struct Connection {
    /// The socket, or what secures it.
    stream: Box<dyn Transport>,
    /// What the bytes mean.
    machine: ClientConnection,
    /// What is still to be written.
    output: Output,
    /// Received and not consumed.
    leftover: Vec<u8>,
}

/// Why an exchange failed, and how far it had come.
pub(super) struct Failed {
    /// Why.
    pub(super) error: Error,
    /// Whether any byte of an answer was received; if not, a connection that had been idle may
    /// simply have been closed by its server.
    pub(super) answered: bool,
}

/// An answer that is being read.
struct Answer {
    response: Option<Response>,
    body: BytesMut,
    /// Bytes the body may have.
    limit: usize,
    received: bool,
    complete: bool,
    /// Why the rest of the request was not written. The answer may say the reason.
    unwritten: Option<io::Error>,
}

impl Connection {
    /// Over a stream on which nothing was sent yet.
    pub(super) fn new(stream: Box<dyn Transport>) -> Connection {
        Connection {
            stream,
            machine: ClientConnection::new(Limits::default()),
            output: Output::new(),
            leftover: Vec::new(),
        }
    }

    /// Whether another request can be sent. An idle connection that has something to read has been
    /// closed, or told (by a 408, say) that it will be. That is seen by reading: over TLS, what has
    /// come need not be the server's words.
    pub(super) fn is_reusable(&mut self) -> bool {
        let is_quiet = |read: io::Result<usize>| {
            read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        };
        self.machine.is_reusable()
            && self.output.is_empty()
            && self.leftover.is_empty()
            && is_quiet(self.stream.try_read(&mut [0]))
    }

    /// Sends a request and reads its whole answer, with a body of at most `limit` bytes.
    ///
    /// # Errors
    /// When there is no whole answer; the connection is of no use then.
    pub(super) async fn exchange(
        &mut self,
        request: &ClientRequest,
        limit: usize,
    ) -> Result<Response, Failed> {
        let mut answer = Answer {
            response: None,
            body: BytesMut::new(),
            limit,
            received: false,
            complete: false,
            unwritten: None,
        };
        let outcome = self.try_exchange(request, &mut answer).await;
        outcome.map_err(|error| Failed {
            error,
            answered: answer.received,
        })?;
        // What is complete has a head.
        let response = answer
            .response
            .unwrap_or_else(|| Response::new(StatusCode::OK));
        Ok(response.with_body(answer.body.freeze()))
    }

    async fn try_exchange(
        &mut self,
        request: &ClientRequest,
        answer: &mut Answer,
    ) -> Result<(), Error> {
        self.write_request(request)?;
        let mut buffer = vec![0; READ_BUFFER];
        poll_fn(|cx| {
            self.poll_write(cx, answer);
            self.poll_read(cx, &mut buffer, answer)
        })
        .await
    }

    fn write_request(&mut self, request: &ClientRequest) -> Result<(), RequestError> {
        let url = &request.url;
        let host = HeaderValue::from_str(url.authority());
        let mut headers = request.headers.clone();
        headers.insert(header::HOST, host.map_err(|_| RequestError::MissingHost)?);
        let (machine, output) = (&mut self.machine, &mut self.output);
        let length = BodyLength::Known(request.body.len() as u64);
        machine.request(&request.method, url.target(), &headers, length, output)?;
        if !request.body.is_empty() {
            machine.send_body(request.body.clone(), output)?;
        }
        machine.finish_body(&HeaderMap::new(), output)
    }

    /// Writes what can be written now.
    fn poll_write(&mut self, cx: &mut Context<'_>, answer: &mut Answer) {
        // Ends: each round writes something, or finds that the stream is not ready, or broken.
        while !self.output.is_empty() && answer.unwritten.is_none() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let count = self.output.slices(&mut slices, usize::MAX);
            match self.stream.try_write_vectored(&slices[..count]) {
                Ok(0) => answer.unwritten = Some(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.output.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.stream.poll_write_ready(cx).is_pending() {
                        return;
                    }
                }
                Err(error) => answer.unwritten = Some(error),
            }
        }
    }

    /// Reads what can be read now; ready when the answer is complete.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        answer: &mut Answer,
    ) -> Poll<Result<(), Error>> {
        for _ in 0..READS_PER_POLL {
            match self.stream.try_read(buffer) {
                Ok(0) => return Poll::Ready(self.handle_eof(answer)),
                Ok(count) => {
                    answer.received = true;
                    self.receive(&buffer[..count], answer)?;
                    if answer.complete {
                        return Poll::Ready(Ok(()));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.stream.poll_read_ready(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
                Err(error) => return Poll::Ready(Err(Kind::Io(error).into())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes what was received, behind what was left over before.
    fn receive(&mut self, received: &[u8], answer: &mut Answer) -> Result<(), Error> {
        let mut input = std::mem::take(&mut self.leftover);
        input.extend_from_slice(received);
        let mut consumed = 0;
        // Ends: each round consumes input or brings an event, of which there is one without input.
        while !answer.complete {
            let rest = &input[consumed..];
            let step = self.machine.handle_bytes(rest)?;
            consumed += step.consumed;
            match step.event {
                Some(ClientEvent::Response(head, length)) => answer.begin(head, length)?,
                Some(ClientEvent::Body(range)) => answer.push(&rest[range])?,
                Some(ClientEvent::EndOfBody(_)) => answer.complete = true,
                Some(ClientEvent::Interim(_)) => {}
                None if step.consumed == 0 => break,
                None => {}
            }
        }
        input.drain(..consumed);
        self.leftover = input;
        Ok(())
    }

    fn handle_eof(&mut self, answer: &mut Answer) -> Result<(), Error> {
        match (self.machine.handle_eof(), answer.unwritten.take()) {
            (Ok(_), _) => {
                answer.complete = true;
                Ok(())
            }
            (Err(_), Some(unwritten)) => Err(Kind::Io(unwritten).into()),
            (Err(error), None) => Err(error.into()),
        }
    }
}

impl Answer {
    fn begin(&mut self, head: ResponseHead<'_>, length: BodyLength) -> Result<(), Error> {
        // Nobody asked for another protocol.
        if head.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(ResponseError::Unasked.into());
        }
        let mut response = Response::new(head.status());
        *response.headers_mut() = head.to_headers();
        self.response = Some(response);
        match length {
            BodyLength::Known(0) => self.complete = true,
            BodyLength::Known(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                if length > self.limit {
                    return Err(Kind::BodyTooLarge.into());
                }
                self.body.reserve(length.min(RESERVE_MAX));
            }
            BodyLength::Unknown => {}
        }
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.body.len() + bytes.len() > self.limit {
            return Err(Kind::BodyTooLarge.into());
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }
}
