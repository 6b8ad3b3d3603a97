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
pub(crate) fn explain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    let system = source.and_then(|source| source.downcast_ref::<io::Error>());
    if let Some(advice) = system.filter(|_| error.is_bind()).and_then(advise) {
        return format!("{text}: {advice}");
    }
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// What to do when an address cannot be listened at.
fn advise(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            Some("the address is in use; stop the other server or choose another --port or --unix")
        }
        io::ErrorKind::PermissionDenied => {
            Some("permission denied; choose a --port from 1024 on, or a --unix path you may write")
        }
        io::ErrorKind::AddrNotAvailable => {
            Some("this machine does not have the address; choose another --host")
        }
        _ => None,
    }
}
