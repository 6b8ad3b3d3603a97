//! `Client`: one request, its retry and its redirects.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::Method;

use super::config::{Bounds, ClientBuilder};
use super::connection::{Connection, Failed};
use super::dial::Dialler;
use super::error::{Error, Kind};
use super::guard::Guard;
use super::pool::{Pool, Slot};
use super::redirect;
use super::request::ClientRequest;
use super::resolve::Resolver;
use super::url::Url;
use crate::message::Response;
use crate::reactor::{self, Deadline};

/// Sends requests, keeps connections for the next ones. Clones share both; none leaves its thread.
///
/// Answers come whole, as a [`Response`] with all its fields and a full body; the URL that was
/// answered in the end is among its extensions. A status from 400 on is no error.
///
/// ```
/// use container::{client::Client, net::TcpListener, reactor::{self, Clock, Reactor}};
///
/// let reactor = Reactor::new(Clock::real())?;
/// reactor.block_on(async {
///     let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
///     let url = format!("http://{}/hello", listener.local_addr()?);
///     reactor::spawn_local(async move {
///         let mut server = listener.accept().await?;
///         server.read(&mut [0; 1024]).await?;
///         server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await
///     });
///     let response = Client::new().get(&url).await?;
///     assert_eq!(response.status(), 200);
///     assert_eq!(response.into_body().bytes(100).await?, "hi");
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Client {
    /// The connections.
    pool: Rc<Pool>,
    /// The names.
    resolver: Rc<Resolver>,
    /// Who decides whom it may ask; anybody where nobody does.
    guard: Option<Arc<dyn Guard>>,
    /// What makes connections.
    dialler: Rc<Dialler>,
}

impl Client {
    /// A client with the default [`Bounds`].
    pub fn new() -> Self {
        Client::builder().build()
    }

    /// Makes a client with other bounds.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(super) fn from_parts(
        bounds: Bounds,
        guard: Option<Arc<dyn Guard>>,
        dialler: Dialler,
    ) -> Self {
        Client {
            pool: Pool::new(bounds),
            resolver: Rc::default(),
            guard,
            dialler: Rc::new(dialler),
        }
    }

    /// The limits.
    pub fn bounds(&self) -> &Bounds {
        self.pool.bounds()
    }

    /// Asks for what is at `url`.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn get(&self, url: &str) -> Result<Response, Error> {
        self.request(ClientRequest::new(Method::GET, url.parse()?))
            .await
    }

    /// Sends a request; follows redirects. It takes no longer than its timeout, nor than what is left
    /// of the [`Deadline`] of the handler that sends it. A request that may be repeated without harm is sent a
    /// second time when the pooled connection it was sent on turns out to be closed.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn request(&self, request: ClientRequest) -> Result<Response, Error> {
        if request.method == Method::CONNECT {
            return Err(Kind::Method.into());
        }
        let time = request.timeout.unwrap_or(self.bounds().request_timeout);
        // Nobody waits for the answer longer than for that of the handler that asks for it.
        let remaining = Deadline::current().remaining();
        let time = remaining.map_or(time, |remaining| time.min(remaining));
        match reactor::timeout(time, self.follow(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Kind::Timeout.into()),
        }
    }

    async fn follow(&self, mut request: ClientRequest) -> Result<Response, Error> {
        let mut redirects_left = self.bounds().redirects;
        loop {
            self.permit(&request.url)?;
            let mut response = self.send(&request).await?;
            let next = match self.bounds().redirects {
                0 => None,
                _ => redirect::follow(&request, &response)?,
            };
            let Some(next) = next else {
                response.extensions_mut().insert(request.url);
                return Ok(response);
            };
            redirects_left = redirects_left
                .checked_sub(1)
                .ok_or(Kind::TooManyRedirects)?;
            request = next;
        }
    }

    /// Asks the guard, before anything is done for a URL.
    fn permit(&self, url: &Url) -> Result<(), Error> {
        match &self.guard {
            Some(guard) if !guard.permits(url) => Err(forbidden(url)),
            _ => Ok(()),
        }
    }

    /// Sends one request, at most twice.
    async fn send(&self, request: &ClientRequest) -> Result<Response, Error> {
        let mut slot = self.pool.acquire(request.url.origin()).await?;
        if let Some(pooled) = slot.take() {
            match self.exchange(&mut slot, pooled, request).await {
                Err(failed) if failed.is_stale() && request.is_idempotent() => {}
                other => return other.map_err(|failed| failed.error),
            }
        }
        let fresh = self.connect(&request.url).await?;
        let outcome = self.exchange(&mut slot, fresh, request).await;
        outcome.map_err(|failed| failed.error)
    }

    async fn connect(&self, url: &Url) -> Result<Connection, Error> {
        let connecting = async {
            let addresses = self.resolver.resolve(url.host(), url.port()).await?;
            // These and no others: a second lookup could find what nobody has checked.
            let addresses = self.permitted(url, addresses)?;
            self.dialler.dial(url, &addresses).await
        };
        match reactor::timeout(self.bounds().connect_timeout, connecting).await {
            Ok(outcome) => outcome.map(Connection::new),
            Err(_) => Err(Kind::ConnectTimeout.into()),
        }
    }

    /// Those of the addresses that the guard permits.
    fn permitted(
        &self,
        url: &Url,
        mut addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Error> {
        if let Some(guard) = &self.guard {
            addresses.retain(|address| guard.permits_address(url, *address));
        }
        if addresses.is_empty() {
            return Err(forbidden(url));
        }
        Ok(addresses)
    }

    async fn exchange(
        &self,
        slot: &mut Slot,
        mut connection: Connection,
        request: &ClientRequest,
    ) -> Result<Response, Failed> {
        let limit = self.bounds().response_body;
        let response = connection.exchange(request, limit).await?;
        if connection.is_reusable() {
            slot.put(connection);
        }
        Ok(response)
    }
}

fn forbidden(url: &Url) -> Error {
    Kind::Forbidden(Box::new(url.clone())).into()
}

impl Failed {
    /// Whether a pooled connection was simply closed by its server.
    fn is_stale(&self) -> bool {
        !self.answered && self.error.is_broken()
    }
}

impl Default for Client {
    fn default() -> Self {
        Client::new()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("bounds", self.bounds())
            .finish_non_exhaustive()
    }
}
