//! A log that a test reads.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use container::observe::{AccessLog, Format, LineWriter};

/// Lines that were written, whole ones only.
#[derive(Clone, Default)]
pub struct Lines {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Lines {
    /// An access log that writes here, and what ends it.
    ///
    /// # Panics
    /// When the system gives no thread.
    pub fn access_log(&self, format: Format) -> (AccessLog, LineWriter) {
        AccessLog::start(format, self.clone()).expect("there is a thread")
    }

    /// What was written, line by line.
    ///
    /// # Panics
    /// When that is no text, or its last line has no end.
    pub fn read(&self) -> Vec<String> {
        let bytes = self.bytes.lock().expect("nobody panics with it").clone();
        let text = String::from_utf8(bytes).expect("lines are text");
        assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
        text.lines().map(str::to_owned).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.bytes.lock().expect("nobody panics with it");
        all.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
