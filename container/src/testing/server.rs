//! `Server`: one worker in memory, in virtual time; `Client`: a raw connection to it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::stream::{Faults, MemoryStream};
use crate::config::Config;
use crate::net::Transport;
use crate::observe::{AccessLog, Observation};
use crate::reactor::{Clock, Reactor};
use crate::router::Router;
use crate::scheduler::{
    self, BlockingConfig, BlockingPool, BudgetStats, GateStats, Lifecycle, Phase, PoolStats,
    Scheduler, Stats, WorkerCounters,
};
use crate::server::background;
use crate::server::connection::Driver;
use crate::server::entrance;
use crate::server::service::{Service, observed_name};
use crate::server::wind_up::wind_up_alone;
use crate::server::worker::{SeatKind, Worker};
use crate::server::{Handle, OwnHandle};

/// A worker in memory. Time stands still unless [`advance`](Self::advance) moves it.
pub struct Server {
    reactor: Reactor,
    worker: Rc<Worker>,
    counters: Arc<WorkerCounters>,
    pool: BlockingPool,
    lifecycle: Lifecycle,
    handle: Handle,
}

/// A client's end of a connection to a [`Server`].
pub struct Client<'a> {
    server: &'a Server,
    /// `None` once the client has closed.
    stream: Option<MemoryStream>,
    /// What was received and not yet asked for.
    received: Vec<u8>,
}

impl Server {
    /// A server with the default configuration.
    ///
    /// # Panics
    /// When the routing table is not valid.
    pub fn new(router: Router) -> Self {
        Self::with_config(router, |_| {})
    }

    /// A server with a configuration of the test's own.
    ///
    /// # Panics
    /// When the routing table is not valid.
    pub fn with_config(router: Router, change: impl FnOnce(&mut Config)) -> Self {
        Self::build(router, change, BlockingPool::with_clock, None)
    }

    /// A server that logs its requests.
    ///
    /// # Panics
    /// When the routing table is not valid.
    pub fn with_access_log(
        router: Router,
        log: AccessLog,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        Self::build(router, change, BlockingPool::with_clock, Some(log))
    }

    /// A server without threads: what happens depends on what the test does, and on nothing else.
    /// Blocking handlers are held, with their place in the pool, until
    /// [`run_blocking`](Self::run_blocking) runs them.
    ///
    /// # Panics
    /// When the routing table is not valid.
    pub fn without_threads(router: Router, change: impl FnOnce(&mut Config)) -> Self {
        Self::build(router, change, BlockingPool::by_hand, None)
    }

    fn build(
        router: Router,
        change: impl FnOnce(&mut Config),
        pool: fn(BlockingConfig, Clock) -> BlockingPool,
        log: Option<AccessLog>,
    ) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let routes = Arc::new(router.build().expect("the routing table is valid"));
        let reactor = Reactor::new(Clock::virtual_time()).expect("the system gives a reactor");
        let counters = Arc::<WorkerCounters>::default();
        let lifecycle = Lifecycle::new();
        lifecycle.advance(Phase::Running);
        let pool = pool(config.blocking.clone(), reactor.clock());
        let endpoints = routes.iter().map(|route| (&route.label, &route.endpoint));
        let names = routes.iter().map(observed_name);
        let secret = routes.secret_paths().clone();
        let observation = Observation::new(config.observe.clone(), log, names, secret, 1);
        let observer = observation.observer(0);
        let own = OwnHandle::default();
        let context = own.within(routes.context());
        let shared = Arc::new(scheduler::Shared::new(
            endpoints,
            context,
            pool.clone(),
            config.scheduling(),
        ));
        let life = lifecycle.clone();
        let handle = Handle::of_worker(life, &counters, shared.clone(), observation);
        own.set(&handle);
        let scheduler = Scheduler::new(shared, counters.clone());
        let service = Service::new(routes.clone(), scheduler, None, config.body_limit);
        let worker = Worker::new(
            reactor.clone(),
            Arc::new(config),
            service,
            counters.clone(),
            lifecycle.clone(),
            observer,
        );
        background::begin(&worker, &routes);
        Server {
            reactor,
            worker,
            counters,
            pool,
            lifecycle,
            handle,
        }
    }

    /// A connection without faults.
    pub fn connect(&self) -> Client<'_> {
        self.connect_with(Faults::default())
    }

    /// A connection with these faults.
    pub fn connect_with(&self, faults: Faults) -> Client<'_> {
        let (stream, server_end) = MemoryStream::pair(faults);
        let driver = Driver::new(server_end, None, self.worker.sit(SeatKind::Connection));
        self.reactor.spawn_detached(Box::pin(driver));
        self.client(stream)
    }

    /// A connection of this peer, if there is room for it: the limits of connections count here, and
    /// nowhere else.
    pub fn connect_from(&self, peer: SocketAddr) -> Option<Client<'_>> {
        let _entered = self.reactor.enter();
        let admitted = entrance::admit(&self.worker, Some(peer)).ok()?;
        let (stream, server_end) = MemoryStream::pair(Faults::default());
        entrance::enter(&self.worker, server_end, admitted);
        Some(self.client(stream))
    }

    /// The client of a connection that has just begun.
    fn client(&self, stream: MemoryStream) -> Client<'_> {
        self.run();
        Client {
            server: self,
            stream: Some(stream),
            received: vec![],
        }
    }

    /// Runs until nothing is left to do at this time.
    ///
    /// # Panics
    /// When the server never comes to rest.
    pub fn run(&self) {
        let _entered = self.reactor.enter();
        self.enter();
        self.reactor
            .run_until_idle()
            .expect("the server comes to rest");
    }

    /// Runs one turn of the reactor, for tests that must act while a blocking handler is at work.
    ///
    /// # Panics
    /// When the reactor fails.
    pub fn turn(&self) {
        self.enter();
        self.reactor
            .turn(Some(Duration::ZERO))
            .expect("the reactor turns");
    }

    /// Moves the time on, running everything that falls due on the way.
    ///
    /// # Panics
    /// When the server never comes to rest.
    pub fn advance(&self, duration: Duration) {
        self.enter();
        self.reactor
            .advance(duration)
            .expect("the server comes to rest");
    }

    /// What other threads may do with it; stopping it is [`drain`](Self::drain)'s work.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Where the server stands.
    pub fn phase(&self) -> Phase {
        self.lifecycle.phase()
    }

    /// Makes this what handlers on this thread belong to.
    fn enter(&self) {
        self.pool.enter();
        self.lifecycle.enter();
        self.worker.make_current();
    }

    /// Asks the server to drain.
    pub fn drain(&self) {
        self.end(Phase::Leaving);
    }

    /// Asks the server to end now.
    pub fn close(&self) {
        self.end(Phase::Closing);
    }

    /// Goes on to a phase of the end, with the same steps as a worker that has a thread.
    fn end(&self, phase: Phase) {
        let was_asked = self.lifecycle.phase() > Phase::Running;
        self.lifecycle.advance(phase);
        if !was_asked {
            let worker = self.worker.clone();
            let end = async move { wind_up_alone(&worker).await };
            self.reactor.spawn_detached(Box::pin(end));
        }
        self.run();
    }

    /// What the server has done and is doing.
    pub fn stats(&self) -> Stats {
        Stats::collect([&self.counters])
    }

    /// What the blocking pool is doing.
    pub fn pool(&self) -> PoolStats {
        self.pool.stats()
    }

    /// Work for the blocking pool that was not begun.
    pub fn held(&self) -> usize {
        self.pool.jobs()
    }

    /// Runs, on this thread, the `nth` of the held blocking handlers that have a place on a thread
    /// of the pool, the oldest being the first; then the server. Does nothing when there is none.
    pub fn run_blocking(&self, nth: usize) {
        self.pool.run_job(nth);
        self.run();
    }

    /// What the budgets of its lanes and of itself are doing.
    pub fn budgets(&self) -> BudgetStats {
        self.scheduling().budgets()
    }

    /// What the budget of the route with this index is doing; `None` where it has no limit.
    pub fn route_budget(&self, index: usize) -> Option<GateStats> {
        self.scheduling().route_gate(index)
    }

    fn scheduling(&self) -> &scheduler::Shared {
        self.worker.service.scheduler().shared()
    }

    /// Tasks that live: connections, and what handlers have spawned.
    pub fn tasks(&self) -> usize {
        self.reactor.task_count()
    }

    /// The answer to one request over a connection of its own, which it asks to close.
    pub fn exchange(&self, request: &str) -> String {
        let mut client = self.connect();
        client.send(request);
        client.received()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.reactor.shutdown();
        self.pool.close();
    }
}

impl Client<'_> {
    /// Sends and lets the server run; what does not fit waits until it does, within reason.
    ///
    /// # Panics
    /// When the client has closed.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.send_some(bytes);
    }

    /// The same; says how many bytes the server, or its socket, has taken.
    ///
    /// # Panics
    /// When the client has closed.
    pub fn send_some(&mut self, bytes: impl AsRef<[u8]>) -> usize {
        let mut rest = bytes.as_ref();
        let length = rest.len();
        while !rest.is_empty() {
            let stream = self.stream.as_mut().expect("the client is open");
            let written = stream.try_write(rest);
            self.server.run();
            match written {
                Ok(count) => rest = &rest[count..],
                // The server takes no more, or has gone: as with a socket, the rest is not sent.
                Err(_) => break,
            }
        }
        length - rest.len()
    }

    /// Sends without letting the server run; what does not fit is not sent. Says how many bytes
    /// were.
    pub fn send_only(&mut self, bytes: impl AsRef<[u8]>) -> usize {
        let stream = self.stream.as_mut();
        // As with a socket, a send into a broken connection goes nowhere.
        let sent = stream.and_then(|stream| stream.try_write(bytes.as_ref()).ok());
        sent.unwrap_or_default()
    }

    /// At most `most` bytes of what has come, taken without letting the server run.
    pub fn receive_only(&mut self, most: usize) -> Vec<u8> {
        let Some(stream) = &mut self.stream else {
            return vec![];
        };
        let mut buffer = vec![0; most.min(stream.readable())];
        // As with a socket, there is nothing to be had from a broken connection.
        let count = stream.try_read(&mut buffer).unwrap_or_default();
        buffer.truncate(count);
        buffer
    }

    /// All that has come since the last call.
    pub fn received_bytes(&mut self) -> Vec<u8> {
        self.server.run();
        while let Some(stream) = &mut self.stream {
            let mut buffer = [0; 4096];
            match stream.try_read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
            }
            self.server.run();
        }
        std::mem::take(&mut self.received)
    }

    /// All that has come since the last call, as text.
    pub fn received(&mut self) -> String {
        String::from_utf8_lossy(&self.received_bytes()).into_owned()
    }

    /// Whether the server has closed its side, and all it sent was received.
    pub fn is_closed(&self) -> bool {
        self.stream.as_ref().is_none_or(Transport::is_read_closed)
    }

    /// Whether the connection was reset.
    pub fn was_reset(&self) -> bool {
        self.stream.as_ref().is_some_and(MemoryStream::was_reset)
    }

    /// Closes the sending side only.
    pub fn finish(&mut self) {
        if let Some(stream) = &mut self.stream {
            // In memory there is nothing to fail.
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        self.server.run();
    }

    /// Closes, as a client that goes away.
    pub fn close(&mut self) {
        self.stream = None;
        self.server.run();
    }

    /// Cuts the connection without letting the server run.
    pub fn cut(&self) {
        if let Some(stream) = &self.stream {
            stream.cut();
        }
    }

    /// Cuts the connection.
    pub fn reset(&mut self) {
        self.cut();
        self.server.run();
    }

    /// Changes how the connection misbehaves.
    pub fn set_faults(&self, faults: Faults) {
        if let Some(stream) = &self.stream {
            stream.set_faults(faults);
        }
    }
}
