//! An asynchronous web container: its own reactor (mio), its own HTTP/1 machine (on httparse) and a
//! handler-scheduling layer that one can read in the routing table. No runtime besides it.
//!
//! ```no_run
//! use container::{Container, Handler, Router, blocking, extract::Path, inline};
//! use std::time::Duration;
//!
//! async fn greet(Path(name): Path<String>) -> String { format!("Hello, {name}!") }
//! fn report() -> String { "computed for a long time".to_owned() }
//!
//! fn main() -> Result<(), container::Error> {
//!     let router = Router::new()
//!         .get("/health", inline(|| "ok"))                          // on the worker, on the spot
//!         .get("/hello/{name}", greet)                              // a task on the worker
//!         .get("/report", blocking(report).concurrency(4).queue(16)) // on a thread of the pool
//!         .get("/slow", greet_slowly.deadline(Duration::from_secs(2)));
//!     println!("{}", Container::builder().bind("127.0.0.1:8888").serve(router)?);
//!     Ok(())
//! }
//! # async fn greet_slowly() -> &'static str { container::sleep(Duration::from_secs(1)).await; "hi" }
//! ```
//!
//! # Where to look
//!
//! * [`Router`], [`handler`], [`extract`], [`middleware`]: what an application is made of.
//! * [`Container`], [`server::Builder`], [`server::Handle`]: how it is run and stopped.
//! * [`sleep`], [`timeout`], [`Deadline`], [`spawn_local`], [`detach`], [`spawn_blocking`],
//!   [`block_on`], [`PerWorker`], [`net`], [`client`]: what handlers may use.
//! * [`testing`]: the whole server in memory, with a clock that the test moves.
//! * [`observe`]: the access log, and what is counted by route; [`admin`]: health, metrics and a
//!   dashboard.
//! * [`reactor`], [`http1`], [`scheduler`]: the layers, each usable by itself.
#![forbid(unsafe_code)]

pub mod admin;
pub mod client;
pub mod config;
mod error;
pub mod extract;
pub mod handler;
pub mod http1;
pub mod message;
pub mod middleware;
pub mod net;
pub mod observe;
pub mod reactor;
pub mod router;
pub mod scheduler;
pub mod server;
pub mod testing;

pub use config::Config;
pub use error::Error;
pub use handler::{Handler, Html, IntoResponse, Problem, Sse, SseEvent, blocking, inline};
pub use message::{Body, Request, Response, StatusCode};
pub use middleware::Next;
pub use reactor::{Deadline, PerWorker, sleep, sleep_until, spawn_local, timeout, yield_now};
pub use router::Router;
pub use scheduler::{block_on, draining, is_ready, local_body, spawn_blocking};
pub use server::{Container, Report, detach};
