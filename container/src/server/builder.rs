//! `Builder`: what a container is made from. Everything is checked once, in `start`.

use std::sync::Arc;
use std::time::Duration;

use super::container::{Container, Report, launch};
use crate::config::Config;
use crate::error::Error;
use crate::handler::{ErrorShape, IntoResponse, Problem};
use crate::net::{AnyListener, BindAddress};
use crate::observe::AccessLog;
use crate::router::Router;

/// Where the container listens when it is not told: this machine only.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8888";

/// Makes a [`Container`].
///
/// ```no_run
/// use container::{Container, Router};
///
/// let router = Router::new().get("/", async || "hello");
/// Container::builder().bind("127.0.0.1:8888").workers(2).serve(router)?;
/// # Ok::<(), container::Error>(())
/// ```
#[derive(Default)]
pub struct Builder {
    config: Config,
    /// Where to listen, as given.
    addresses: Vec<String>,
    /// Sockets that listen already.
    listeners: Vec<AnyListener>,
    on_error: Option<ErrorShape>,
    /// Where requests are logged.
    access_log: Option<AccessLog>,
}

/// What a builder comes to.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) addresses: Vec<BindAddress>,
    pub(super) listeners: Vec<AnyListener>,
    pub(super) on_error: Option<ErrorShape>,
    pub(super) access_log: Option<AccessLog>,
}

impl Builder {
    /// The defaults.
    pub fn new() -> Self {
        Builder::default()
    }

    /// Listens at `host:port`, or at `unix:/path`; may be called more than once. Port 0 lets the
    /// system choose. Default: `127.0.0.1:8888`.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.addresses.push(address.into());
        self
    }

    /// Serves a socket that listens already, such as one inherited from a service manager.
    pub fn listener(mut self, listener: AnyListener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Threads with a reactor and connections of their own. Default: one for each processor.
    pub fn workers(mut self, count: usize) -> Self {
        self.config.workers = count;
        self
    }

    /// Most threads of the blocking lane. Default 64.
    pub fn blocking_threads(mut self, count: usize) -> Self {
        self.config.blocking.threads = count;
        self
    }

    /// Connections open at once on one worker. Default 10,000.
    pub fn connections(mut self, count: usize) -> Self {
        self.config.connections = count;
        self
    }

    /// Bytes of a request body, unless the route says otherwise. Default 2 MiB.
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.config.body_limit = bytes;
        self
    }

    /// How long a request may take, unless the route says otherwise; from when its handler is asked
    /// for to when that has answered ([`Config::deadline`]). Default: no limit.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.config.deadline = Some(limit);
        self
    }

    /// How long the server goes on accepting once it is asked to stop, saying that it is not ready.
    /// Default 0 s.
    pub fn drain_delay(mut self, limit: Duration) -> Self {
        self.config.drain_delay = limit;
        self
    }

    /// How long requests have to finish once the server is asked to stop. Default 30 s.
    pub fn drain_timeout(mut self, limit: Duration) -> Self {
        self.config.drain = limit;
        self
    }

    /// Changes any limit or timeout.
    ///
    /// ```
    /// use container::Container;
    /// let builder = Container::builder().configure(|config| config.http1.limits.fields = 64);
    /// ```
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Gives errors the application's own shape, in this one place: all those of the container that
    /// no [`Router::on_error`] is for, which says what becomes of their status and fields.
    pub fn on_error<R: IntoResponse>(
        mut self,
        render: impl Fn(&Problem) -> R + Send + Sync + 'static,
    ) -> Self {
        self.on_error = Some(ErrorShape::new(render));
        self
    }

    /// Logs each request. Default: none is logged.
    pub fn access_log(mut self, log: AccessLog) -> Self {
        self.access_log = Some(log);
        self
    }

    /// Starts the container on threads of its own and returns while it runs.
    ///
    /// # Errors
    /// When the configuration or the routing table is not valid, an address cannot be listened at,
    /// or a start-up hook fails. Nothing is left running then.
    pub fn start(self, router: Router) -> Result<Container, Error> {
        let container = self.prepare(router)?;
        container.open();
        Ok(container)
    }

    /// As [`start`](Self::start), but nothing is accepted before [`Container::open`]: connections
    /// wait at the listening sockets. For those who have more to do that may fail, or share their
    /// sockets with a process that serves until then.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn prepare(self, router: Router) -> Result<Container, Error> {
        let parts = self.check()?;
        let routes = Arc::new(router.build()?);
        launch(parts, routes)
    }

    /// Starts the container, drains it at SIGTERM or SIGINT, closes it at the second of them, and
    /// returns when it has ended.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn serve(self, router: Router) -> Result<Report, Error> {
        Ok(self.start(router)?.stop_on_signals()?.wait())
    }

    fn check(mut self) -> Result<Parts, Error> {
        if self.addresses.is_empty() && self.listeners.is_empty() {
            self.addresses.push(DEFAULT_ADDRESS.to_owned());
        }
        let mut faults = self.config.faults();
        let mut addresses = vec![];
        for address in &self.addresses {
            match address.parse() {
                Ok(parsed) => addresses.push(parsed),
                Err(error) => faults.push(format!("`{address}` is no address: {error}")),
            }
        }
        if !faults.is_empty() {
            return Err(Error::config(faults));
        }
        Ok(Parts {
            config: self.config,
            addresses,
            listeners: self.listeners,
            on_error: self.on_error,
            access_log: self.access_log,
        })
    }
}
