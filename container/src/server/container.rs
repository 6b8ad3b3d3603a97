//! `Container`: a running container, from its listeners to its report.

use std::fmt;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use super::builder::{Builder, Parts};
use super::descriptors;
use super::handle::{Handle, OwnHandle, Shared};
use super::keeper::LeftBehind;
use super::listeners::Listeners;
use super::service::observed_name;
use super::signal::SignalThread;
use super::spread::{Bounds, Loads};
use super::thread::{self, Part, Setup};
use crate::config::Config;
use crate::error::Error;
use crate::observe::Observation;
use crate::router::Routes;
use crate::scheduler::{self, BlockingPool, Lifecycle, Phase, Stats, Watchdog, WorkerCounters};

/// A running container. Dropped without [`wait`](Self::wait), it goes on by itself.
pub struct Container {
    /// What other threads may do with it.
    handle: Handle,
    /// The workers.
    threads: Vec<JoinHandle<()>>,
    /// What keeps the deadlines of their end, and tells who missed them.
    keeper: JoinHandle<Vec<LeftBehind>>,
    /// What looks after them, where that is wanted.
    watchdog: Option<JoinHandle<()>>,
    /// What stops it at a signal, where that was asked for.
    signals: Option<SignalThread>,
}

/// What a container did, told when it has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// All counters. Requests of workers that were left behind count as cut.
    pub stats: Stats,
    /// Workers that had not ended in time: mostly none.
    pub left_behind: Vec<LeftBehind>,
    /// How long it was leaving: still accepting, but not ready.
    pub leaving: Duration,
    /// How long it drained.
    pub draining: Duration,
    /// How long it took to cut what was left.
    pub closing: Duration,
    /// Whether a socket that it listened at had failed, which ended it.
    pub is_broken: bool,
}

impl Container {
    /// Begins to make one.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// What other threads may do with it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Has one that was only [prepared](Builder::prepare) serve; from here on it is running. One that
    /// runs goes on, and one that was asked to stop serves nobody.
    pub fn open(&self) {
        self.handle.advance(Phase::Running);
    }

    /// From now on drains it at SIGTERM or SIGINT, and closes it at the second of them.
    /// [`Builder::serve`] does so by itself; here it is for those who have something to say between
    /// the start and the wait.
    ///
    /// ```no_run
    /// use container::{Container, Router};
    ///
    /// let router = Router::new().get("/", async || "hello");
    /// let container = Container::builder().start(router)?.stop_on_signals()?;
    /// println!("listening on {}", container.handle().local_addr());
    /// println!("{}", container.wait());
    /// # Ok::<(), container::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the system does not let it listen for signals; the container is closed then.
    pub fn stop_on_signals(mut self) -> Result<Self, Error> {
        match SignalThread::start(self.handle()) {
            Ok(signals) => self.signals = Some(signals),
            Err(error) => {
                self.handle.close();
                self.wait();
                return Err(Error::system("cannot listen for signals", error));
            }
        }
        Ok(self)
    }

    /// Waits until it has ended, which [`Handle::stop`] begins. From there on that is bounded:
    /// `drain_delay`, `drain` and `close` of the [`Config`] together. A worker that a handler or a
    /// shut-down hook holds for longer is left behind, as the report tells: its thread goes on, with
    /// what it has, until the code that holds it returns. Hooks that were not run by then are not run.
    pub fn wait(self) -> Report {
        let left_behind = self.keeper.join().unwrap_or_else(|_| {
            log::error!("the keeper of the deadlines panicked");
            vec![]
        });
        if left_behind.is_empty() {
            for thread in self.threads {
                if thread.join().is_err() {
                    log::error!("a worker's thread panicked");
                }
            }
        }
        if self.watchdog.is_some_and(|thread| thread.join().is_err()) {
            log::error!("the watchdog panicked");
        }
        Report::of(&self.handle, left_behind)
    }
}

impl Report {
    fn of(handle: &Handle, left_behind: Vec<LeftBehind>) -> Report {
        let began = Phase::ALL.map(|phase| handle.since(phase));
        let took = |phase: Phase| {
            // Up to whatever came next: a phase may have been passed over.
            let [begin, rest @ ..] = &began[phase as usize..] else {
                return Duration::ZERO;
            };
            let span = begin.zip(rest.iter().copied().flatten().next());
            span.map_or(Duration::ZERO, |(begin, end)| end.duration_since(begin))
        };
        let mut stats = handle.stats();
        stats.cut += left_behind.iter().map(|left| left.requests).sum::<u64>();
        Report {
            stats,
            left_behind,
            leaving: took(Phase::Leaving),
            draining: took(Phase::Draining),
            closing: took(Phase::Closing),
            is_broken: handle.is_broken(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "served {} requests", self.stats.served)?;
        if self.stats.cut > 0 {
            write!(formatter, ", cut {}", self.stats.cut)?;
        }
        for left in &self.left_behind {
            write!(formatter, "; left behind: {left}")?;
        }
        Ok(())
    }
}

/// Opens the listeners, starts the workers, and returns once all of them could serve.
pub(super) fn launch(parts: Parts, routes: Arc<Routes>) -> Result<Container, Error> {
    let Parts {
        mut config,
        addresses,
        listeners,
        on_error,
        access_log,
    } = parts;
    let count = config.workers;
    let (addresses, listeners) = Listeners::open(&addresses, listeners, count)?;
    descriptors::fit(&mut config);
    let config = Arc::new(config);
    let names = routes.iter().map(observed_name);
    let secret = routes.secret_paths().clone();
    let observation = Observation::new(config.observe.clone(), access_log, names, secret, count);
    let counters: Vec<Arc<WorkerCounters>> = (0..count).map(|_| Arc::default()).collect();
    let loads = Loads::new(&counters, Bounds::of(&config));
    let pool = BlockingPool::new(config.blocking.clone());
    let lifecycle = Lifecycle::new();
    let own = OwnHandle::default();
    let watchdog = watchdog(&config, &routes, &pool);
    let scheduling = Arc::new(scheduler::Shared::new(
        routes.iter().map(|route| (&route.label, &route.endpoint)),
        own.within(routes.context()),
        pool,
        config.scheduling(),
    ));
    let shared = Shared {
        lifecycle: lifecycle.clone(),
        loads: loads.clone(),
        counters: counters.clone(),
        listeners: listeners.clone(),
        addresses,
        scheduling: scheduling.clone(),
        observation: observation.clone(),
        watchdog: watchdog.clone(),
    };
    let handle = Handle::new(Arc::new(shared));
    own.set(&handle);
    let setup = Setup {
        config,
        routes,
        scheduling,
        counters,
        loads,
        listeners,
        lifecycle,
        watchdog,
        on_error,
        observation,
        handle: handle.clone(),
    };
    let watchdog = setup.start_watchdog()?;
    let keeper = setup.keeper().start().map_err(|error| {
        handle.advance(Phase::Drained);
        Error::system("cannot start the keeper's thread", error)
    })?;
    let threads = start_workers(&setup, &handle)?;
    Ok(Container {
        handle,
        threads,
        keeper,
        watchdog,
        signals: None,
    })
}

fn watchdog(config: &Config, routes: &Routes, pool: &BlockingPool) -> Arc<Watchdog> {
    let routes = routes.iter();
    let routes = routes.map(|route| (route.label.clone(), route.endpoint.clone()));
    let watchdog = Watchdog::new(config.watchdog.clone(), routes, pool.posts().clone());
    Arc::new(watchdog)
}

/// Starts a thread for each worker and waits until all are ready; if one is not, ends them all.
fn start_workers(setup: &Setup, handle: &Handle) -> Result<Vec<JoinHandle<()>>, Error> {
    let (ready, readiness) = mpsc::channel();
    let (ended, others) = mpsc::channel();
    let mut first = Some(Part::First(others));
    let mut threads = vec![];
    let mut result = Ok(());
    for index in 0..setup.config.workers {
        let part = first.take().unwrap_or_else(|| Part::Other(ended.clone()));
        match thread::start(setup.clone(), index, ready.clone(), part) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    drop((ready, ended));
    let mut missing = threads.len();
    for outcome in readiness {
        missing -= 1;
        result = result.and(outcome);
    }
    if missing > 0 {
        // It has said why where it panicked.
        result = result.and(Err(Error::hook(
            "a worker panicked before it could serve".to_owned(),
        )));
    }
    let Err(error) = result else {
        return Ok(threads);
    };
    handle.advance(Phase::Closing);
    for thread in threads {
        // It has nothing to add to the error.
        let _ = thread.join();
    }
    setup.scheduling.pool().close();
    handle.advance(Phase::Drained);
    Err(error)
}
