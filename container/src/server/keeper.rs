//! The end of a container, phase by phase, each with its deadline. They are kept by a thread of their
//! own: a worker that a handler holds keeps none. Must not touch a connection.

use std::fmt;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::listeners::Listeners;
use super::spread::Loads;
use crate::config::Config;
use crate::reactor::{Clock, Label, Reactor, timeout};
use crate::scheduler::{self, Lifecycle, Phase, Watchdog};

/// What keeps a container's deadlines.
pub(super) struct Keeper {
    pub(super) config: Arc<Config>,
    pub(super) lifecycle: Lifecycle,
    pub(super) loads: Arc<Loads>,
    pub(super) listeners: Arc<Listeners>,
    pub(super) scheduling: Arc<scheduler::Shared>,
    pub(super) watchdog: Arc<Watchdog>,
}

/// A worker that had not ended when its container did, [`Config::close`] after the rest was cut. Code
/// cannot be stopped from outside of its thread: that stays with what it is at, until this returns or
/// the process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftBehind {
    /// The worker's number, as in the name of its thread: `worker-0`.
    pub worker: usize,
    /// What holds it: method, pattern and lane of a route, or in words. `None`: a shut-down hook, or
    /// the destructor of something that the worker had.
    pub by: Option<String>,
    /// Requests that were in its handlers, and are cut.
    pub requests: u64,
}

impl Keeper {
    /// Begins to keep them. The thread ends with the container, and tells who was left behind.
    ///
    /// # Errors
    /// When the system gives no thread, or no descriptors for its reactor.
    pub(super) fn start(self) -> io::Result<JoinHandle<Vec<LeftBehind>>> {
        let (ready, readiness) = mpsc::channel();
        let keep = move || {
            let reactor = match Reactor::new(Clock::real()) {
                Ok(reactor) => reactor,
                Err(error) => {
                    // Who started us waits for it.
                    let _ = ready.send(error);
                    return vec![];
                }
            };
            drop(ready);
            match reactor.block_on(lead(&self.lifecycle, &self.config)) {
                Ok(()) => self.leave(),
                Err(error) => {
                    log::error!("the deadlines of a container's end are not kept: {error}");
                    self.lifecycle.sleep(Duration::MAX, Phase::Drained);
                    vec![]
                }
            }
        };
        let thread = thread::Builder::new().name("keeper".to_owned());
        let thread = thread.spawn(keep)?;
        // It sends only what went wrong.
        readiness.recv().map_or(Ok(thread), Err)
    }

    /// Ends a container whose workers do not.
    fn leave(&self) -> Vec<LeftBehind> {
        if self.lifecycle.phase() == Phase::Drained {
            return vec![];
        }
        let lingering = self.loads.lingering().into_iter();
        let left = lingering.map(|lingering| LeftBehind {
            worker: lingering.worker,
            by: Some(lingering.label)
                .filter(|label| *label != Label::IDLE)
                .map(|label| self.watchdog.name(label)),
            requests: lingering.requests,
        });
        let left: Vec<LeftBehind> = left.collect();
        for one in &left {
            log::error!("a worker is left behind: {one}");
            // The files of Unix sockets are not left with it.
            self.listeners.release_all(one.worker);
        }
        self.scheduling.pool().close();
        self.lifecycle.advance(Phase::Drained);
        left
    }
}

/// Leads a container through its end, once it was asked to stop: it leaves for `Config::drain_delay`,
/// drains for `Config::drain`, and closes for `Config::close`. Done when it has drained, or when that
/// time is over.
pub(super) async fn lead(life: &Lifecycle, config: &Config) {
    life.reached(Phase::Leaving).await;
    let told = life.reached(Phase::Draining);
    if timeout(config.drain_delay, told).await.is_err() {
        life.advance(Phase::Draining);
    }
    let drained = life.reached(Phase::Closing);
    if timeout(config.drain, drained).await.is_err() {
        log::warn!("the drain's time is over: what is left is cut");
        life.advance(Phase::Closing);
    }
    // Either way it is over.
    let _ = timeout(config.close, life.reached(Phase::Drained)).await;
}

impl fmt::Display for LeftBehind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = self.by.as_deref();
        let by = by.unwrap_or("a shut-down hook or a destructor");
        write!(formatter, "worker-{}, held by {by}", self.worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_has_its_time_and_no_more() {
        use Phase::{Closing, Draining, Leaving};

        let second = Duration::from_secs(1);
        let config = Config {
            drain_delay: second,
            drain: 2 * second,
            close: 3 * second,
            ..Config::default()
        };
        let reactor = Reactor::new(Clock::virtual_time()).expect("there are descriptors");
        let life = Lifecycle::new();
        life.advance(Phase::Running);
        let led = life.clone();
        let lead = reactor.spawn_local(async move { lead(&led, &config).await });
        let seen = |after| {
            reactor.advance(after).expect("it comes to rest");
            (life.phase(), lead.is_finished())
        };
        assert_eq!(seen(second), (Phase::Running, false));
        life.advance(Leaving);
        assert_eq!(seen(Duration::ZERO), (Leaving, false));
        for phase in [Draining, Draining, Closing, Closing, Closing] {
            assert_eq!(seen(second), (phase, false));
        }
        assert_eq!(seen(second), (Closing, true));
    }
}
