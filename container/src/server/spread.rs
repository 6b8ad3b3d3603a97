//! Which worker gets an accepted connection.
//!
//! On Linux the kernel spreads TCP connections over the workers' own listeners (SO_REUSEPORT).
//! Elsewhere, and for Unix sockets, one worker accepts for all and hands each connection to the
//! least loaded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::acceptor;
use super::worker::Worker;
use crate::net::{Accepted, AnySocket};
use crate::reactor::Remote;
use crate::scheduler::WorkerCounters;

/// Who gets the connections of a listener.
pub(super) enum Spread {
    /// The worker that accepts them.
    Own,
    /// The worker that has the fewest.
    Least(Arc<Loads>),
}

/// What is known of all workers, for those who hand connections over.
pub(super) struct Loads {
    workers: Vec<Load>,
    /// Where the search for the least loaded begins, so that ties go round.
    next: AtomicUsize,
}

struct Load {
    counters: Arc<WorkerCounters>,
    /// Set once the worker's reactor exists.
    remote: OnceLock<Remote>,
}

impl Loads {
    pub(super) fn new(counters: &[Arc<WorkerCounters>]) -> Arc<Loads> {
        let load = |counters: &Arc<WorkerCounters>| Load {
            counters: counters.clone(),
            remote: OnceLock::new(),
        };
        Arc::new(Loads {
            workers: counters.iter().map(load).collect(),
            next: AtomicUsize::new(0),
        })
    }

    /// A worker has its reactor now.
    pub(super) fn register(&self, worker: usize, remote: Remote) {
        // Each worker registers once.
        let _ = self.workers[worker].remote.set(remote);
    }

    /// The remotes of all workers that have started.
    pub(super) fn remotes(&self) -> impl Iterator<Item = &Remote> {
        self.workers.iter().filter_map(|load| load.remote.get())
    }

    /// Gives a connection to the least loaded worker. One that cannot take it loses its turn to
    /// the next.
    pub(super) fn hand_over(&self, accepted: Accepted<AnySocket>) {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.workers.len();
        let mut order: Vec<usize> = (0..count).map(|offset| (start + offset) % count).collect();
        order.sort_by_key(|&worker| self.workers[worker].connections());
        let mut job: crate::reactor::Job = Box::new(move || {
            if let Some(worker) = Worker::current() {
                acceptor::serve(&worker, accepted);
            }
        });
        for worker in order {
            let Some(remote) = self.workers[worker].remote.get() else {
                continue;
            };
            match remote.run(job) {
                Ok(()) => return,
                Err(refused) => job = refused,
            }
        }
        log::warn!("no worker could take a connection: it is closed");
    }
}

impl Load {
    fn connections(&self) -> u64 {
        self.counters
            .accepted
            .read()
            .saturating_sub(self.counters.closed.read())
    }
}
