//! `client slow`: many slow requests at the same time, one connection each; when was each done?

mod plot;
mod report;

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use std::time::{Duration, Instant};

use container::client::{Client, ClientRequest};
use container::message::{HeaderValue, Method, header};
use container::reactor::{self, Clock, Reactor};
use indicatif::ProgressBar;
use report::Report;

use crate::args::SlowArgs;
use crate::failure::Failure;
use crate::{CommandError, Outcome, output};

/// Each request holds a descriptor and a local port, of which there are 65,536 at most.
const REQUESTS_MAX: u32 = 60_000;

/// What became of a request.
#[derive(Debug, Clone, Copy)]
struct Completion {
    /// When it was done, or given up, counted from the start that all have in common.
    after: Duration,
    /// How.
    outcome: Result<(), Failure>,
}

/// Runs the requests and prints how many were done when.
pub(crate) fn run(arguments: &SlowArgs) -> Result<Outcome, CommandError> {
    if arguments.requests == 0 || arguments.requests > REQUESTS_MAX {
        let message = format!("--requests must be between 1 and {REQUESTS_MAX}");
        return Err(CommandError::Usage(message));
    }
    let bar = if arguments.json {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(arguments.requests.into())
    };
    let completions = Reactor::new(Clock::real())?.block_on(send_all(arguments, &bar))?;
    bar.finish_and_clear();
    let report = Report::new(&completions);
    output::print(&if arguments.json {
        output::json(&report)
    } else {
        report.to_text()
    })?;
    if let Some(path) = &arguments.plot {
        fs::write(path, plot::draw(&completions)).map_err(|error| {
            CommandError::Failed(format!("{} cannot be written: {error}", path.display()))
        })?;
    }
    Ok(if report.failed() == 0 {
        Outcome::AllSucceeded
    } else {
        Outcome::SomeFailed
    })
}

async fn send_all(arguments: &SlowArgs, bar: &ProgressBar) -> Vec<Completion> {
    let count = arguments.requests as usize;
    let client = Client::builder()
        .connections_per_host(count)
        .idle_connections(0)
        .request_timeout(arguments.timeout)
        .connect_timeout(arguments.timeout)
        .build();
    let request = ClientRequest::new(Method::GET, arguments.url.clone())
        .with_header(header::CONNECTION, HeaderValue::from_static("close"));
    let unsent = Completion {
        after: Duration::ZERO,
        outcome: Err(Failure::NotSent),
    };
    let completions = Rc::new(RefCell::new(vec![unsent; count]));
    let start = Instant::now();
    let spawn = |number| {
        let (client, request) = (client.clone(), request.clone());
        let (completions, bar) = (Rc::clone(&completions), bar.clone());
        reactor::spawn_local(async move {
            let outcome = send(&client, request).await;
            let after = start.elapsed();
            completions.borrow_mut()[number] = Completion { after, outcome };
            bar.inc(1);
        })
    };
    let tasks: Vec<_> = (0..count).map(spawn).collect();
    for task in tasks {
        // A request whose task panicked stays `NotSent`.
        let _ = task.await;
    }
    completions.take()
}

impl Completion {
    /// When the request was answered, if it was.
    fn done(&self) -> Option<Duration> {
        self.outcome.ok().map(|()| self.after)
    }

    /// When it turned out that it would not be answered.
    fn failed(&self) -> Option<Duration> {
        self.outcome.err().map(|_| self.after)
    }
}

async fn send(client: &Client, request: ClientRequest) -> Result<(), Failure> {
    let response = client.request(request).await?;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        return Err(Failure::Status(status.as_u16()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that was answered after these milliseconds.
    pub(super) fn done(milliseconds: u64) -> Completion {
        Completion {
            after: Duration::from_millis(milliseconds),
            outcome: Ok(()),
        }
    }

    /// One that failed.
    pub(super) fn failed(milliseconds: u64, failure: Failure) -> Completion {
        Completion {
            after: Duration::from_millis(milliseconds),
            outcome: Err(failure),
        }
    }
}
