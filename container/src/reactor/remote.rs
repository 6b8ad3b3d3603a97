//! What other threads may do to a reactor: wake a task, send a job, end its wait.
//! Must not block either side.
//!
//! A burst of messages costs one system call: only the first sets the `notified` flag and rings
//! the kernel's bell. The inbox is bounded; a wake that finds it full leaves the task's own flag
//! set and raises `overflow`, upon which the executor looks at all flags. No wake is lost.

use std::{
    cell::Cell,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::{
    JOBS_PER_TURN, WAKES_PER_TURN,
    executor::{Executor, panic_message},
    source::WAKER_TOKEN,
    task::TaskId,
};

/// Wakes waiting to be taken: as many as other threads send while a worker is held for about a
/// millisecond. Beyond it wakes cost a look at every task instead.
pub(super) const INBOX_CAPACITY: usize = 1024;

/// Jobs waiting to be run. New connections and commands come this way; a sender that finds it
/// full keeps its job and decides itself.
const JOB_CAPACITY: usize = 1024;

/// A closure that runs on the reactor's thread.
pub type Job = Box<dyn FnOnce() + Send>;

/// The state both sides share. Outlives the reactor as long as a waker does.
pub(super) struct Shared {
    bell: mio::Waker,
    /// Whether the bell has been rung since the inbox was last looked at.
    notified: AtomicBool,
    /// Whether a wake found the inbox full.
    overflow: AtomicBool,
    /// Whether the reactor takes no more jobs.
    closed: AtomicBool,
    /// Living [`OutsideWork`] guards.
    outside: AtomicUsize,
    wakes: Sender<TaskId>,
    jobs: Sender<Job>,
}

impl Shared {
    pub(super) fn send_wake(&self, id: TaskId) {
        if self.wakes.try_send(id).is_err() {
            self.overflow.store(true, Ordering::Release);
        }
        self.notify();
    }

    pub(super) fn notify(&self) {
        if self.notified.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.bell.wake() {
            log::error!("could not wake a reactor: {error}");
        }
    }
}

/// The reactor's side of the inbox.
pub(super) struct Inbox {
    shared: Arc<Shared>,
    wakes: Receiver<TaskId>,
    jobs: Receiver<Job>,
    /// Whether the last turn's bounds left messages behind.
    leftovers: Cell<bool>,
}

impl Inbox {
    pub(super) fn new(registry: &mio::Registry) -> io::Result<Inbox> {
        let (wake_sender, wakes) = bounded(INBOX_CAPACITY);
        let (job_sender, jobs) = bounded(JOB_CAPACITY);
        let shared = Arc::new(Shared {
            bell: mio::Waker::new(registry, WAKER_TOKEN)?,
            notified: AtomicBool::new(false),
            overflow: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            outside: AtomicUsize::new(0),
            wakes: wake_sender,
            jobs: job_sender,
        });
        Ok(Inbox {
            shared,
            wakes,
            jobs,
            leftovers: Cell::new(false),
        })
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn has_leftovers(&self) -> bool {
        self.leftovers.get()
    }

    pub(super) fn outside_work(&self) -> usize {
        self.shared.outside.load(Ordering::Acquire)
    }

    /// Hands the wakes to the executor and runs the jobs; returns how many there were, a mere
    /// notification counting as one.
    pub(super) fn receive(&self, executor: &Executor) -> usize {
        let notified = self.shared.notified.load(Ordering::Acquire);
        if !notified && !self.leftovers.get() {
            return 0;
        }
        // Cleared before looking: what is sent from here on rings the bell again.
        self.shared.notified.swap(false, Ordering::AcqRel);
        let received = self.receive_wakes(executor) + self.run_jobs();
        self.leftovers
            .set(!self.wakes.is_empty() || !self.jobs.is_empty());
        // A bare notification counts too: its sender changed something that a loop over turns
        // has to look at before it waits.
        received.max(usize::from(notified))
    }

    fn receive_wakes(&self, executor: &Executor) -> usize {
        let wakes = self.wakes.try_iter().take(WAKES_PER_TURN);
        let received = wakes.map(|id| executor.enqueue(id)).count();
        if self.shared.overflow.swap(false, Ordering::AcqRel) {
            executor.requeue_woken();
            return received + 1;
        }
        received
    }

    fn run_jobs(&self) -> usize {
        let jobs = self.jobs.try_iter().take(JOBS_PER_TURN);
        jobs.map(|job| {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(job)) {
                log::error!("a job panicked: {}", panic_message(payload.as_ref()));
            }
        })
        .count()
    }

    /// Takes no more jobs and drops the waiting ones.
    pub(super) fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        self.jobs
            .try_iter()
            .take(JOB_CAPACITY)
            .for_each(super::executor::drop_quietly);
    }
}

/// A reactor as other threads see it. Clones are the same reactor.
///
/// ```
/// use container::reactor::{Clock, Reactor, oneshot};
///
/// let reactor = Reactor::new(Clock::real())?;
/// let remote = reactor.remote();
/// let (sender, receiver) = oneshot::channel();
/// let thread = std::thread::spawn(move || {
///     remote.run(Box::new(move || drop(sender.send("on the reactor's thread")))).is_ok()
/// });
/// assert_eq!(reactor.block_on(receiver)?, Ok("on the reactor's thread"));
/// assert!(thread.join().unwrap());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Remote {
    shared: Arc<Shared>,
}

impl Remote {
    pub(super) fn new(shared: Arc<Shared>) -> Remote {
        Remote { shared }
    }

    /// Ends the reactor's present wait, or makes its next one return at once.
    pub fn notify(&self) {
        self.shared.notify();
    }

    /// Sends a job to the reactor's thread. A job still waiting when the reactor shuts down is
    /// dropped without having run.
    ///
    /// # Errors
    /// Gives the job back when the queue is full or the reactor is gone.
    pub fn run(&self, job: Job) -> Result<(), Job> {
        if self.shared.closed.load(Ordering::Acquire) {
            return Err(job);
        }
        self.shared
            .jobs
            .try_send(job)
            .map_err(TrySendError::into_inner)?;
        self.shared.notify();
        Ok(())
    }

    /// See [`Reactor::outside_work`](super::Reactor::outside_work).
    pub fn outside_work(&self) -> OutsideWork {
        self.shared.outside.fetch_add(1, Ordering::AcqRel);
        OutsideWork {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

/// Work for a reactor that another thread does. Drop it after the result has been sent.
pub struct OutsideWork {
    shared: Arc<Shared>,
}

impl Drop for OutsideWork {
    fn drop(&mut self) {
        self.shared.outside.fetch_sub(1, Ordering::AcqRel);
        self.shared.notify();
    }
}
