//! Which worker gets an accepted connection.
//!
//! On Linux the kernel spreads TCP connections over the workers' own listeners (SO_REUSEPORT).
//! Elsewhere, and for Unix sockets, one worker accepts for all and hands each connection to the
//! least loaded.

use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use super::acceptor;
use super::worker::Worker;
use crate::net::{Accepted, AnySocket};
use crate::reactor::{Job, Remote};
use crate::scheduler::WorkerCounters;

/// Who gets the connections of a listener.
pub(super) enum Spread {
    /// The worker that accepts them.
    Own,
    /// The worker that has the fewest.
    Least(Giver),
}

/// What is known of all workers, for those who hand connections over, or a new phase.
pub(super) struct Loads {
    workers: Vec<Load>,
    /// Where the search for the least loaded begins, so that ties go round.
    next: AtomicUsize,
    /// Listeners whose connections may go to any worker.
    givers: AtomicUsize,
}

struct Load {
    counters: Arc<WorkerCounters>,
    /// Set once the worker's reactor exists.
    remote: OnceLock<Remote>,
    /// Wakes what sees the worker through its phases. A waker, since it is never lost to a full
    /// queue.
    life: OnceLock<Waker>,
    /// Connections that were handed over and have not arrived.
    coming: AtomicUsize,
}

/// The right to hand connections over. While one lives no worker has drained.
pub(super) struct Giver {
    loads: Arc<Loads>,
}

/// A connection on its way to a worker.
struct Coming {
    loads: Arc<Loads>,
    worker: usize,
}

impl Loads {
    pub(super) fn new(counters: &[Arc<WorkerCounters>]) -> Arc<Loads> {
        let load = |counters: &Arc<WorkerCounters>| Load {
            counters: counters.clone(),
            remote: OnceLock::new(),
            life: OnceLock::new(),
            coming: AtomicUsize::new(0),
        };
        Arc::new(Loads {
            workers: counters.iter().map(load).collect(),
            next: AtomicUsize::new(0),
            givers: AtomicUsize::new(0),
        })
    }

    /// A worker has its reactor now.
    pub(super) fn register(&self, worker: usize, remote: Remote) {
        // Each worker registers once.
        let _ = self.workers[worker].remote.set(remote);
    }

    /// From now on `life` is woken when the phase changes, and when nobody is expected any more.
    pub(super) fn watch(&self, worker: usize, life: &Waker) {
        // Each worker lives once.
        let _ = self.workers[worker].life.set(life.clone());
        // Either `wake` sees this waker, or who watches sees the phase that was set before it.
        fence(Ordering::SeqCst);
    }

    /// Has all workers look at the phase.
    pub(super) fn wake(&self) {
        fence(Ordering::SeqCst);
        self.workers.iter().for_each(Load::wake);
    }

    /// Whether connections may yet be handed over to a worker, or are on their way to it.
    pub(super) fn is_expecting(&self, worker: usize) -> bool {
        // In this order: the last giver gives before it goes.
        self.givers.load(Ordering::Acquire) > 0
            || self.workers[worker].coming.load(Ordering::Acquire) > 0
    }

    fn least(&self) -> usize {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.workers.len();
        (0..count)
            .map(|offset| (start.wrapping_add(offset)) % count)
            .min_by_key(|&worker| self.workers[worker].connections())
            .unwrap_or_default()
    }
}

impl Giver {
    pub(super) fn new(loads: &Arc<Loads>) -> Self {
        loads.givers.fetch_add(1, Ordering::AcqRel);
        Giver {
            loads: loads.clone(),
        }
    }

    /// Gives a connection to the least loaded worker; one that cannot take it leaves it here.
    pub(super) fn hand_over(&self, accepted: Accepted<AnySocket>) {
        let worker = self.loads.least();
        let coming = Coming::new(&self.loads, worker);
        let job: Job = Box::new(move || {
            if let Some(worker) = Worker::current() {
                acceptor::serve(&worker, accepted);
            }
            drop(coming);
        });
        let refused = match self.loads.workers[worker].remote.get() {
            Some(remote) => remote.run(job).err(),
            None => Some(job),
        };
        if let Some(job) = refused {
            job();
        }
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        if self.loads.givers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.loads.wake();
        }
    }
}

impl Coming {
    fn new(loads: &Arc<Loads>, worker: usize) -> Self {
        loads.workers[worker].coming.fetch_add(1, Ordering::AcqRel);
        Coming {
            loads: loads.clone(),
            worker,
        }
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        let load = &self.loads.workers[self.worker];
        if load.coming.fetch_sub(1, Ordering::AcqRel) == 1 {
            load.wake();
        }
    }
}

impl Load {
    fn wake(&self) {
        if let Some(life) = self.life.get() {
            life.wake_by_ref();
        }
    }

    fn connections(&self) -> u64 {
        let open = self
            .counters
            .accepted
            .read()
            .saturating_sub(self.counters.closed.read());
        open + self.coming.load(Ordering::Relaxed) as u64
    }
}
