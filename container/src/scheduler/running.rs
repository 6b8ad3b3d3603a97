//! `Running`: a handler on its way to an answer, with its permit, its deadline and its counters.
//!
//! Dropping it cancels the handler: an async one is dropped with it, a blocking one is told.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use super::admission::Permits;
use super::stats::{Counter, LaneCounters, WorkerCounters};
use super::{Scheduler, timed_out};
use crate::handler::{Cancellation, CatchPanic, Lane, LocalFuture, Reply};
use crate::message::Response;
use crate::reactor::{Deadline, DeadlineScope, Reactor, Sleep, sleep_until};

/// Who counts a handler that is dropped before it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tally {
    /// Itself.
    Own,
    /// What it runs inside of, which has counted the request since it began to wait.
    Outer,
}

impl Tally {
    /// The deadline that is to be watched: what it runs inside of watches its own.
    pub(super) fn watched(self, deadline: Option<Instant>) -> Option<Instant> {
        deadline.filter(|_| self == Tally::Own)
    }
}

/// Chooses what counts an end.
type EndCounter = fn(&WorkerCounters) -> &Counter;

pub(super) struct Running {
    /// The handler; `None` once it has ended or was cancelled.
    handler: Option<CatchPanic<dyn Future<Output = Response>>>,
    lane: Lane,
    /// Which one runs it.
    scheduler: Scheduler,
    /// What is to count its end; `None` once that was done, or where it is done elsewhere.
    at_end: Option<EndCounter>,
    /// The right to run, where there is a limit.
    permits: Permits,
    /// When the time is over.
    deadline: Option<Sleep>,
    /// How code that cannot be dropped is told.
    cancellation: Option<Cancellation>,
    /// Who counts its being dropped.
    tally: Tally,
}

impl Running {
    /// A handler of this lane.
    pub(super) fn new(future: LocalFuture<Response>, lane: Lane, scheduler: &Scheduler) -> Self {
        Running {
            handler: Some(CatchPanic::new(future)),
            lane,
            scheduler: scheduler.clone(),
            at_end: None,
            permits: Permits::default(),
            deadline: None,
            cancellation: None,
            tally: Tally::Own,
        }
    }

    /// The same, whose end is counted there.
    pub(super) fn counted(mut self, at_end: EndCounter) -> Self {
        self.at_end = Some(at_end);
        self
    }

    /// The same, counted as told when it is dropped.
    pub(super) fn tallied(mut self, tally: Tally) -> Self {
        self.tally = tally;
        self
    }

    /// The same with what bounds it.
    pub(super) fn with(
        mut self,
        permits: Permits,
        deadline: Option<Instant>,
        cancellation: Option<Cancellation>,
    ) -> Self {
        self.permits = permits;
        self.deadline = deadline.map(sleep_until);
        self.cancellation = cancellation;
        self
    }

    pub(super) fn into_reply(self) -> Reply {
        Reply::Later(Box::pin(self))
    }

    fn counters(&self) -> &LaneCounters {
        self.scheduler.counters.lane(self.lane)
    }

    /// Ends the handler, whether it is done or not.
    fn end(&mut self) -> Permits {
        // First, since a handler may panic while it is dropped.
        if let Some(at_end) = self.at_end.take() {
            at_end(&self.scheduler.counters).add(1);
        }
        if let (Some(_), Some(cancellation)) = (&self.handler, &self.cancellation) {
            cancellation.cancel();
        }
        self.handler = None;
        self.deadline = None;
        std::mem::take(&mut self.permits)
    }
}

impl Future for Running {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response> {
        let limit = self.deadline.as_ref().map(Sleep::deadline);
        let Some(handler) = &mut self.handler else {
            return Poll::Pending;
        };
        let scope = limit.map(enter_deadline);
        let polled = Pin::new(handler).poll(context);
        drop(scope);
        if let Poll::Ready(outcome) = polled {
            let failed = |panicked| self.scheduler.failed(self.lane, &panicked);
            let response = outcome.unwrap_or_else(failed);
            // Its future is done: nothing is left to be cancelled.
            self.cancellation = None;
            self.end().complete();
            return Poll::Ready(response);
        }
        let Some(deadline) = &mut self.deadline else {
            return Poll::Pending;
        };
        if Pin::new(deadline).poll(context).is_pending() {
            return Poll::Pending;
        }
        self.counters().timed_out.add(1);
        // What it runs inside of it, and is dropped with it, sees why.
        let scope = limit.map(enter_deadline);
        self.end().overrun();
        drop(scope);
        Poll::Ready(timed_out())
    }
}

/// Makes this the deadline of the code that runs on this worker, as long as the scope lives.
pub(super) fn enter_deadline(at: Instant) -> DeadlineScope {
    Deadline::new(at, Reactor::current().clock()).enter()
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.handler.is_some() {
            if self.tally == Tally::Own {
                self.counters().cancelled.add(1);
            }
            // A handler that panics while it is dropped must not take the worker with it.
            let _ = crate::handler::catch_panic(|| {
                let permits = self.end();
                if Deadline::current().has_passed() {
                    permits.overrun();
                }
            });
        }
    }
}
