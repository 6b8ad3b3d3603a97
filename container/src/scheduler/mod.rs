//! Who runs what, when, and how much of it.
//!
//! [`Scheduler::dispatch`] takes a request and its route's endpoint and gives a [`Reply`]: at once
//! for inline work and for what is refused, later for the rest. Nothing here knows HTTP's wire
//! format, routes or sockets.
//!
//! * `admission`: how many at once, how many may wait, 503 for the rest.
//! * `blocking_pool`: the threads for what may wait.
//! * `begun`: when it began, for those who measure.
//! * `running`: a handler on its way, with its permit and its deadline.
//! * `local_body`: an async function that writes an answer's body.
//! * `phase`: whether the container takes work at all.
//! * `stats`: what each lane has done.

mod admission;
mod begun;
mod blocking_pool;
mod local_body;
mod phase;
mod running;
mod stats;

use std::sync::Arc;
use std::time::{Duration, Instant};

use admission::Gate;
pub use admission::Permit;
pub use begun::{Begun, take_begun};
pub use blocking_pool::{BlockingConfig, BlockingPool, PoolFull, PoolStats, spawn_blocking};
pub use local_body::local_body;
pub use phase::{Lifecycle, Phase, Reached, draining, is_ready};
use running::{Running, Tally};
pub use stats::{Counter, LaneStats, Stats, WorkerCounters};

use crate::handler::{
    Cancellation, CatchPanic, Code, Context, Endpoint, IntoResponse, Lane, LocalFuture, Panicked,
    Problem, Reply, catch_panic,
};
use crate::message::{Body, Request, Response, StatusCode};
use crate::reactor::{self, Reactor, oneshot};

/// What a client refused for want of room is told to wait, in seconds: long enough to matter, short
/// enough that a burst is over by then.
const RETRY_AFTER_S: u32 = 1;

/// Where requests wait for their handlers, one for each worker.
pub struct Scheduler {
    /// What all workers share.
    shared: Arc<Shared>,
    /// What this worker has done.
    counters: Arc<WorkerCounters>,
}

/// What all workers of a container share.
pub struct Shared {
    /// One gate for each endpoint that has a concurrency, by the endpoint's index.
    gates: Vec<Option<Arc<Gate>>>,
    /// The states of the application.
    context: Context,
    /// The threads of the blocking lane.
    pool: BlockingPool,
    /// For routes without a deadline of their own.
    deadline: Option<Duration>,
}

impl Shared {
    /// For these endpoints, whose places are their indices.
    pub fn new<'a>(
        endpoints: impl Iterator<Item = &'a Endpoint>,
        context: Context,
        pool: BlockingPool,
        deadline: Option<Duration>,
    ) -> Self {
        let gate = |endpoint: &Endpoint| {
            let policy = endpoint.policy();
            policy
                .concurrency
                .map(|limit| Arc::new(Gate::new(limit, policy.queue)))
        };
        Shared {
            gates: endpoints.map(gate).collect(),
            context,
            pool,
            deadline,
        }
    }

    /// The threads of the blocking lane.
    pub fn pool(&self) -> &BlockingPool {
        &self.pool
    }
}

impl Scheduler {
    /// A worker's scheduler.
    pub fn new(shared: Arc<Shared>, counters: Arc<WorkerCounters>) -> Self {
        Scheduler { shared, counters }
    }

    /// Runs the endpoint's handler on the request, or has it run, or refuses it.
    ///
    /// `index` is the endpoint's place among those the scheduler was made with; `None` for one that
    /// has no gate. A reply that is dropped before it is ready cancels the handler.
    // Inlined, as `run_inline` is: each frame in between is one more copy of the request.
    #[inline]
    pub fn dispatch(&self, endpoint: &Endpoint, index: Option<usize>, request: Request) -> Reply {
        let gate = index.and_then(|index| self.shared.gates.get(index)?.as_ref());
        let deadline = self.deadline(endpoint);
        let permit = match gate.map(Gate::try_enter).transpose() {
            Ok(permit) => permit,
            Err(admission::Refused::Wait(waiting)) => {
                return self.wait(endpoint.clone(), request, deadline, waiting);
            }
            Err(admission::Refused::Full) => {
                self.counters.lane(endpoint.policy().lane).shed.add(1);
                return Reply::Ready(overloaded("this route has as many requests as it can take"));
            }
        };
        self.start(endpoint, request, deadline, permit, Tally::Own)
    }

    /// A future of users' code that is no handler, such as middleware: a panic in it is a 500.
    pub fn guard(&self, future: LocalFuture<Response>, lane: Lane) -> Reply {
        let counters = self.counters.clone();
        Reply::Later(Box::pin(async move {
            CatchPanic::new(future).await.unwrap_or_else(|panicked| {
                counters.lane(lane).panicked.add(1);
                internal_error(lane, &panicked)
            })
        }))
    }

    /// The answer when users' code panicked before it gave an answer or a future.
    pub fn panicked(&self, lane: Lane, panicked: &Panicked) -> Reply {
        self.counters.lane(lane).panicked.add(1);
        Reply::Ready(internal_error(lane, panicked))
    }

    fn deadline(&self, endpoint: &Endpoint) -> Option<Instant> {
        let limit = endpoint.policy().deadline.or(self.shared.deadline)?;
        reactor::now().checked_add(limit)
    }

    #[inline]
    fn run_inline(
        &self,
        function: &(dyn Fn(Request, &Context) -> Response + Send + Sync),
        request: Request,
    ) -> Reply {
        let lane = self.counters.lane(Lane::Inline);
        lane.started.add(1);
        let outcome = catch_panic(|| function(request, &self.shared.context));
        lane.finished.add(1);
        match outcome {
            Ok(response) => Reply::Ready(response),
            Err(panicked) => self.panicked(Lane::Inline, &panicked),
        }
    }

    /// Starts a handler that has its permit, or needs none.
    fn start(
        &self,
        endpoint: &Endpoint,
        request: Request,
        deadline: Option<Instant>,
        permit: Option<Permit>,
        tally: Tally,
    ) -> Reply {
        match endpoint.code() {
            Code::Inline(function) => {
                let reply = self.run_inline(function.as_ref(), request);
                drop(permit);
                reply
            }
            Code::Async(function) => {
                let made = catch_panic(|| function(request, &self.shared.context));
                match made {
                    Ok(Reply::Ready(response)) => Reply::Ready(response),
                    Ok(Reply::Later(future)) => {
                        let running = Running::new(future, Lane::Async, &self.counters);
                        let running = running.with(permit, deadline, None);
                        running.tallied(tally).into_reply()
                    }
                    Err(panicked) => self.panicked(Lane::Async, &panicked),
                }
            }
            Code::Blocking(function) => {
                self.start_blocking(function.clone(), request, deadline, permit, tally)
            }
        }
    }

    fn start_blocking(
        &self,
        function: Arc<dyn Fn(Request, &Context) -> Response + Send + Sync>,
        mut request: Request,
        deadline: Option<Instant>,
        permit: Option<Permit>,
        tally: Tally,
    ) -> Reply {
        let cancellation = Cancellation::new();
        request.extensions_mut().insert(cancellation.clone());
        let shared = self.shared.clone();
        let (sender, receiver) = oneshot::channel();
        let late_panic = self.late_panic();
        let clock = reactor::clock();
        let job = move |sender: oneshot::Sender<_>| {
            let begun = clock.now();
            let mut outcome = catch_panic(|| function(request, &shared.context));
            let body = outcome.as_mut().map(Response::body_mut);
            let writing = body.ok().and_then(Body::begin_writing);
            // The permit is held while the thread is, not only while somebody waits for it.
            let permit = permit.filter(|_| writing.is_some());
            // Who no longer waits does not miss the answer.
            let sent = sender.send((begun, outcome)).is_ok();
            if let Some(writing) = writing.filter(|_| sent)
                && let Err(panicked) = catch_panic(|| writing.run())
            {
                late_panic(panicked);
            }
            drop(permit);
        };
        if self.shared.pool.submit_sending(job, sender).is_err() {
            self.counters.lane(Lane::Blocking).shed.add(1);
            return Reply::Ready(overloaded("the queue for blocking work is full"));
        }
        begun::tell(Begun::NotYet);
        let counters = self.counters.clone();
        let future = Box::pin(async move {
            let Ok((begun, outcome)) = receiver.await else {
                return overloaded("the server is shutting down");
            };
            begun::tell(Begun::At(begun));
            outcome.unwrap_or_else(|panicked| {
                counters.lane(Lane::Blocking).panicked.add(1);
                internal_error(Lane::Blocking, &panicked)
            })
        });
        let running = Running::new(future, Lane::Blocking, &self.counters);
        running
            .with(None, deadline, Some(cancellation))
            .tallied(tally)
            .into_reply()
    }

    /// What is to be done, on any thread, about a handler that panics while it writes its answer's
    /// body: the answer breaks by itself.
    fn late_panic(&self) -> impl FnOnce(Panicked) + Send + 'static {
        let worker = Reactor::try_current().map(|reactor| reactor.remote());
        let counters = self.counters.clone();
        move |panicked| {
            log_panic(Lane::Blocking, &panicked);
            // Counters are their worker's to change; one that has gone counts no more.
            let count = move || counters.lane(Lane::Blocking).panicked.add(1);
            if let Some(worker) = worker {
                drop(worker.run(Box::new(count)));
            }
        }
    }

    /// Waits for a place at the gate, then starts the handler.
    fn wait(
        &self,
        endpoint: Endpoint,
        request: Request,
        deadline: Option<Instant>,
        waiting: admission::Waiting,
    ) -> Reply {
        let scheduler = Scheduler {
            shared: self.shared.clone(),
            counters: self.counters.clone(),
        };
        let lane = endpoint.policy().lane;
        let queued = stats::Within::new(&self.counters, lane, stats::Gauge::Queued);
        begun::tell(Begun::NotYet);
        let clock = reactor::clock();
        let future = Box::pin(async move {
            let permit = waiting.await;
            drop(queued);
            begun::tell(Begun::At(clock.now()));
            // The deadline is watched over the whole of it, below.
            match scheduler.start(&endpoint, request, None, Some(permit), Tally::Outer) {
                Reply::Ready(response) => response,
                Reply::Later(future) => future.await,
            }
        });
        Running::untracked(future, lane, &self.counters)
            .with(None, deadline, None)
            .into_reply()
    }
}

/// The answer to a request there is no room for.
fn overloaded(detail: &'static str) -> Response {
    Problem::unavailable(detail, RETRY_AFTER_S).into_response()
}

/// The answer when a handler panicked; what it said goes to the log, not to the client.
fn internal_error(lane: Lane, panicked: &Panicked) -> Response {
    log_panic(lane, panicked);
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
        .with_detail("the handler failed")
        .into_response()
}

fn log_panic(lane: Lane, panicked: &Panicked) {
    log::error!(
        "a handler of the {lane:?} lane panicked: {}",
        panicked.message
    );
}
