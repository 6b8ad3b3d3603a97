//! `PoolCounters`: a worker's blocking handlers on their way through the pool, each of them counted as
//! waiting, as running or as over.
//!
//! Unlike what workers count, by whatever thread is at it: one that takes a job, or one that gives
//! it up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::shed::{ShedReason, Stage};
use super::stats::{LaneStats, ShedStats, WorkerCounters};
use crate::reactor::Clock;

/// What became of one worker's blocking handlers.
#[derive(Debug, Default)]
pub(super) struct PoolCounters {
    /// Those that were given to the pool.
    entered: AtomicU64,
    /// Those of them that a thread has begun.
    begun: AtomicU64,
    /// Those of these that have ended, in whatever way.
    ended: AtomicU64,
    /// Microseconds for which those waited that wait no longer, all together.
    waited_us: AtomicU64,
    /// Those that did not begin, by reason.
    turned_away: [AtomicU64; ShedReason::ALL.len()],
}

/// A handler that waits for a thread, and counts so as long as it lives.
pub(super) struct InQueue {
    counters: Arc<WorkerCounters>,
    clock: Clock,
    since: Instant,
    deadline: Option<Instant>,
    /// Whether it is known how its wait ended.
    is_over: bool,
}

/// A handler that a thread runs, and that counts so as long as it lives.
pub(super) struct OnThread {
    counters: Arc<WorkerCounters>,
}

impl PoolCounters {
    /// The numbers, which belong to the blocking lane.
    pub(super) fn read(&self) -> LaneStats {
        // Read in this order, nothing is over that has not begun, whatever happens meanwhile.
        let ended = read(&self.ended);
        let begun = read(&self.begun);
        let turned_away = self.turned_away.each_ref().map(read);
        let left: u64 = begun + turned_away.iter().sum::<u64>();
        let turned_away = ShedStats::at(Stage::Pool, turned_away);
        LaneStats {
            running: begun - ended,
            queued: read(&self.entered) - left,
            finished: ended,
            waited: left,
            waited_us: read(&self.waited_us),
            shed: turned_away.overload(),
            turned_away,
            ..LaneStats::default()
        }
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Acquire)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Release);
}

impl InQueue {
    /// One of this worker's is given to the pool.
    pub(super) fn enter(
        counters: &Arc<WorkerCounters>,
        clock: &Clock,
        deadline: Option<Instant>,
    ) -> Self {
        count(&counters.pool.entered);
        InQueue {
            counters: counters.clone(),
            clock: clock.clone(),
            since: clock.now(),
            deadline,
            is_over: false,
        }
    }

    /// A thread begins it.
    pub(super) fn begin(mut self) -> OnThread {
        self.end(self.clock.now(), |pool| &pool.begun);
        let counters = self.counters.clone();
        OnThread { counters }
    }

    /// It is not begun.
    pub(super) fn turn_away(mut self, reason: ShedReason) {
        self.end(self.clock.now(), |pool| &pool.turned_away[reason as usize]);
    }

    fn end(&mut self, now: Instant, counter: impl FnOnce(&PoolCounters) -> &AtomicU64) {
        self.is_over = true;
        let pool = &self.counters.pool;
        let waited = now.saturating_duration_since(self.since).as_micros();
        pool.waited_us.fetch_add(waited as u64, Ordering::Relaxed);
        count(counter(pool));
    }
}

impl Drop for InQueue {
    fn drop(&mut self) {
        if !self.is_over {
            let now = self.clock.now();
            let reason = ShedReason::of_given_up(self.deadline, now);
            self.end(now, |pool| &pool.turned_away[reason as usize]);
        }
    }
}

impl Drop for OnThread {
    fn drop(&mut self) {
        count(&self.counters.pool.ended);
    }
}
