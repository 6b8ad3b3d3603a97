//! `PoolState`: what a blocking pool's threads are doing, and what there is for one more job. Must not
//! wait, nor run anything.

use super::blocking_pool::BlockingConfig;
use super::forecast::Run;
use super::job::Job;
use super::queue::{Left, WaitQueue};
use crate::handler::Priority;
use crate::reactor::Clock;

/// Behind one lock.
pub(super) struct PoolState {
    /// Jobs that wait, and those that a thread is about to take.
    pub(super) queue: WaitQueue<Job>,
    /// Threads there are, those that are just being started included.
    pub(super) threads: usize,
    /// Threads that run a job that is not critical.
    pub(super) busy: usize,
    /// Threads that run a critical one.
    pub(super) critical: usize,
    /// The number of the next thread, for its name.
    pub(super) next: usize,
    /// Whether it takes jobs.
    pub(super) open: bool,
}

/// What there is for one more job.
pub(super) struct Spare {
    /// Threads that have nothing to do, and may take it.
    pub(super) free: usize,
    /// Whether one of them is left when all that is queued is taken.
    pub(super) is_idle: bool,
    /// Whether a thread would be started for it.
    pub(super) grows: bool,
}

impl PoolState {
    /// Without threads; they come with the work.
    pub(super) fn new(config: &BlockingConfig) -> Self {
        PoolState {
            queue: WaitQueue::new(config.queue, config.patience),
            threads: 0,
            busy: 0,
            critical: 0,
            next: 0,
            open: true,
        }
    }

    /// Takes the job that is next, and counts it.
    pub(super) fn next_job(
        &mut self,
        config: &BlockingConfig,
        clock: &Clock,
        left: &mut Left<Job>,
    ) -> Option<(Job, Run)> {
        if self.queue.is_empty() {
            return None;
        }
        let (job, run) = if self.busy < config.threads {
            self.queue.pop(clock.now(), left)
        } else {
            self.queue.pop_critical(clock.now())
        }?;
        *self.running(job.priority()) += 1;
        Some((job, run))
    }

    /// Fits the queue's room to the threads there are for one more job of this priority: what one
    /// of them is about to take is not waiting.
    pub(super) fn fit(&mut self, config: &BlockingConfig, priority: Priority) -> Spare {
        let free = self.free(config, priority);
        let is_idle = free > self.queue.len();
        let grows = !is_idle && self.may_grow(config, priority);
        let taken = free + usize::from(grows);
        self.queue.set_room(config.queue.saturating_add(taken));
        Spare {
            free,
            is_idle,
            grows,
        }
    }

    pub(super) fn running(&mut self, priority: Priority) -> &mut usize {
        match priority {
            Priority::Critical => &mut self.critical,
            Priority::Normal | Priority::Background => &mut self.busy,
        }
    }

    /// Threads that do nothing, or will be there as soon as they have started.
    pub(super) fn idle(&self) -> usize {
        self.threads - self.busy - self.critical
    }

    /// How many of those may take a job of this priority.
    fn free(&self, config: &BlockingConfig, priority: Priority) -> usize {
        match priority {
            Priority::Critical => self.idle(),
            _ => self.idle().min(config.threads - self.busy),
        }
    }

    fn may_grow(&self, config: &BlockingConfig, priority: Priority) -> bool {
        let most = match priority {
            Priority::Critical => config.threads.saturating_add(config.critical_threads),
            _ => config.threads,
        };
        self.threads < most
    }
}
