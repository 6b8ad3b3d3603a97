//! Starting a handler on its lane, once it has its permits; and users' code that is no handler.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task;
use std::time::Instant;

use super::admission::Permits;
use super::begun::{self, Begun};
use super::job::{Reporter, Submitted};
use super::pool_counters::InQueue;
use super::queue::Ticket;
use super::running::{Running, Tally, enter_deadline};
use super::shed::{Shed, ShedReason, Stage};
use super::unattended::is_unattended;
use super::watchdog::label_of_caller;
use super::{Scheduler, log_panic};
use crate::handler::{
    Cancellation, CatchPanic, Code, Context, Endpoint, Lane, LocalFuture, Panicked, Reply,
    catch_panic,
};
use crate::message::{Body, Request, Response};
use crate::reactor::{self, Deadline, Reactor};

type Plain = dyn Fn(Request, &Context) -> Response + Send + Sync;

/// When a blocking handler began, and what it came to.
type Outcome = (Instant, Result<Response, Panicked>);

/// A blocking handler, in the pool's queue or on its thread, whose client may have gone.
struct Pooled(Submitted<Outcome>);

impl Scheduler {
    /// A future of users' code that is no handler, such as middleware: a panic in it is a 500.
    pub fn guard(&self, future: LocalFuture<Response>, lane: Lane) -> Reply {
        let scheduler = self.clone();
        Reply::Later(Box::pin(async move {
            let outcome = CatchPanic::new(future).await;
            outcome.unwrap_or_else(|panicked| scheduler.failed(lane, &panicked))
        }))
    }

    /// The answer when users' code panicked before it gave an answer or a future.
    pub fn panicked(&self, lane: Lane, panicked: &Panicked) -> Reply {
        Reply::Ready(self.failed(lane, panicked))
    }

    /// Starts a handler that has its permits, or needs none.
    #[inline]
    pub(super) fn start(
        &self,
        endpoint: &Endpoint,
        request: Request,
        deadline: Option<Instant>,
        permits: Permits,
        tally: Tally,
    ) -> Reply {
        let scope = match deadline {
            None => None,
            Some(at) if at <= reactor::precise_now() => {
                let (stage, reason) = (Stage::Start, ShedReason::Expired);
                return Reply::Ready(self.shed(endpoint.lane(), Shed { stage, reason }));
            }
            Some(at) => Some(enter_deadline(at)),
        };
        let reply = match endpoint.code() {
            Code::Inline(function) => {
                let reply = self.run_inline(function.as_ref(), request);
                permits.complete();
                reply
            }
            Code::Async(function) => {
                self.counters.lane(Lane::Async).started.add(1);
                let made = catch_panic(|| function(request, &self.shared.context));
                self.start_async(made, deadline, permits, tally)
            }
            Code::Blocking(function) => {
                let ticket = Ticket::new(endpoint.policy().priority, deadline);
                self.start_blocking(function.clone(), request, ticket, permits, tally)
            }
        };
        drop(scope);
        reply
    }

    #[inline]
    fn run_inline(&self, function: &Plain, request: Request) -> Reply {
        let lane = self.counters.lane(Lane::Inline);
        lane.started.add(1);
        let outcome = catch_panic(|| function(request, &self.shared.context));
        lane.finished.add(1);
        match outcome {
            Ok(response) => Reply::Ready(response),
            Err(panicked) => self.panicked(Lane::Inline, &panicked),
        }
    }

    fn start_async(
        &self,
        made: Result<Reply, Panicked>,
        deadline: Option<Instant>,
        permits: Permits,
        tally: Tally,
    ) -> Reply {
        let response = match made {
            Ok(Reply::Later(future)) => {
                return Running::new(future, Lane::Async, self)
                    .counted(|counters| &counters.lane(Lane::Async).finished)
                    .with(permits, tally.watched(deadline), None)
                    .tallied(tally)
                    .into_reply();
            }
            // Its arguments could not be made, which does not show how long the work takes: the
            // permits are dropped.
            Ok(Reply::Ready(response)) => Reply::Ready(response),
            Err(panicked) => self.panicked(Lane::Async, &panicked),
        };
        self.counters.lane(Lane::Async).finished.add(1);
        response
    }

    fn start_blocking(
        &self,
        function: Arc<Plain>,
        mut request: Request,
        ticket: Ticket,
        permits: Permits,
        tally: Tally,
    ) -> Reply {
        let cancellation = Cancellation::new();
        request.extensions_mut().insert(cancellation.clone());
        let (shared, told) = (self.shared.clone(), cancellation.clone());
        let late_panic = self.late_panic();
        let clock = reactor::clock();
        let in_queue = InQueue::enter(&self.counters, &clock, ticket.deadline);
        let job = move |verdict: Result<Reporter<Outcome>, ShedReason>| {
            let reporter = match verdict {
                Ok(reporter) => reporter,
                Err(reason) => return in_queue.turn_away(reason),
            };
            let on_thread = in_queue.begin();
            let _scope = told.clone().enter();
            let begun = clock.now();
            let mut outcome = catch_panic(|| function(request, &shared.context));
            // Before its permits go to another.
            drop(on_thread);
            let body = outcome.as_mut().map(Response::body_mut);
            let writing = body.ok().and_then(Body::begin_writing);
            // Held as long as the thread is, not only while somebody waits for it.
            let permits = match writing {
                None => {
                    give_back(permits, &told);
                    None
                }
                Some(_) => Some(permits),
            };
            let sent = reporter.send((begun, outcome));
            if let Some(writing) = writing.filter(|_| sent)
                && let Err(panicked) = catch_panic(|| writing.run())
            {
                late_panic(panicked);
            }
            // How fast a client takes a body does not show how long the work takes.
            drop(permits);
        };
        let submitted = match self.shared.pool.submit_sending(job, ticket) {
            Ok(submitted) => submitted,
            Err(reason) => return Reply::Ready(self.shed_by_pool(reason)),
        };
        begun::tell(Begun::NotYet);
        self.counters.pooled.add(1);
        let scheduler = self.clone();
        let future = Box::pin(async move {
            let (begun, outcome) = match Pooled(submitted).await {
                Ok(ended) => ended,
                Err(reason) => return scheduler.shed_by_pool(reason),
            };
            begun::tell(Begun::At(begun));
            outcome.unwrap_or_else(|panicked| scheduler.failed(Lane::Blocking, &panicked))
        });
        Running::new(future, Lane::Blocking, self)
            .counted(|counters| &counters.pooled_over)
            .with(
                Permits::default(),
                tally.watched(ticket.deadline),
                Some(cancellation),
            )
            .tallied(tally)
            .into_reply()
    }

    /// What is to be done, on any thread, about a handler that panics while it writes its answer's
    /// body: the answer breaks by itself.
    fn late_panic(&self) -> impl FnOnce(Panicked) + Send + 'static {
        let worker = Reactor::try_current().map(|reactor| reactor.remote());
        let (shared, counters, label) = (
            self.shared.clone(),
            self.counters.clone(),
            label_of_caller(),
        );
        move |panicked| {
            log_panic(shared.name(label), Lane::Blocking, &panicked);
            // Counters are their worker's to change; one that has gone counts no more.
            let count = move || counters.lane(Lane::Blocking).panicked.add(1);
            if let Some(worker) = worker {
                drop(worker.run(Box::new(count)));
            }
        }
    }

    /// The answer to a request that the pool did not begin, which has been counted there.
    fn shed_by_pool(&self, reason: ShedReason) -> Response {
        let stage = Stage::Pool;
        self.answer_shed(Lane::Blocking, Shed { stage, reason })
    }
}

/// Gives back what a blocking handler held that has ended. Who was told to stop early does not show
/// how long the work takes.
fn give_back(permits: Permits, told: &Cancellation) {
    if Deadline::current().has_passed() {
        permits.overrun();
    } else if !told.is_cancelled() {
        permits.complete();
    }
}

impl Future for Pooled {
    type Output = Result<Outcome, ShedReason>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> task::Poll<Self::Output> {
        if is_unattended() && self.0.withdraw(ShedReason::Gone) {
            return task::Poll::Ready(Err(ShedReason::Gone));
        }
        Pin::new(&mut self.0).poll(context)
    }
}
