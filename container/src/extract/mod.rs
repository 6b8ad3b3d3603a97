//! Extractors: the arguments that handlers take, made from requests.
//!
//! | argument | is | refused with |
//! |---|---|---|
//! | [`Path<T>`] | what the route's pattern captured | 400 |
//! | [`Query<T>`] | the query | 400 |
//! | [`State<T>`] | a value given to `Router::state` | [`Router::build`] reports it |
//! | [`Extension<T>`] | a value that a middleware left | 500 |
//! | [`LastEventId`] | the event after which a client goes on | - |
//! | [`PeerAddress`], `Method`, `Version`, `HeaderMap` | what they say | - |
//! | [`RequestId`](crate::message::RequestId) | what the request is called in the log | - |
//! | [`TraceContext`](crate::message::TraceContext) | its place in a trace | - |
//! | [`CarriedTrace`] | the same, where traces are carried | - |
//! | [`Cancellation`](crate::handler::Cancellation) | whether anybody still waits | - |
//! | [`Deadline`](crate::reactor::Deadline) | how long anybody will wait | - |
//! | `Option<T>`, `Result<T, T::Rejection>` | an extractor that may fail | - |
//! | [`Json<T>`] | the body as JSON; last | 415, 400, 422 |
//! | [`Form<T>`] | an HTML form; last | 415, 400 |
//! | `Bytes`, `Vec<u8>`, `String` | the whole body; last | 400 (not UTF-8) |
//! | `Body`, `Request` | as it comes (whole, in a plain function); last | - |
//! | [`BodyReader`](crate::message::BodyReader) | as it comes, as `std::io::Read` (whole, unless `blocking`); last | - |
//!
//! The last four kinds take the body, so a handler has at most one of them, as its last argument.
//! Bodies are whole when an extractor that wants them so is called: nothing here waits.
//!
//! | file | is |
//! |---|---|
//! | `head`, `path`, `form`, `json`, `body` | the extractors, by what they read |
//! | `encoded` | the URL encoding of forms, with the names of what is wrong |
//! | `parameters` | what a pattern captured, as serde reads it |
//! | `optional` | extractors that may fail |
//! | `rejection` | why an argument could not be made |
//!
//! ```
//! use container::extract::{Json, Path, State};
//! use container::router::Router;
//! use std::sync::Arc;
//!
//! async fn rename(
//!     Path(id): Path<u64>,
//!     State(greeting): State<Arc<str>>,
//!     Json(name): Json<String>,
//! ) -> String {
//!     format!("{greeting}, {name} ({id})")
//! }
//!
//! let greeting: Arc<str> = "hello".into();
//! let routes = Router::new().put("/users/{id}", rename).state(greeting).build();
//! assert!(routes.is_ok());
//! ```
//!
//! [`Router::build`]: crate::router::Router::build

mod body;
mod encoded;
mod form;
mod head;
mod json;
mod optional;
mod parameters;
mod path;
mod rejection;
#[cfg(test)]
mod tests;

pub use form::{Form, Query};
pub use head::{CarriedTrace, Extension, LastEventId, PeerAddress, State};
pub use json::Json;
pub use path::Path;
pub use rejection::Rejection;
