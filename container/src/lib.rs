//! An asynchronous web container.
#![forbid(unsafe_code)]

pub mod net;
pub mod reactor;
