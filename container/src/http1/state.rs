//! The state of a server connection, and every transition of it.
//!
//! Three small machines run side by side: [`Reading`], [`Writing`] and [`KeepAlive`]. Two rules
//! couple them, and both stand in this file:
//!
//! 1. When a request has been read to its end and its answer written to its end, the connection is
//!    either idle again (`Busy`) or closed (`Disabled`).
//! 2. Once a `CloseReason` is set it stays, but for one that cuts the connection: an answer can
//!    break, or stall, after that. Reading ends at once, writing only with what was begun.
//!
//! ```text
//!  Reading:  Head ──request──> Body ──end──> Complete ──answered──> Head
//!              └──request without body──────────┘ │
//!  Writing:  Waiting ──answer──> Body ──end──> Complete ──read──> Waiting
//!  KeepAlive: Idle ──request──> Busy ──both complete──> Idle
//!                  └─close asked─> Disabled ──both complete──> closed
//! ```

use super::decode::Decoder;
use super::encode::Encoder;
use super::error::ProtocolError;
use super::event::CloseReason;
use super::framing::Persistence;

/// What is expected of the peer.
#[derive(Debug)]
pub(super) enum Reading {
    /// A request head.
    Head,
    /// A body that somebody reads.
    Body(Decoder),
    /// A body that nobody reads, at most so many bytes more of it.
    Discard(Decoder, u64),
    /// Nothing before the answer is complete.
    Complete,
    /// Nothing ever again.
    Closed,
}

/// What is owed to the peer.
#[derive(Debug)]
pub(super) enum Writing {
    /// No answer has been begun.
    Waiting,
    /// The rest of a body.
    Body(Encoder),
    /// The answer is complete, the request perhaps not.
    Complete,
}

/// Whether there will be another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeepAlive {
    /// Between requests.
    Idle,
    /// In a request, another may follow.
    Busy,
    /// In the last request.
    Disabled,
}

/// The three machines, and why the connection ends, once it does.
#[derive(Debug)]
pub(super) struct State {
    pub(super) reading: Reading,
    pub(super) writing: Writing,
    pub(super) keep_alive: KeepAlive,
    close: Option<CloseReason>,
}

impl State {
    pub(super) fn new() -> Self {
        State {
            reading: Reading::Head,
            writing: Writing::Waiting,
            keep_alive: KeepAlive::Idle,
            close: None,
        }
    }

    pub(super) fn close_reason(&self) -> Option<CloseReason> {
        self.close
    }

    /// A request head was read.
    pub(super) fn request_begun(&mut self, body: Option<Decoder>, persistence: Persistence) {
        self.reading = body.map_or(Reading::Complete, Reading::Body);
        self.keep_alive = match (self.keep_alive, persistence) {
            (KeepAlive::Disabled, _) | (_, Persistence::Close) => KeepAlive::Disabled,
            (_, Persistence::KeepAlive) => KeepAlive::Busy,
        };
    }

    /// The request was read to its end.
    pub(super) fn request_ended(&mut self) {
        self.reading = Reading::Complete;
        self.settle();
    }

    /// The rest of the request is of no interest; `limit` bytes of it may still be read away.
    pub(super) fn request_abandoned(&mut self, limit: u64) {
        match std::mem::replace(&mut self.reading, Reading::Closed) {
            Reading::Body(decoder) => {
                self.reading = Reading::Discard(decoder, limit);
                self.settle();
            }
            other => self.reading = other,
        }
    }

    /// The head of an answer was written.
    pub(super) fn answer_begun(&mut self, body: Option<Encoder>) {
        match body {
            Some(encoder) => self.writing = Writing::Body(encoder),
            None => self.answer_ended(),
        }
    }

    /// The answer was written to its end.
    pub(super) fn answer_ended(&mut self) {
        self.writing = Writing::Complete;
        self.settle();
    }

    /// This request is to be the last.
    pub(super) fn last_request(&mut self) {
        self.keep_alive = KeepAlive::Disabled;
    }

    /// The peer broke the protocol: an answer may still be written.
    pub(super) fn refuse(&mut self, error: ProtocolError) {
        self.stop_reading(CloseReason::Protocol(error));
    }

    /// The rest of the request will not be read: the connection ends, once it has been answered.
    pub(super) fn stop_reading(&mut self, reason: CloseReason) {
        self.reading = Reading::Closed;
        self.keep_alive = KeepAlive::Disabled;
        self.set_reason(reason);
    }

    /// The connection ends here, whatever was going on.
    pub(super) fn close(&mut self, reason: CloseReason) {
        self.reading = Reading::Closed;
        self.writing = Writing::Complete;
        self.keep_alive = KeepAlive::Disabled;
        self.set_reason(reason);
    }

    /// Whether there is nothing left to read or write.
    pub(super) fn is_closed(&self) -> bool {
        matches!(
            (&self.reading, &self.writing),
            (Reading::Closed, Writing::Complete)
        )
    }

    /// Rule 1.
    fn settle(&mut self) {
        if !matches!(self.writing, Writing::Complete) {
            return;
        }
        match (&self.reading, self.keep_alive) {
            (Reading::Complete, KeepAlive::Busy) => *self = State::new(),
            (Reading::Complete | Reading::Closed, _) => self.close(CloseReason::Requested),
            // A last answer is complete: what the peer still sends is read away by the lingering
            // close, not by the machine.
            (Reading::Discard(..), KeepAlive::Disabled) => self.close(CloseReason::UnreadBody),
            _ => {}
        }
    }

    /// Rule 2.
    fn set_reason(&mut self, reason: CloseReason) {
        if self
            .close
            .is_none_or(|first| reason.is_abortive() && !first.is_abortive())
        {
            self.close = Some(reason);
        }
    }
}
