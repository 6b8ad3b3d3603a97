//! What the whole process has logged under one target.

use std::sync::{Mutex, MutexGuard, PoisonError};

use log::{LevelFilter, Log, Metadata, Record};

/// Lines such as `WARN it is late`, for a `static`: a process has one log.
pub struct Records {
    target: &'static str,
    lines: Mutex<Vec<String>>,
}

impl Records {
    /// Of this target alone; none before [`listen`](Self::listen).
    pub const fn of(target: &'static str) -> Self {
        let lines = Mutex::new(Vec::new());
        Records { target, lines }
    }

    /// Has what is logged from now on kept here, down to this level. Can be called again.
    pub fn listen(&'static self, level: LevelFilter) {
        // Fails when another test was first, with the same.
        let _ = log::set_logger(self);
        log::set_max_level(level);
    }

    /// Whether there is a line with all of these words.
    pub fn has(&self, words: &[&str]) -> bool {
        let lines = self.lock();
        let mut lines = lines.iter();
        lines.any(|line| words.iter().all(|word| line.contains(word)))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Records {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == self.target
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{} {}", record.level(), record.args());
            self.lock().push(line);
        }
    }

    fn flush(&self) {}
}
