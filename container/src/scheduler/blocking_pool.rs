//! The threads for work that may wait: named, bounded, grown when needed and retired when idle.
//!
//! Users' code only: the container's own needs never wait behind it. Who waits for a thread, and
//! who is next, is the `WaitQueue`'s affair.

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, thread};

use super::block_on::keep_reactor;
use super::forecast::Run;
use super::job::{Job, Reporter, Submitted, Timed, refuse_all};
use super::pool_state::PoolState;
use super::queue::{Crowd, Left, Place, Ticket};
use super::shed::ShedReason;
use super::wait_limit::WaitLimit;
use super::watchdog::{Posts, begin_job};
use crate::handler::{Panicked, Patience, Priority, catch_panic};
use crate::message::waiting;
use crate::reactor::{Clock, Deadline, OutsideWork, Reactor, oneshot};

/// What bounds a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockingConfig {
    /// Most threads. Default 64: enough to wait on many slow things at once, few enough that their
    /// stacks do not matter.
    pub threads: usize,
    /// Threads beyond those for [`Priority::Critical`] alone, so that health can be told when all
    /// others are taken. Default 2.
    pub critical_threads: usize,
    /// Most jobs that wait for a thread; beyond it work is refused. Default 1,024.
    pub queue: usize,
    /// How long they may wait.
    pub patience: Patience,
    /// How long a thread without work stays. Default 10 s.
    pub idle: Duration,
}

impl Default for BlockingConfig {
    fn default() -> Self {
        BlockingConfig {
            threads: 64,
            critical_threads: 2,
            queue: 1024,
            patience: Patience::default(),
            idle: Duration::from_secs(10),
        }
    }
}

/// A handle on a pool; its clones share it.
#[derive(Clone)]
pub struct BlockingPool {
    shared: Arc<Shared>,
}

/// There is no room for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolFull;

/// What a pool is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Threads there are.
    pub threads: usize,
    /// Threads that have nothing to do.
    pub idle: usize,
    /// Jobs that wait for a thread.
    pub queued: usize,
    /// Whether the queue counts as overloaded: newest first, nobody beyond the target.
    pub is_overloaded: bool,
}

struct Shared {
    config: BlockingConfig,
    clock: Clock,
    hands: Hands,
    state: Mutex<PoolState>,
    /// Told about each new job, and about the end.
    changed: Condvar,
    /// The threads, for the watchdog.
    posts: Arc<Posts>,
}

/// Who runs the jobs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hands {
    /// Threads of the pool.
    Threads,
    /// Whoever calls [`BlockingPool::run_job`].
    Caller,
}

thread_local! {
    /// The pool of the worker that runs on this thread.
    static CURRENT: RefCell<Option<BlockingPool>> = const { RefCell::new(None) };
}

/// Runs `job` on the blocking pool of the current worker and gives what it returns.
///
/// Dropping the future does not stop a job that has begun; one that has not is not begun. A job
/// whose caller's deadline passes before a thread is free is not begun either.
///
/// # Errors
/// [`PoolFull`] inside the first `Result` when there is no room; the job's panic in the second.
///
/// # Panics
/// Outside a worker's thread.
pub async fn spawn_blocking<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<Result<T, Panicked>, PoolFull> {
    let pool = CURRENT.with_borrow(Clone::clone);
    let pool = pool.expect("spawn_blocking belongs on a worker of a container");
    let ticket = Ticket::new(Priority::Normal, Deadline::current().at());
    let submitted = pool.submit(|| catch_panic(job), ticket);
    submitted.map_err(|_| PoolFull)?.await.map_err(|_| PoolFull)
}

impl BlockingPool {
    /// A pool without threads; they come with the work.
    pub fn new(config: BlockingConfig) -> Self {
        BlockingPool::made(config, Clock::real(), Hands::Threads)
    }

    /// The same by another clock, which says how long jobs have waited.
    pub fn with_clock(config: BlockingConfig, clock: Clock) -> Self {
        BlockingPool::made(config, clock, Hands::Threads)
    }

    /// A pool that never has a thread, for tests: its limits are those of `config`, but each job
    /// waits until [`run_job`](Self::run_job) runs it.
    pub fn by_hand(config: BlockingConfig, clock: Clock) -> Self {
        BlockingPool::made(config, clock, Hands::Caller)
    }

    fn made(config: BlockingConfig, clock: Clock, hands: Hands) -> Self {
        let state = PoolState::new(&config);
        BlockingPool {
            shared: Arc::new(Shared {
                config,
                clock,
                hands,
                state: Mutex::new(state),
                changed: Condvar::new(),
                posts: Arc::default(),
            }),
        }
    }

    /// Makes this the pool of [`spawn_blocking`] on the calling thread, which is a worker's and from
    /// now on must not wait for bodies.
    pub fn enter(&self) {
        waiting::forbid();
        CURRENT.set(Some(self.clone()));
    }

    /// Its threads, and what each of them is doing.
    pub fn posts(&self) -> &Arc<Posts> {
        &self.shared.posts
    }

    /// Jobs that nobody has begun.
    pub fn jobs(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Runs a job on the calling thread: the `nth` of those that have a place on a thread, or
    /// would have one. Does nothing when there is none.
    pub fn run_job(&self, nth: usize) {
        if nth >= self.shared.config.threads {
            return;
        }
        let next = self
            .shared
            .lock()
            .queue
            .pop_nth(nth, self.shared.clock.now());
        if let Some((job, run)) = next {
            job.run(Timed::new(self.clone(), run));
        }
    }

    /// A job has its result.
    pub(super) fn end(&self, run: Run) {
        let mut state = self.shared.lock();
        let now = self.shared.clock.now();
        state.queue.forecast().end(run, now);
    }

    /// A job was broken off.
    pub(super) fn forget(&self, run: Run) {
        self.shared.lock().queue.forecast().forget(run);
    }

    /// What the pool is doing.
    pub fn stats(&self) -> PoolStats {
        let state = self.shared.lock();
        PoolStats {
            threads: state.threads,
            idle: state.idle(),
            queued: state.queue.len().saturating_sub(state.idle()),
            is_overloaded: state.queue.is_overloaded(self.shared.clock.now()),
        }
    }

    /// Takes no more jobs, refuses those that wait, and lets the threads end when they are done.
    pub fn close(&self) {
        let mut state = self.shared.lock();
        state.open = false;
        let left = state.queue.clear(ShedReason::Stopping);
        drop(state);
        self.shared.changed.notify_all();
        refuse_all(left);
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Queues a job. It is not begun when the future of its result has been dropped by then, or
    /// its deadline has passed. Its thread has that deadline as its current one.
    ///
    /// # Errors
    /// When there is no room.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
        ticket: Ticket,
    ) -> Result<Submitted<T>, ShedReason> {
        let job = |verdict: Result<Reporter<T>, ShedReason>| {
            if let Ok(reporter) = verdict {
                // Who no longer waits does not miss the value.
                reporter.send(job());
            }
        };
        self.submit_sending(job, ticket)
    }

    /// The same for a job that sends its result itself, and may go on after that; or that hears why it
    /// is not begun.
    ///
    /// # Errors
    /// When there is no room.
    pub(super) fn submit_sending<T: Send + 'static>(
        &self,
        job: impl FnOnce(Result<Reporter<T>, ShedReason>) + Send + 'static,
        ticket: Ticket,
    ) -> Result<Submitted<T>, ShedReason> {
        let (sender, receiver) = oneshot::channel();
        // In virtual time, time must not pass while a thread works, and must while it waits.
        let outside = match self.shared.hands {
            Hands::Threads => {
                Reactor::try_current().map(|reactor| Arc::new(reactor.outside_work()))
            }
            Hands::Caller => None,
        };
        let clock = self.shared.clock.clone();
        let label = ticket.label;
        let run = move |verdict: Result<Timed, ShedReason>| {
            // Also over what is dropped with a job that is not begun.
            let at_work = begin_job(label);
            let given_up = || ShedReason::of_given_up(ticket.deadline, clock.now());
            match verdict {
                Ok(_) if sender.is_closed() => job(Err(given_up())),
                Ok(timed) => {
                    let watched = outside.clone().map(|outside| waiting::watch(outside));
                    let scope = ticket.deadline.map(|at| Deadline::new(at, clock).enter());
                    job(Ok(Reporter::new(sender, timed)));
                    drop((scope, watched));
                }
                Err(reason) => {
                    job(Err(reason));
                    drop(sender.send(Err(reason)));
                }
            }
            // With the job went what it held, such as permits, while the work counted.
            drop(outside);
            drop(at_work);
        };
        let (place, limit) = self.push(Job::new(run, ticket.priority), ticket)?;
        let pool = self.clone();
        Ok(Submitted::new(
            receiver,
            pool,
            place,
            limit,
            ticket.deadline,
        ))
    }

    /// Why a job of this priority that came now would be refused; `None` when a thread could take
    /// it, or it could wait.
    pub(super) fn refusal(&self, priority: Priority) -> Option<ShedReason> {
        let mut state = self.shared.lock();
        if !state.open {
            return Some(ShedReason::Stopping);
        }
        state.fit(&self.shared.config, priority);
        state.queue.refusal(priority, self.shared.clock.now())
    }

    /// Whether it still cannot be told how long the job at this place will wait.
    pub(super) fn is_in_doubt(&self, place: Place) -> bool {
        self.shared.lock().queue.is_in_doubt(place)
    }

    /// Takes a job out of the queue, and tells it why; says whether it was there.
    pub(super) fn withdraw(&self, place: Place, reason: ShedReason) -> bool {
        let job = self.shared.lock().queue.remove(place);
        // Without the lock: with it goes what it holds, such as permits.
        job.map(|job| job.refuse(reason)).is_some()
    }

    /// Gives the job's place, and how long it may wait there, if it has to.
    fn push(&self, job: Job, ticket: Ticket) -> Result<(Place, Option<WaitLimit>), ShedReason> {
        let config = &self.shared.config;
        let mut left = Left::new();
        let mut state = self.shared.lock();
        if !state.open {
            drop(state);
            job.refuse(ShedReason::Stopping);
            return Err(ShedReason::Stopping);
        }
        let spare = state.fit(config, ticket.priority);
        let now = self.shared.clock.now();
        let crowd = (!spare.is_idle && !spare.grows).then(|| Crowd {
            ahead: state.queue.len() - spare.free,
            places: config.threads,
        });
        let pushed = state.queue.push(job, ticket, crowd, now, &mut left);
        if spare.grows && pushed.is_ok() {
            state.threads += 1;
            state.next += 1;
        }
        let number = state.next;
        drop(state);
        refuse_all(left);
        let place = pushed.map_err(|(job, reason)| {
            job.refuse(reason);
            reason
        })?;
        if spare.grows && self.shared.hands == Hands::Threads {
            self.start_thread(number);
        } else {
            self.shared.changed.notify_one();
        }
        let limit = crowd.map(|_| WaitLimit::new(place, config.patience.longest, now));
        Ok((place, limit))
    }

    fn start_thread(&self, number: usize) {
        let pool = self.clone();
        let name = format!("blocking-{number}");
        let started = thread::Builder::new().name(name).spawn(move || pool.work());
        let Err(error) = started else { return };
        log::error!("no thread for blocking work: {error}");
        let mut state = self.shared.lock();
        state.threads -= 1;
        // Without any thread the jobs would wait for ever.
        let left = if state.threads == 0 {
            state.queue.clear(ShedReason::Full)
        } else {
            Left::new()
        };
        drop(state);
        refuse_all(left);
    }

    /// A thread's life.
    fn work(&self) {
        let shared = &*self.shared;
        shared.posts.join_for_jobs();
        let _kept = keep_reactor();
        let mut state = shared.lock();
        loop {
            let mut left = Left::new();
            let next = state.next_job(&shared.config, &shared.clock, &mut left);
            if next.is_none() && left.is_empty() {
                if !state.open {
                    break;
                }
                let waited = shared.changed.wait_timeout(state, shared.config.idle);
                let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                state = guard;
                if timeout.timed_out() && state.queue.is_empty() {
                    break;
                }
                continue;
            }
            drop(state);
            refuse_all(left);
            let Some((job, run)) = next else {
                state = shared.lock();
                continue;
            };
            let priority = job.priority();
            job.run(Timed::new(self.clone(), run));
            state = shared.lock();
            *state.running(priority) -= 1;
        }
        state.threads -= 1;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that waits for a body waits for its worker, or for its worker's client.
impl waiting::Watch for OutsideWork {
    fn waits(&self) {
        self.pause();
    }

    fn goes_on(&self) {
        self.resume();
    }
}

impl fmt::Display for PoolFull {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the queue for blocking work is full")
    }
}

impl std::error::Error for PoolFull {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::reactor::Clock;
    use crate::scheduler::forecast::Outlook;

    /// A job that says that it has begun, then waits for its release.
    struct Held {
        started: mpsc::Sender<u32>,
        gate: Arc<Mutex<mpsc::Receiver<()>>>,
    }

    impl Held {
        fn submit(
            &self,
            pool: &BlockingPool,
            priority: Priority,
            number: u32,
        ) -> Result<Submitted<u32>, ShedReason> {
            let (started, gate) = (self.started.clone(), self.gate.clone());
            let job = move || {
                started.send(number).unwrap();
                gate.lock().unwrap().recv().unwrap();
                number
            };
            pool.submit(job, Ticket::new(priority, None))
        }
    }

    /// A pool, jobs for it, who has begun, and what releases them.
    fn fixture(
        threads: usize,
        queue: usize,
    ) -> (BlockingPool, Held, mpsc::Receiver<u32>, mpsc::Sender<()>) {
        let pool = BlockingPool::with_clock(
            BlockingConfig {
                threads,
                queue,
                critical_threads: 1,
                ..BlockingConfig::default()
            },
            Clock::virtual_time(),
        );
        let (started, starts) = mpsc::channel();
        let (release, gate) = mpsc::channel();
        let gate = Arc::new(Mutex::new(gate));
        (pool, Held { started, gate }, starts, release)
    }

    fn results(submitted: Vec<Submitted<u32>>) -> Vec<Result<u32, ShedReason>> {
        let reactor = Reactor::new(Clock::real()).unwrap();
        let all = reactor.block_on(async move {
            let mut results = vec![];
            for one in submitted {
                results.push(one.await);
            }
            results
        });
        all.unwrap()
    }

    #[test]
    fn grows_to_its_limit_then_queues_then_refuses() {
        let (pool, held, starts, release) = fixture(2, 3);
        let submit = |number| held.submit(&pool, Priority::Normal, number);
        let submitted: Vec<_> = (0..5).map(|number| submit(number).ok().unwrap()).collect();
        assert_eq!(submit(5).err(), Some(ShedReason::Full));
        starts.recv().unwrap();
        starts.recv().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.threads, stats.idle, stats.queued), (2, 0, 3));
        (0..5).for_each(|_| release.send(()).unwrap());
        assert_eq!(results(submitted), [Ok(0), Ok(1), Ok(2), Ok(3), Ok(4)]);
    }

    #[test]
    fn critical_jobs_have_a_thread_of_their_own() {
        let (pool, held, starts, release) = fixture(1, 0);
        let submit = |priority, number| held.submit(&pool, priority, number);
        let mut submitted = vec![submit(Priority::Normal, 0).ok().unwrap()];
        assert_eq!(starts.recv().unwrap(), 0);
        assert_eq!(submit(Priority::Normal, 1).err(), Some(ShedReason::Full));
        submitted.push(submit(Priority::Critical, 2).ok().unwrap());
        assert_eq!(starts.recv().unwrap(), 2);
        // With all threads taken they wait, and come first.
        submitted.push(submit(Priority::Critical, 3).ok().unwrap());
        (0..3).for_each(|_| release.send(()).unwrap());
        assert_eq!(results(submitted), [Ok(0), Ok(2), Ok(3)]);
    }

    #[test]
    fn a_job_nobody_waits_for_leaves_the_queue_with_all_it_holds() {
        let (pool, held, starts, release) = fixture(1, 10);
        let first = held.submit(&pool, Priority::Normal, 0).ok().unwrap();
        starts.recv().unwrap();
        let permit = Arc::new(());
        let kept = permit.clone();
        let second = pool.submit(move || drop(kept), Ticket::default());
        assert_eq!((pool.stats().queued, Arc::strong_count(&permit)), (1, 2));
        drop(second);
        assert_eq!((pool.stats().queued, Arc::strong_count(&permit)), (0, 1));
        release.send(()).unwrap();
        assert_eq!(results(vec![first]), [Ok(0)]);
    }

    #[test]
    fn the_end_of_the_pool_is_told_to_those_who_wait() {
        let (pool, held, starts, release) = fixture(1, 10);
        let submit = |number| held.submit(&pool, Priority::Normal, number);
        let submitted = vec![submit(0).ok().unwrap(), submit(1).ok().unwrap()];
        starts.recv().unwrap();
        pool.close();
        assert_eq!(submit(2).err(), Some(ShedReason::Stopping));
        release.send(()).unwrap();
        assert_eq!(results(submitted), [Ok(0), Err(ShedReason::Stopping)]);
    }

    /// As when a client takes the body of an answer slowly.
    #[test]
    fn what_a_job_does_after_its_result_does_not_count_as_its_time() {
        let (pool, held, starts, release) = fixture(1, 10);
        let (started, gate) = (held.started.clone(), held.gate.clone());
        let sending = move |verdict: Result<Reporter<u32>, ShedReason>| {
            verdict.unwrap().send(0);
            started.send(0).unwrap();
            gate.lock().unwrap().recv().unwrap();
        };
        let first = pool.submit_sending(sending, Ticket::default()).ok();
        assert_eq!(results(vec![first.unwrap()]), [Ok(0)]);
        starts.recv().unwrap();
        let reactor = Reactor::new(pool.clock().clone()).unwrap();
        reactor.advance(Duration::from_secs(60)).unwrap();
        let outlook = || {
            let now = pool.clock().now();
            let deadline = Some(now + Duration::from_millis(1));
            let ticket = Ticket::new(Priority::Normal, deadline);
            let mut state = pool.shared.lock();
            state.queue.forecast().outlook(ticket, 0, 1, now)
        };
        assert_eq!(outlook(), Outlook::Hopeful);
        // The only thread takes another one, so it is done with the first.
        let second = held.submit(&pool, Priority::Normal, 1).ok().unwrap();
        (0..2).for_each(|_| release.send(()).unwrap());
        assert_eq!(results(vec![second]), [Ok(1)]);
        assert_eq!(outlook(), Outlook::Hopeful);
    }

    #[test]
    fn who_cannot_be_answered_in_time_is_refused_at_once() {
        let (pool, held, starts, release) = fixture(1, 10);
        let second = Duration::from_secs(1);
        let reactor = Reactor::new(pool.clock().clone()).unwrap();
        let run = |number| {
            let submitted = held.submit(&pool, Priority::Normal, number).ok().unwrap();
            starts.recv().unwrap();
            submitted
        };
        let first = run(0);
        reactor.advance(5 * second).unwrap();
        release.send(()).unwrap();
        assert_eq!(results(vec![first]), [Ok(0)]);
        let second_one = run(1);
        for (time, expected) in [(9, Some(ShedReason::Hopeless)), (11, None)] {
            let deadline = Some(pool.clock().now() + time * second);
            let ticket = Ticket::new(Priority::Normal, deadline);
            let refused = pool.submit(|| (), ticket).err();
            assert_eq!(refused, expected, "{time} s");
        }
        release.send(()).unwrap();
        assert_eq!(results(vec![second_one]), [Ok(1)]);
    }
}
