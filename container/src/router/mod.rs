//! The routing table: which handler a request belongs to, and which layers are around it.
//!
//! [`Router`] collects, in any order; [`Router::build`] checks all of it at once and makes the
//! immutable [`Routes`] that the workers share. Knows nothing of lanes and connections: it finds,
//! it does not run.
//!
//! | file | is |
//! |---|---|
//! | `builder` | `Router`: what users write down |
//! | `build` | from `Router` to `Routes`, with every check |
//! | `routes` | `Routes`: the table, looked things up in |
//! | `path` | `PathRoutes`: the routes of one path by method, and its `Allow` |
//! | `scope` | `ErrorScopes`: which errors have the shape of which router |
//! | `refusal` | `Refusal`: the answers without a handler: 404, 405, OPTIONS |
//! | `pattern` | joining patterns, decoding parameters |
//! | `hook` | what runs when the container starts and stops |
//! | `error` | what was wrong with the table |
//!
//! # Patterns
//! `/users/{id}` captures one segment, `/files/{*rest}` the rest of the path (at least one
//! character of it), `{{` and `}}` are the braces themselves. Literal segments win over captures.
//! A pattern is compared with the path as it was sent, still percent-encoded; captured values are
//! decoded afterwards, so that `%2F` never separates segments. `/users` and `/users/` are two
//! paths: no slash is added or removed.
//!
//! # Methods
//! Whether a path exists is decided first (404), then whether it takes the method (405 with
//! `Allow`). GET answers HEAD, and `OPTIONS` is answered with `Allow`, unless a route says
//! otherwise.

mod build;
mod builder;
mod error;
mod hook;
mod path;
mod pattern;
mod refusal;
mod routes;
mod scope;
#[cfg(test)]
mod tests;

pub use builder::{Registered, Router};
pub use error::RouterError;
pub use hook::{Hook, HookError, IntoHookResult};
pub use refusal::Refusal;
pub use routes::{Found, Match, Route, Routes};
pub use scope::ErrorScope;
