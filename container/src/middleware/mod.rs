//! Middleware: async functions around handlers.
//!
//! A middleware gets the request and the [`Next`] step, and answers. It may change the request
//! before it calls `next.run(request)`, change the response afterwards, or answer by itself.
//!
//! ```
//! use container::handler::IntoResponse;
//! use container::message::{HeaderValue, Request, Response};
//! use container::middleware::Next;
//! use container::router::Router;
//!
//! async fn mark(request: Request, next: Next) -> Response {
//!     next.run(request).await.with_header("x-served-by", HeaderValue::from_static("container"))
//! }
//!
//! let routes = Router::new().get("/", async || "hello").layer(mark).build();
//! assert!(routes.is_ok());
//! ```
//!
//! Knows nothing of routes and lanes: what it wraps is a function from a request to a
//! [`Reply`](crate::handler::Reply). A middleware runs on the worker, so it must not block.

mod header;
mod layer;

pub use header::set_header;
pub use layer::{Layer, Middleware, Next, start};
