//! `Record`: what is known of one request while it is being dealt with. Told the time, it never
//! looks at a clock.

use std::time::Instant;

use super::entry::{Asked, Spans};
use super::metrics::{Ending, Measured};
use crate::message::{RequestId, StatusCode, TraceContext};
use crate::scheduler::Begun;

/// One request, from its head to the end of its answer.
#[derive(Debug)]
pub struct Record {
    /// What the access log has kept of its head.
    pub(super) asked: Asked,
    /// What it is called.
    pub(super) id: RequestId,
    /// Its place in a trace, where traces are carried.
    pub(super) trace: Option<TraceContext>,
    /// Its route's index; `None` where no route answers.
    route: Option<usize>,
    /// When its head was complete.
    pub(super) received: Instant,
    /// When its handler was asked for.
    asked_for: Instant,
    /// When its handler began; `None` where it was never asked for.
    begun: Option<Begun>,
    /// What was answered, and when.
    answered: Option<(StatusCode, Instant)>,
    /// Whether the server cuts it off.
    is_cut: bool,
    /// Bytes of the answer's body.
    bytes: u64,
    /// The last time that it was told: its end, once it has ended.
    seen: Instant,
}

impl Record {
    pub(super) fn new(received: Instant) -> Self {
        Record {
            asked: Asked::default(),
            id: RequestId::unique(),
            trace: None,
            route: None,
            received,
            asked_for: received,
            begun: None,
            answered: None,
            is_cut: false,
            bytes: 0,
            seen: received,
        }
    }

    /// The same record, for another request.
    pub(super) fn renew(&mut self, received: Instant) {
        // Field by field: a record is large, and most of it is not touched by most requests.
        self.asked.clear();
        self.id = RequestId::unique();
        self.trace = None;
        self.route = None;
        self.received = received;
        self.asked_for = received;
        self.begun = None;
        self.answered = None;
        self.is_cut = false;
        self.bytes = 0;
        self.seen = received;
    }

    /// What the request is called.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// Its place in a trace, where traces are carried.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    /// Its route's index.
    pub fn route(&self) -> Option<usize> {
        self.route
    }

    /// Notes which route answers.
    pub fn set_route(&mut self, index: Option<usize>) {
        self.route = index;
    }

    /// Notes that its body is here, and its handler is asked for.
    pub fn ask_for(&mut self, now: Instant) {
        self.asked_for = now;
    }

    /// Notes when its handler began.
    pub fn set_begun(&mut self, begun: Begun) {
        self.begun = Some(begun);
    }

    /// Notes that the server cuts it off, and not its client.
    pub fn cut(&mut self) {
        self.is_cut = true;
    }

    /// Notes the answer.
    pub fn answer(&mut self, status: StatusCode, now: Instant) {
        self.answered = Some((status, now));
        self.seen = now;
    }

    /// Notes that it is not over before now.
    pub fn see(&mut self, now: Instant) {
        self.seen = now;
    }

    /// Counts bytes of the answer's body.
    pub fn add_bytes(&mut self, count: usize) {
        self.bytes += count as u64;
    }

    /// How it ended.
    pub(super) fn ending(&self) -> Ending {
        match self.answered {
            Some((status, _)) => Ending::Answered(status),
            None if self.is_cut => Ending::Cut,
            None => Ending::Gone,
        }
    }

    /// The last time that it was told.
    pub(super) fn seen(&self) -> Instant {
        self.seen
    }

    /// How long its parts took, up to the last time that it was told.
    pub(super) fn spans(&self) -> Spans {
        let now = self.seen;
        let total = micros(self.received, now);
        if self.is_simple() {
            return Spans {
                total,
                ran: total,
                ..Spans::default()
            };
        }
        let answered = self.answered.map_or(now, |(_, at)| at);
        let (asked_for, begun) = match self.begun {
            None => (answered, answered),
            Some(Begun::AtOnce) => (self.asked_for, self.asked_for),
            Some(Begun::NotYet) => (self.asked_for, answered),
            // An answer that did not wait for it, such as that of a deadline, comes before it.
            Some(Begun::At(at)) => {
                let begun = at.clamp(self.asked_for, answered.max(self.asked_for));
                (self.asked_for, begun)
            }
        };
        Spans {
            total,
            waited: micros(asked_for, begun),
            ran: micros(begun, answered),
            written: micros(answered, now),
        }
    }

    /// Whether nothing took any time but its handler, as with most requests.
    fn is_simple(&self) -> bool {
        let answered = self.answered.is_some_and(|(_, at)| at == self.seen);
        answered && self.begun == Some(Begun::AtOnce) && self.asked_for == self.received
    }

    /// What is counted of it.
    pub(super) fn measured(&self, spans: &Spans) -> Measured {
        let has_run = !matches!(self.begun, None | Some(Begun::NotYet));
        Measured {
            ending: self.ending(),
            waited: spans.waited,
            ran: has_run.then_some(spans.ran),
            bytes: self.bytes,
        }
    }

    /// Bytes of the answer's body.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Microseconds from one instant to another; 0 where they are the other way round.
fn micros(from: Instant, to: Instant) -> u64 {
    let span = to.saturating_duration_since(from);
    // Without the 128 bits that `as_micros` counts in.
    span.as_secs() * 1_000_000 + u64::from(span.subsec_micros())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_parts_of_a_request_are_told_apart() {
        let start = Instant::now();
        let at = |micros| start + Duration::from_micros(micros);
        let check = |begun: Option<Begun>, answered: Option<u64>, expected: [u64; 4]| {
            let mut record = Record::new(start);
            record.ask_for(at(10));
            begun.into_iter().for_each(|begun| record.set_begun(begun));
            if let Some(answered) = answered {
                record.answer(StatusCode::OK, at(answered));
            }
            record.see(at(100));
            let spans = record.spans();
            let shown = [spans.total, spans.waited, spans.ran, spans.written];
            assert_eq!(shown, expected, "{begun:?}");
            let has_run = !matches!(begun, None | Some(Begun::NotYet));
            let ran = record.measured(&spans).ran;
            assert_eq!(ran, has_run.then_some(expected[2]), "{begun:?}");
        };
        let (at_once, waits) = (Some(Begun::AtOnce), Some(Begun::NotYet));
        check(at_once, Some(70), [100, 0, 60, 30]);
        check(Some(Begun::At(at(30))), Some(70), [100, 20, 40, 30]);
        // Refused, or out of time, while it waited.
        check(waits, Some(70), [100, 60, 0, 30]);
        // Its client went.
        check(waits, None, [100, 90, 0, 0]);
        check(at_once, None, [100, 0, 90, 0]);
        check(Some(Begun::At(at(80))), Some(70), [100, 60, 0, 30]);
        // Refused, or gone, before its body was here.
        check(None, Some(5), [100, 0, 0, 95]);
        check(None, None, [100, 0, 0, 0]);
    }
}
