//! `Hashers`: threads that hash, each with the memory that it takes, and that give way to all others.
//!
//! Hashing is the one thing here that keeps a processor busy for long. A thread that does this and is
//! as good as others is let finish its time slice, of some milliseconds, when a worker is woken on the
//! same processor; one of idle priority (`SCHED_IDLE`, sched(7)) is put aside at once. The price: while
//! others leave no processor free, there is next to no hashing. Must not know passwords.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

use argon2::{Block, Params};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// How long a thread without work keeps its memory.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// A handle on the threads; they end with its last clone.
#[derive(Clone)]
pub(super) struct Hashers {
    jobs: Sender<Job>,
}

/// What hashes are computed in. It is kept from one to the next: to get and clear it anew each time
/// is a sixth of the work, and holds up all threads of the process.
#[derive(Default)]
pub(super) struct Memory {
    blocks: Vec<Block>,
}

impl Hashers {
    /// So many threads; where the system has none left, whoever wants a hash computes it.
    pub(super) fn new(threads: usize) -> Self {
        // Without a place to wait: who comes while all are busy waits where its turn is decided.
        let (jobs, taken) = bounded::<Job>(0);
        for number in 1..=threads {
            let taken = taken.clone();
            let builder = thread::Builder::new().name(format!("hashing-{number}"));
            if let Err(error) = builder.spawn(move || work(&taken)) {
                log::error!("no thread for hashing passwords: {error}");
            }
        }
        Hashers { jobs }
    }

    /// Runs `job` on one of the threads, and waits until it is done.
    ///
    /// # Panics
    /// When the job does.
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> T {
        let (result, done) = bounded(1);
        let job = move |memory: &mut Memory| {
            let outcome = catch_unwind(AssertUnwindSafe(|| job(memory)));
            // Whoever asked is waiting below.
            let _ = result.send(outcome);
        };
        if let Err(refused) = self.jobs.send(Box::new(job)) {
            (refused.into_inner())(&mut Memory::default());
        }
        let outcome = done.recv().expect("each job sends its outcome");
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Memory {
    /// As many blocks as a hash at this cost needs.
    pub(super) fn blocks(&mut self, params: &Params) -> &mut [Block] {
        let count = params.block_count();
        if self.blocks.len() < count {
            self.blocks.resize(count, Block::default());
        }
        &mut self.blocks[..count]
    }
}

/// A thread's life.
fn work(jobs: &Receiver<Job>) {
    give_way();
    let mut memory = Memory::default();
    loop {
        match jobs.recv_timeout(IDLE) {
            Ok(job) => job(&mut memory),
            Err(RecvTimeoutError::Timeout) => memory = Memory::default(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Lets all other threads go before the calling one. There is no way back without privileges.
fn give_way() {
    #[cfg(target_os = "linux")]
    let policy = NormalThreadSchedulePolicy::Idle;
    #[cfg(not(target_os = "linux"))]
    let policy = NormalThreadSchedulePolicy::Other;
    let policy = ThreadSchedulePolicy::Normal(policy);
    let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
    if let Err(error) = set {
        log::warn!("passwords are hashed at the priority of everything else: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_callers() {
        let hashers = Hashers::new(1);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            hashers.run(|_| panic!("a broken hash"))
        }));
        assert!(caught.is_err());
        assert_eq!(hashers.run(|_| 7), 7);
    }

    #[test]
    fn without_threads_the_caller_does_it() {
        let caller = thread::current().id();
        assert_eq!(Hashers::new(0).run(|_| thread::current().id()), caller);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn they_give_way() {
        let policy = Hashers::new(1).run(|_| thread_priority::thread_schedule_policy());
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        assert_eq!(policy.ok(), Some(idle));
    }

    #[test]
    fn memory_is_kept_and_grows() {
        let mut memory = Memory::default();
        let mut count = |kib: u32| {
            let params = Params::new(kib, 1, 1, None).expect("argon2 takes it");
            memory.blocks(&params).len()
        };
        assert_eq!([count(8), count(64), count(16)], [8, 64, 16]);
        assert_eq!(memory.blocks.len(), 64);
    }
}
