//! The threads for work that may wait: named, bounded, grown when needed and retired when idle.
//!
//! Users' code only: the container's own needs never wait behind it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::handler::{Panicked, catch_panic};
use crate::message::waiting;
use crate::reactor::{OutsideWork, Reactor, oneshot};

/// What bounds a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockingConfig {
    /// Most threads. Default 64: enough to wait on many slow things at once, few enough that their
    /// stacks do not matter.
    pub threads: usize,
    /// Most jobs that wait for a thread; beyond it work is refused. Default 1,024.
    pub queue: usize,
    /// How long a thread without work stays. Default 10 s.
    pub idle: Duration,
}

impl Default for BlockingConfig {
    fn default() -> Self {
        BlockingConfig {
            threads: 64,
            queue: 1024,
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
}

type Job = Box<dyn FnOnce() + Send>;

struct Shared {
    config: BlockingConfig,
    hands: Hands,
    state: Mutex<State>,
    /// Told about each new job, and about the end.
    changed: Condvar,
}

/// Who runs the jobs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hands {
    /// Threads of the pool.
    Threads,
    /// Whoever calls [`BlockingPool::run_job`].
    Caller,
}

struct State {
    jobs: VecDeque<Job>,
    /// Threads there are, those that are just being started included.
    threads: usize,
    /// Threads that run a job.
    busy: usize,
    /// The number of the next thread, for its name.
    next: usize,
    open: bool,
}

thread_local! {
    /// The pool of the worker that runs on this thread.
    static CURRENT: RefCell<Option<BlockingPool>> = const { RefCell::new(None) };
}

/// Runs `job` on the blocking pool of the current worker and gives what it returns.
///
/// Dropping the future does not stop a job that has begun; one that has not is not begun.
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
    let (sender, receiver) = oneshot::channel();
    pool.submit(|| catch_panic(job), sender)?;
    receiver.await.map_err(|oneshot::Closed| PoolFull)
}

impl BlockingPool {
    /// A pool without threads; they come with the work.
    pub fn new(config: BlockingConfig) -> Self {
        Self::with_hands(config, Hands::Threads)
    }

    /// A pool that never has a thread, for tests: its limits are those of `config`, but each job
    /// waits until [`run_job`](Self::run_job) runs it.
    pub fn by_hand(config: BlockingConfig) -> Self {
        Self::with_hands(config, Hands::Caller)
    }

    fn with_hands(config: BlockingConfig, hands: Hands) -> Self {
        let state = State {
            jobs: VecDeque::new(),
            threads: 0,
            busy: 0,
            next: 0,
            open: true,
        };
        BlockingPool {
            shared: Arc::new(Shared {
                config,
                hands,
                state: Mutex::new(state),
                changed: Condvar::new(),
            }),
        }
    }

    /// Makes this the pool of [`spawn_blocking`] on the calling thread, which is a worker's and from
    /// now on must not wait for bodies.
    pub fn enter(&self) {
        waiting::forbid();
        CURRENT.set(Some(self.clone()));
    }

    /// Queues a job whose result goes to `sender`; skipped if nobody waits for it by then.
    ///
    /// # Errors
    /// When there is no room, or no thread could be had.
    pub fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
        sender: oneshot::Sender<T>,
    ) -> Result<(), PoolFull> {
        // Who no longer waits does not miss the value.
        self.submit_sending(|sender| drop(sender.send(job())), sender)
    }

    /// The same for a job that sends its result itself, and may go on after that.
    ///
    /// # Errors
    /// When there is no room, or no thread could be had.
    pub fn submit_sending<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<T>) + Send + 'static,
        sender: oneshot::Sender<T>,
    ) -> Result<(), PoolFull> {
        // In virtual time, time must not pass while a thread works, and must while it waits.
        let outside = match self.shared.hands {
            Hands::Threads => {
                Reactor::try_current().map(|reactor| Arc::new(reactor.outside_work()))
            }
            Hands::Caller => None,
        };
        self.push(Box::new(move || {
            let watched = outside.clone().map(|outside| waiting::watch(outside));
            if !sender.is_closed() {
                job(sender);
            }
            drop(watched);
            drop(outside);
        }))
    }

    /// Jobs that nobody has begun.
    pub fn jobs(&self) -> usize {
        self.shared.lock().jobs.len()
    }

    /// Runs a job on the calling thread: the `nth` of those that have a place on a thread, or
    /// would have one. Does nothing when there is none.
    pub fn run_job(&self, nth: usize) {
        if nth >= self.shared.config.threads {
            return;
        }
        let job = self.shared.lock().jobs.remove(nth);
        if let Some(job) = job {
            run(job);
        }
    }

    /// What the pool is doing.
    pub fn stats(&self) -> PoolStats {
        let state = self.shared.lock();
        PoolStats {
            threads: state.threads,
            idle: state.free(),
            queued: state.waiting(),
        }
    }

    /// Takes no more jobs, drops those that wait, and lets the threads end when they are done.
    pub fn close(&self) {
        let mut state = self.shared.lock();
        state.open = false;
        let dropped = std::mem::take(&mut state.jobs);
        drop(state);
        self.shared.changed.notify_all();
        drop(dropped);
    }

    fn push(&self, job: Job) -> Result<(), PoolFull> {
        let mut state = self.shared.lock();
        let spare = state.free() > state.jobs.len();
        let may_grow = state.threads < self.shared.config.threads;
        let room = spare || may_grow || state.waiting() < self.shared.config.queue;
        if !state.open || !room {
            return Err(PoolFull);
        }
        state.jobs.push_back(job);
        let grow = !spare && may_grow;
        if grow {
            state.threads += 1;
            state.next += 1;
        }
        let number = state.next;
        drop(state);
        if grow && self.shared.hands == Hands::Threads {
            self.start_thread(number)
        } else {
            self.shared.changed.notify_one();
            Ok(())
        }
    }

    fn start_thread(&self, number: usize) -> Result<(), PoolFull> {
        let shared = self.shared.clone();
        let name = format!("blocking-{number}");
        let started = thread::Builder::new()
            .name(name)
            .spawn(move || shared.work());
        let Err(error) = started else { return Ok(()) };
        log::error!("no thread for blocking work: {error}");
        let mut state = self.shared.lock();
        state.threads -= 1;
        // Without any thread the job would wait for ever.
        let refused = if state.threads == 0 {
            state.jobs.pop_back()
        } else {
            None
        };
        drop(state);
        if refused.is_some() {
            Err(PoolFull)
        } else {
            Ok(())
        }
    }
}

impl Shared {
    /// A thread's life.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                state.busy += 1;
                drop(state);
                run(job);
                state = self.lock();
                state.busy -= 1;
                continue;
            }
            if !state.open {
                break;
            }
            let waited = self.changed.wait_timeout(state, self.config.idle);
            let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if timeout.timed_out() && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
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

/// Runs a job. Users' code catches its own panics; this is for what is left, such as a panic in a
/// destructor.
fn run(job: Job) {
    if catch_panic(job).is_err() {
        log::error!("a job of the blocking pool panicked while it was dropped");
    }
}

impl State {
    /// Threads that are free, or will be as soon as they have started.
    fn free(&self) -> usize {
        self.threads - self.busy
    }

    /// Jobs that no free thread is about to take.
    fn waiting(&self) -> usize {
        self.jobs.len().saturating_sub(self.free())
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

    #[test]
    fn grows_to_its_limit_then_queues_then_refuses() {
        let config = BlockingConfig {
            threads: 2,
            queue: 3,
            ..BlockingConfig::default()
        };
        let pool = BlockingPool::new(config);
        let (started, starts) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let mut receivers = vec![];
        for number in 0..6 {
            let (started, gate) = (started.clone(), gate.clone());
            let (sender, receiver) = oneshot::channel();
            let job = move || {
                started.send(()).unwrap();
                gate.lock().unwrap().recv().unwrap();
                number
            };
            let submitted = pool.submit(job, sender);
            assert_eq!(submitted, if number < 5 { Ok(()) } else { Err(PoolFull) });
            receivers.push(receiver);
        }
        starts.recv().unwrap();
        starts.recv().unwrap();
        assert_eq!(
            pool.stats(),
            PoolStats {
                threads: 2,
                idle: 0,
                queued: 3
            }
        );
        for _ in 0..5 {
            release.send(()).unwrap();
        }
        let reactor = Reactor::new(Clock::real()).unwrap();
        let done = reactor.block_on(async move {
            let mut done = vec![];
            for receiver in receivers {
                done.push(receiver.await.ok());
            }
            done
        });
        assert_eq!(
            done.unwrap(),
            [Some(0), Some(1), Some(2), Some(3), Some(4), None]
        );
    }

    #[test]
    fn a_job_nobody_waits_for_is_not_begun() {
        let pool = BlockingPool::new(BlockingConfig {
            threads: 1,
            ..BlockingConfig::default()
        });
        let (hold, held) = mpsc::channel::<()>();
        let (first, waits) = oneshot::channel();
        pool.submit(move || held.recv().is_ok(), first).unwrap();
        let (second, unwanted) = oneshot::channel();
        let (ran, runs) = mpsc::channel();
        pool.submit(move || ran.send(()).unwrap(), second).unwrap();
        drop(unwanted);
        hold.send(()).unwrap();
        let reactor = Reactor::new(Clock::real()).unwrap();
        assert!(reactor.block_on(waits).unwrap().unwrap());
        // The sender inside the skipped job is dropped with it.
        assert!(runs.recv().is_err());
    }
}
