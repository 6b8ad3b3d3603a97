//! `client load`: many requests, counted and timed.
//!
//! | file | is |
//! |---|---|
//! | `plan` | the flags, checked, and the bytes to send |
//! | `worker` | one thread: a reactor and its share of the connections |
//! | `supply` | which request is sent next, and when it is due |
//! | `link` | one connection: a batch of requests out, their answers in |
//! | `tally` | what was seen: latencies and failures |
//! | `report` | the figures as text or JSON |

mod link;
mod plan;
mod report;
mod supply;
mod tally;
mod worker;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use plan::Plan;
use report::Report;
use tally::Tally;

use crate::args::LoadArgs;
use crate::{CommandError, Outcome, output};

/// How often the progress bar is drawn anew.
const REDRAW: Duration = Duration::from_millis(100);

/// Runs the load and prints its figures.
pub(crate) fn run(arguments: &LoadArgs) -> Result<Outcome, CommandError> {
    let plan = Arc::new(Plan::new(arguments)?);
    if !arguments.json {
        output::print(&plan.announce())?;
    }
    let start = Instant::now();
    let tally = run_workers(&plan, start, &progress_bar(&plan, arguments.json))?;
    let took = start.elapsed().saturating_sub(plan.warm_up);
    let report = Report::new(&plan, &tally, took);
    output::print(&if arguments.json {
        output::json(&report)
    } else {
        report.to_text()
    })?;
    Ok(if tally.failures.is_empty() {
        Outcome::AllSucceeded
    } else {
        Outcome::SomeFailed
    })
}

/// Starts the workers, shows how far they are, and adds up what they saw.
fn run_workers(plan: &Arc<Plan>, start: Instant, bar: &ProgressBar) -> Result<Tally, CommandError> {
    let done = Arc::new(AtomicU64::new(0));
    let (sender, results) = mpsc::channel();
    for index in 0..plan.workers {
        let (plan, done, sender) = (Arc::clone(plan), Arc::clone(&done), sender.clone());
        thread::Builder::new()
            .name(format!("load-{index}"))
            // Nobody is left to tell when the receiver has gone: the process is ending.
            .spawn(move || drop(sender.send(worker::run(plan, index, start, done))))?;
    }
    drop(sender);
    let mut total = Tally::new();
    // Ends: each worker sends once, or drops its sender by panicking.
    loop {
        match results.recv_timeout(REDRAW) {
            Ok(result) => total.add(&result?),
            Err(mpsc::RecvTimeoutError::Timeout) => bar.set_position(match plan.total {
                Some(_) => done.load(Ordering::Relaxed),
                None => start.elapsed().as_secs(),
            }),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    bar.finish_and_clear();
    total.check_complete(plan).map(|()| total)
}

/// Counts requests, or seconds where only the time is known. Indicatif itself draws nothing where
/// standard error is no terminal.
fn progress_bar(plan: &Plan, hidden: bool) -> ProgressBar {
    let length = match (plan.total, plan.duration) {
        (Some(total), _) => total,
        (None, duration) => (plan.warm_up + duration.unwrap_or_default()).as_secs(),
    };
    let bar = if hidden {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(length)
    };
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}");
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
