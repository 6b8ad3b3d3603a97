//! What the tests share: an application with a handler of each kind, requests for it, readers of
//! answers, logs and metrics, random numbers, what is fuzzed, the container on real sockets, and the
//! programs of the system that are its clients.

mod answer;
mod application;
pub mod browser;
pub mod exposition;
mod listener;
pub mod log;
pub mod loopback;
pub mod program;
mod random;
mod request;
pub mod targets;

pub use answer::{Answer, read_answers, read_begun};
pub use application::{application, server};
pub use listener::{Heard, Listener};
pub use random::Random;
pub use request::{GET, LAST, get, last};
