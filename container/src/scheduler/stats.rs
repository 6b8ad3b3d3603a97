//! What each lane has done and is doing.
//!
//! Each worker counts for itself, without locked instructions; who wants to know adds up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::handler::Lane;

/// A number that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub struct Counter {
    value: AtomicU64,
}

impl Counter {
    /// Adds; to be called by the counter's own worker only, which is why it need not be an atomic
    /// addition.
    pub fn add(&self, count: u64) {
        self.value
            .store(self.read().wrapping_add(count), Ordering::Relaxed);
    }

    /// The number.
    pub fn read(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

/// What one worker counts.
#[derive(Debug, Default)]
pub struct WorkerCounters {
    lanes: [LaneCounters; 3],
    /// Requests answered, by handlers or by the container itself.
    pub served: Counter,
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections closed.
    pub closed: Counter,
    /// Connections refused for want of room.
    pub refused: Counter,
    /// Requests cut off by the end of the drain, or the death of a worker.
    pub cut: Counter,
    /// How often the worker was replaced because it had died.
    pub restarts: Counter,
}

/// What one worker counts of one lane.
#[derive(Debug, Default)]
pub struct LaneCounters {
    /// Handlers begun.
    pub started: Counter,
    /// Handlers ended, in whatever way.
    pub finished: Counter,
    /// Requests that began to wait for a permit.
    pub queued: Counter,
    /// Requests that ended waiting for a permit, in whatever way.
    pub dequeued: Counter,
    /// Requests refused.
    pub shed: Counter,
    /// Requests whose deadline passed.
    pub timed_out: Counter,
    /// Requests whose client went.
    pub cancelled: Counter,
    /// Handlers that panicked.
    pub panicked: Counter,
}

/// The counters of a lane, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneStats {
    /// Handlers that run now.
    pub running: u64,
    /// Requests that wait for a permit now.
    pub queued: u64,
    /// Handlers that have ended, in whatever way.
    pub finished: u64,
    /// Requests refused for want of room.
    pub shed: u64,
    /// Requests whose deadline passed.
    pub timed_out: u64,
    /// Requests whose client went before the answer.
    pub cancelled: u64,
    /// Handlers that panicked.
    pub panicked: u64,
}

/// The counters of a container, added up over its workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Handlers that run on the spot.
    pub inline: LaneStats,
    /// Handlers that are tasks.
    pub r#async: LaneStats,
    /// Handlers on the pool.
    pub blocking: LaneStats,
    /// Requests answered.
    pub served: u64,
    /// Connections that are open.
    pub connections: u64,
    /// Connections accepted so far, those that were refused not counted.
    pub accepted: u64,
    /// Connections refused for want of room.
    pub refused: u64,
    /// Requests cut off by the end of the drain, or the death of a worker.
    pub cut: u64,
    /// Workers that were replaced because they had died.
    pub restarts: u64,
}

/// Two counters that make a gauge.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gauge {
    Running,
    Queued,
}

/// Counts as running, or queued, for as long as it lives.
pub(super) struct Within {
    counters: Arc<WorkerCounters>,
    lane: Lane,
    gauge: Gauge,
}

impl WorkerCounters {
    /// The counters of a lane.
    pub fn lane(&self, lane: Lane) -> &LaneCounters {
        &self.lanes[lane as usize]
    }

    /// Connections that are open.
    pub fn connections(&self) -> u64 {
        self.accepted.read().saturating_sub(self.closed.read())
    }

    /// Requests that are in their handlers, or wait for them.
    pub fn in_handlers(&self) -> u64 {
        let lanes = self.lanes.iter().map(LaneCounters::read);
        lanes.map(|lane| lane.running + lane.queued).sum()
    }
}

impl LaneCounters {
    fn read(&self) -> LaneStats {
        LaneStats {
            running: self.started.read().saturating_sub(self.finished.read()),
            queued: self.queued.read().saturating_sub(self.dequeued.read()),
            finished: self.finished.read(),
            shed: self.shed.read(),
            timed_out: self.timed_out.read(),
            cancelled: self.cancelled.read(),
            panicked: self.panicked.read(),
        }
    }
}

impl LaneStats {
    fn add(&mut self, other: LaneStats) {
        self.running += other.running;
        self.queued += other.queued;
        self.finished += other.finished;
        self.shed += other.shed;
        self.timed_out += other.timed_out;
        self.cancelled += other.cancelled;
        self.panicked += other.panicked;
    }
}

impl Stats {
    /// Adds up what the workers counted.
    pub fn collect<'a>(workers: impl IntoIterator<Item = &'a Arc<WorkerCounters>>) -> Self {
        let mut stats = Stats::default();
        for worker in workers {
            stats.inline.add(worker.lane(Lane::Inline).read());
            stats.r#async.add(worker.lane(Lane::Async).read());
            stats.blocking.add(worker.lane(Lane::Blocking).read());
            stats.served += worker.served.read();
            stats.accepted += worker.accepted.read();
            stats.connections += worker.connections();
            stats.refused += worker.refused.read();
            stats.cut += worker.cut.read();
            stats.restarts += worker.restarts.read();
        }
        stats
    }
}

impl Within {
    pub(super) fn new(counters: &Arc<WorkerCounters>, lane: Lane, gauge: Gauge) -> Self {
        let counted = counters.lane(lane);
        match gauge {
            Gauge::Running => counted.started.add(1),
            Gauge::Queued => counted.queued.add(1),
        }
        Within {
            counters: counters.clone(),
            lane,
            gauge,
        }
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        let counted = self.counters.lane(self.lane);
        match self.gauge {
            Gauge::Running => counted.finished.add(1),
            Gauge::Queued => counted.dequeued.add(1),
        }
    }
}
