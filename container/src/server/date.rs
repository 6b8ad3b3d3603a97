//! The Date field, made once a second.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

use crate::http1::DATE_LENGTH;

/// A worker's date, good for the rest of the second it was made in.
pub(super) struct DateCache {
    text: Cell<[u8; DATE_LENGTH]>,
    /// When the second is over.
    until: Cell<Option<Instant>>,
}

impl DateCache {
    pub(super) fn new() -> Self {
        DateCache {
            text: Cell::new([b' '; DATE_LENGTH]),
            until: Cell::new(None),
        }
    }

    /// The date at `now` as an IMF-fixdate (RFC 9110, section 5.6.7).
    pub(super) fn text(&self, now: Instant) -> [u8; DATE_LENGTH] {
        if self.until.get().is_none_or(|until| until <= now) {
            self.refresh(now);
        }
        self.text.get()
    }

    fn refresh(&self, now: Instant) {
        let wall = SystemTime::now();
        let since_epoch = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let text = HttpDate::from(wall).to_string();
        if let Ok(text) = text.as_bytes().try_into() {
            self.text.set(text);
        }
        let left = Duration::from_secs(1) - Duration::from_nanos(since_epoch.subsec_nanos().into());
        self.until.set(now.checked_add(left));
    }
}
