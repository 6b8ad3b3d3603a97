//! `ClientConnection`: the client's side of one HTTP/1 connection, without a socket.
//!
//! Takes requests and bytes, gives bytes and events. It owns no input: what it has not consumed is
//! offered again by its driver, with more behind it. It knows no time either: how long an answer
//! may take is its driver's question.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::error::{RequestError, ResponseError};
use super::event::{ClientEvent, ClientStep};
use super::framing::{AnswerTo, Follows};
use super::head::{self, Parsed, ResponseHead};
use super::request;
use crate::http1::decode::{Decoder, Piece};
use crate::http1::encode::Encoder;
use crate::http1::framing::Persistence;
use crate::http1::{Framing, Limits, Output};
use crate::message::BodyLength;

/// Requests that may wait for their answers on one connection: far beyond what a server answers
/// in one go, and still little to lose when the connection breaks.
pub const PIPELINE_MAX: usize = 1024;

/// Interim answers before a final one. A server has reason for one or two (100, 103), and for a
/// few more while a long request is processed (102).
pub const INTERIM_MAX: u32 = 32;

/// The client's side of one connection.
///
/// ```
/// use container::http1::{AnswerTo, ClientConnection, ClientEvent, Limits};
///
/// let mut connection = ClientConnection::new(Limits::default());
/// connection.expect_answer(AnswerTo::Other)?;
/// let step = connection.handle_bytes(b"HTTP/1.1 204 No Content\r\n\r\n")?;
/// let Some(ClientEvent::Response(head, _)) = step.event else { panic!() };
/// assert_eq!(head.status(), 204);
/// assert!(connection.is_reusable());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ClientConnection {
    /// What an answer may measure.
    limits: Limits,
    /// What is expected of the server.
    reading: Reading,
    /// The rest of the request body that is being written.
    writing: Option<Encoder>,
    /// Whether another request may be written: `Close` once one asked for the end.
    requests: Persistence,
    /// What the answer that is being read said about the time after it.
    answer: Persistence,
    /// The requests without a complete answer, oldest first; at most [`PIPELINE_MAX`].
    due: VecDeque<AnswerTo>,
    /// Bytes of an incomplete head that were looked at already.
    scanned: usize,
    /// Interim answers to the oldest request.
    interims: u32,
}

/// What is expected of the server.
#[derive(Debug)]
enum Reading {
    /// An answer's head, or nothing while no request waits.
    Head,
    /// An answer's body.
    Body(Decoder),
    /// Bytes that are not HTTP.
    Tunnel,
    /// Nothing ever again.
    Closed,
}

impl ClientConnection {
    /// A new connection; of `limits`, those on heads, chunks and trailers apply.
    pub fn new(limits: Limits) -> Self {
        ClientConnection {
            limits,
            reading: Reading::Head,
            writing: None,
            requests: Persistence::KeepAlive,
            answer: Persistence::KeepAlive,
            due: VecDeque::new(),
            scanned: 0,
            interims: 0,
        }
    }

    /// Writes a request head. Unless `length` is 0, the body follows by
    /// [`send_body`](Self::send_body) and [`finish_body`](Self::finish_body).
    ///
    /// `headers` need a Host; Content-Length and Transfer-Encoding in them are passed over, since
    /// `length` decides. `Connection: close` in them makes this the last request. Requests may be
    /// written ahead of their answers, [`PIPELINE_MAX`] of them.
    ///
    /// # Errors
    /// When the request cannot be written; nothing of it is then.
    pub fn request(
        &mut self,
        method: &Method,
        target: &str,
        headers: &HeaderMap,
        length: BodyLength,
        output: &mut Output,
    ) -> Result<(), RequestError> {
        self.check_ready()?;
        request::encode_head(method, target, headers, length, output.tail())?;
        if request::asks_to_close(headers) {
            self.requests = Persistence::Close;
        }
        self.writing = Encoder::new(request::framing(length));
        self.due.push_back(AnswerTo::from(method));
        Ok(())
    }

    /// Takes note of a request that is sent whole by other means, for example from prepared bytes.
    ///
    /// # Errors
    /// When no request may be sent now.
    pub fn expect_answer(&mut self, answers: AnswerTo) -> Result<(), RequestError> {
        self.check_ready()?;
        self.due.push_back(answers);
        Ok(())
    }

    /// Writes a piece of the request's body.
    ///
    /// # Errors
    /// When there is no body to write, or more than was announced.
    pub fn send_body(&mut self, bytes: Bytes, output: &mut Output) -> Result<(), RequestError> {
        let encoder = self.writing.as_mut().ok_or(RequestError::OutOfOrder)?;
        encoder
            .encode(bytes, output)
            .map_err(|_| self.break_request())
    }

    /// Writes the end of the request's body; nothing where there is none.
    ///
    /// # Errors
    /// When less was written than announced.
    pub fn finish_body(
        &mut self,
        trailers: &HeaderMap,
        output: &mut Output,
    ) -> Result<(), RequestError> {
        match self.writing.take() {
            Some(encoder) => encoder
                .finish(Some(trailers), output)
                .map_err(|_| self.break_request()),
            None => Ok(()),
        }
    }

    /// Takes the next step in `input`, which begins with what earlier calls left unconsumed. To be
    /// called again while it consumes something or tells an event, and input is left, and as long as
    /// it [has more to tell](Self::has_more_to_tell).
    ///
    /// # Errors
    /// When the server broke the protocol; the connection is closed then.
    pub fn handle_bytes<'a>(&mut self, input: &'a [u8]) -> Result<ClientStep<'a>, ResponseError> {
        let stepped = match &self.reading {
            Reading::Head => self.read_head(input),
            Reading::Body(_) => self.read_body(input),
            Reading::Tunnel | Reading::Closed => Ok(ClientStep::NOTHING),
        };
        if stepped.is_err() {
            self.reading = Reading::Closed;
        }
        stepped
    }

    /// The server will send nothing more. To be called when all input has been offered. Where the
    /// end of the connection is the end of the body, that is told.
    ///
    /// # Errors
    /// When an answer is missing or incomplete.
    pub fn handle_eof(&mut self) -> Result<Option<ClientEvent<'static>>, ResponseError> {
        match std::mem::replace(&mut self.reading, Reading::Closed) {
            Reading::Body(Decoder::UntilClose) => {
                self.due.pop_front();
                if self.due.is_empty() {
                    Ok(Some(ClientEvent::EndOfBody(HeaderMap::new())))
                } else {
                    Err(ResponseError::Incomplete)
                }
            }
            Reading::Head | Reading::Closed if self.due.is_empty() => Ok(None),
            Reading::Tunnel => Ok(None),
            Reading::Head | Reading::Body(_) | Reading::Closed => Err(ResponseError::Incomplete),
        }
    }

    /// The connection ends here, whatever was going on.
    pub fn close(&mut self) {
        self.reading = Reading::Closed;
    }

    /// Whether there is an event that needs no further input: the end of a body whose last byte
    /// has been told.
    pub fn has_more_to_tell(&self) -> bool {
        matches!(self.reading, Reading::Body(Decoder::Length(0)))
    }

    /// Whether another request could be written and answered, and none is under way.
    pub fn is_reusable(&self) -> bool {
        self.due.is_empty() && self.scanned == 0 && self.check_ready().is_ok()
    }

    /// Whether the connection is, after an answer to CONNECT or a 101, no longer HTTP. What the
    /// machine did not consume belongs to the other protocol.
    pub fn is_tunnel(&self) -> bool {
        matches!(self.reading, Reading::Tunnel)
    }

    /// Whether nothing more will be read.
    pub fn is_closed(&self) -> bool {
        matches!(self.reading, Reading::Closed)
    }

    /// How many requests have no complete answer.
    pub fn answers_due(&self) -> usize {
        self.due.len()
    }

    fn check_ready(&self) -> Result<(), RequestError> {
        if matches!(self.reading, Reading::Closed | Reading::Tunnel)
            || self.requests == Persistence::Close
        {
            return Err(RequestError::Closing);
        }
        if self.writing.is_some() {
            return Err(RequestError::OutOfOrder);
        }
        if self.due.len() == PIPELINE_MAX {
            return Err(RequestError::TooManyAhead);
        }
        Ok(())
    }

    fn break_request(&mut self) -> RequestError {
        self.reading = Reading::Closed;
        RequestError::Length
    }

    fn read_head<'a>(&mut self, input: &'a [u8]) -> Result<ClientStep<'a>, ResponseError> {
        if input.is_empty() {
            return Ok(ClientStep::NOTHING);
        }
        let answers = *self.due.front().ok_or(ResponseError::Unasked)?;
        // A head that drips in is parsed once a line, not once a byte.
        let fresh = &input[self.scanned.min(input.len())..];
        let worth_parsing = self.scanned == 0 || fresh.contains(&b'\n');
        self.scanned = input.len();
        let parsed = if worth_parsing {
            head::parse(input, &self.limits, answers)?
        } else {
            head::check_partial(input, &self.limits)?
        };
        let Parsed::Head {
            head,
            follows,
            length,
        } = parsed
        else {
            return Ok(ClientStep::NOTHING);
        };
        self.scanned = 0;
        Ok(ClientStep {
            consumed: length,
            event: Some(self.begin_answer(head, follows)?),
        })
    }

    fn begin_answer<'a>(
        &mut self,
        head: ResponseHead<'a>,
        follows: Follows,
    ) -> Result<ClientEvent<'a>, ResponseError> {
        let length = match follows {
            Follows::Answer => {
                self.interims += 1;
                if self.interims > INTERIM_MAX {
                    return Err(ResponseError::TooManyInterim);
                }
                return Ok(ClientEvent::Interim(head));
            }
            Follows::Tunnel => {
                self.due.pop_front();
                self.reading = Reading::Tunnel;
                BodyLength::Known(0)
            }
            Follows::Body(framing, persistence) => {
                self.answer = persistence;
                match Decoder::new(framing) {
                    Some(decoder) => self.reading = Reading::Body(decoder),
                    None => self.end_answer(),
                }
                body_length(framing)
            }
        };
        Ok(ClientEvent::Response(head, length))
    }

    fn read_body<'a>(&mut self, input: &'a [u8]) -> Result<ClientStep<'a>, ResponseError> {
        let Reading::Body(decoder) = &mut self.reading else {
            return Ok(ClientStep::NOTHING);
        };
        let (consumed, piece) = decoder.decode(input, &self.limits)?;
        let event = match piece {
            Piece::More => None,
            Piece::Data(range) => Some(ClientEvent::Body(range)),
            Piece::End(trailers) => {
                self.end_answer();
                Some(ClientEvent::EndOfBody(trailers))
            }
        };
        Ok(ClientStep { consumed, event })
    }

    /// The oldest request is answered: the next answer follows, or the end.
    fn end_answer(&mut self) {
        self.due.pop_front();
        self.interims = 0;
        let last = self.requests == Persistence::Close && self.due.is_empty();
        self.reading = if last || self.answer == Persistence::Close {
            Reading::Closed
        } else {
            Reading::Head
        };
    }
}

fn body_length(framing: Framing) -> BodyLength {
    match framing {
        Framing::None => BodyLength::Known(0),
        Framing::Length(length) => BodyLength::Known(length),
        Framing::Chunked | Framing::UntilClose => BodyLength::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;
    use crate::http1::ProtocolError;

    /// The events of `wire`, as text, when it arrives in two parts cut at `cut`, then the end.
    fn exchange(requests: &[AnswerTo], wire: &[u8], cut: usize) -> Result<String, ResponseError> {
        let mut connection = ClientConnection::new(Limits::default());
        for answers in requests {
            connection.expect_answer(*answers).unwrap();
        }
        let (mut pending, mut told) = (vec![], String::new());
        for part in [&wire[..cut], &wire[cut..]] {
            pending.extend_from_slice(part);
            let consumed = feed(&mut connection, &pending, &mut told)?;
            pending.drain(..consumed);
        }
        told += if connection.is_reusable() { "+" } else { "-" };
        if connection.is_tunnel() {
            return Ok(told + "tunnel " + std::str::from_utf8(&pending).unwrap());
        }
        if let Some(ClientEvent::EndOfBody(_)) = connection.handle_eof()? {
            told += " end";
        }
        Ok(told)
    }

    fn feed(
        connection: &mut ClientConnection,
        input: &[u8],
        told: &mut String,
    ) -> Result<usize, ResponseError> {
        let mut consumed = 0;
        loop {
            let rest = &input[consumed..];
            let step = connection.handle_bytes(rest)?;
            consumed += step.consumed;
            match step.event {
                Some(ClientEvent::Interim(head)) => *told += &format!("({}) ", head.status()),
                Some(ClientEvent::Response(head, length)) => {
                    *told += &format!("{} ", head.status().as_u16());
                    if length != BodyLength::Known(0) {
                        *told += "[";
                    }
                }
                Some(ClientEvent::Body(range)) => {
                    *told += std::str::from_utf8(&rest[range]).unwrap();
                }
                Some(ClientEvent::EndOfBody(trailers)) => {
                    *told += &format!("{}] ", "t".repeat(trailers.len()));
                }
                None if step.consumed == 0 => return Ok(consumed),
                None => {}
            }
        }
    }

    #[track_caller]
    fn check(requests: &[AnswerTo], wire: &str, expected: Result<&str, ResponseError>) {
        for cut in 0..=wire.len() {
            let seen = exchange(requests, wire.as_bytes(), cut);
            assert_eq!(seen.as_deref(), expected.as_deref(), "{wire:?} at {cut}");
        }
    }

    const GET: &[AnswerTo] = &[AnswerTo::Other];

    #[test]
    fn answers_cut_anywhere() {
        let ok = "HTTP/1.1 200 OK\r\n";
        check(
            GET,
            &format!("{ok}Content-Length: 5\r\n\r\nhello"),
            Ok("200 [hello] +"),
        );
        check(GET, &format!("{ok}content-length: 0\r\n\r\n"), Ok("200 +"));
        check(GET, "HTTP/1.1 204 No Content\r\n\r\n", Ok("204 +"));
        let chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n";
        check(GET, &format!("{ok}{chunked}\r\n"), Ok("200 [hello!] +"));
        check(
            GET,
            &format!("{ok}{chunked}a: b\r\n\r\n"),
            Ok("200 [hello!t] +"),
        );
        check(
            GET,
            &format!("{ok}\r\nto the end"),
            Ok("200 [to the end- end"),
        );
        check(
            GET,
            &format!("{ok}Connection: close\r\nContent-Length: 1\r\n\r\n!"),
            Ok("200 [!] -"),
        );
        check(
            &[AnswerTo::Head],
            &format!("{ok}Content-Length: 5\r\n\r\n"),
            Ok("200 +"),
        );
    }

    #[test]
    fn interim_answers_and_pipelines_cut_anywhere() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
        let continued = "HTTP/1.1 100 Continue\r\n\r\n";
        check(
            GET,
            &format!("{continued}{hints}{ok}x"),
            Ok("(100 Continue) (103 Early Hints) 200 [x] +"),
        );
        check(
            &[AnswerTo::Other, AnswerTo::Head, AnswerTo::Other],
            &format!("{ok}a{ok}HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nb"),
            Ok("200 [a] 200 404 [b] +"),
        );
    }

    #[test]
    fn tunnels_leave_the_rest_alone() {
        check(
            &[AnswerTo::Connect],
            "HTTP/1.1 200 Fine\r\nContent-Length: 3\r\n\r\nabc",
            Ok("200 -tunnel abc"),
        );
        let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x01";
        check(GET, switch, Ok("101 -tunnel \x01"));
    }

    #[test]
    fn faults_cut_anywhere() {
        check(&[], "HTTP/1.1 200 OK\r\n\r\n", Err(ResponseError::Unasked));
        check(GET, "", Err(ResponseError::Incomplete));
        check(GET, "HTTP/1.1 200 O", Err(ResponseError::Incomplete));
        check(
            GET,
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            Err(ResponseError::Incomplete),
        );
        check(
            &[AnswerTo::Other; 2],
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
            Err(ResponseError::Incomplete),
        );
        check(
            GET,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n",
            Err(ResponseError::Message(ProtocolError::Chunk)),
        );
        let flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(INTERIM_MAX as usize + 1);
        check(GET, &flood, Err(ResponseError::TooManyInterim));
    }

    fn written(
        method: &Method,
        fields: &[(header::HeaderName, &'static str)],
        body: Option<&'static str>,
        length: BodyLength,
    ) -> Result<String, RequestError> {
        let headers = fields
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect();
        let (mut connection, mut output) =
            (ClientConnection::new(Limits::default()), Output::new());
        connection.request(method, "/a?b", &headers, length, &mut output)?;
        if let Some(body) = body {
            connection.send_body(Bytes::from_static(body.as_bytes()), &mut output)?;
        }
        connection.finish_body(&HeaderMap::new(), &mut output)?;
        Ok(String::from_utf8(output.single().unwrap().to_vec()).unwrap())
    }

    #[test]
    fn requests() {
        let host = [(header::HOST, "h")];
        let known = BodyLength::Known;
        assert_eq!(
            written(&Method::GET, &host, None, known(0)).unwrap(),
            "GET /a?b HTTP/1.1\r\nhost: h\r\n\r\n"
        );
        assert_eq!(
            written(&Method::POST, &host, None, known(0)).unwrap(),
            "POST /a?b HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n"
        );
        assert_eq!(
            written(&Method::PUT, &host, Some("hi"), known(2)).unwrap(),
            "PUT /a?b HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi"
        );
        let forged = [(header::HOST, "h"), (header::CONTENT_LENGTH, "9")];
        assert_eq!(
            written(&Method::PUT, &forged, Some("hi"), BodyLength::Unknown).unwrap(),
            "PUT /a?b HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        );
        let refused =
            |fields: &[_], body, length| written(&Method::PUT, fields, body, length).unwrap_err();
        assert_eq!(refused(&[], None, known(0)), RequestError::MissingHost);
        assert_eq!(refused(&host, Some("hi"), known(3)), RequestError::Length);
        assert_eq!(refused(&host, Some("hi"), known(1)), RequestError::Length);
        assert_eq!(
            refused(&host, Some("x"), known(0)),
            RequestError::OutOfOrder
        );
    }

    #[test]
    fn the_last_request_is_the_last() {
        let mut connection = ClientConnection::new(Limits::default());
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("h"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        let request = |connection: &mut ClientConnection| {
            let length = BodyLength::Known(0);
            connection.request(&Method::GET, "/", &headers, length, &mut Output::new())
        };
        assert_eq!(request(&mut connection), Ok(()));
        assert_eq!(request(&mut connection), Err(RequestError::Closing));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        connection.handle_bytes(answer).unwrap();
        assert!(connection.is_closed() && !connection.is_reusable());
    }

    #[test]
    fn requests_ahead_are_bounded() {
        let mut connection = ClientConnection::new(Limits::default());
        for _ in 0..PIPELINE_MAX {
            connection.expect_answer(AnswerTo::Other).unwrap();
        }
        let refused = connection.expect_answer(AnswerTo::Other);
        assert_eq!(refused, Err(RequestError::TooManyAhead));
        assert_eq!(connection.answers_due(), PIPELINE_MAX);
    }
}
