//! An asynchronous web container.
#![forbid(unsafe_code)]

pub mod http1;
pub mod message;
pub mod net;
pub mod reactor;
