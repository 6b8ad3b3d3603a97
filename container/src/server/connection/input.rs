//! From the transport to the machine, and from the machine's events to the exchange.

use std::io;
use std::task::{Context, Poll};

use super::{Driver, Exchange, Feed, Progress, READ_STEPS, WRITE_HIGH_WATER};
use crate::http1::{CloseReason, Event};
use crate::net::Transport;

impl<T: Transport + Unpin> Driver<T> {
    /// Takes the next input, from what was left over or from the transport, if any can be taken.
    pub(super) fn advance_input(&mut self, context: &mut Context<'_>) -> Progress {
        if !self.takes_input(context) {
            return Progress::Stuck;
        }
        if !self.backlog.is_empty() {
            let backlog = std::mem::take(&mut self.backlog);
            let consumed = self.offer(&backlog, context);
            if self.machine.close_reason().is_none() {
                self.keep(backlog, consumed);
            }
            if consumed > 0 || !self.takes_input(context) {
                return Progress::Moved;
            }
        }
        self.receive(context)
    }

    /// Whether the machine wants input, and whoever gets it can take it.
    fn takes_input(&mut self, context: &mut Context<'_>) -> bool {
        if !self.machine.wants_input() {
            return false;
        }
        if self.output.pending() > WRITE_HIGH_WATER {
            // The peer cannot be blamed for what is not read: it is its reading that is slow, and
            // for that there is the timeout of writing.
            self.machine.pause_body(self.now());
            return false;
        }
        let Feed::Live(sender) = &self.feed else {
            if self.machine.is_body_paused() {
                self.machine.resume_body(self.now());
            }
            return true;
        };
        let now = self.now();
        match sender.poll_wanted(context) {
            Poll::Ready(Ok(())) => self.machine.send_continue(&mut self.output, now),
            Poll::Ready(Err(_)) => {
                self.feed = Feed::None;
                self.machine.discard_body(now);
                return true;
            }
            Poll::Pending => {}
        }
        let Feed::Live(sender) = &self.feed else {
            return true;
        };
        let room = sender.poll_ready(context).is_ready();
        if room {
            self.machine.resume_body(now);
        } else {
            self.machine.pause_body(now);
        }
        room
    }

    /// One read from the transport, into the worker's buffer.
    fn receive(&mut self, context: &mut Context<'_>) -> Progress {
        if self.transport.poll_read_ready(context).is_pending() {
            return Progress::Stuck;
        }
        let mut buffer = self.worker().take_read_buffer();
        let received = self.transport.try_read(&mut buffer);
        let progress = match received {
            Ok(0) => self.ended(),
            Ok(count) if self.backlog.is_empty() => {
                let consumed = self.offer(&buffer[..count], context);
                if consumed < count && self.machine.close_reason().is_none() {
                    self.backlog.extend_from_slice(&buffer[consumed..count]);
                }
                self.after_receiving(context)
            }
            Ok(count) => {
                self.backlog.extend_from_slice(&buffer[..count]);
                let backlog = std::mem::take(&mut self.backlog);
                let consumed = self.offer(&backlog, context);
                self.keep(backlog, consumed);
                Progress::Moved
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // Registers for the event that has not come yet.
                let _ = self.transport.poll_read_ready(context);
                Progress::Stuck
            }
            Err(_) => {
                self.vanished();
                Progress::Moved
            }
        };
        self.worker().read_buffer.set(buffer);
        self.spend(READ_STEPS);
        progress
    }

    /// Whether it is worth going round again after a read; mostly all is answered by then, and the
    /// socket drained.
    fn after_receiving(&self, context: &mut Context<'_>) -> Progress {
        let settled = matches!((&self.exchange, &self.feed), (Exchange::None, Feed::None))
            && self.backlog.is_empty();
        if settled && self.transport.poll_read_ready(context).is_pending() {
            Progress::Stuck
        } else {
            Progress::Moved
        }
    }

    /// Offers input to the machine and follows its events, as long as the poll's share lasts; says
    /// how much was taken.
    fn offer(&mut self, input: &[u8], context: &mut Context<'_>) -> usize {
        let mut consumed = 0;
        let now = self.now();
        while consumed < input.len() && self.steps > 0 && self.takes_input(context) {
            self.spend(1);
            let rest = &input[consumed..];
            let step = self.machine.handle_bytes(rest, now);
            consumed += step.consumed;
            match step.event {
                Some(Event::Request(head, length)) => self.begin(head, length, context),
                Some(Event::Body(range)) => {
                    self.body_bytes(&rest[range], context);
                    self.complete_body(context);
                }
                Some(Event::EndOfBody(trailers)) => self.body_ended(trailers, context),
                Some(Event::Refused(error)) => self.refuse(error),
                None if step.consumed == 0 => break,
                None => {}
            }
        }
        consumed
    }

    /// A body of known length ends with its last byte: no further input is needed to see it.
    fn complete_body(&mut self, context: &mut Context<'_>) {
        let now = self.now();
        if let Some(Event::EndOfBody(trailers)) = self.machine.handle_bytes(&[], now).event {
            self.body_ended(trailers, context);
        }
    }

    /// Keeps what was not taken of a piece of input.
    fn keep(&mut self, mut input: Vec<u8>, consumed: usize) {
        if consumed < input.len() {
            input.drain(..consumed);
            self.backlog = input;
        }
    }

    /// The peer sends nothing more. Only half of the connection may be closed by that.
    fn ended(&mut self) -> Progress {
        match self.machine.handle_eof() {
            Some(error) => self.refuse(error),
            None if matches!(self.exchange, Exchange::None) => {}
            None => self.departure.half_closed(),
        }
        Progress::Moved
    }

    /// The connection is broken: nobody is there any more.
    pub(super) fn vanished(&mut self) {
        self.feed = Feed::None;
        self.output.clear();
        self.break_record();
        self.detach_or_cancel();
        self.machine.close(CloseReason::PeerClosedEarly);
    }
}
