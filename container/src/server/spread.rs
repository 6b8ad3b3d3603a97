//! Which worker gets an accepted connection.
//!
//! On Linux the kernel spreads TCP connections over the workers' own listeners (SO_REUSEPORT): by
//! a hash, so that a worker can be overloaded beside one that is idle. It then gives what it
//! accepts to the least loaded. Sockets of which there are fewer than workers, such as a Unix socket
//! or one of a service manager, are accepted from by all, and each connection is given to the least
//! loaded. Nobody is given one who is held by his present turn, or has no room; what waits at the own
//! listener of one who is held, others take (`relief`).

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::entrance;
use super::listeners::Reach;
use super::worker::Worker;
use crate::config::Config;
use crate::net::{Accepted, AnySocket};
use crate::reactor::{Job, Label, Remote};
use crate::scheduler::WorkerCounters;

/// Over which time the share is taken in which a worker was busy: long enough to be more than the
/// noise of single turns, short enough to follow a burst.
const WINDOW: Duration = Duration::from_millis(100);

/// Loads that differ by less count as equal; then the number of connections decides.
const STEP: u64 = 16;

/// How far above the mean a worker's load is, besides a quarter of the mean, before it gives
/// connections away: moving one costs a wake of the other thread.
const MARGIN: u64 = 16;

/// What is known of all workers, by those who give connections away.
pub(super) struct Loads {
    workers: Vec<Load>,
    /// Where the search for the least loaded begins, so that ties go round.
    next: AtomicUsize,
    /// Those who may yet give a connection to any worker.
    givers: AtomicUsize,
    /// When the shares were last taken.
    sampled: Mutex<Instant>,
    /// The mean load then.
    mean: AtomicU64,
    bounds: Bounds,
}

/// Who may be given a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Connections open at once on one worker.
    pub(super) connections: usize,
    /// A worker whose present turn has lasted so long counts as held; `None`: none does.
    pub(super) held: Option<Duration>,
}

/// What is known of one worker. Its load is a number of points: one for each request that is in
/// its handler or waits for it, and one for each per cent of the time in which the worker was busy.
struct Load {
    counters: Arc<WorkerCounters>,
    /// The way to its reactor; `None` while it has none.
    remote: Mutex<Option<Remote>>,
    /// Whether it has had one, and has none now.
    is_gone: AtomicBool,
    /// Wakes what sees the worker through its phases. A waker, since it is never lost to a full
    /// queue.
    life: Mutex<Option<Waker>>,
    /// Connections that were given to it and have not arrived.
    coming: AtomicUsize,
    /// Connections that it has accepted and given to others.
    given: AtomicU64,
    /// How long its reactors had been busy when the shares were last taken, in nanoseconds.
    busy_before: AtomicU64,
    /// The share of the last window in which it was busy, in per cent.
    busy: AtomicU64,
}

impl Bounds {
    /// Everybody.
    pub(super) const NONE: Bounds = Bounds {
        connections: usize::MAX,
        held: None,
    };

    /// Whoever this container's limits allow.
    pub(super) fn of(config: &Config) -> Bounds {
        Bounds {
            connections: config.connections,
            held: config.watchdog.worker,
        }
    }

    /// Whether a worker is held whose present turn has lasted so long.
    fn is_held(&self, turn: Duration) -> bool {
        self.held.is_some_and(|limit| turn >= limit)
    }
}

/// One worker, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Connections that are open.
    pub connections: u64,
    /// Requests that are in their handlers, or wait for them.
    pub requests: u64,
    /// The share of the time in which it was busy, in per cent, as last measured: when a connection
    /// was accepted, or these figures were asked for, at least 100 ms after the time before.
    pub busy_percent: u64,
    /// For how long its present turn has lasted, 0 while it waits: a handler that does not come
    /// back holds all others of its worker.
    pub turn: Duration,
    /// Whether that is longer than [`Config::watchdog`](crate::Config) allows.
    pub is_held: bool,
    /// Whether it serves nobody: it has died and was not replaced yet, or has ended.
    pub is_gone: bool,
    /// Requests answered.
    pub served: u64,
    /// Connections that it accepted and gave to workers with less to do.
    pub given: u64,
    /// How often it was replaced because it had died.
    pub restarts: u64,
}

impl WorkerStats {
    /// How much it has to do, by which new connections are given out: one point for each request
    /// that is in its handler or waits for it, and one for each per cent of the time in which it was
    /// busy.
    pub fn load(&self) -> u64 {
        points(self.requests, self.busy_percent)
    }
}

/// A worker that has not ended, at the end of its container.
pub(super) struct Lingering {
    pub(super) worker: usize,
    /// What it is doing.
    pub(super) label: Label,
    /// Requests that are in their handlers, or wait for them.
    pub(super) requests: u64,
}

/// The right to give away the connections that one worker accepts. While one lives no worker has
/// drained.
pub(super) struct Giver {
    loads: Arc<Loads>,
    /// The worker that accepts.
    own: usize,
    reach: Reach,
}

/// A connection on its way to a worker.
struct Coming {
    loads: Arc<Loads>,
    worker: usize,
}

impl Loads {
    pub(super) fn new(counters: &[Arc<WorkerCounters>], bounds: Bounds) -> Arc<Loads> {
        Arc::new(Loads {
            workers: counters.iter().map(Load::new).collect(),
            next: AtomicUsize::new(0),
            givers: AtomicUsize::new(0),
            sampled: Mutex::new(Instant::now()),
            mean: AtomicU64::new(0),
            bounds,
        })
    }

    /// A worker has its reactor now.
    pub(super) fn register(&self, worker: usize, remote: Remote) {
        let load = &self.workers[worker];
        load.busy_before.store(0, Ordering::Relaxed);
        *lock(&load.remote) = Some(remote);
        load.is_gone.store(false, Ordering::Relaxed);
    }

    /// A worker has none any more: it has died, or ended.
    pub(super) fn retire(&self, worker: usize) {
        let load = &self.workers[worker];
        *lock(&load.remote) = None;
        load.is_gone.store(true, Ordering::Relaxed);
    }

    /// From now on `life` is woken when nobody is expected any more, and when a thread has ended.
    /// What is asked after this call has either seen the change, or is woken by it.
    pub(super) fn watch(&self, worker: usize, life: &Waker) {
        *lock(&self.workers[worker].life) = Some(life.clone());
    }

    /// Has all workers look again at what they wait for.
    pub(super) fn wake(&self) {
        self.workers.iter().for_each(Load::wake);
    }

    /// Whether connections may yet be given to a worker, or are on their way to it.
    pub(super) fn is_expecting(&self, worker: usize) -> bool {
        // In this order: the last giver gives before it goes.
        self.givers.load(Ordering::Acquire) > 0
            || self.workers[worker].coming.load(Ordering::Acquire) > 0
    }

    /// Each worker by itself.
    pub(super) fn stats(&self) -> Vec<WorkerStats> {
        self.sample();
        let stats = |load: &Load| load.stats(&self.bounds);
        self.workers.iter().map(stats).collect()
    }

    /// Workers that accept nobody now: held by their present turn, or dead and not replaced yet.
    pub(super) fn away(&self) -> impl Iterator<Item = usize> {
        (0..self.workers.len()).filter(|&worker| self.is_away(worker))
    }

    /// The least loaded of those that are there.
    pub(super) fn stand_in(&self) -> Option<usize> {
        self.least_of(|worker| !self.is_away(worker))
    }

    /// Has a worker run a job. It is dropped where the worker has no room for one, or no reactor any
    /// more: nothing that must not be lost may go this way.
    pub(super) fn ask(&self, worker: usize, job: Job) {
        let remote = lock(&self.workers[worker].remote).clone();
        if remote.is_none_or(|remote| remote.run(job).is_err()) {
            log::debug!("worker {worker} cannot be asked now");
        }
    }

    /// Who has not ended and is at something; where nobody is, whoever has not ended. (Else the first
    /// worker only waits for the others.)
    pub(super) fn lingering(&self) -> Vec<Lingering> {
        let there = self.workers.iter().enumerate();
        let there = there.filter_map(|(worker, load)| {
            let remote = lock(&load.remote).clone()?;
            let lingering = Lingering {
                worker,
                label: remote.activity().read().label(),
                requests: load.counters.in_handlers(),
            };
            Some((remote.turn_ns() > 0, lingering))
        });
        let (busy, waiting): (Vec<_>, Vec<_>) = there.partition(|(is_busy, _)| *is_busy);
        let shown = if busy.is_empty() { waiting } else { busy };
        shown.into_iter().map(|(_, lingering)| lingering).collect()
    }

    /// Takes the shares anew, where the last time is long enough ago and nobody else is at it.
    fn sample(&self) {
        let Ok(mut sampled) = self.sampled.try_lock() else {
            return;
        };
        let window = sampled.elapsed();
        if window < WINDOW {
            return;
        }
        *sampled += window;
        self.workers.iter().for_each(|load| load.sample(window));
        let sum: u64 = self.workers.iter().map(Load::points).sum();
        self.mean
            .store(sum / self.workers.len() as u64, Ordering::Relaxed);
    }

    /// Whether a worker has so much to do that another should get what it accepts.
    fn is_overloaded(&self, worker: usize) -> bool {
        if self.workers.len() < 2 {
            return false;
        }
        self.sample();
        is_over(
            self.workers[worker].points(),
            self.mean.load(Ordering::Relaxed),
        )
    }

    /// The least loaded of those that can take a connection which worker `own` has accepted; `own`
    /// when none can.
    fn least(&self, own: usize) -> usize {
        let can = |worker| self.has_room(worker) && (worker == own || !self.is_held(worker));
        self.least_of(can).unwrap_or(own)
    }

    /// The least loaded of those that can.
    fn least_of(&self, can: impl Fn(usize) -> bool) -> Option<usize> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.workers.len();
        (0..count)
            .map(|offset| (start.wrapping_add(offset)) % count)
            .filter(|&worker| can(worker))
            .min_by_key(|&worker| self.workers[worker].rank())
    }

    fn has_room(&self, worker: usize) -> bool {
        self.workers[worker].connections() < self.bounds.connections as u64
    }

    /// Whether a worker is held, or has died and was not replaced yet.
    fn is_away(&self, worker: usize) -> bool {
        self.is_held(worker) || self.workers[worker].is_gone.load(Ordering::Relaxed)
    }

    /// Whether a worker is at something that keeps it from its connections.
    fn is_held(&self, worker: usize) -> bool {
        self.bounds.is_held(self.workers[worker].turn())
    }
}

/// A load.
fn points(requests: u64, busy_percent: u64) -> u64 {
    requests + busy_percent
}

/// Whether a load is far enough above the mean.
fn is_over(points: u64, mean: u64) -> bool {
    points > mean + mean / 4 + MARGIN
}

impl Giver {
    pub(super) fn new(loads: &Arc<Loads>, own: usize, reach: Reach) -> Self {
        loads.givers.fetch_add(1, Ordering::AcqRel);
        Giver {
            loads: loads.clone(),
            own,
            reach,
        }
    }

    /// The number of the worker that accepts.
    pub(super) fn own(&self) -> usize {
        self.own
    }

    /// Has a connection served by whoever should, which is mostly the worker that accepted it.
    pub(super) fn hand_over(&self, accepted: Accepted<AnySocket>, here: &Rc<Worker>) {
        let (loads, own) = (&self.loads, self.own);
        let worker = match self.reach {
            Reach::Own if loads.has_room(own) && !loads.is_overloaded(own) => own,
            Reach::Own => loads.least(own),
            Reach::All => {
                loads.sample();
                loads.least(own)
            }
        };
        if worker == self.own {
            return entrance::serve(here, accepted);
        }
        let load = &self.loads.workers[self.own];
        load.given.fetch_add(1, Ordering::Relaxed);
        self.send(worker, accepted);
    }

    /// Gives a connection to another worker; one that cannot take it leaves it here.
    fn send(&self, worker: usize, accepted: Accepted<AnySocket>) {
        let coming = Coming::new(&self.loads, worker);
        let job: Job = Box::new(move || {
            if let Some(worker) = Worker::current() {
                entrance::serve(&worker, accepted);
            }
            drop(coming);
        });
        let remote = lock(&self.loads.workers[worker].remote).clone();
        let refused = match remote {
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
    fn new(counters: &Arc<WorkerCounters>) -> Load {
        Load {
            counters: counters.clone(),
            remote: Mutex::new(None),
            is_gone: AtomicBool::new(false),
            life: Mutex::new(None),
            coming: AtomicUsize::new(0),
            given: AtomicU64::new(0),
            busy_before: AtomicU64::new(0),
            busy: AtomicU64::new(0),
        }
    }

    fn wake(&self) {
        let life = lock(&self.life).clone();
        if let Some(life) = life {
            life.wake();
        }
    }

    fn connections(&self) -> u64 {
        self.counters.connections() + self.coming.load(Ordering::Relaxed) as u64
    }

    /// How much it has to do.
    fn points(&self) -> u64 {
        points(
            self.counters.in_handlers(),
            self.busy.load(Ordering::Relaxed),
        )
    }

    /// Who comes first gets the next connection.
    fn rank(&self) -> (u64, u64) {
        (self.points() / STEP, self.connections())
    }

    /// Takes the share of the last `window` in which it was busy.
    fn sample(&self, window: Duration) {
        let busy = lock(&self.remote).as_ref().map_or(0, Remote::busy_ns);
        let before = self.busy_before.swap(busy, Ordering::Relaxed);
        let percent = u128::from(busy.saturating_sub(before)) * 100 / window.as_nanos().max(1);
        let percent = u64::try_from(percent).map_or(100, |percent| percent.min(100));
        self.busy.store(percent, Ordering::Relaxed);
    }

    /// For how long its present turn has lasted; 0 while it waits.
    fn turn(&self) -> Duration {
        let turn = lock(&self.remote).as_ref().map_or(0, Remote::turn_ns);
        Duration::from_nanos(turn)
    }

    /// What it does; the bounds say whether its turn holds it.
    fn stats(&self, bounds: &Bounds) -> WorkerStats {
        let turn = self.turn();
        WorkerStats {
            connections: self.connections(),
            requests: self.counters.in_handlers(),
            busy_percent: self.busy.load(Ordering::Relaxed),
            turn,
            is_held: bounds.is_held(turn),
            is_gone: self.is_gone.load(Ordering::Relaxed),
            served: self.counters.served.read(),
            given: self.given.load(Ordering::Relaxed),
            restarts: self.counters.restarts.read(),
        }
    }
}

/// What is held in these locks is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(count: usize) -> (Vec<Arc<WorkerCounters>>, Arc<Loads>) {
        let counters: Vec<Arc<WorkerCounters>> = (0..count).map(|_| Arc::default()).collect();
        let bounds = Bounds {
            connections: 10,
            held: Some(Duration::from_millis(100)),
        };
        let loads = Loads::new(&counters, bounds);
        (counters, loads)
    }

    #[test]
    fn idle_connections_decide_only_between_equals() {
        let (counters, loads) = loads(3);
        for (counters, open) in counters.iter().zip([5, 1, 9]) {
            counters.accepted.add(open);
        }
        assert_eq!(loads.least(0), 1);
        loads.workers[1].busy.store(50, Ordering::Relaxed);
        assert_eq!(loads.least(0), 0);
        loads.workers[0].busy.store(STEP - 1, Ordering::Relaxed);
        assert_eq!(loads.least(0), 0, "as good as idle");
        loads.workers[0].busy.store(99, Ordering::Relaxed);
        assert_eq!(loads.least(0), 2);
    }

    #[test]
    fn ties_go_round() {
        let (_, loads) = loads(3);
        let chosen: Vec<usize> = (0..6).map(|_| loads.least(0)).collect();
        assert_eq!(chosen, [0, 1, 2, 0, 1, 2]);
    }

    /// A worker without room refused what another had room for.
    #[test]
    fn who_has_no_room_is_given_nothing() {
        let (counters, loads) = loads(3);
        for (counters, open) in counters.iter().zip([10, 9, 10]) {
            counters.accepted.add(open);
        }
        loads.workers[1].busy.store(99, Ordering::Relaxed);
        assert!(!loads.has_room(0) && loads.has_room(1));
        assert_eq!(loads.least(0), 1, "however busy it is");
        counters[1].accepted.add(1);
        assert_eq!(loads.least(2), 2, "nobody has room");
    }

    #[test]
    fn a_worker_is_overloaded_only_beside_others_that_are_not() {
        for (points, mean, over) in [
            (0, 0, false),
            (16, 0, false),
            (17, 0, true),
            (100, 60, true),
            (100, 100, false),
            (1000, 990, false),
            (1000, 500, true),
        ] {
            assert_eq!(is_over(points, mean), over, "{points} of {mean}");
        }
    }
}
