//! What a container tells those who watch it: whether it lives and wants traffic, its counters for
//! Prometheus and as JSON, and a page that shows them.
//!
//! | route | answers | for whom |
//! |---|---|---|
//! | `/-/live` | 200; 503 when all workers have died, or were held for 5 s | who restarts |
//! | `/-/ready` | 200 when the container wants traffic and a worker is free to serve, else 503 | who sends traffic |
//! | `/-/metrics` | all counters, Prometheus text format 0.0.4 | who collects |
//! | `/-/stats` | the same as JSON | who asks |
//! | `/-/events` | the same, each second, as Server-Sent Events, to 32 at once; else 503 | the dashboard |
//! | `/-/dashboard` | the page | people |
//!
//! [`health`] has the first two, which give nothing away, for the container's own address: there a
//! worker that is held or dead does not answer at all, and whoever asks must not wait for long.
//! [`routes`] has all of them, for an address of their own: routes, rates and times are nobody's
//! business but the operator's, and a container of its own answers however busy the other one is.
//!
//! ```no_run
//! use container::{Container, Router, admin};
//!
//! let router = Router::new().get("/", async || "hello").merge(admin::health());
//! let container = Container::builder().bind("127.0.0.1:8888").start(router)?;
//! let watched = container.handle();
//! let admin = Container::builder().bind("127.0.0.1:9999").workers(1).start(admin::routes(watched))?;
//! let report = container.stop_on_signals()?.wait();
//! admin.handle().stop();
//! admin.wait();
//! # Ok::<(), container::Error>(())
//! ```
//!
//! All handlers but that of the events are inline, and all are critical: they draw on no budget, so
//! that a container which is full can still be seen to be.
//!
//! | file | is |
//! |---|---|
//! | `health` | alive and ready |
//! | `snapshot` | everything at one moment |
//! | `exposition`, `metrics` | the text format; what is told in it |
//! | `overload` | how full the budgets are, and who was turned away, in both forms |
//! | `stats` | the snapshot as JSON |
//! | `events` | the snapshot each second |
//! | `dashboard` | the page |

mod dashboard;
mod events;
mod exposition;
mod health;
mod metrics;
mod overload;
mod snapshot;
mod stats;

use crate::handler::{Endpoint, Handler, Priority, inline};
use crate::router::Router;
use crate::server::Handle;

/// `/-/live` and `/-/ready` of the container that serves them.
///
/// ```
/// use container::{Router, admin, testing::Server};
///
/// let server = Server::new(Router::new().merge(admin::health()));
/// let answer = server.exchange("GET /-/ready HTTP/1.1\r\nHost: a\r\n\r\n");
/// assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("running\n"));
/// ```
pub fn health() -> Router {
    Router::new()
        .get("/-/live", live())
        .get("/-/ready", ready())
}

/// 200 as long as a worker serves: from the container's own address, whenever it answers. For routes
/// of another name than [`health`] has, or with more to say about them.
pub fn live() -> Endpoint {
    critical(inline(health::live))
}

/// 200 when the container that serves it wants traffic, else 503.
pub fn ready() -> Endpoint {
    critical(inline(health::ready))
}

/// Everything about the container of this handle; `/` leads to the dashboard.
///
/// Whoever can send requests here can read it: serve it at an address that only operators reach.
pub fn routes(watched: Handle) -> Router {
    Router::new()
        .get("/", critical(inline(dashboard::lead)))
        .get("/-/dashboard", critical(inline(dashboard::page)))
        .get("/-/metrics", critical(inline(metrics::metrics)))
        .get("/-/stats", critical(inline(stats::stats)))
        .get("/-/events", critical(events::events))
        .merge(health())
        .state(health::Watched(watched))
        .state(events::Readers::new())
}

/// Never shed: when there is not room for all, those who watch need it most.
fn critical<Args>(handler: impl Handler<Args>) -> Endpoint {
    handler.priority(Priority::Critical)
}
