//! `Handle`: what other threads may do with a running container, and see of it.

use std::any::type_name;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use super::listeners::Listeners;
use super::spread::{Bounds, Loads, WorkerStats};
use crate::extract::Rejection;
use crate::handler::{Context, FromHead};
use crate::message::Request;
use crate::net::Address;
use crate::observe::Observation;
use crate::scheduler::{
    self, BudgetStats, GateStats, Holds, Lifecycle, Phase, PoolStats, SlowRoute, Stats, Watchdog,
    WatchdogConfig, WorkerCounters,
};

/// A running container, from any thread. Clones are the same container.
///
/// A handler that takes it as an argument gets that of the container which runs it.
///
/// ```
/// use container::server::Handle;
/// use container::{Router, inline};
///
/// let router = Router::new().post("/stop", inline(|handle: Handle| handle.stop()));
/// ```
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// The way to the handle of the container that runs a handler, as a state. Weak, because what the
/// handle leads to has the states.
#[derive(Clone, Default)]
pub(crate) struct OwnHandle(Arc<OnceLock<Weak<Shared>>>);

/// What handles and workers share.
pub(super) struct Shared {
    pub(super) lifecycle: Lifecycle,
    pub(super) loads: Arc<Loads>,
    pub(super) counters: Vec<Arc<WorkerCounters>>,
    pub(super) listeners: Arc<Listeners>,
    pub(super) addresses: Vec<Address>,
    pub(super) scheduling: Arc<scheduler::Shared>,
    pub(super) observation: Arc<Observation>,
    pub(super) watchdog: Arc<Watchdog>,
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Handle { shared }
    }

    /// Asks the container to drain: it leaves for [`Config::drain_delay`](crate::Config), then
    /// takes no new connections, answers what it has accepted, and ends. Returns at once.
    pub fn stop(&self) {
        self.advance(Phase::Leaving);
    }

    /// Asks the container to end now: requests that are not answered yet are cut. Returns at once.
    pub fn close(&self) {
        self.advance(Phase::Closing);
    }

    /// Whether the container wants traffic: it has started, and was not asked to stop.
    pub fn is_ready(&self) -> bool {
        self.shared.lifecycle.is_ready()
    }

    /// Where the container stands.
    pub fn phase(&self) -> Phase {
        self.shared.lifecycle.phase()
    }

    /// The first address it listens at; its port is the real one where 0 was asked for.
    pub fn local_addr(&self) -> &Address {
        &self.shared.addresses[0]
    }

    /// All addresses it listens at, in the order they were given.
    pub fn local_addrs(&self) -> &[Address] {
        &self.shared.addresses
    }

    /// What it has done and is doing, added up over its workers.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::collect(&self.shared.counters);
        stats.holds = self.shared.watchdog.stats();
        stats
    }

    /// How often requests of the route with this index held a worker, or a thread of the blocking
    /// pool, for longer than [`Config::watchdog`](crate::Config) allows; the index behind the last
    /// one is that of requests that no route answers.
    pub fn route_holds(&self, index: usize) -> Holds {
        self.shared.watchdog.route_holds(index)
    }

    /// The same of what is no request: tasks of the application's own.
    pub fn background_holds(&self) -> Holds {
        self.shared.watchdog.background_holds()
    }

    /// The routes that held a worker, or a thread of the blocking pool, for longer than
    /// [`Config::watchdog`](crate::Config) allows; the longest hold first, at most 16.
    pub fn slow_routes(&self) -> Vec<SlowRoute> {
        self.shared.watchdog.slow_routes()
    }

    /// What is observed of its requests.
    pub fn observation(&self) -> &Observation {
        &self.shared.observation
    }

    /// What its blocking pool is doing.
    pub fn pool(&self) -> PoolStats {
        self.shared.scheduling.pool().stats()
    }

    /// What the budgets of its lanes and of itself are doing.
    pub fn budgets(&self) -> BudgetStats {
        self.shared.scheduling.budgets()
    }

    /// What the budget of the route with this index is doing; `None` where it has no limit.
    pub fn route_budget(&self, index: usize) -> Option<GateStats> {
        self.shared.scheduling.route_gate(index)
    }

    /// Each worker by itself, in the order of their numbers: how evenly the load is spread.
    pub fn workers(&self) -> Vec<WorkerStats> {
        self.shared.loads.stats()
    }

    /// Descriptors of the sockets it listens at, for the process that is to succeed this one: a
    /// duplicate of each that is still open. Nothing is lost while both have them, whoever accepts.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn listeners(&self) -> io::Result<Vec<OwnedFd>> {
        self.shared.listeners.duplicates()
    }

    /// As [`stop`](Self::stop), when another process listens at the same sockets by now: what waits
    /// at them is left to it, and nobody needs time to notice. Says whether it was so; a container
    /// that does not run, or was asked to stop before, leaves its sockets to nobody.
    pub fn hand_over(&self) -> bool {
        if !self.is_ready() {
            return false;
        }
        self.shared.listeners.hand_over();
        self.advance(Phase::Draining);
        true
    }

    /// Whether its sockets were left to another process.
    pub fn is_handed_over(&self) -> bool {
        self.shared.listeners.is_handed_over()
    }

    /// Holds the calling thread until the container reaches a phase, or has passed it, but no
    /// longer than `limit`; says whether it has.
    pub fn wait_for(&self, phase: Phase, limit: Duration) -> bool {
        self.shared.lifecycle.sleep(limit, phase);
        self.phase() >= phase
    }

    /// Whether one of the sockets it listens at has failed for good, which makes it drain.
    pub fn is_broken(&self) -> bool {
        self.shared.listeners.is_broken()
    }

    /// When a phase was reached; `None` when it was passed over, or lies ahead.
    pub fn since(&self, phase: Phase) -> Option<Instant> {
        self.shared.lifecycle.since(phase)
    }

    /// That of a single worker that has no thread.
    pub(crate) fn of_worker(
        lifecycle: Lifecycle,
        counters: &Arc<WorkerCounters>,
        scheduling: Arc<scheduler::Shared>,
        observation: Arc<Observation>,
    ) -> Self {
        let counters = vec![counters.clone()];
        let (_, listeners) = Listeners::open(&[], vec![], 1).expect("there is nothing to open");
        Handle::new(Arc::new(Shared {
            lifecycle,
            loads: Loads::new(&counters, Bounds::NONE),
            counters,
            listeners,
            addresses: vec![Address::Unix(None)],
            // Never started: in virtual time nobody holds anything.
            watchdog: Arc::new(Watchdog::new(
                WatchdogConfig::default(),
                [],
                scheduling.pool().posts().clone(),
            )),
            scheduling,
            observation,
        }))
    }

    pub(super) fn advance(&self, phase: Phase) {
        self.shared.lifecycle.advance(phase);
    }
}

impl OwnHandle {
    /// The states of an application, and this among them.
    pub(crate) fn within(&self, context: &Context) -> Context {
        let mut context = context.clone();
        context.insert(self.clone());
        context
    }

    /// From now on handlers get this one, as long as the container is there.
    pub(crate) fn set(&self, handle: &Handle) {
        // It is set once, when the container is made.
        let _ = self.0.set(Arc::downgrade(&handle.shared));
    }
}

impl FromHead for Handle {
    type Rejection = Rejection;

    fn from_head(_request: &Request, context: &Context) -> Result<Self, Rejection> {
        let own = context.state::<OwnHandle>().and_then(|own| own.0.get());
        let shared = own.and_then(Weak::upgrade);
        let handle = shared.map(Handle::new);
        handle.ok_or(Rejection::MissingState(type_name::<Handle>()))
    }
}
