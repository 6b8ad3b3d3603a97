//! The reading half of `Connection`: heads, bodies that are wanted, bodies that are not.

use std::time::{Duration, Instant};

use super::connection::{Connection, Expectation};
use super::decode::{Decoder, Piece};
use super::error::ProtocolError;
use super::event::{CloseReason, Event, Step};
use super::framing::{Facts, Framing};
use super::parse::{self, Parsed};
use super::state::{Reading, Writing};
use super::timer::ReadPhase;
use crate::message::BodyLength;

impl Connection {
    pub(super) fn read_head(&mut self, input: &[u8], now: Instant) -> Result<Step, ProtocolError> {
        let skipped = parse::skip_empty_lines(input, &mut self.empty_lines);
        // A refusal answers this request, not the one before.
        self.facts = Facts::presumed(&input[skipped.unwrap_or(0)..]);
        let empty_lines = skipped?;
        let head = &input[empty_lines..];
        // A lone CR may yet become another empty line.
        if head.is_empty() || head == b"\r" {
            return Ok(Step {
                consumed: empty_lines,
                event: None,
            });
        }
        if let ReadPhase::Idle { .. } = self.read_phase {
            self.read_phase = ReadPhase::Head { since: now };
        }
        // A head that drips in is parsed once a line, not once a byte.
        let fresh = &head[self.scanned.min(head.len())..];
        let worth_parsing = self.scanned == 0 || fresh.contains(&b'\n');
        self.scanned = head.len();
        let limits = &self.config.limits;
        let parsed = if worth_parsing {
            parse::parse(head, limits)?
        } else {
            parse::check_partial(head, limits)?
        };
        let Parsed::Head {
            head,
            facts,
            length,
        } = parsed
        else {
            return Ok(Step {
                consumed: empty_lines,
                event: None,
            });
        };
        self.begin_request(facts, now);
        let event = Event::Request(head, body_length(facts.framing));
        Ok(Step {
            consumed: empty_lines + length,
            event: Some(event),
        })
    }

    fn begin_request(&mut self, facts: Facts, now: Instant) {
        self.scanned = 0;
        self.empty_lines = 0;
        self.facts = facts;
        self.body_left = u64::MAX;
        self.expectation = match facts.framing {
            Framing::None => Expectation::None,
            _ if facts.expects_continue => Expectation::Waiting,
            _ => Expectation::None,
        };
        let decoder = Decoder::new(facts.framing);
        self.read_phase = match decoder {
            // Who waits for leave to send is not slow.
            Some(_) if self.expectation == Expectation::Waiting => ReadPhase::PausedBody {
                elapsed: Duration::ZERO,
                received: 0,
            },
            Some(_) => ReadPhase::Body {
                since: now,
                received: 0,
            },
            None => ReadPhase::None,
        };
        self.state.request_begun(decoder, facts.persistence);
    }

    pub(super) fn read_body(&mut self, input: &[u8], now: Instant) -> Result<Step, ProtocolError> {
        let Reading::Body(decoder) = &mut self.state.reading else {
            return Ok(Step {
                consumed: 0,
                event: None,
            });
        };
        if self.expectation == Expectation::Waiting && !input.is_empty() {
            // The client did not wait.
            self.expectation = Expectation::None;
            self.read_phase.resume(now);
        }
        let (consumed, piece) = decoder.decode(input, &self.config.limits)?;
        let event = match piece {
            Piece::More => None,
            Piece::Data(range) => {
                self.read_phase.received(range.len());
                let left = self.body_left.checked_sub(range.len() as u64);
                self.body_left = left.ok_or(ProtocolError::BodyTooLarge)?;
                Some(Event::Body(range))
            }
            Piece::End(trailers) => {
                self.read_phase = ReadPhase::None;
                self.state.request_ended();
                self.after_answer(now);
                Some(Event::EndOfBody(trailers))
            }
        };
        Ok(Step { consumed, event })
    }

    /// There is more of an unread body, or it comes more slowly, than is worth reading away, or it
    /// does not come at all. An answer that is still owed is given first.
    pub(super) fn stop_reading(&mut self, reason: CloseReason) {
        self.read_phase = ReadPhase::None;
        self.state.stop_reading(reason);
        if matches!(self.state.writing, Writing::Complete) {
            self.state.close(reason);
        }
    }

    /// Reads away a body that nobody wants.
    pub(super) fn discard(&mut self, input: &[u8], now: Instant) -> Result<Step, ProtocolError> {
        let Reading::Discard(decoder, left) = &mut self.state.reading else {
            return Ok(Step {
                consumed: 0,
                event: None,
            });
        };
        let (consumed, piece) = decoder.decode(input, &self.config.limits)?;
        match left.checked_sub(consumed as u64) {
            Some(rest) => *left = rest,
            None => {
                self.stop_reading(CloseReason::UnreadBody);
                return Ok(Step {
                    consumed,
                    event: None,
                });
            }
        }
        if let Piece::Data(range) = &piece {
            self.read_phase.received(range.len());
        }
        if matches!(piece, Piece::End(_)) || decoder.remaining() == BodyLength::Known(0) {
            self.read_phase = ReadPhase::None;
            self.state.request_ended();
            self.after_answer(now);
        }
        Ok(Step {
            consumed,
            event: None,
        })
    }
}

fn body_length(framing: Framing) -> BodyLength {
    match framing {
        Framing::None => BodyLength::Known(0),
        Framing::Length(length) => BodyLength::Known(length),
        Framing::Chunked | Framing::UntilClose => BodyLength::Unknown,
    }
}
