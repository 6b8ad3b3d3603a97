//! Counts, by its log, the connections that the server has closed for a reason.

use std::cell::Cell;

use log::{LevelFilter, Log, Metadata, Record};

/// Where a connection says why it closes.
const TARGET: &str = "container::connection";

thread_local! {
    static CLOSED: Cell<usize> = const { Cell::new(0) };
}

struct Closings;

/// Listens from now on; once is enough.
pub(crate) fn listen() {
    // A second test of the same process finds it installed.
    let _ = log::set_logger(&Closings);
    log::set_max_level(LevelFilter::Debug);
}

/// How many have closed on this thread since this was last asked.
pub(crate) fn take() -> usize {
    CLOSED.take()
}

impl Log for Closings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) && record.args().to_string().starts_with("closed: ") {
            CLOSED.set(CLOSED.get() + 1);
        }
    }

    fn flush(&self) {}
}
