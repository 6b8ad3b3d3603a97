//! Who runs what, when, and how much of it.
//!
//! [`Scheduler::dispatch`] takes a request and its route's endpoint and gives a [`Reply`]: at once
//! for inline work and for what is refused, later for the rest. Nothing here knows HTTP's wire
//! format, routes or sockets.
//!
//! | file | is |
//! |---|---|
//! | `mod` | from a request to its gates, its wait or its refusal |
//! | `lanes` | starting a handler on its lane |
//! | `bodies` | how much memory the bodies of requests have, and may have |
//! | `begun` | when handlers began, for those who measure |
//! | `running` | a handler on its way, with its permits and its deadline |
//! | `admission`, `gate` | the way through the gates; one gate with its permits |
//! | `shared_gate` | a gate that several routes go through for a part of what they do |
//! | `queue`, `codel` | who waits and who is next; when a queue counts as overloaded |
//! | `forecast`, `wait_limit` | who cannot be answered in time; how long anybody waits |
//! | `adaptive` | limits that find themselves |
//! | `block_on` | async code called from code that may wait |
//! | `blocking_pool`, `pool_state` | the threads for what may wait; what they are doing |
//! | `pool_counters` | blocking handlers that wait for them, or run on them, as counted |
//! | `job` | one job of theirs |
//! | `local_body` | an async function that writes an answer's body |
//! | `deadline` | how long a request may take |
//! | `peers` | connections of each peer |
//! | `unattended` | requests whose clients have gone, and that are to be finished if they have begun |
//! | `phase` | whether the container takes work at all |
//! | `settings` | what all of this is told |
//! | `shared` | what all workers of a container share |
//! | `shed`, `stats` | why and where requests are turned away; what each lane has done |
//! | `watchdog` | who holds a worker, or a thread of the pool, too long |

mod adaptive;
mod admission;
mod begun;
mod block_on;
mod blocking_pool;
mod bodies;
mod codel;
mod deadline;
mod forecast;
mod gate;
mod job;
mod lanes;
mod local_body;
mod peers;
mod phase;
mod pool_counters;
mod pool_state;
mod queue;
mod running;
mod settings;
mod shared;
mod shared_gate;
mod shed;
mod stats;
mod unattended;
mod wait_limit;
mod watchdog;

use std::sync::Arc;
use std::time::Instant;

use admission::{Admission, Entering, Permits};
pub use begun::{Begun, take_begun};
pub use block_on::{Interrupted, block_on};
pub use blocking_pool::{BlockingConfig, BlockingPool, PoolFull, PoolStats, spawn_blocking};
pub use bodies::{Bodies, BodyStats, HeldBody};
pub use deadline::Deadlines;
use deadline::SetBy;
pub use gate::GateStats;
pub use local_body::local_body;
pub use peers::{PeerPlace, Peers};
pub use phase::{Lifecycle, Phase, Reached, draining, is_ready};
use queue::Ticket;
use running::{Running, Tally};
pub use settings::{Budgets, Settings};
pub use shared::{BudgetStats, Shared};
pub use shared_gate::{SharedGate, SharedPermit};
pub use shed::{Shed, ShedReason, Stage};
use stats::Queueing;
pub use stats::{Counter, LaneStats, ShedStats, Stats, WorkerCounters};
pub use unattended::Unattended;
use watchdog::label_of_caller;
pub use watchdog::{
    HeldThread, HoldStats, Holds, Post, Posts, SlowRoute, Watchdog, WatchdogConfig,
};

use crate::handler::{Code, Endpoint, IntoResponse, Lane, Panicked, Problem, Reply};
use crate::message::{Request, Response, StatusCode};
use crate::reactor;

/// What a client refused for want of room is told to wait, in seconds: long enough to matter, short
/// enough that a burst is over by then.
const RETRY_AFTER_S: u32 = 1;

/// Where requests wait for their handlers, one for each worker.
#[derive(Clone)]
pub struct Scheduler {
    /// What all workers share.
    shared: Arc<Shared>,
    /// What this worker has done.
    counters: Arc<WorkerCounters>,
}

impl Scheduler {
    /// A worker's scheduler.
    pub fn new(shared: Arc<Shared>, counters: Arc<WorkerCounters>) -> Self {
        Scheduler { shared, counters }
    }

    /// What all workers share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Runs the endpoint's handler on the request, or has it run, or refuses it.
    ///
    /// `index` is the endpoint's place among those the scheduler was made with; `None` for one that
    /// has no gate. A reply that is dropped before it is ready cancels the handler.
    // Inlined, as `run_inline` is: each frame in between is one more copy of the request.
    #[inline]
    pub fn dispatch(&self, endpoint: &Endpoint, index: Option<usize>, request: Request) -> Reply {
        let due = self.shared.deadlines.of(endpoint.policy(), &request);
        let deadline = due.map(|due| due.at);
        let gates = index.and_then(|index| self.shared.gates.get(index));
        let permits = match gates.filter(|gates| !gates.is_empty()) {
            None => Permits::default(),
            Some(gates) => {
                let set_by = due.map_or(SetBy::default(), |due| due.by);
                let ticket = Ticket::new(endpoint.policy().priority, deadline).set_by(set_by);
                match gates.enter(ticket) {
                    Admission::In(permits) => permits,
                    Admission::Wait(entering) => {
                        return self.wait(endpoint.clone(), request, deadline, entering);
                    }
                    Admission::Shed(shed) => {
                        return Reply::Ready(self.shed(endpoint.lane(), shed));
                    }
                }
            }
        };
        self.start(endpoint, request, deadline, permits, Tally::Own)
    }

    /// Where and why a request of this endpoint would be turned away if it were dispatched now;
    /// `None` when it would run, or could wait. For who has to fetch a body first: it need not be
    /// fetched to be thrown away. The body has `least` bytes or more.
    pub fn refusal(&self, endpoint: &Endpoint, index: usize, least: u64) -> Option<Shed> {
        let (shared, priority) = (&self.shared, endpoint.policy().priority);
        let by_pool = || match endpoint.code() {
            Code::Inline(_) | Code::Async(_) => None,
            Code::Blocking(_) => {
                let (stage, reason) = (Stage::Pool, shared.pool.refusal(priority)?);
                Some(Shed { stage, reason })
            }
        };
        let gates = shared.gates.get(index)?;
        let shed = gates.refusal(priority).or_else(by_pool);
        shed.or_else(|| shared.bodies().refusal(least, priority))
    }

    /// The answer to a request that is turned away before it is dispatched; counts it.
    pub fn turn_away(&self, endpoint: &Endpoint, shed: Shed) -> Response {
        self.shed(endpoint.lane(), shed)
    }

    /// Waits for the permits that are missing, then starts the handler.
    fn wait(
        &self,
        endpoint: Endpoint,
        request: Request,
        deadline: Option<Instant>,
        mut entering: Entering,
    ) -> Reply {
        let scheduler = self.clone();
        let lane = endpoint.lane();
        let queueing = move |entering: &Entering, scheduler: &Scheduler| {
            Queueing::new(&scheduler.counters, lane, entering.stage(), deadline)
        };
        let mut queued = queueing(&entering, self);
        begun::tell(Begun::NotYet);
        let clock = reactor::clock();
        let future = Box::pin(async move {
            let permits = loop {
                let admission = entering.wait_attended().await;
                queued.end();
                match admission {
                    Admission::In(permits) => break permits,
                    Admission::Shed(shed) => return scheduler.shed(lane, shed),
                    Admission::Wait(next) => {
                        queued = queueing(&next, &scheduler);
                        entering = next;
                    }
                }
            };
            begun::tell(Begun::At(clock.now()));
            // The deadline is watched over the whole of it, below.
            match scheduler.start(&endpoint, request, deadline, permits, Tally::Outer) {
                Reply::Ready(response) => response,
                Reply::Later(future) => future.await,
            }
        });
        Running::new(future, lane, self)
            .with(Permits::default(), deadline, None)
            .into_reply()
    }

    /// Counts a request that was turned away, and answers it.
    fn shed(&self, lane: Lane, shed: Shed) -> Response {
        self.counters.lane(lane).turn_away(shed);
        self.answer_shed(lane, shed)
    }

    /// The same for one that is counted where it was turned away.
    fn answer_shed(&self, lane: Lane, shed: Shed) -> Response {
        begun::tell(Begun::NotYet);
        let counters = self.counters.lane(lane);
        match shed.reason {
            ShedReason::Expired => counters.timed_out.add(1),
            ShedReason::Gone => counters.cancelled.add(1),
            _ => {}
        }
        turned_away(shed).into_response()
    }

    /// Counts a handler that panicked, and gives the answer; what it said goes to the log, not to
    /// the client.
    fn failed(&self, lane: Lane, panicked: &Panicked) -> Response {
        self.counters.lane(lane).panicked.add(1);
        log_panic(self.shared.name(label_of_caller()), lane, panicked);
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
            .with_detail("the handler failed")
            .into_response()
    }
}

/// The answer to a request for which there is no room.
fn turned_away(shed: Shed) -> Problem {
    Problem::unavailable(shed.reason.detail(), RETRY_AFTER_S)
}

/// The answer to a request whose time is over.
fn timed_out() -> Response {
    let detail = "the handler did not answer within its deadline";
    Problem::unavailable(detail, RETRY_AFTER_S).into_response()
}

fn log_panic(name: &str, lane: Lane, panicked: &Panicked) {
    log::error!("{name} ({lane}) panicked: {}", panicked.message);
}
