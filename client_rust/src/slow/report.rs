//! How many requests were done after each second, as text or as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::Completion;
use crate::output::thousandths;

/// Width of the longest bar.
const BAR: usize = 50;

/// Lines of the histogram; a longer run has more than a second to a line.
const LINES_MAX: u64 = 60;

/// What is said of a run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    requests: usize,
    errors: u64,
    errors_by_kind: BTreeMap<String, u64>,
    first_seconds: f64,
    last_seconds: f64,
    /// How many were done after 1, 2, .. seconds.
    done_after_seconds: Vec<u64>,
    /// When each request was done, by its number; `null` for those that failed.
    completion_seconds: Vec<Option<f64>>,
    /// When each of those failed, such as by a refusal; `null` for the others.
    failure_seconds: Vec<Option<f64>>,
}

impl Report {
    /// The figures of a run.
    pub(super) fn new(completions: &[Completion]) -> Report {
        let mut errors_by_kind = BTreeMap::new();
        for failure in completions.iter().filter_map(|each| each.outcome.err()) {
            *errors_by_kind.entry(failure.to_string()).or_default() += 1;
        }
        let mut done: Vec<_> = completions.iter().filter_map(Completion::done).collect();
        done.sort_unstable();
        let last = done.last().copied().unwrap_or_default();
        let seconds = last.as_secs() + u64::from(last.subsec_nanos() > 0);
        let done_by = |second| done.partition_point(|time| *time <= Duration::from_secs(second));
        Report {
            requests: completions.len(),
            errors: errors_by_kind.values().sum(),
            errors_by_kind,
            first_seconds: seconds_of(done.first().copied().unwrap_or_default()),
            last_seconds: seconds_of(last),
            done_after_seconds: (1..=seconds).map(|second| done_by(second) as u64).collect(),
            completion_seconds: seconds_of_each(completions, Completion::done),
            failure_seconds: seconds_of_each(completions, Completion::failed),
        }
    }

    /// How many requests failed.
    pub(super) fn failed(&self) -> u64 {
        self.errors
    }

    /// A histogram and the figures below it.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::from("second    done\n");
        let seconds = self.done_after_seconds.len() as u64;
        let step = seconds.div_ceil(LINES_MAX).max(1);
        let shown = (1..=seconds).filter(|second| second % step == 0 || *second == seconds);
        for second in shown {
            let done = self.done_after_seconds[second as usize - 1];
            let bar = "#".repeat(done as usize * BAR / self.requests);
            let _ = writeln!(text, "{second:>6} {done:>7} {bar}");
        }
        let _ = writeln!(
            text,
            "requests: {}\nfirst: {:.3} s\nlast: {:.3} s\nerrors: {}",
            self.requests, self.first_seconds, self.last_seconds, self.errors
        );
        for (kind, count) in &self.errors_by_kind {
            let _ = writeln!(text, "  {kind}: {count}");
        }
        text
    }
}

fn seconds_of_each(
    completions: &[Completion],
    time: fn(&Completion) -> Option<Duration>,
) -> Vec<Option<f64>> {
    let times = completions.iter().map(time);
    times.map(|time| time.map(seconds_of)).collect()
}

fn seconds_of(time: Duration) -> f64 {
    thousandths(time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use crate::slow::tests::{done, failed};

    #[test]
    fn counts_by_the_second() {
        let report = Report::new(&[
            done(1000),
            done(2500),
            failed(1, Failure::Timeout),
            done(2400),
        ]);
        assert_eq!(report.done_after_seconds, [1, 1, 3]);
        assert_eq!((report.failed(), report.last_seconds), (1, 2.5));
        assert_eq!(report.failure_seconds, [None, None, Some(0.001), None]);
        let text = report.to_text();
        assert!(text.contains("     3       3 #####"), "{text}");
        assert!(text.ends_with("errors: 1\n  timeout: 1\n"), "{text}");
    }

    #[test]
    fn long_runs_have_few_lines() {
        let completions = [done(1_000_000), failed(0, Failure::Connect)];
        let text = Report::new(&completions).to_text();
        assert!(text.lines().count() < LINES_MAX as usize + 10);
        assert!(text.contains("  1000       1 "), "{text}");
    }

    #[test]
    fn a_run_without_success_has_figures_too() {
        let report = Report::new(&[failed(0, Failure::Connect)]);
        assert!(report.to_text().contains("last: 0.000 s"));
    }
}
