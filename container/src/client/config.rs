//! `Bounds`: the named limits of a client, each with its reason; and the builder that sets them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::dial::Dialler;
use super::guard::Guard;
use super::send::Client;
#[cfg(feature = "tls")]
use super::trust::Trust;

/// What a client may use, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Connections to one host and port, idle ones included; further requests wait. Default 64: a
    /// burst of one worker's handlers must not become a burst on the other server.
    pub connections_per_host: usize,
    /// Requests that may wait for a connection to one host; beyond it they fail at once. Default
    /// 1,024.
    pub waiting_per_host: usize,
    /// Idle connections kept, to all hosts together; the longest idle one goes first. Default 64.
    pub idle_connections: usize,
    /// How long an idle connection is kept. Default 30 s: most servers close later than that, so
    /// that few requests meet a connection that is just being closed.
    pub idle_time: Duration,
    /// For making a connection, the name's resolution and the handshake of TLS included. Default
    /// 5 s.
    pub connect_timeout: Duration,
    /// For a request in all: waiting, connecting, retry, redirects and the whole answer. Default
    /// 30 s; never more than what is left of the deadline of the handler that sends it.
    pub request_timeout: Duration,
    /// Bytes of an answer's body; beyond it the request fails. Default 8 MiB.
    pub response_body: usize,
    /// Redirects followed for one request; with 0 a redirect is an answer like any other. Default
    /// 10.
    pub redirects: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            connections_per_host: 64,
            waiting_per_host: 1024,
            idle_connections: 64,
            idle_time: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            response_body: 8 << 20,
            redirects: 10,
        }
    }
}

/// Makes a [`Client`] with other [`Bounds`] than the default ones. May go to another thread, unlike
/// the client: so that each thread makes its own.
///
/// ```
/// use std::time::Duration;
/// use container::client::Client;
///
/// let client = Client::builder().connections_per_host(8).request_timeout(Duration::from_secs(2));
/// assert_eq!(client.build().bounds().connections_per_host, 8);
/// ```
#[derive(Clone, Default)]
#[must_use = "a builder does nothing before `build`"]
pub struct ClientBuilder {
    bounds: Bounds,
    guard: Option<Arc<dyn Guard>>,
    #[cfg(feature = "tls")]
    trust: Option<Trust>,
}

macro_rules! setters {
    ($($name:ident: $kind:ty),+ $(,)?) => {
        $(
            #[doc = concat!("Sets [`Bounds::", stringify!($name), "`].")]
            pub fn $name(mut self, $name: $kind) -> Self {
                self.bounds.$name = $name;
                self
            }
        )+
    };
}

impl ClientBuilder {
    setters! {
        waiting_per_host: usize,
        idle_connections: usize,
        idle_time: Duration,
        connect_timeout: Duration,
        request_timeout: Duration,
        response_body: usize,
        redirects: u32,
    }

    /// Sets [`Bounds::connections_per_host`]; at least 1, without which nothing could be sent.
    pub fn connections_per_host(mut self, connections_per_host: usize) -> Self {
        self.bounds.connections_per_host = connections_per_host.max(1);
        self
    }

    /// Has `guard` decide whom the client may ask. Default: anybody.
    pub fn guard(mut self, guard: impl Guard) -> Self {
        self.guard = Some(Arc::new(guard));
        self
    }

    /// Has the client believe these authorities, and no others, about who an `https` server is.
    /// Default: [`Trust::web`].
    #[cfg(feature = "tls")]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = Some(trust);
        self
    }

    /// The client.
    pub fn build(self) -> Client {
        #[cfg(feature = "tls")]
        let dialler = Dialler::trusting(self.trust);
        #[cfg(not(feature = "tls"))]
        let dialler = Dialler::default();
        Client::from_parts(self.bounds, self.guard, dialler)
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientBuilder")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}
