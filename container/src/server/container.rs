//! `Container`: a running container, from its listeners to its report.

use std::fmt;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use super::builder::{Builder, Parts};
use super::handle::{Handle, Shared};
use super::signal::SignalThread;
use super::spread::{Giver, Loads, Spread};
use super::thread::{self, Setup};
use crate::error::Error;
use crate::net::{Address, AnyListener, BindAddress, ListenOptions, ListenSocket};
use crate::router::Routes;
use crate::scheduler::{self, BlockingPool, Lifecycle, Phase, Stats, WorkerCounters};

/// A running container. Dropped without [`wait`](Self::wait), it goes on by itself.
pub struct Container {
    /// What other threads may do with it.
    handle: Handle,
    /// The workers.
    threads: Vec<JoinHandle<()>>,
    /// What stops it at a signal, where that was asked for.
    signals: Option<SignalThread>,
}

/// What a container did, told when it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// All counters.
    pub stats: Stats,
}

/// A listener and who gets its connections.
pub(super) type Listening = (AnyListener, Spread);

impl Container {
    /// Begins to make one.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// What other threads may do with it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
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

    /// Waits until it has ended, which [`Handle::stop`] begins.
    pub fn wait(self) -> Report {
        for thread in self.threads {
            if thread.join().is_err() {
                log::error!("a worker's thread panicked");
            }
        }
        Report {
            stats: self.handle.stats(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "served {} requests", self.stats.served)?;
        match self.stats.cut {
            0 => Ok(()),
            cut => write!(formatter, ", cut {cut}"),
        }
    }
}

/// Opens the listeners, starts the workers, and returns once all of them serve.
pub(super) fn launch(parts: Parts, routes: Arc<Routes>) -> Result<Container, Error> {
    let Parts {
        config,
        addresses,
        listeners,
        on_error,
    } = parts;
    let count = config.workers;
    let counters: Vec<Arc<WorkerCounters>> = (0..count).map(|_| Arc::default()).collect();
    let loads = Loads::new(&counters);
    let (addresses, listening) = listen(&addresses, listeners, count, &loads)?;
    let pool = BlockingPool::new(config.blocking.clone());
    let lifecycle = Lifecycle::new();
    let scheduling = Arc::new(scheduler::Shared::new(
        routes.iter().map(|route| &route.endpoint),
        routes.context().clone(),
        pool.clone(),
        config.deadline,
    ));
    let shared = Shared {
        lifecycle: lifecycle.clone(),
        loads: loads.clone(),
        counters: counters.clone(),
        addresses,
        pool,
    };
    let handle = Handle::new(Arc::new(shared));
    let setup = Setup {
        config,
        routes,
        scheduling,
        counters,
        loads,
        lifecycle,
        on_error,
    };
    let threads = start_workers(&setup, listening, &handle)?;
    Ok(Container {
        handle,
        threads,
        signals: None,
    })
}

/// Starts a thread for each worker and waits until all are ready; if one is not, ends them all.
fn start_workers(
    setup: &Setup,
    listening: Vec<Vec<Listening>>,
    handle: &Handle,
) -> Result<Vec<JoinHandle<()>>, Error> {
    let (ready, readiness) = mpsc::channel();
    let (ended, others) = mpsc::channel();
    let mut others = Some(others);
    let mut threads = vec![];
    let mut result = Ok(());
    for (index, listeners) in listening.into_iter().enumerate() {
        // The first worker runs the hooks, the last ones when all others have ended.
        let hooks = others.take();
        let ended = if hooks.is_some() {
            None
        } else {
            Some(ended.clone())
        };
        let started = thread::start(setup.clone(), index, listeners, ready.clone(), hooks, ended);
        match started {
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
    handle.advance(if result.is_ok() {
        Phase::Running
    } else {
        Phase::Closing
    });
    let Err(error) = result else {
        return Ok(threads);
    };
    for thread in threads {
        // It has nothing to add to the error.
        let _ = thread.join();
    }
    setup.scheduling.pool().close();
    Err(error)
}

/// Opens all listeners: where they are, and what each worker accepts from.
fn listen(
    addresses: &[BindAddress],
    inherited: Vec<AnyListener>,
    workers: usize,
    loads: &Arc<Loads>,
) -> Result<(Vec<Address>, Vec<Vec<Listening>>), Error> {
    let mut local = vec![];
    let mut listening: Vec<Vec<Listening>> = (0..workers).map(|_| vec![]).collect();
    for address in addresses {
        let group = bind(address, workers).map_err(|error| Error::bind(address, error))?;
        let alone = group.len() < workers;
        for (worker, listener) in group.into_iter().enumerate() {
            if worker == 0 {
                local.push(
                    listener
                        .local()
                        .map_err(|error| Error::bind(address, error))?,
                );
            }
            let spread = if alone {
                Spread::Least(Giver::new(loads))
            } else {
                Spread::Own
            };
            listening[worker].push((listener, spread));
        }
    }
    for listener in inherited {
        local.push(
            listener
                .local()
                .map_err(|error| Error::bind("a given socket", error))?,
        );
        let spread = if workers > 1 {
            Spread::Least(Giver::new(loads))
        } else {
            Spread::Own
        };
        listening[0].push((listener, spread));
    }
    Ok((local, listening))
}

/// One listener, or one for each worker where the kernel spreads connections over them.
fn bind(address: &BindAddress, workers: usize) -> io::Result<Vec<AnyListener>> {
    // Alone first: sockets that share a port would share it with a stranger's too.
    let options = ListenOptions::default();
    let first = AnyListener::bind(address, &options)?;
    let spreads = cfg!(target_os = "linux") && workers > 1;
    let Some(chosen) = first.local()?.as_tcp().filter(|_| spreads) else {
        return Ok(vec![first]);
    };
    drop(first);
    let shared = ListenOptions {
        reuse_port: true,
        ..options
    };
    let address = BindAddress::Tcp(vec![chosen]);
    (0..workers)
        .map(|_| AnyListener::bind(&address, &shared))
        .collect()
}
