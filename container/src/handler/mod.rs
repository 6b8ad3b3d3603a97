//! What users' code is: handlers, their arguments, their answers, and where they may run.
//!
//! Says *where* a handler is to run (its [`Lane`]) and with which bounds (its [`Policy`]), but runs
//! nothing: that is the scheduler's work. Knows no sockets and no routes.
//!
//! | file | is |
//! |---|---|
//! | `function`, `argument` | which functions can be handlers; what their arguments are made from |
//! | `endpoint` | a handler with its types gone, as the routing table holds it |
//! | `policy`, `budget` | where it runs and what bounds it, as plain data |
//! | `response`, `problem`, `sse` | what it may return; errors; server-sent events |
//! | `error_shape` | errors in the application's own shape |
//! | `cancellation`, `panic` | nobody waits for it any more; it has panicked |

mod argument;
mod budget;
mod cancellation;
mod endpoint;
mod error_shape;
mod function;
mod panic;
mod policy;
mod problem;
mod response;
mod sse;

pub use argument::{BodyMode, Context, FromHead, FromRequest, Needs, ViaHead, ViaRequest};
pub use budget::{Adaptive, Budget, Concurrency, Patience};
pub use cancellation::Cancellation;
pub use endpoint::{Code, Endpoint, Handler, LocalFuture, Reply, blocking, inline};
pub use error_shape::ErrorShape;
pub use function::{Arguments, Awaitable, Function};
pub use panic::{CatchPanic, Panicked, catch_panic};
pub use policy::{Lane, OnDisconnect, Policy, Priority, ShownPath};
pub use problem::Problem;
pub use response::{Html, IntoResponse};
pub use sse::{Sse, SseEvent};
