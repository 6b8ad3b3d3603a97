//! An asynchronous web container.
#![forbid(unsafe_code)]

pub mod client;
pub mod extract;
pub mod handler;
pub mod http1;
pub mod message;
pub mod middleware;
pub mod net;
pub mod reactor;
pub mod router;
pub mod scheduler;
