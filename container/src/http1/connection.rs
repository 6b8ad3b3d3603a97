//! `Connection`: the server's side of one HTTP/1 connection, without a socket.
//!
//! Takes bytes and the time, gives events, bytes and the next timeout. It owns no input: what it
//! has not consumed is offered again by its driver, with more behind it. See the module's overview
//! for the order of calls.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};

use super::config::Config;
use super::encode::{self, DateLine, Encoder};
use super::error::ProtocolError;
use super::event::{CloseReason, Event, Step};
use super::framing::{Facts, Framing, Persistence};
use super::output::Output;
use super::state::{KeepAlive, Reading, State, Writing};
use super::timer::ReadPhase;
use crate::message::{BodyLength, ResponseFields};

/// The server's side of one connection.
///
/// * `handle_*`: something happened: bytes, an end, a timeout, progress in writing.
/// * `poll_timeout`: when to call `handle_timeout`, unless something happens before.
/// * the plain verbs (`respond`, `send_body`, ..) are the driver's commands.
#[derive(Debug)]
pub struct Connection {
    /// Limits and timeouts, shared with the other connections.
    pub(super) config: Arc<Config>,
    /// Where reading, writing and keep-alive stand.
    pub(super) state: State,
    /// What the current, or the last, request asked for.
    pub(super) facts: Facts,
    /// How far the client's `Expect: 100-continue` has come.
    pub(super) expectation: Expectation,
    /// Bytes of an incomplete head that were looked at already.
    pub(super) scanned: usize,
    /// Empty lines that came where a head should have begun.
    pub(super) empty_lines: usize,
    /// How many more body bytes are allowed.
    pub(super) body_left: u64,
    /// What the timeout of reading is counted from.
    pub(super) read_phase: ReadPhase,
    /// When the answer that waits will have waited too long.
    write_deadline: Option<Instant>,
}

/// The interim answer that any client must pass over (RFC 9110, section 15.2).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Whether the client waits for leave to send its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    None,
    /// It waits.
    Waiting,
}

impl Connection {
    /// A connection that was accepted at `now`.
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        Connection {
            config,
            state: State::new(),
            facts: Facts::presumed(&[]),
            expectation: Expectation::None,
            scanned: 0,
            empty_lines: 0,
            body_left: u64::MAX,
            read_phase: ReadPhase::Idle { since: now },
            write_deadline: None,
        }
    }

    /// Takes the next step in `input`, which begins with what earlier calls left unconsumed. To be
    /// called again while it consumes something or tells an event, and input is left.
    pub fn handle_bytes(&mut self, input: &[u8], now: Instant) -> Step {
        let stepped = match &self.state.reading {
            Reading::Head => self.read_head(input, now),
            Reading::Body(_) => self.read_body(input, now),
            Reading::Discard(..) => self.discard(input, now),
            Reading::Complete | Reading::Closed => Ok(Step {
                consumed: 0,
                event: None,
            }),
        };
        stepped.unwrap_or_else(|error| {
            self.refuse(error);
            Step {
                consumed: 0,
                event: Some(Event::Refused(error)),
            }
        })
    }

    /// The peer will send nothing more. To be called when all input has been offered.
    ///
    /// An error is to be answered like [`Event::Refused`]: the peer stopped in the middle of a
    /// request and may still be reading.
    pub fn handle_eof(&mut self) -> Option<ProtocolError> {
        match self.state.reading {
            Reading::Head if self.scanned == 0 => {
                self.state.close(CloseReason::PeerClosed);
                None
            }
            Reading::Head | Reading::Body(_) => {
                self.refuse(ProtocolError::Incomplete);
                Some(ProtocolError::Incomplete)
            }
            // What was thrown away is not missed: the answer is still owed.
            Reading::Discard(..) => {
                self.stop_reading(CloseReason::PeerClosedEarly);
                None
            }
            // Only half of the connection is closed: the answer is still owed.
            Reading::Complete | Reading::Closed => {
                self.state.last_request();
                None
            }
        }
    }

    /// A write was tried: `progress` bytes went out, `pending` wait.
    pub fn handle_sent(&mut self, progress: usize, pending: usize, now: Instant) {
        if pending == 0 {
            self.write_deadline = None;
        } else if progress > 0 || self.write_deadline.is_none() {
            self.write_deadline = now.checked_add(self.config.timeouts.write_stall);
        }
    }

    /// The instant of [`poll_timeout`](Self::poll_timeout) has come, perhaps. An error is to be
    /// answered like [`Event::Refused`].
    pub fn handle_timeout(&mut self, now: Instant) -> Option<ProtocolError> {
        if self.write_deadline.is_some_and(|deadline| deadline <= now) {
            self.write_deadline = None;
            self.state.close(CloseReason::WriteStalled);
            return None;
        }
        if self.read_deadline().is_none_or(|deadline| deadline > now) {
            return None;
        }
        let error = match self.read_phase {
            ReadPhase::Head { .. } => ProtocolError::HeadTimeout,
            ReadPhase::Body { .. } => ProtocolError::BodyTimeout,
            ReadPhase::Idle { .. } | ReadPhase::PausedBody { .. } | ReadPhase::None => {
                self.state.close(CloseReason::Idle);
                return None;
            }
        };
        if matches!(self.state.reading, Reading::Discard(..)) {
            self.stop_reading(CloseReason::UnreadBody);
            return None;
        }
        self.refuse(error);
        Some(error)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match (self.read_deadline(), self.write_deadline) {
            (Some(read), Some(write)) => Some(read.min(write)),
            (read, write) => read.or(write),
        }
    }

    /// Whether more input would bring anything now.
    pub fn wants_input(&self) -> bool {
        matches!(
            self.state.reading,
            Reading::Head | Reading::Body(_) | Reading::Discard(..)
        )
    }

    /// Whether no request is being read, answered or waited for in part.
    pub fn is_idle(&self) -> bool {
        let is_closed = matches!(self.state.reading, Reading::Closed);
        matches!(self.read_phase, ReadPhase::Idle { .. }) && !is_closed
    }

    /// Whether a request has begun whose head is not complete.
    pub fn is_in_head(&self) -> bool {
        matches!(self.read_phase, ReadPhase::Head { .. })
    }

    /// Since when it waits for the first byte of a request; `None` while it does not.
    pub fn idle_since(&self) -> Option<Instant> {
        match self.read_phase {
            ReadPhase::Idle { since } => Some(since),
            _ => None,
        }
    }

    /// Since when a request has begun whose head is not complete; `None` while there is none.
    pub fn in_head_since(&self) -> Option<Instant> {
        match self.read_phase {
            ReadPhase::Head { since } => Some(since),
            _ => None,
        }
    }

    /// Whether an answer has been begun and not finished.
    pub fn is_answering(&self) -> bool {
        matches!(self.state.writing, Writing::Body(_))
    }

    /// Whether nothing is left to be read or written, apart from output that waits.
    pub fn is_closed(&self) -> bool {
        self.state.is_closed()
    }

    /// Why the connection ends, once that is certain.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.state.close_reason()
    }

    /// Allows the current body `limit` bytes in all.
    ///
    /// # Errors
    /// When it has announced more; the connection then ends with the answer.
    pub fn limit_body(&mut self, limit: u64) -> Result<(), ProtocolError> {
        self.body_left = limit;
        match self.facts.framing {
            Framing::Length(length) if length > limit => {
                self.refuse(ProtocolError::BodyTooLarge);
                Err(ProtocolError::BodyTooLarge)
            }
            _ => Ok(()),
        }
    }

    /// The body cannot be taken now: its timeout stands still.
    pub fn pause_body(&mut self, now: Instant) {
        self.read_phase.pause(now);
    }

    /// Whether the body's timeout stands still.
    pub fn is_body_paused(&self) -> bool {
        matches!(self.read_phase, ReadPhase::PausedBody { .. })
    }

    /// The body can be taken again.
    pub fn resume_body(&mut self, now: Instant) {
        // A client that waits for leave to send is not to be hurried.
        if self.expectation == Expectation::None {
            self.read_phase.resume(now);
        }
    }

    /// Nobody will read the rest of the current body: a little is read away, more ends the
    /// connection.
    pub fn discard_body(&mut self, now: Instant) {
        self.resume_body(now);
        self.state.request_abandoned(self.config.limits.unread_body);
    }

    /// The body is wanted: tells a client that waits for it to go on (RFC 9110, section 10.1.1).
    pub fn send_continue(&mut self, output: &mut Output, now: Instant) {
        let unanswered = matches!(self.state.writing, Writing::Waiting);
        if self.expectation == Expectation::Waiting && unanswered {
            self.expectation = Expectation::None;
            self.read_phase.resume(now);
            output.tail().extend_from_slice(CONTINUE);
        }
    }

    /// Sends an interim answer to see whether a peer that closed its writing side still exists: a
    /// peer that is gone resets the connection, one that has merely finished sending passes over
    /// it (RFC 9110, section 15.2). Does nothing where no interim answer may be sent.
    pub fn send_probe(&mut self, output: &mut Output) {
        let unanswered = matches!(self.state.writing, Writing::Waiting);
        if unanswered && self.facts.version == Version::HTTP_11 {
            output.tail().extend_from_slice(CONTINUE);
        }
    }

    /// Writes an answer whose body is here whole; says how many bytes of the body were wanted. A
    /// second answer to one request is not written.
    pub fn respond_whole(
        &mut self,
        status: StatusCode,
        fields: &ResponseFields,
        body: Bytes,
        date: &DateLine,
        output: &mut Output,
        now: Instant,
    ) -> usize {
        let length = BodyLength::Known(body.len() as u64);
        let sent = match self.encode_head(status, fields, length, date, output) {
            None => return 0,
            Some(Framing::None) => 0,
            Some(_) => body.len(),
        };
        if sent > 0 {
            output.push(body);
        }
        self.state.answer_ended();
        self.after_answer(now);
        sent
    }

    /// Writes the head of the answer. Unless the answer has no body, or its length is 0, its body
    /// follows by [`send_body`](Self::send_body) and [`finish_body`](Self::finish_body).
    ///
    /// Says whether a body is wanted. A second answer to one request is not written.
    pub fn respond(
        &mut self,
        status: StatusCode,
        fields: &ResponseFields,
        length: BodyLength,
        date: &DateLine,
        output: &mut Output,
        now: Instant,
    ) -> bool {
        let Some(framing) = self.encode_head(status, fields, length, date, output) else {
            return false;
        };
        let encoder = Encoder::new(framing);
        let has_body = encoder.is_some();
        self.state.answer_begun(encoder);
        self.after_answer(now);
        has_body
    }

    /// Writes a piece of the answer's body; ignored where the answer has none.
    pub fn send_body(&mut self, bytes: Bytes, output: &mut Output) {
        if let Writing::Body(encoder) = &mut self.state.writing
            && encoder.encode(bytes, output).is_err()
        {
            self.state.close(CloseReason::BrokenAnswer);
        }
    }

    /// Writes the end of the answer's body; ignored where the answer has none.
    pub fn finish_body(&mut self, trailers: Option<&HeaderMap>, output: &mut Output, now: Instant) {
        if let Writing::Body(encoder) = self.state.writing {
            match encoder.finish(trailers, output) {
                Ok(()) => self.state.answer_ended(),
                Err(encode::LengthMismatch) => self.state.close(CloseReason::BrokenAnswer),
            }
            self.after_answer(now);
        }
    }

    /// The source of the answer's body failed: the peer must not take it for whole.
    pub fn break_answer(&mut self) {
        self.state.close(CloseReason::BrokenAnswer);
    }

    /// The current request, or the next, is to be the last: an idle connection closes now, a busy
    /// one after its answer, which says so.
    pub fn drain(&mut self) {
        if self.is_idle() {
            self.state.close(CloseReason::Draining);
        } else {
            self.state.last_request();
        }
    }

    /// The connection ends here, whatever was going on.
    pub fn close(&mut self, reason: CloseReason) {
        self.state.close(reason);
    }

    /// Writes the head of an answer and says how its body is framed; `None`, and nothing written,
    /// when the request has been answered.
    fn encode_head(
        &mut self,
        status: StatusCode,
        fields: &ResponseFields,
        length: BodyLength,
        date: &DateLine,
        output: &mut Output,
    ) -> Option<Framing> {
        if !matches!(self.state.writing, Writing::Waiting) {
            return None;
        }
        let framing = encode::framing(&self.facts, status, length);
        self.settle_keep_alive(framing, fields);
        let persistence = match self.state.keep_alive {
            KeepAlive::Disabled => Persistence::Close,
            KeepAlive::Idle | KeepAlive::Busy => Persistence::KeepAlive,
        };
        let tail = output.tail();
        encode::encode_head(&self.facts, status, fields, length, persistence, date, tail);
        Some(framing)
    }

    /// Decides, before the answer's head is written, whether another request can follow it.
    fn settle_keep_alive(&mut self, framing: Framing, fields: &ResponseFields) {
        let asked_to_close = fields
            .value(&http::header::CONNECTION)
            .is_some_and(|value| {
                value
                    .split(|&byte| byte == b',')
                    .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
            });
        let body_in_the_way = match &self.state.reading {
            Reading::Body(decoder) | Reading::Discard(decoder, _) => {
                // Who still waits for leave may send its body or not: that cannot be told apart.
                self.expectation == Expectation::Waiting
                    || matches!(decoder.remaining(),
                        BodyLength::Known(left) if left > self.config.limits.unread_body)
            }
            _ => false,
        };
        if asked_to_close || body_in_the_way || framing == Framing::UntilClose {
            self.state.last_request();
        }
    }

    /// An exchange may just have been completed: then the wait for the next one begins.
    pub(super) fn after_answer(&mut self, now: Instant) {
        if matches!(self.state.reading, Reading::Head)
            && self.state.keep_alive == KeepAlive::Idle
            && !self.is_idle()
        {
            self.read_phase = ReadPhase::Idle { since: now };
        }
    }

    /// The deadline of reading; none while nothing can be read for the answer's sake.
    fn read_deadline(&self) -> Option<Instant> {
        // Who reads nothing any more waits for nobody, though its output may still be on its way.
        if matches!(self.state.reading, Reading::Closed) {
            return None;
        }
        self.read_phase.deadline(&self.config.timeouts)
    }

    fn refuse(&mut self, error: ProtocolError) {
        self.scanned = 0;
        self.read_phase = ReadPhase::None;
        self.state.refuse(error);
        if matches!(self.state.writing, Writing::Complete) {
            self.state.close(CloseReason::Protocol(error));
        }
    }
}
