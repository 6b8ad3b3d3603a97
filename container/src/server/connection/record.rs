//! The current request's record: when it is begun, told and ended. What is done with it is the
//! [`Observer`](crate::observe::Observer)'s to know; where nobody observes there is none.

use std::thread;

use super::{Driver, WRITE_HIGH_WATER};
use crate::message::{Request, RequestHead, Response};
use crate::net::Transport;
use crate::observe::Record;
use crate::scheduler::{self, Begun};
use crate::server::service::Plan;
use crate::server::worker::Worker;

/// What is recorded of a connection's requests.
pub(super) enum Recording {
    /// Nothing.
    None,
    /// The request that is being dealt with.
    Current(Box<Record>),
    /// One that is answered, while more of its answer waits to be sent than a further request may
    /// be begun beside.
    Sending(Box<Record>),
}

impl Recording {
    fn take(&mut self) -> Option<Box<Record>> {
        match std::mem::replace(self, Recording::None) {
            Recording::None => None,
            Recording::Current(record) | Recording::Sending(record) => Some(record),
        }
    }

    /// The current request's.
    pub(super) fn current(&mut self) -> Option<&mut Record> {
        match self {
            Recording::Current(record) => Some(record),
            Recording::None | Recording::Sending(_) => None,
        }
    }
}

impl<T: Transport + Unpin> Driver<T> {
    /// A request begins, with what is to be done with it; one that could not be read has no head.
    #[inline]
    pub(super) fn begin_record(&mut self, request: Option<(&RequestHead, &Plan)>) {
        self.end_record();
        let worker = self.seat.worker();
        if worker.observer.measures() {
            let now = worker.reactor.precise_now();
            let seen = request.map(|(head, plan)| (head, plan.shown.as_deref()));
            let mut record = worker.observer.begin(seen, self.peer, now);
            record.set_route(request.and_then(|(_, plan)| plan.target.route()));
            self.recording = Recording::Current(record);
        }
    }

    /// Something is to be answered that was no request.
    pub(super) fn ensure_record(&mut self) {
        if self.recording.current().is_none() {
            self.begin_record(None);
        }
    }

    /// The request's body is here.
    pub(super) fn note_body(&mut self) {
        let worker = self.seat.worker();
        if let Some(record) = self.recording.current() {
            record.ask_for(worker.reactor.precise_now());
        }
    }

    /// The request is about to be given to its handler.
    #[inline]
    pub(super) fn note_call(&mut self, handler_asks: bool, request: &mut Request) {
        let worker = self.seat.worker();
        if let Some(record) = self.recording.current() {
            worker.observer.tell(record, request, handler_asks);
        }
        // News of a handler whose client has gone is nobody's.
        scheduler::take_begun();
    }

    /// There is news of when the handler began.
    #[inline]
    pub(super) fn note_begun(&mut self, begun: Begun) {
        if let Some(record) = self.recording.current() {
            record.set_begun(begun);
        }
    }

    /// The server cuts the request off.
    pub(super) fn note_cut(&mut self) {
        if let Some(record) = self.recording.current() {
            record.cut();
        }
    }

    /// There is an answer from the application.
    #[inline]
    pub(super) fn note_failure(&mut self, response: &mut Response) {
        let worker = self.seat.worker();
        if let Some(record) = self.recording.current() {
            worker.observer.identify_failure(record, response);
        }
    }

    /// There is an answer.
    #[inline]
    pub(super) fn note_answer(&mut self, response: &mut Response) {
        let worker = self.seat.worker();
        if let Some(record) = self.recording.current() {
            let now = worker.reactor.precise_now();
            worker.observer.answer(record, response, now);
        }
    }

    /// Counts bytes of an answer's body.
    #[inline]
    pub(super) fn note_sent(&mut self, count: usize) {
        if let Some(record) = self.recording.current() {
            record.add_bytes(count);
        }
    }

    /// The end of the answer's body was fetched.
    pub(super) fn note_fetched(&mut self) {
        let worker = self.seat.worker();
        if let Some(record) = self.recording.current() {
            record.see(worker.reactor.precise_now());
        }
    }

    /// The answer is complete, as far as the handler is concerned.
    #[inline]
    pub(super) fn conclude_record(&mut self) {
        if self.output.pending() <= WRITE_HIGH_WATER {
            self.end_record();
        } else if let Some(record) = self.recording.take() {
            self.recording = Recording::Sending(record);
        }
    }

    /// After a write: whether the answer that was waited for is sent.
    #[inline]
    pub(super) fn note_flushed(&mut self) {
        if matches!(self.recording, Recording::Sending(_))
            && self.output.pending() <= WRITE_HIGH_WATER
        {
            self.break_record();
        }
    }

    fn end_record(&mut self) {
        if let Some(record) = self.recording.take() {
            self.seat.worker().observer.end(record);
        }
    }
}

impl<T: Transport> Driver<T> {
    /// The request is over now, with an answer or without.
    pub(super) fn break_record(&mut self) {
        if let Some(mut record) = self.recording.take() {
            let worker = self.seat.worker();
            record.see(worker.reactor.precise_now());
            worker.observer.end(record);
        }
    }
}

/// Whatever ends a connection ends what it was dealing with.
impl<T: Transport> Drop for Driver<T> {
    fn drop(&mut self) {
        if !matches!(self.recording, Recording::None) {
            if let Some(record) = self.recording.current()
                && (thread::panicking() || Worker::current().is_none())
            {
                // Its worker dies or ends, and nobody has gone.
                record.cut();
            }
            self.break_record();
            self.seat.worker().observer.hand_over();
        }
    }
}
