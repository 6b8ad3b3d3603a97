//! The Date field, made once a second.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

use crate::http1::DateLine;

/// A worker's date, good for the rest of the second it was made in.
pub(super) struct DateCache {
    line: Cell<DateLine>,
    /// When the second is over.
    until: Cell<Option<Instant>>,
}

impl DateCache {
    pub(super) fn new() -> Self {
        DateCache {
            line: Cell::new([b' '; 37]),
            until: Cell::new(None),
        }
    }

    /// The Date line at `now`.
    pub(super) fn line(&self, now: Instant) -> DateLine {
        if self.until.get().is_none_or(|until| until <= now) {
            self.refresh(now);
        }
        self.line.get()
    }

    fn refresh(&self, now: Instant) {
        let wall = SystemTime::now();
        let since_epoch = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = format!("date: {}\r\n", HttpDate::from(wall));
        if let Ok(line) = line.as_bytes().try_into() {
            self.line.set(line);
        }
        let left = Duration::from_secs(1) - Duration::from_nanos(since_epoch.subsec_nanos().into());
        self.until.set(now.checked_add(left));
    }
}
