//! Serves the applications of `handlers` on the container.
//!
//! Only puts the parts together: flags, log, container, process, and exit codes: 0 after a stop that
//! lost nothing, 3 after one that cut requests, 2 for flags that make no sense, 1 when the system
//! refuses something.
#![forbid(unsafe_code)]

mod args;
mod backend;
mod data_folder;
mod database;
mod descriptors;
mod fan_out;
mod limits;
mod logging;
mod mail;
mod observing;
mod process;
mod settings;
mod stage;
mod startup;
mod units;
mod watchdog;

use std::io::{self, Write};
use std::process::ExitCode;

use args::{Args, Refusal};
use container::{Container, Error, Report};
use logging::Logging;
use observing::Watching;
use process::{Attended, Estate, Inherited, Manager, OwnFiles, Predecessor, Succession};

/// The system refused something.
const EXIT_FAILED: u8 = 1;

/// The flags make no sense.
const EXIT_USAGE: u8 = 2;

/// Requests were cut, by the end of a drain or the death of a worker, or a worker was left behind.
const EXIT_CUT: u8 = 3;

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
        Ok(report) if report.is_broken => ExitCode::from(EXIT_FAILED),
        Ok(report) if report.stats.cut > 0 || !report.left_behind.is_empty() => {
            ExitCode::from(EXIT_CUT)
        }
        Ok(_) => ExitCode::SUCCESS,
        Err(error) if error.is_config() => complain(&startup::explain(&error, &args), EXIT_USAGE),
        Err(error) => complain(&startup::explain(&error, &args), EXIT_FAILED),
    }
}

/// A server that serves, with what belongs to the process around it.
struct Serving {
    /// The server itself.
    container: Container,
    /// What is served to who watches it.
    watching: Watching,
    /// What starts processes that succeed this one.
    attended: Attended,
    /// Files of sockets that go with this process.
    files: OwnFiles,
}

/// From the start line to the exit line.
fn serve(args: &Args, logging: &Logging) -> Result<Report, Error> {
    let descriptors = descriptors::raise();
    let manager = Manager::from_environment().map_err(refused)?;
    let Serving {
        container,
        watching,
        attended,
        files,
    } = begin(args, logging, &manager)?;
    let handle = container.handle();
    for line in startup::lines(args, handle.local_addrs(), descriptors) {
        logging::announce(&line);
    }
    if let Some(admin) = watching.handle() {
        logging::announce(&startup::admin_line(admin.local_addr()));
    }
    manager.tell(&format!(
        "READY=1\nSTATUS=serving at {}",
        handle.local_addr()
    ));
    attended.attend_to_the_end(&handle);
    let report = container.wait();
    attended.settle();
    watching.end();
    if handle.is_handed_over() {
        files.keep();
    }
    logging::announce(&startup::phases(&report));
    logging::announce(&report.to_string());
    Ok(report)
}

/// Has the server serve. All that may fail is done before it accepts anybody; the process that it
/// succeeds, where there is one, serves until this one does, and goes on otherwise.
fn begin(args: &Args, logging: &Logging, manager: &Manager) -> Result<Serving, Error> {
    let predecessor = Predecessor::from_environment().map_err(refused)?;
    let mut inherited = Inherited::take().map_err(refused)?;
    let succession = Succession::prepare(args.restart_timeout.0, inherited.owners());
    let succession = succession.map_err(refused)?;
    let router = handlers::router(&args.options()?);
    let builder = inherited
        .server
        .serve(args.configured(), |builder| args.bind(builder));
    // Signals are listened for before anybody is told that the server runs.
    let container = logging.log_requests(builder).prepare(router)?;
    let container = container.stop_on_signals()?;
    let server = container.handle();
    let watching = match args.observe.watch(&server, &mut inherited.admin) {
        Ok(watching) => watching,
        Err(error) => {
            give_up(container);
            return Err(error);
        }
    };
    let estate = Estate {
        server: server.clone(),
        admin: watching.handle(),
    };
    let attended = manager
        .watch(server)
        .and_then(|()| succession.attend(estate, manager.clone()))
        .and_then(|attended| {
            let asked = predecessor.as_ref().map_or(Ok(()), Predecessor::ask);
            asked.map(|()| attended)
        });
    let attended = match attended {
        Ok(attended) => attended,
        Err(error) => {
            give_up(container);
            watching.end();
            return Err(refused(error));
        }
    };
    container.open();
    watching.open();
    if let Some(predecessor) = predecessor {
        predecessor.replace();
    }
    Ok(Serving {
        container,
        watching,
        attended,
        files: inherited.settle(),
    })
}

/// Ends a server that has accepted nobody.
fn give_up(container: Container) {
    container.handle().close();
    container.wait();
}

/// The system refuses something that the process cannot be without.
fn refused(error: io::Error) -> Error {
    Error::from(error)
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
