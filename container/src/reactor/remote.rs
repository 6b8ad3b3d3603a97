//! What other threads may do to a reactor: wake a task, send a job, end its wait.
//! Must not block either side.
//!
//! A burst of messages costs one system call: only the first sets the `notified` flag and rings
//! the kernel's bell. The inbox is bounded; a wake that finds it full leaves the task's own flag
//! set and raises `overflow`, upon which the executor looks at all flags. No wake is lost.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use std::{fmt, io};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::activity::Activity;
use super::busy::Busy;
use super::executor::{Executor, panic_message};
use super::source::WAKER_TOKEN;
use super::task::TaskId;
use super::{JOBS_PER_TURN, WAKES_PER_TURN};

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
    /// Ends the wait of the reactor.
    bell: mio::Waker,
    /// Whether the bell has been rung since the inbox was last looked at.
    notified: AtomicBool,
    /// Whether a wake found the inbox full.
    overflow: AtomicBool,
    /// Whether the reactor takes no more jobs.
    closed: AtomicBool,
    /// Living [`OutsideWork`] guards.
    outside: AtomicUsize,
    /// How long the reactor has been busy.
    pub(super) busy: Busy,
    /// Tasks to poll.
    wakes: Sender<TaskId>,
    /// Closures to run.
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
    /// What the other side has.
    shared: Arc<Shared>,
    /// Tasks to poll.
    wakes: Receiver<TaskId>,
    /// Closures to run.
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
            busy: Busy::new(),
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
    /// The way to the reactor.
    shared: Arc<Shared>,
    /// What its thread is doing.
    activity: Arc<Activity>,
}

impl Remote {
    pub(super) fn new(shared: Arc<Shared>, activity: Arc<Activity>) -> Remote {
        Remote { shared, activity }
    }

    /// What the reactor's thread is doing; see [`Reactor::activity`](super::Reactor::activity).
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Ends the reactor's present wait, or makes its next one return at once.
    pub fn notify(&self) {
        self.shared.notify();
    }

    /// For how many nanoseconds the reactor has been busy, and not waiting, since it was made. What
    /// it is doing right now counts, however long it takes.
    pub fn busy_ns(&self) -> u64 {
        self.shared.busy.total_ns(Instant::now())
    }

    /// For how many nanoseconds its present turn has been at work: what holds the thread holds all
    /// of its tasks. 0 while it waits.
    pub fn turn_ns(&self) -> u64 {
        self.shared.busy.turn_ns(Instant::now())
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
    /// Where it is counted.
    shared: Arc<Shared>,
}

impl OutsideWork {
    /// The work waits for the reactor; until it goes on it counts as none.
    pub fn pause(&self) {
        self.shared.outside.fetch_sub(1, Ordering::AcqRel);
        self.shared.notify();
    }

    /// The work goes on after a [`pause`](Self::pause). To be called by whoever makes it go on, on
    /// the reactor's thread too, so that time cannot pass before it does.
    pub fn resume(&self) {
        self.shared.outside.fetch_add(1, Ordering::AcqRel);
    }
}

impl Drop for OutsideWork {
    fn drop(&mut self) {
        self.shared.outside.fetch_sub(1, Ordering::AcqRel);
        self.shared.notify();
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::sync::mpsc;
    use std::task::{Poll, Waker};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::reactor::{Clock, Reactor, Turn, oneshot};

    fn reactor() -> Reactor {
        Reactor::new(Clock::virtual_time()).unwrap()
    }

    #[test]
    fn wakes_of_many_threads_arrive() {
        const THREADS: usize = 4;
        const VALUES: usize = 500;
        let reactor = Reactor::new(Clock::real()).unwrap();
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..THREADS * VALUES).map(|_| oneshot::channel()).unzip();
        let tasks: Vec<_> = receivers
            .into_iter()
            .map(|r| reactor.spawn_local(r))
            .collect();
        let mut senders = senders.into_iter();
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let mine: Vec<_> = senders.by_ref().take(VALUES).collect();
                thread::spawn(move || mine.into_iter().for_each(|s| s.send(1).unwrap()))
            })
            .collect();
        for task in tasks {
            assert_eq!(reactor.block_on(task).unwrap().unwrap(), Ok(1));
        }
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn overflow_of_the_inbox_loses_no_wake() {
        let reactor = reactor();
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..3 * INBOX_CAPACITY).map(|_| oneshot::channel()).unzip();
        let tasks: Vec<_> = receivers
            .into_iter()
            .map(|r| reactor.spawn_local(r))
            .collect();
        reactor.run_until_idle().unwrap();
        // All are sent before the reactor looks.
        let thread = thread::spawn(|| senders.into_iter().for_each(|s| s.send(()).unwrap()));
        thread.join().unwrap();
        let sum = reactor.run_until_idle().unwrap();
        assert!(tasks.iter().all(crate::reactor::JoinHandle::is_finished));
        assert_eq!(sum.tasks, tasks.len());
    }

    #[test]
    fn repeated_wakes_of_one_task_are_not_lost() {
        const ROUNDS: usize = 2_000;
        let reactor = Reactor::new(Clock::real()).unwrap();
        let (to_thread, wakers) = mpsc::channel::<Waker>();
        let thread = thread::spawn(move || wakers.into_iter().for_each(Waker::wake));
        let mut rounds = 0;
        let task = reactor.spawn_local(poll_fn(move |cx| {
            rounds += 1;
            to_thread.send(cx.waker().clone()).unwrap();
            if rounds < ROUNDS {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        }));
        reactor.block_on(task).unwrap().unwrap();
        thread.join().unwrap();
    }

    #[test]
    fn wakers_may_outlive_task_and_reactor() {
        let reactor = reactor();
        let (keep, kept) = mpsc::channel::<Waker>();
        drop(reactor.spawn_local(poll_fn(move |cx| {
            keep.send(cx.waker().clone()).unwrap();
            Poll::<()>::Pending
        })));
        reactor.run_until_idle().unwrap();
        let waker = kept.recv().unwrap();
        let remote = reactor.remote();
        drop(reactor);
        waker.wake_by_ref();
        thread::spawn(move || waker.wake()).join().unwrap();
        remote.notify();
        assert!(remote.run(Box::new(|| {})).is_err());
    }

    #[test]
    fn jobs_run_here_and_are_bounded() {
        let reactor = reactor();
        let remote = reactor.remote();
        let (done, runs) = mpsc::channel();
        let job = |done: &mpsc::Sender<()>| -> Job {
            let done = done.clone();
            Box::new(move || done.send(()).unwrap())
        };
        for _ in 0..JOB_CAPACITY {
            assert!(remote.run(job(&done)).is_ok());
        }
        assert!(remote.run(job(&done)).is_err());
        let first = reactor.turn(Some(Duration::ZERO)).unwrap();
        assert_eq!(
            first,
            Turn {
                wakes: JOBS_PER_TURN,
                ..Turn::default()
            }
        );
        // What is left must not wait for a notification.
        reactor.run_until_idle().unwrap();
        assert_eq!(runs.try_iter().count(), JOB_CAPACITY);
        assert!(remote.run(Box::new(|| panic!("in a job"))).is_ok());
        assert!(remote.run(job(&done)).is_ok());
        reactor.run_until_idle().unwrap();
        assert_eq!(runs.try_iter().count(), 1);
        reactor.shutdown();
        assert!(remote.run(job(&done)).is_err());
    }

    #[test]
    fn idle_waits_for_outside_work() {
        let reactor = reactor();
        let (sender, receiver) = oneshot::channel();
        let task = reactor.spawn_local(receiver);
        let work = reactor.outside_work();
        let (start, started) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            started.recv().unwrap();
            sender.send(()).unwrap();
            drop(work);
        });
        drop(reactor.spawn_local(async move { start.send(()) }));
        reactor.run_until_idle().unwrap();
        assert!(task.is_finished());
        thread.join().unwrap();
    }

    #[test]
    fn virtual_time_stands_while_outside_work_is_under_way() {
        let reactor = reactor();
        let (sender, receiver) = oneshot::channel();
        let work = reactor.outside_work();
        let thread = thread::spawn(move || {
            sender.send(()).unwrap();
            drop(work);
        });
        let hour = Duration::from_secs(3600);
        let result = reactor.block_on(async { crate::reactor::timeout(hour, receiver).await });
        assert_eq!(result.unwrap(), Ok(Ok(())));
        thread.join().unwrap();
    }

    #[test]
    fn notification_ends_a_wait() {
        let reactor = Reactor::new(Clock::real()).unwrap();
        drop(reactor.spawn_local(pending::<()>()));
        reactor.run_until_idle().unwrap();
        let remote = reactor.remote();
        let thread = thread::spawn(move || remote.notify());
        assert_eq!(
            reactor.turn(None).unwrap(),
            Turn {
                wakes: 1,
                ..Turn::default()
            }
        );
        thread.join().unwrap();
    }
}
