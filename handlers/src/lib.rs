//! The applications that run on the container.
//!
//! | module | is |
//! |---|---|
//! | [`backend`] | a key-value resource, and accounts that are confirmed and reset by mail |
//! | `clock` | what time it is, in virtual time too |
//! | [`docking`] | users and customers of a purchasing department, behind a slow database |
//! | [`fan_out`] | many calls at once, between functions that block and those that do not |
//! | [`health`] | whether the server lives and wants traffic |
//! | [`mail`] | what is written to the owners of accounts, and how it leaves |
//! | `object` | values that are written as objects in JSON |
//! | [`openapi`] | what routes say about themselves, as an OpenAPI document |
//! | [`pages`] | what is served, as a list, as a manual and for tools |
//! | [`probe`] | small routes that show, one at a time, what the container does |
//! | [`shop`] | brands and products, the time, and two ways to call an application |
//! | [`store`] | where the others keep what must outlive them |
//! | `store_failure` | what clients are told when that fails |
//!
//! Each module can be read by itself, and none of them knows where it is served.
//!
//! ```
//! use container::testing::Server;
//!
//! let server = Server::new(handlers::router(&handlers::Options::default()));
//! let answer = server.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
//! assert!(answer.ends_with("\r\n\r\nDocking API"));
//! ```
#![forbid(unsafe_code)]

pub mod backend;
mod clock;
pub mod docking;
pub mod fan_out;
pub mod health;
pub mod mail;
mod object;
pub mod openapi;
pub mod pages;
pub mod probe;
pub mod shop;
pub mod store;
mod store_failure;

use std::time::Duration;

use container::Router;
use mail::{Bell, Sender};
use store::Stores;

/// What can be chosen about the applications.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long the docking API's database takes. Default 500 ms.
    pub delay: Duration,
    /// Whether `/panic/{lane}` and `/stall/{lane}` are there. Default: no.
    pub debug: bool,
    /// Whom `/requests/` may ask, and for how long.
    pub fan_out: fan_out::Options,
    /// Where data is kept. Default: nowhere, and the applications that keep any are not there.
    pub stores: Option<Stores>,
    /// Who sends the mail that is in the queue. Default: nobody, and it stays there.
    pub mail: Option<Sender>,
    /// What can be chosen about the backend, which keeps data.
    pub backend: backend::Options,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            delay: Duration::from_millis(500),
            debug: false,
            fan_out: fan_out::Options::default(),
            stores: None,
            mail: None,
            backend: backend::Options::default(),
        }
    }
}

/// All applications together, with the pages about them.
///
/// A route of a new application says what it does where it is registered: it is annotated with an
/// [`Operation`](openapi::Operation), and so is in `/openapi.json`, on `/docs` and in the list of
/// `/`. A test finds those that say nothing.
pub fn router(options: &Options) -> Router {
    pages::add(applications(options))
}

/// The applications alone.
fn applications(options: &Options) -> Router {
    let router = docking::router(options.delay)
        .merge(shop::router())
        .merge(fan_out::router(&options.fan_out))
        .merge(probe::router())
        .merge(health::router());
    let router = match &options.stores {
        Some(stores) => router.merge(stateful(stores, options)),
        None => router,
    };
    if options.debug {
        router.merge(probe::panics()).merge(probe::stalls())
    } else {
        router
    }
}

/// The applications that keep data. A handler takes the store that it needs as a state, such as
/// `State<Arc<dyn Catalogue>>`, and a [`Bell`] to be rung when it has put mail into the queue.
fn stateful(stores: &Stores, options: &Options) -> Router {
    let (stores, bell) = (stores.clone(), Bell::new());
    let sender = options.mail.as_ref();
    let sender = sender.map(|sender| sender.router(stores.mail_queue.clone(), bell.clone()));
    let backend = backend::router(stores.clone(), bell.clone(), options.backend.clone());
    Router::new()
        .merge(backend)
        .merge(shop::catalogue())
        .merge(sender.unwrap_or_default())
        .state(bell)
        .state(stores.catalogue)
        .state(stores.key_values)
        .state(stores.accounts)
        .state(stores.sessions)
        .state(stores.mail_queue)
}
