//! What each lane has done and is doing.
//!
//! Each worker counts for itself, without locked instructions but for what happens on the pool; who
//! wants to know adds up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::pool_counters::PoolCounters;
use super::shed::{Shed, ShedReason, Stage};
use super::watchdog::HoldStats;
use crate::handler::Lane;
use crate::reactor;

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
    /// What became of its blocking handlers on the pool: that part of their lane is counted here.
    pub(super) pool: PoolCounters,
    /// Requests that were given to the pool.
    pub(super) pooled: Counter,
    /// Those of them that have their answers by now, or for whom nobody waits.
    pub(super) pooled_over: Counter,
    /// Requests answered, by handlers or by the container itself.
    pub served: Counter,
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections closed.
    pub closed: Counter,
    /// Connections refused for want of room in this worker.
    pub refused: Counter,
    /// Connections refused since their peer had as many as it may.
    pub refused_peers: Counter,
    /// Heads that had begun when what had come was read, and were not complete.
    pub heads_begun: Counter,
    /// Those that are complete by now, or whose connection has closed.
    pub heads_over: Counter,
    /// Connections closed to make room for new ones: idle, or with half a head.
    pub displaced: Counter,
    /// Futures given to `detach`.
    pub detached: Counter,
    /// Those that have ended, in whatever way.
    pub detached_ended: Counter,
    /// Requests cut off by the end of the drain, or the death of a worker.
    pub cut: Counter,
    /// How often the worker was replaced because it had died.
    pub restarts: Counter,
}

/// What one worker counts of one lane.
#[derive(Debug, Default)]
pub struct LaneCounters {
    /// Handlers begun here.
    pub started: Counter,
    /// Those of them that ended, in whatever way.
    pub finished: Counter,
    /// Requests that began to wait for a permit.
    pub queued: Counter,
    /// Requests that ended waiting for a permit, in whatever way.
    pub dequeued: Counter,
    /// Microseconds that they waited, all together.
    pub waited_us: Counter,
    /// Requests turned away before they reached their handlers.
    shed: ShedCounters,
    /// Requests whose deadline passed, be it before they reached their handlers.
    pub timed_out: Counter,
    /// Requests whose client went.
    pub cancelled: Counter,
    /// Handlers that panicked.
    pub panicked: Counter,
}

/// By stage and reason, in the order of their numbers.
#[derive(Debug, Default)]
struct ShedCounters([[Counter; ShedReason::ALL.len()]; Stage::ALL.len()]);

/// Requests turned away before they reached their handlers, by where and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShedStats([[u64; ShedReason::ALL.len()]; Stage::ALL.len()]);

/// The counters of a lane, added up. A request is one of these at a time: `queued`, `running`,
/// `finished`, or among those that were `turned_away`. While requests go from one to the next, the
/// numbers may differ by those.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneStats {
    /// Handlers that run now.
    pub running: u64,
    /// Requests that wait now, for a permit or for a thread.
    pub queued: u64,
    /// Handlers that have ended, in whatever way, be it that their arguments could not be made.
    pub finished: u64,
    /// Waits for a permit or for a thread that have ended, in whatever way; also of those for whom
    /// there was a thread at once, or no room in the queue for one.
    pub waited: u64,
    /// Microseconds that they took, all together.
    pub waited_us: u64,
    /// Requests refused for want of room.
    pub shed: u64,
    /// All that were turned away before they reached their handlers, by where and why. Those that
    /// expired or whose client went are among the `timed_out` and the `cancelled` too.
    pub turned_away: ShedStats,
    /// Requests whose deadline passed, be it before they reached their handlers.
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
    /// Those of them on which a request has begun whose head is not complete.
    pub in_head: u64,
    /// Connections accepted so far, those that were refused not counted.
    pub accepted: u64,
    /// Connections refused for want of room.
    pub refused: u64,
    /// Those of them whose peer had as many as it may.
    pub refused_peers: u64,
    /// Connections closed to make room for new ones: idle, or with half a head.
    pub displaced: u64,
    /// Futures given to `detach` that have not ended.
    pub detached: u64,
    /// Requests cut off by the end of the drain, or the death of a worker.
    pub cut: u64,
    /// Workers that were replaced because they had died.
    pub restarts: u64,
    /// Threads that were held too long; told by a running container's handle.
    pub holds: HoldStats,
}

/// Counts a request as waiting for a permit for as long as it lives.
pub(super) struct Queueing {
    counters: Arc<WorkerCounters>,
    lane: Lane,
    stage: Stage,
    since: Instant,
    deadline: Option<Instant>,
    /// Whether the wait came to its end, so that nobody gave it up.
    is_over: bool,
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

    /// Connections on which a request has begun whose head is not complete.
    pub fn in_head(&self) -> u64 {
        // Read in this order, what is over in between makes the number smaller, not negative.
        let over = self.heads_over.read();
        self.heads_begun.read().saturating_sub(over)
    }

    /// Requests that are in their handlers, or wait for them; without those that a thread of the pool
    /// still runs, and nobody waits for.
    pub fn in_handlers(&self) -> u64 {
        let lanes = self.lanes.iter().map(LaneCounters::read);
        let on_worker: u64 = lanes.map(|lane| lane.running + lane.queued).sum();
        // Read in this order, as in `in_head`.
        let over = self.pooled_over.read();
        on_worker + self.pooled.read().saturating_sub(over)
    }

    /// What became of the requests of a lane.
    fn read(&self, lane: Lane) -> LaneStats {
        let mut stats = self.lane(lane).read();
        if lane == Lane::Blocking {
            stats.add(&self.pool.read());
        }
        stats
    }
}

impl LaneCounters {
    /// A request was turned away before it reached its handler.
    pub(super) fn turn_away(&self, Shed { stage, reason }: Shed) {
        self.shed.0[stage as usize][reason as usize].add(1);
    }

    fn read(&self) -> LaneStats {
        let turned_away = ShedStats(
            self.shed
                .0
                .each_ref()
                .map(|stage| stage.each_ref().map(Counter::read)),
        );
        // Read in this order, what is over in between makes no number negative.
        let (finished, waited) = (self.finished.read(), self.dequeued.read());
        LaneStats {
            running: self.started.read().saturating_sub(finished),
            queued: self.queued.read().saturating_sub(waited),
            finished,
            waited,
            waited_us: self.waited_us.read(),
            shed: turned_away.overload(),
            turned_away,
            timed_out: self.timed_out.read(),
            cancelled: self.cancelled.read(),
            panicked: self.panicked.read(),
        }
    }
}

impl LaneStats {
    /// Requests that came to be handled in this lane, whatever became of them.
    pub fn received(&self) -> u64 {
        self.running + self.queued + self.finished + self.turned_away.all()
    }

    fn add(&mut self, other: &LaneStats) {
        self.running += other.running;
        self.queued += other.queued;
        self.finished += other.finished;
        self.waited += other.waited;
        self.waited_us += other.waited_us;
        self.shed += other.shed;
        self.turned_away.add(&other.turned_away);
        self.timed_out += other.timed_out;
        self.cancelled += other.cancelled;
        self.panicked += other.panicked;
    }
}

impl ShedStats {
    /// Those that were turned away there for that reason.
    pub fn count(&self, stage: Stage, reason: ShedReason) -> u64 {
        self.0[stage as usize][reason as usize]
    }

    /// All that were, each stage and reason with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, ShedReason, u64)> {
        let stages = Stage::ALL.into_iter();
        stages.flat_map(move |stage| {
            let reasons = ShedReason::ALL.into_iter();
            reasons.map(move |reason| (stage, reason, self.count(stage, reason)))
        })
    }

    /// How many they are.
    pub fn all(&self) -> u64 {
        self.0.iter().flatten().sum()
    }

    /// Those that were turned away at one stage, by reason.
    pub(super) fn at(stage: Stage, counts: [u64; ShedReason::ALL.len()]) -> Self {
        let mut stats = ShedStats::default();
        stats.0[stage as usize] = counts;
        stats
    }

    /// Those for whom there was no room.
    pub(super) fn overload(&self) -> u64 {
        let overload = self.iter().filter(|(_, reason, _)| reason.is_overload());
        overload.map(|(_, _, count)| count).sum()
    }

    fn add(&mut self, other: &ShedStats) {
        let counts = self.0.iter_mut().flatten();
        for (count, more) in counts.zip(other.0.iter().flatten()) {
            *count += more;
        }
    }
}

impl Stats {
    /// Adds up what the workers counted.
    pub fn collect<'a>(workers: impl IntoIterator<Item = &'a Arc<WorkerCounters>>) -> Self {
        let mut stats = Stats::default();
        for worker in workers {
            stats.inline.add(&worker.read(Lane::Inline));
            stats.r#async.add(&worker.read(Lane::Async));
            stats.blocking.add(&worker.read(Lane::Blocking));
            stats.served += worker.served.read();
            stats.accepted += worker.accepted.read();
            stats.connections += worker.connections();
            stats.in_head += worker.in_head();
            stats.refused += worker.refused.read() + worker.refused_peers.read();
            stats.refused_peers += worker.refused_peers.read();
            stats.displaced += worker.displaced.read();
            let ended = worker.detached_ended.read();
            stats.detached += worker.detached.read().saturating_sub(ended);
            stats.cut += worker.cut.read();
            stats.restarts += worker.restarts.read();
        }
        stats
    }
}

impl Queueing {
    pub(super) fn new(
        counters: &Arc<WorkerCounters>,
        lane: Lane,
        stage: Stage,
        deadline: Option<Instant>,
    ) -> Self {
        counters.lane(lane).queued.add(1);
        Queueing {
            counters: counters.clone(),
            lane,
            stage,
            since: reactor::now(),
            deadline,
            is_over: false,
        }
    }

    /// The wait has come to its end, be it good or bad.
    pub(super) fn end(mut self) {
        self.is_over = true;
    }
}

impl Drop for Queueing {
    fn drop(&mut self) {
        let now = reactor::now();
        let lane = self.counters.lane(self.lane);
        lane.dequeued.add(1);
        let waited = now.saturating_duration_since(self.since).as_micros();
        lane.waited_us.add(waited as u64);
        if !self.is_over {
            lane.turn_away(Shed {
                stage: self.stage,
                reason: ShedReason::of_given_up(self.deadline, now),
            });
        }
    }
}
