//! `Tally`: what was seen, by one worker or by all.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::plan::Plan;
use crate::CommandError;
use crate::failure::{Failure, Failures};

/// Latencies are kept to three digits.
const DIGITS: u8 = 3;

/// The longest latency told apart: a day, the longest timeout.
const LATENCY_MAX: u64 = 86_400_000_000_000;

/// Counts and latencies.
#[derive(Debug)]
pub(super) struct Tally {
    /// Nanoseconds of the requests that succeeded.
    pub(super) latencies: Histogram<u64>,
    /// The others.
    pub(super) failures: Failures,
    /// Connections that were made.
    pub(super) connected: u64,
    /// Workers that came to their end.
    workers: u32,
}

impl Tally {
    /// Nothing seen, by nobody.
    pub(super) fn new() -> Tally {
        Tally {
            latencies: Histogram::new_with_bounds(1, LATENCY_MAX, DIGITS)
                .expect("the bounds are constants that fit each other"),
            failures: Failures::new(),
            connected: 0,
            workers: 0,
        }
    }

    /// A request was answered. One of the warm-up is not counted, unless it failed: a failure is
    /// never hidden.
    pub(super) fn answered(&mut self, status: u16, latency: Duration, counted: bool) {
        if !(200..400).contains(&status) {
            self.failed(Failure::Status(status), 1);
        } else if counted {
            self.latencies.saturating_record(latency.as_nanos() as u64);
        }
    }

    /// Requests failed.
    pub(super) fn failed(&mut self, failure: Failure, count: u64) {
        if count > 0 {
            *self.failures.entry(failure).or_default() += count;
        }
    }

    /// The worker whose tally this is came to its end.
    pub(super) fn finish(&mut self) {
        self.workers += 1;
    }

    /// Adds what another worker saw.
    pub(super) fn add(&mut self, other: &Tally) {
        self.latencies += &other.latencies;
        for (failure, count) in &other.failures {
            self.failed(*failure, *count);
        }
        self.connected += other.connected;
        self.workers += other.workers;
    }

    /// Whether all workers came to their end; one that panicked has said why already.
    pub(super) fn check_complete(&self, plan: &Plan) -> Result<(), CommandError> {
        if self.workers == plan.workers {
            Ok(())
        } else {
            Err(CommandError::Failed("a worker broke down".to_owned()))
        }
    }
}
