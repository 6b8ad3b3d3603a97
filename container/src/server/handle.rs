//! `Handle`: what other threads may do with a running container, and see of it.

use std::any::type_name;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use super::listeners::Listeners;
use super::spread::{Loads, WorkerStats};
use crate::extract::Rejection;
use crate::handler::{Context, FromHead};
use crate::message::Request;
use crate::net::Address;
use crate::observe::Observation;
use crate::scheduler::{BlockingPool, Lifecycle, Phase, PoolStats, Stats, WorkerCounters};

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

/// What handles and workers share.
pub(super) struct Shared {
    pub(super) lifecycle: Lifecycle,
    pub(super) loads: Arc<Loads>,
    pub(super) counters: Vec<Arc<WorkerCounters>>,
    pub(super) listeners: Arc<Listeners>,
    pub(super) addresses: Vec<Address>,
    pub(super) pool: BlockingPool,
    pub(super) observation: Arc<Observation>,
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
        Stats::collect(&self.shared.counters)
    }

    /// What is observed of its requests.
    pub fn observation(&self) -> &Observation {
        &self.shared.observation
    }

    /// What its blocking pool is doing.
    pub fn pool(&self) -> PoolStats {
        self.shared.pool.stats()
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
    /// at them is left to it, and it is not waited for anybody to notice.
    pub fn hand_over(&self) {
        self.shared.listeners.hand_over();
        self.advance(Phase::Draining);
    }

    /// Whether one of the sockets it listens at has failed for good, which makes it drain.
    pub fn is_broken(&self) -> bool {
        self.shared.listeners.is_broken()
    }

    /// When a phase was reached; `None` when it was passed over, or lies ahead.
    pub fn since(&self, phase: Phase) -> Option<Instant> {
        self.shared.lifecycle.since(phase)
    }

    /// The states of an application and this handle, for handlers that take it as an argument.
    pub(crate) fn within(&self, context: &Context) -> Context {
        let mut context = context.clone();
        context.insert(self.clone());
        context
    }

    /// That of a single worker that has no thread.
    pub(crate) fn of_worker(
        lifecycle: Lifecycle,
        counters: &Arc<WorkerCounters>,
        pool: BlockingPool,
        observation: Arc<Observation>,
    ) -> Self {
        let counters = vec![counters.clone()];
        let (_, listeners) = Listeners::open(&[], vec![], 1).expect("there is nothing to open");
        Handle::new(Arc::new(Shared {
            lifecycle,
            loads: Loads::new(&counters),
            counters,
            listeners,
            addresses: vec![Address::Unix(None)],
            pool,
            observation,
        }))
    }

    pub(super) fn advance(&self, phase: Phase) {
        self.shared.lifecycle.advance(phase);
    }
}

impl FromHead for Handle {
    type Rejection = Rejection;

    fn from_head(_request: &Request, context: &Context) -> Result<Self, Rejection> {
        let handle = context.state::<Handle>().cloned();
        handle.ok_or(Rejection::MissingState(type_name::<Handle>()))
    }
}
