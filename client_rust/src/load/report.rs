//! The figures of a load, as text or as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::plan::Plan;
use super::tally::Tally;
use crate::duration;
use crate::output::thousandths;

/// What is said of a load.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    threads: u32,
    connections: u32,
    /// Connections that were made, those in place of lost ones included.
    connected: u64,
    workers: u32,
    pipeline: u32,
    rate: Option<f64>,
    /// Requests that succeeded.
    count: u64,
    seconds: f64,
    requests_per_second: f64,
    latency_us: Latency,
    /// Requests that failed.
    errors: u64,
    errors_by_kind: BTreeMap<String, u64>,
}

/// Quantiles, in microseconds.
#[derive(Debug, Serialize)]
struct Latency {
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
}

impl Report {
    /// The figures of a load that took `took`.
    pub(super) fn new(plan: &Plan, tally: &Tally, took: Duration) -> Report {
        let count = tally.latencies.len();
        let seconds = took.as_secs_f64();
        let at = |quantile| microseconds(tally.latencies.value_at_quantile(quantile) as f64);
        Report {
            threads: plan.threads,
            connections: plan.connections,
            connected: tally.connected,
            workers: plan.workers,
            pipeline: plan.pipeline,
            rate: plan.rate,
            count,
            seconds: thousandths(seconds),
            requests_per_second: thousandths(per_second(count, seconds)),
            latency_us: Latency {
                mean: microseconds(tally.latencies.mean()),
                p50: at(0.5),
                p90: at(0.9),
                p99: at(0.99),
                p99_9: at(0.999),
                max: microseconds(tally.latencies.max() as f64),
            },
            errors: tally.failures.values().sum(),
            errors_by_kind: tally
                .failures
                .iter()
                .map(|(failure, count)| (failure.to_string(), *count))
                .collect(),
        }
    }

    /// One line for each figure.
    pub(super) fn to_text(&self) -> String {
        let latency = &self.latency_us;
        let shown = |microseconds: f64| duration::show(Duration::from_secs_f64(microseconds / 1e6));
        let mut text = format!(
            "count: {}\nseconds: {:.3}\nrequests per second: {:.0}\n\
             latency: p50 {}, p90 {}, p99 {}, p99.9 {}, max {}\n\
             connected: {}\nerrors: {}\n",
            self.count,
            self.seconds,
            self.requests_per_second,
            shown(latency.p50),
            shown(latency.p90),
            shown(latency.p99),
            shown(latency.p99_9),
            shown(latency.max),
            self.connected,
            self.errors,
        );
        for (kind, count) in &self.errors_by_kind {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {kind}: {count}");
        }
        text
    }
}

/// Of no time there is no rate: all was over before the warm-up was.
fn per_second(count: u64, seconds: f64) -> f64 {
    if count == 0 {
        0.0
    } else {
        count as f64 / seconds
    }
}

fn microseconds(nanoseconds: f64) -> f64 {
    thousandths(nanoseconds / 1e3)
}
