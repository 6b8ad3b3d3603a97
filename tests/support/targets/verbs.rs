//! The server's machine: a driver that does anything it may, at any time.
//!
//! The input is a script: a byte that says what to do, then what that needs. Nothing is promised of
//! what comes out but its order; and that it ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use container::http1::{AnswerTo, CloseReason, Connection, Event, Limits, Output, ProtocolError};
use container::message::{BodyLength, Bytes, HeaderMap, ResponseFields, StatusCode};

use super::server::{self, DATE};
use crate::Listener;

/// Interim answers that a driver sends by itself; a client takes no more than a few.
const PROBES_MAX: u32 = 8;

/// Where the current request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its body is coming.
    Body,
    /// There is none, or it is whole, or what is left of it is of no interest.
    Read,
}

/// A driver, and what it knows.
struct Script<'s> {
    machine: Connection,
    output: Output,
    now: Instant,
    /// What is left to be done.
    rest: &'s [u8],
    /// What came and was not consumed.
    pending: Vec<u8>,
    stage: Stage,
    /// Whether an answer is owed that was not begun.
    is_owed: bool,
    asked: Vec<AnswerTo>,
    /// Whether the answer that is owed is that of a head that was not understood.
    is_refusal: bool,
    probes: u32,
    reason: Option<CloseReason>,
    /// Whether the peer has gone, and may have missed something.
    is_gone: bool,
    sent: Vec<u8>,
}

/// Follows the script, then ends the connection.
pub(super) fn run(input: &[u8]) {
    let config = Arc::new(server::narrow_limits());
    let mut script = Script {
        machine: Connection::new(config, server::start()),
        output: Output::new(),
        now: server::start(),
        rest: input,
        pending: vec![],
        stage: Stage::Read,
        is_owed: false,
        asked: vec![],
        is_refusal: false,
        probes: 0,
        reason: None,
        is_gone: false,
        sent: vec![],
    };
    while let Some(verb) = script.byte() {
        script.act(verb);
        script.check();
    }
    script.end();
}

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn act(&mut self, verb: u8) {
        let now = self.now;
        match verb % 16 {
            0..4 => self.receive(),
            4 => self.respond(),
            5 => self.send_body(),
            6 => self.finish_body(),
            7 => self.discard_body(),
            8 => self.machine.pause_body(now),
            9 => self.machine.resume_body(now),
            10 => self.limit_body(),
            11 => self.machine.send_continue(&mut self.output, now),
            12 => self.probe(),
            13 => self.pass_time(),
            14 => self.send(),
            _ => self.finish_somehow(),
        }
    }

    /// Bytes come, as many as the script says.
    fn receive(&mut self) {
        let count = usize::from(self.byte().unwrap_or_default()).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(count);
        self.rest = rest;
        self.pending.extend_from_slice(bytes);
        let input = std::mem::take(&mut self.pending);
        let mut consumed = 0;
        while self.machine.wants_input() {
            let rest = &input[consumed..];
            let step = self.machine.handle_bytes(rest, self.now);
            consumed += step.consumed;
            match step.event {
                Some(event) => self.follow(event, rest),
                None if step.consumed == 0 => break,
                None => {}
            }
        }
        self.pending = input[consumed..].to_vec();
    }

    fn follow(&mut self, event: Event, input: &[u8]) {
        match event {
            Event::Request(head, length) => {
                assert_eq!((self.stage, self.is_owed), (Stage::Read, false), "in turn");
                assert!(!self.machine.is_answering(), "in turn");
                server::check_head(&head);
                self.asked.push(AnswerTo::from(head.method()));
                self.is_owed = true;
                self.stage = match length {
                    BodyLength::Known(0) => Stage::Read,
                    _ => Stage::Body,
                };
            }
            Event::Body(range) => {
                assert_eq!(self.stage, Stage::Body);
                assert!(!range.is_empty() && range.end <= input.len());
            }
            Event::EndOfBody(_) => {
                assert_eq!(self.stage, Stage::Body);
                self.stage = Stage::Read;
            }
            Event::Refused(error) => self.refused(error),
        }
    }

    /// The peer broke the protocol: an answer is owed, unless one was begun.
    fn refused(&mut self, error: ProtocolError) {
        assert!(!self.machine.wants_input(), "{error:?} is the end");
        if self.stage == Stage::Read && !self.is_owed && !self.machine.is_answering() {
            self.asked.push(AnswerTo::Other);
            self.is_owed = true;
            self.is_refusal = true;
        }
        self.stage = Stage::Read;
    }

    fn respond(&mut self) {
        let status = 200 + u16::from(self.byte().unwrap_or_default());
        let length = match self.byte().unwrap_or_default() {
            255 => BodyLength::Unknown,
            length => BodyLength::Known(u64::from(length)),
        };
        if !self.is_owed {
            return;
        }
        self.is_owed = false;
        let status = StatusCode::from_u16(status).expect("200 to 455");
        let fields = ResponseFields::MediaType(Some("text/plain"));
        let output = &mut self.output;
        let has_body = self
            .machine
            .respond(status, &fields, length, DATE, output, self.now);
        // A head that was not understood may have begun with HEAD, whose answer has no body.
        if std::mem::take(&mut self.is_refusal)
            && !has_body
            && let Some(refused) = self.asked.last_mut()
        {
            *refused = AnswerTo::Head;
        }
    }

    /// More than was announced is not sent, as a rule; it breaks the answer.
    fn send_body(&mut self) {
        let count = self.byte().unwrap_or_default();
        let bytes = Bytes::from(vec![b'x'; usize::from(count)]);
        self.machine.send_body(bytes, &mut self.output);
    }

    fn finish_body(&mut self) {
        self.machine
            .finish_body(Some(&HeaderMap::new()), &mut self.output, self.now);
        assert!(!self.machine.is_answering());
    }

    fn discard_body(&mut self) {
        self.stage = Stage::Read;
        self.machine.discard_body(self.now);
    }

    fn limit_body(&mut self) {
        let limit = u64::from(self.byte().unwrap_or_default());
        if self.stage == Stage::Body
            && self.machine.wants_input()
            && let Err(error) = self.machine.limit_body(limit)
        {
            self.refused(error);
        }
    }

    fn probe(&mut self) {
        if self.is_owed && self.probes < PROBES_MAX {
            self.probes += 1;
            self.machine.send_probe(&mut self.output);
        }
    }

    fn pass_time(&mut self) {
        let tenths = u64::from(self.byte().unwrap_or_default());
        self.now += Duration::from_millis(100 * tenths);
        let due = self.machine.poll_timeout();
        let answers = self.machine.handle_timeout(self.now);
        if due.is_none_or(|due| due > self.now) {
            assert_eq!(answers, None, "nothing was due");
        }
        if let Some(error) = answers {
            self.refused(error);
        }
        let due = self.machine.poll_timeout();
        assert!(due.is_none_or(|due| due > self.now), "what was due is done");
    }

    /// The peer takes some of what waits.
    fn send(&mut self) {
        let count = usize::from(self.byte().unwrap_or_default()).min(self.output.pending());
        let mut all = vec![];
        let mut slices = [std::io::IoSlice::new(&[]); container::http1::SLICES_MAX];
        let filled = self.output.slices(&mut slices, usize::MAX);
        slices[..filled]
            .iter()
            .for_each(|slice| all.extend_from_slice(slice));
        let count = count.min(all.len());
        self.sent.extend_from_slice(&all[..count]);
        self.output.advance(count);
        self.machine
            .handle_sent(count, self.output.pending(), self.now);
    }

    /// One of the ways in which a connection comes to its end.
    fn finish_somehow(&mut self) {
        match self.byte().unwrap_or_default() % 8 {
            0 => {
                self.is_gone = true;
                self.machine.close(CloseReason::PeerClosedEarly);
            }
            1 => self.machine.break_answer(),
            2 => self.end_input(),
            _ => self.machine.drain(),
        }
    }

    fn end_input(&mut self) {
        if let Some(error) = self.machine.handle_eof() {
            self.refused(error);
        }
    }

    /// What holds at any time.
    fn check(&mut self) {
        let machine = &self.machine;
        let reason = machine.close_reason();
        if let Some(first) = self.reason {
            let is_cut = reason.is_some_and(CloseReason::is_abortive);
            assert!(
                reason == self.reason || (is_cut && !first.is_abortive()),
                "the first reason stays, unless the end becomes a cut: {reason:?}"
            );
            assert!(!machine.wants_input(), "who ends reads no more");
        }
        self.reason = reason;
        if machine.is_closed() {
            assert!(reason.is_some() && !machine.is_answering() && !machine.is_idle());
        }
        if machine.is_idle() {
            assert!(machine.wants_input() && machine.poll_timeout().is_some());
        }
    }

    /// The input ends, what is owed is answered, and all is sent: that must be the end.
    fn end(mut self) {
        self.end_input();
        if self.is_owed && !self.machine.is_closed() {
            let fields = ResponseFields::MediaType(None);
            let (length, output) = (BodyLength::Known(0), &mut self.output);
            self.machine
                .respond(StatusCode::OK, &fields, length, DATE, output, self.now);
        }
        if self.machine.is_answering() {
            self.finish_body();
        }
        assert!(self.machine.is_closed(), "{:?}", self.machine);
        let reason = self.machine.close_reason().expect("an end has a reason");
        server::drain(&mut self.output, &mut self.sent);
        self.read_answers(reason);
    }

    /// What was sent is a row of answers; only the last may break off, and only for a reason.
    fn read_answers(self, reason: CloseReason) {
        let mut told = Listener::new(Limits::default());
        self.asked.iter().for_each(|asked| told.expect(*asked));
        told.hear(&self.sent);
        told.end();
        let broken = told.answers.len() - told.complete();
        assert!(broken == 0 || told.fault.is_some());
        if !reason.is_abortive() && !self.is_gone {
            assert_eq!(broken, 0, "{reason:?} {told:?}");
        }
    }
}
