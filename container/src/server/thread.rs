//! A worker's thread: one worker after another. A worker that dies, which takes a panic outside of
//! all handlers or an error of its reactor, is replaced.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::acceptor::Acceptor;
use super::background;
use super::handle::Handle;
use super::keeper::Keeper;
use super::listeners::{Listeners, Listening};
use super::relief::Relief;
use super::service::Service;
use super::spread::{Giver, Loads};
use super::wind_up::wind_up;
use super::worker::Worker;
use crate::config::Config;
use crate::error::Error;
use crate::handler::ErrorShape;
use crate::handler::catch_panic;
use crate::observe::Observation;
use crate::reactor::{Clock, Reactor};
use crate::router::Routes;
use crate::scheduler::{self, Lifecycle, Phase, Scheduler, Watchdog, WorkerCounters};

/// How long the second of two workers that die at once is waited for with the next; doubled from
/// then on.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// The longest of these waits: a worker that dies all the time costs next to nothing.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A worker that has lived so long before it died is replaced at once again.
const HEALTHY: Duration = Duration::from_secs(60);

/// What every worker of a container is made from.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) config: Arc<Config>,
    pub(super) routes: Arc<Routes>,
    pub(super) scheduling: Arc<scheduler::Shared>,
    pub(super) counters: Vec<Arc<WorkerCounters>>,
    pub(super) loads: Arc<Loads>,
    pub(super) listeners: Arc<Listeners>,
    pub(super) lifecycle: Lifecycle,
    pub(super) watchdog: Arc<Watchdog>,
    pub(super) on_error: Option<ErrorShape>,
    pub(super) observation: Arc<Observation>,
    /// What handlers get that ask for the container's handle: theirs is weak.
    #[expect(dead_code, reason = "it is kept, not used")]
    pub(super) handle: Handle,
}

/// What a thread has to do with the others.
pub(super) enum Part {
    /// It runs the hooks, the last ones when all others have ended, and the background work. Nothing is ever sent: it is
    /// the last sender's going that counts.
    First(mpsc::Receiver<()>),
    /// It drops this when it ends.
    Other(mpsc::Sender<()>),
}

/// A worker's thread, from the inside.
struct WorkerThread {
    setup: Setup,
    /// The number of its worker.
    index: usize,
    /// Told when a worker could serve; `None` from then on.
    ready: Option<mpsc::Sender<Result<(), Error>>>,
    part: Part,
    /// Shut-down hooks that were begun. One that panics is not run again by the next worker.
    hooks_begun: usize,
}

/// Starts the thread of worker `index`. It tells `ready` when it could serve.
pub(super) fn start(
    setup: Setup,
    index: usize,
    ready: mpsc::Sender<Result<(), Error>>,
    part: Part,
) -> Result<JoinHandle<()>, Error> {
    let thread = WorkerThread {
        setup,
        index,
        ready: Some(ready),
        part,
        hooks_begun: 0,
    };
    thread::Builder::new()
        .name(format!("worker-{index}"))
        .spawn(move || thread.run())
        .map_err(|error| Error::system("cannot start a worker's thread", error))
}

impl WorkerThread {
    fn run(mut self) {
        let mut pause = Duration::ZERO;
        loop {
            let begin = Instant::now();
            let Err(cause) = self.live_once() else { break };
            if let Some(ready) = self.ready.take() {
                log::error!("a worker ended: {cause}");
                // Who started us may have given up by now.
                let _ = ready.send(Err(cause));
                break;
            }
            if begin.elapsed() >= HEALTHY {
                pause = Duration::ZERO;
            }
            if !self.mourn(&cause, pause) {
                break;
            }
            pause = (pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        }
        self.end();
    }

    /// A worker has died; says, after a pause, whether another takes its place.
    fn mourn(&self, cause: &Error, pause: Duration) -> bool {
        let Setup {
            lifecycle,
            counters,
            loads,
            ..
        } = &self.setup;
        loads.retire(self.index);
        let phase = lifecycle.phase();
        if phase >= Phase::Closing {
            log::error!("worker {} died: {cause}", self.index);
            return false;
        }
        counters[self.index].restarts.add(1);
        log::error!(
            "worker {} died, and its connections with it: {cause}; another takes its place in {} ms",
            self.index,
            pause.as_millis()
        );
        // A drain does not wait for a pause to end, and its own end is not waited for either.
        let until = if phase < Phase::Draining {
            Phase::Draining
        } else {
            Phase::Closing
        };
        lifecycle.sleep(pause, until);
        true
    }

    /// The life of one worker, to its end or its death.
    fn live_once(&mut self) -> Result<(), Error> {
        let reactor = Reactor::new(Clock::real()).map_err(failed)?;
        let worker = self.setup.worker(&reactor, self.index);
        let _entered = worker.enter();
        self.setup.scheduling.pool().enter();
        self.setup.lifecycle.enter();
        let _post = self.setup.watchdog.join_worker(reactor.activity().clone());
        self.setup.loads.register(self.index, reactor.remote());
        let acceptors = self.attach(&worker).map_err(failed)?;
        let outcome = catch_panic(|| reactor.block_on(self.live(&worker, acceptors)));
        let outcome = match outcome {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(error)) => failed(error),
            Err(panicked) => Error::worker(panicked.message),
        };
        worker.counters.cut.add(worker.counters.in_handlers());
        Err(outcome)
    }

    fn attach(&self, worker: &Rc<Worker>) -> io::Result<Vec<Acceptor>> {
        let listeners = self.setup.listeners.of(self.index)?;
        let attach = |listening: Listening| {
            let giver = Giver::new(&self.setup.loads, self.index, listening.reach);
            Acceptor::attach(listening, worker, giver, &self.setup.listeners)
        };
        listeners.into_iter().map(attach).collect()
    }

    /// From the first accept to the last answer; with the hooks, where they are this thread's.
    async fn live(&mut self, worker: &Rc<Worker>, acceptors: Vec<Acceptor>) -> Result<(), Error> {
        let Setup {
            routes,
            loads,
            lifecycle,
            ..
        } = self.setup.clone();
        poll_fn(|context| {
            loads.watch(self.index, context.waker());
            Poll::Ready(())
        })
        .await;
        if let Some(ready) = &self.ready {
            if let Part::First(_) = self.part {
                start_hooks(&routes).await?;
            }
            // Who started us may have given up by now; then the phase says so. It waits until
            // all have dropped their sender, so that one that dies is noticed too.
            let _ = ready.send(Ok(()));
            self.ready = None;
        }
        lifecycle.reached(Phase::Running).await;
        if lifecycle.since(Phase::Running).is_some() {
            if let Part::First(_) = self.part {
                background::begin(worker, &routes);
            }
            for acceptor in acceptors {
                worker.reactor.spawn_detached(Box::pin(acceptor.run()));
            }
        } else {
            // It was never opened: what waits at its sockets is not its own to turn away.
            drop(acceptors);
        }
        wind_up(worker, || loads.is_expecting(self.index)).await;
        if let Part::First(others) = &self.part {
            // The last of them wakes this thread by the waker that `loads` has.
            let others = poll_fn(|_| match others.try_recv() {
                Err(mpsc::TryRecvError::Disconnected) => Poll::Ready(()),
                Ok(()) | Err(mpsc::TryRecvError::Empty) => Poll::Pending,
            });
            let others = lifecycle.before(Phase::Drained, others).await;
            let ended = match others {
                Some(()) => stop_hooks(&routes, &lifecycle, &mut self.hooks_begun).await,
                None => None,
            };
            if ended.is_none() && !routes.stop_hooks().is_empty() {
                let left = routes.stop_hooks().len() - self.hooks_begun;
                log::error!("shut-down hooks are given up, {left} of them before they began");
            }
        }
        Ok(())
    }

    /// No worker lives here any more.
    fn end(self) {
        let setup = self.setup;
        setup.loads.retire(self.index);
        setup.listeners.release_all(self.index);
        match self.part {
            Part::First(others) => {
                if setup.lifecycle.phase() < Phase::Drained {
                    // They have ended, unless this thread's reactor failed for good.
                    let _ = others.recv();
                }
                setup.scheduling.pool().close();
                setup.lifecycle.advance(Phase::Drained);
            }
            Part::Other(ended) => {
                drop(ended);
                setup.loads.wake();
            }
        }
    }
}

impl Setup {
    /// What keeps the deadlines of the workers' end.
    pub(super) fn keeper(&self) -> Keeper {
        Keeper {
            config: self.config.clone(),
            lifecycle: self.lifecycle.clone(),
            loads: self.loads.clone(),
            listeners: self.listeners.clone(),
            scheduling: self.scheduling.clone(),
            watchdog: self.watchdog.clone(),
        }
    }

    /// Starts the watchdog, and with it what sees to the sockets of workers that are away.
    pub(super) fn start_watchdog(&self) -> Result<Option<JoinHandle<()>>, Error> {
        let relief = Relief {
            loads: self.loads.clone(),
            listeners: self.listeners.clone(),
        };
        let started = self.watchdog.start(&self.lifecycle, move || relief.look());
        started.map_err(|error| Error::system("cannot start the watchdog's thread", error))
    }

    fn worker(&self, reactor: &Reactor, index: usize) -> Rc<Worker> {
        let counters = self.counters[index].clone();
        let scheduler = Scheduler::new(self.scheduling.clone(), counters.clone());
        let service = Service::new(
            self.routes.clone(),
            scheduler,
            self.on_error.clone(),
            self.config.body_limit,
        );
        let config = self.config.clone();
        Worker::new(
            reactor.clone(),
            config,
            service,
            counters,
            self.lifecycle.clone(),
            self.observation.observer(index),
        )
    }
}

fn failed(error: io::Error) -> Error {
    Error::system("a worker's reactor failed", error)
}

async fn start_hooks(routes: &Routes) -> Result<(), Error> {
    for hook in routes.start_hooks() {
        let outcome = hook.run(routes.context().clone()).await;
        outcome.map_err(|error| Error::hook(error.to_string()))?;
    }
    Ok(())
}

/// Runs the hooks after the first `begun`; `None`: it came to its end before they did.
async fn stop_hooks(routes: &Routes, lifecycle: &Lifecycle, begun: &mut usize) -> Option<()> {
    for hook in routes.stop_hooks().iter().skip(*begun) {
        let run = async {
            *begun += 1;
            hook.run(routes.context().clone()).await
        };
        // One by one: a hook may have held the thread until then, and no other is to begin.
        if let Err(error) = lifecycle.before(Phase::Drained, run).await? {
            log::error!("a shut-down hook failed: {error}");
        }
    }
    Some(())
}
