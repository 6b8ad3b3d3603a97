//! `Handle`: what other threads may do with a running container, and see of it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::listeners::Listeners;
use super::spread::{Loads, WorkerStats};
use crate::net::Address;
use crate::scheduler::{
    self, BudgetStats, GateStats, Lifecycle, Phase, PoolStats, SlowRoute, Stats, Watchdog,
    WorkerCounters,
};

/// A running container, from any thread. Clones are the same container.
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
    pub(super) scheduling: Arc<scheduler::Shared>,
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

    /// The routes that held a worker, or a thread of the blocking pool, for longer than
    /// [`Config::watchdog`](crate::Config) allows; the longest hold first, at most 16.
    pub fn slow_routes(&self) -> Vec<SlowRoute> {
        self.shared.watchdog.slow_routes()
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

    pub(super) fn advance(&self, phase: Phase) {
        self.shared.lifecycle.advance(phase);
    }
}
