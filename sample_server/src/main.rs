//! Serves the applications of `handlers` on the container.
//!
//! Only puts the parts together: flags, log, container, and exit codes: 0 after SIGINT or SIGTERM,
//! 2 for flags that make no sense, 1 when the system refuses something.
#![forbid(unsafe_code)]

mod args;
mod descriptors;
mod limits;
mod logging;
mod observing;
mod startup;
mod units;

use std::io::{self, Write};
use std::process::ExitCode;

use container::{Container, Error, admin};

use args::{Args, Refusal};
use logging::Logging;

/// The system refused something.
const EXIT_FAILED: u8 = 1;

/// The flags make no sense.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let args = match Args::parse_process() {
        Ok(args) => args,
        Err(Refusal::Help(text)) => return print(&text),
        Err(Refusal::Usage(message)) => return complain(&message, EXIT_USAGE),
    };
    let logging = match Logging::start(args.log_level(), args.observe.log_format) {
        Ok(logging) => logging,
        Err(error) => return complain(&format!("cannot log: {error}"), EXIT_FAILED),
    };
    let result = serve(&args, &logging);
    logging.finish();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_config() => complain(&startup::explain(&error), EXIT_USAGE),
        Err(error) => complain(&startup::explain(&error), EXIT_FAILED),
    }
}

/// From the start line to the exit line.
fn serve(args: &Args, logging: &Logging) -> Result<(), Error> {
    let descriptors = descriptors::raise();
    let (container, admin) = start(args, logging)?;
    for line in startup::lines(args, container.handle().local_addrs(), descriptors) {
        logging.announce(&line);
    }
    if let Some(admin) = &admin {
        logging.announce(&startup::admin_line(admin.handle().local_addr()));
    }
    let report = container.wait();
    if let Some(admin) = admin {
        // It told of the drain up to its end.
        admin.handle().stop();
        admin.wait();
    }
    logging.announce(&report.to_string());
    Ok(())
}

/// Starts the server, and another one for those who watch it, where that is asked for.
fn start(args: &Args, logging: &Logging) -> Result<(Container, Option<Container>), Error> {
    let router = handlers::router(&args.options()).merge(admin::health());
    let mut builder = args.builder();
    if let Some(log) = logging.access_log() {
        builder = builder.access_log(log);
    }
    // Signals are listened for before anybody is told that the server runs.
    let container = builder.start(router)?.stop_on_signals()?;
    match args.observe.serve(&container.handle()) {
        Ok(admin) => Ok((container, admin)),
        Err(error) => {
            container.handle().close();
            container.wait();
            Err(error)
        }
    }
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(EXIT_FAILED),
    }
}

/// Says in one line why the server does not run, or ran no longer.
fn complain(message: &str, code: u8) -> ExitCode {
    // Where even that fails, the exit code has to do.
    let _ = writeln!(io::stderr(), "error: {message}");
    ExitCode::from(code)
}
