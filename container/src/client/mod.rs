//! Outgoing HTTP for handlers: a pool of keep-alive connections, timeouts, redirects, all bounded.
//!
//! A [`Client`] belongs to the reactor of one thread, like the handlers that use it. Answers are
//! read whole, up to a limit. `https://` is spoken with the feature `tls`.
//!
//! | file | is |
//! |---|---|
//! | `send` | [`Client`]: one request, its retry and its redirects |
//! | `config` | [`Bounds`] and [`ClientBuilder`]: every limit by its name |
//! | `request` | [`ClientRequest`]: what to ask for |
//! | `guard` | [`Guard`]: whom a client may ask, so that an application is no open proxy |
//! | `redirect` | what a 3xx answer makes of a request |
//! | `pool` | connections in use, idle ones, and who waits for one |
//! | `dial` | from addresses to a stream, over TLS where that is asked for |
//! | `trust` | [`Trust`]: whose certificates are believed; only with the feature `tls` |
//! | `connection` | one connection: the place where `net` and `http1` meet |
//! | `resolve` | names to addresses, on a thread of its own |
//! | `url`, `error` | [`Url`], [`Error`] |

mod config;
mod connection;
mod dial;
mod error;
mod guard;
mod pool;
mod redirect;
mod request;
mod resolve;
mod send;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod trust;
mod url;

pub use config::{Bounds, ClientBuilder};
pub use error::Error;
pub use guard::{Guard, PublicOnly, is_public};
pub use request::ClientRequest;
pub use send::Client;
#[cfg(feature = "tls")]
pub use trust::{Trust, TrustError};
pub use url::{Url, UrlError};
