//! Which requests a worker sends next, and when they are due.
//!
//! Closed loop: a connection sends again as soon as it is answered. Open loop (`--rate`): requests
//! are due at fixed times, whether or not a connection is free; one that has to wait for a
//! connection has that wait in its latency, so that a server cannot hide a stall by making its
//! clients wait (coordinated omission).

use std::cell::Cell;
use std::time::{Duration, Instant};

use container::reactor;

use super::plan::{Plan, share};

/// How late a timer may fire: the kernel's wait is counted in milliseconds. A request that an idle
/// connection sent so late is timed from when it was sent; it did not wait for the server.
const TIMER_SLACK: Duration = Duration::from_millis(2);

/// The requests of one worker.
#[derive(Debug)]
pub(super) struct Supply {
    /// Requests left; as good as endless where only the time ends the load.
    left: Cell<u64>,
    /// Most requests in a batch.
    batch: u32,
    /// When no further request is sent.
    end: Option<Instant>,
    /// The times, in the open loop.
    pace: Option<Pace>,
}

/// The times at which requests are due: the `n`-th of all at `n / rate` after the start, dealt out
/// to the workers in turn.
#[derive(Debug)]
struct Pace {
    start: Instant,
    /// Seconds between two requests of this worker.
    step: f64,
    /// Seconds from the start to this worker's first request.
    offset: f64,
    /// How many have been given out.
    given: Cell<u64>,
}

/// Requests to be sent together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    /// How many; at least one.
    pub(super) count: u32,
    /// What their latency counts from.
    pub(super) start: Instant,
}

impl Supply {
    /// The share of worker `index` of a load that began at `start`.
    pub(super) fn new(plan: &Plan, index: u32, start: Instant) -> Supply {
        let total = plan.total.map(|total| share(total, index, plan.workers));
        Supply {
            left: Cell::new(total.unwrap_or(u64::MAX)),
            batch: plan.pipeline,
            end: plan
                .duration
                .map(|duration| start + plan.warm_up + duration),
            pace: plan.rate.map(|rate| Pace {
                start,
                step: f64::from(plan.workers) / rate,
                offset: f64::from(index) / rate,
                given: Cell::new(0),
            }),
        }
    }

    /// The next batch for a connection that is free at `now`; `None` when nothing is left.
    pub(super) async fn next(&self, now: Instant) -> Option<Batch> {
        let count = self.left.get().min(u64::from(self.batch));
        if count == 0 || self.end.is_some_and(|end| now >= end) {
            return None;
        }
        self.left.set(self.left.get() - count);
        let start = match &self.pace {
            None => now,
            Some(pace) => {
                let due = pace.next();
                if self.end.is_some_and(|end| due >= end) {
                    return None;
                }
                wait_until(due, now).await
            }
        };
        Some(Batch {
            count: count as u32,
            start,
        })
    }

    /// Takes up to `count` requests away unsent; says how many.
    pub(super) fn give_up(&self, count: u64) -> u64 {
        let taken = self.left.get().min(count);
        self.left.set(self.left.get() - taken);
        taken
    }
}

impl Pace {
    fn next(&self) -> Instant {
        let number = self.given.get();
        self.given.set(number + 1);
        self.start + Duration::from_secs_f64(self.offset + number as f64 * self.step)
    }
}

/// Waits until `due`; says from when the request's latency counts.
async fn wait_until(due: Instant, now: Instant) -> Instant {
    if due <= now {
        return due;
    }
    reactor::sleep_until(due).await;
    let woken = Instant::now();
    if woken - due <= TIMER_SLACK {
        woken
    } else {
        due
    }
}
