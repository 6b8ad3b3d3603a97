//! A worker's thread: its reactor, its acceptors, its drain.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread::{self, JoinHandle};

use super::acceptor::Acceptor;
use super::container::Listening;
use super::service::{OnError, Service};
use super::spread::Loads;
use super::wind_up::wind_up;
use super::worker::Worker;
use crate::config::Config;
use crate::error::Error;
use crate::net::Listener;
use crate::reactor::{Clock, Reactor};
use crate::router::Routes;
use crate::scheduler::{self, Lifecycle, Phase, Scheduler, WorkerCounters};

/// What every worker of a container is made from.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) config: Arc<Config>,
    pub(super) routes: Arc<Routes>,
    pub(super) scheduling: Arc<scheduler::Shared>,
    pub(super) counters: Vec<Arc<WorkerCounters>>,
    pub(super) loads: Arc<Loads>,
    pub(super) lifecycle: Lifecycle,
    pub(super) on_error: Option<OnError>,
}

/// Starts the thread of worker `index`. It tells `ready` when it could serve; with `hooks` it also
/// runs the hooks, the last ones when all other workers have dropped their `ended`.
pub(super) fn start(
    setup: Setup,
    index: usize,
    listeners: Vec<Listening>,
    ready: mpsc::Sender<Result<(), Error>>,
    hooks: Option<mpsc::Receiver<()>>,
    ended: Option<mpsc::Sender<()>>,
) -> Result<JoinHandle<()>, Error> {
    let body = move || {
        let mut ready = Some(ready);
        let run = || -> Result<(), Error> {
            let system = |error| Error::system("a worker's reactor failed", error);
            let reactor = Reactor::new(Clock::real()).map_err(system)?;
            let worker = setup.worker(&reactor, index);
            let _entered = worker.enter();
            setup.scheduling.pool().enter();
            setup.lifecycle.enter();
            setup.loads.register(index, reactor.remote());
            let acceptors = attach(listeners, &worker).map_err(system)?;
            if hooks.is_some() {
                reactor
                    .block_on(start_hooks(&setup.routes))
                    .map_err(system)??;
            }
            if let Some(ready) = ready.take() {
                // Who started us may have given up by now; then the phase says so. It waits until
                // all have dropped their sender, so that one that dies is noticed too.
                let _ = ready.send(Ok(()));
            }
            let life = live(&worker, acceptors, &setup.loads, index);
            reactor.block_on(life).map_err(system)?;
            drop(ended);
            if let Some(others) = hooks {
                // Nothing is ever sent: this ends when the last other worker has ended.
                let _ = others.recv();
                reactor
                    .block_on(stop_hooks(&setup.routes))
                    .map_err(system)?;
                setup.scheduling.pool().close();
                setup.lifecycle.advance(Phase::Drained);
            }
            Ok(())
        };
        if let Err(error) = run() {
            log::error!("a worker ended: {error}");
            if let Some(ready) = ready {
                let _ = ready.send(Err(error));
            }
        }
    };
    thread::Builder::new()
        .name(format!("worker-{index}"))
        .spawn(body)
        .map_err(|error| Error::system("cannot start a worker's thread", error))
}

impl Setup {
    pub(super) fn worker(&self, reactor: &Reactor, index: usize) -> Rc<Worker> {
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
        )
    }
}

fn attach(listeners: Vec<Listening>, worker: &Rc<Worker>) -> io::Result<Vec<Acceptor>> {
    let attach = |(listener, spread)| {
        let listener = Listener::attach(&worker.reactor, listener)?;
        Ok(Acceptor::new(listener, spread, worker))
    };
    listeners.into_iter().map(attach).collect()
}

/// From the first accept to the last answer.
async fn live(worker: &Rc<Worker>, acceptors: Vec<Acceptor>, loads: &Loads, index: usize) {
    poll_fn(|context| {
        loads.watch(index, context.waker());
        Poll::Ready(())
    })
    .await;
    worker.lifecycle.reached(Phase::Running).await;
    for acceptor in acceptors {
        worker.reactor.spawn_detached(Box::pin(acceptor.run()));
    }
    wind_up(worker, worker.config.drain, || loads.is_expecting(index)).await;
}

async fn start_hooks(routes: &Routes) -> Result<(), Error> {
    for hook in routes.start_hooks() {
        let outcome = hook.run(routes.context().clone()).await;
        outcome.map_err(|error| Error::hook(error.to_string()))?;
    }
    Ok(())
}

async fn stop_hooks(routes: &Routes) {
    for hook in routes.stop_hooks() {
        if let Err(error) = hook.run(routes.context().clone()).await {
            log::error!("a shut-down hook failed: {error}");
        }
    }
}
