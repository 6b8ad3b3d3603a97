//! SIGTERM and SIGINT: the first drains, the second closes.

use std::io;
use std::thread::{self, JoinHandle};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{self, Signals};

use super::handle::Handle;

/// Listens for signals until it is dropped.
pub(super) struct SignalThread {
    /// Ends the wait for signals.
    signals: iterator::Handle,
    thread: Option<JoinHandle<()>>,
}

impl SignalThread {
    /// Begins to listen on a thread of its own, which sleeps until a signal comes.
    pub(super) fn start(handle: Handle) -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let closer = signals.handle();
        let thread = thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for (count, signal) in signals.forever().enumerate() {
                    let name = if signal == SIGINT {
                        "SIGINT"
                    } else {
                        "SIGTERM"
                    };
                    if count == 0 {
                        log::info!("{name}: draining; once more closes at once");
                        handle.stop();
                    } else {
                        log::warn!("{name}: closing now");
                        handle.close();
                    }
                }
            })?;
        Ok(SignalThread {
            signals: closer,
            thread: Some(thread),
        })
    }
}

impl Drop for SignalThread {
    fn drop(&mut self) {
        self.signals.close();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say; a panic in it was reported where it happened.
            let _ = thread.join();
        }
    }
}
