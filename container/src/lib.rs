//! An asynchronous web container.
#![forbid(unsafe_code)]

pub mod client;
pub mod http1;
pub mod message;
pub mod net;
pub mod reactor;
