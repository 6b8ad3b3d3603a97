//! What is said about a start: where the server listens, or why it does not.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io;

use container::net::Address;
use container::{Error, Report};

use crate::args::Args;

/// What the reactor stands on.
const REACTOR: &str = if cfg!(any(target_os = "linux", target_os = "android")) {
    "epoll"
} else {
    "kqueue"
};

/// One line for each address. Scripts wait for `listening on http://HOST:PORT` and a blank.
pub(crate) fn lines(args: &Args, addresses: &[Address], descriptors: Option<u64>) -> Vec<String> {
    let (workers, threads, delay) = (args.workers, args.blocking_threads, args.delay);
    let mut about =
        format!("workers {workers}, reactor {REACTOR}, blocking threads {threads}, delay {delay}");
    if let Some(descriptors) = descriptors {
        let _ = write!(about, ", descriptors {descriptors}");
    }
    if let Some(stage) = args.stage.stage() {
        let _ = write!(about, ", stage {stage}");
    }
    let line = |address: &Address| {
        let scheme = address.as_tcp().map_or("", |_| "http://");
        format!("listening on {scheme}{address} ({about})")
    };
    addresses.iter().map(line).collect()
}

/// Where those who watch find everything.
pub(crate) fn admin_line(address: &Address) -> String {
    match address.as_tcp() {
        Some(address) => format!("dashboard at http://{address}/"),
        None => format!("metrics and stats at {address}"),
    }
}

/// How long the end took, phase by phase.
pub(crate) fn phases(report: &Report) -> String {
    let [leaving, draining, closing] = [report.leaving, report.draining, report.closing]
        .map(|took| format!("{:.3} s", took.as_secs_f64()));
    format!("stopped: leaving {leaving}, draining {draining}, closing {closing}")
}

/// The error, its cause, and what to do about it, in one line.
pub(crate) fn explain(error: &Error, args: &Args) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    let system = source.and_then(|source| source.downcast_ref::<io::Error>());
    let place = error.address().map(|address| Place::of(address, args));
    let advice = place.zip(system);
    if let Some(advice) = advice.and_then(|(place, system)| place.advise(system)) {
        return format!("{text}: {advice}");
    }
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// What an address is for, and so which flag says another one.
enum Place {
    /// The server, at TCP.
    Port,
    /// The server, at a Unix socket.
    Unix,
    /// Who watches it.
    Admin,
}

impl Place {
    fn of(address: &str, args: &Args) -> Place {
        if args.observe.is_at(address) {
            Place::Admin
        } else if address.starts_with("unix:") {
            Place::Unix
        } else {
            Place::Port
        }
    }

    /// What to do when it cannot be listened at.
    fn advise(self, error: &io::Error) -> Option<String> {
        let (another, allowed, host) = match self {
            Place::Port => ("--port", "a --port from 1024 on", "--host"),
            Place::Unix => ("--unix", "a --unix path you may write", "--unix"),
            Place::Admin => (
                "--admin",
                "an --admin port from 1024 on, or path you may write",
                "--admin",
            ),
        };
        match error.kind() {
            io::ErrorKind::AddrInUse => Some(format!(
                "the address is in use; stop the other server or choose another {another}"
            )),
            io::ErrorKind::PermissionDenied => Some(format!("permission denied; choose {allowed}")),
            io::ErrorKind::AddrNotAvailable => Some(format!(
                "this machine does not have the address; choose another {host}"
            )),
            _ => None,
        }
    }
}
