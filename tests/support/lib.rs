//! What the tests share: an application with a handler of each kind, requests for it, readers of
//! answers, logs and metrics, random numbers, what is fuzzed, a worker without a container, the
//! container on real sockets, and the programs that are its clients or its servers.

mod answer;
mod application;
pub mod browser;
mod certificate;
pub mod exposition;
mod listener;
pub mod log;
pub mod loopback;
pub mod postgres;
pub mod program;
mod random;
pub mod records;
mod request;
pub mod smtp;
pub mod targets;
mod worker;

pub use answer::{Answer, read_answers, read_begun};
pub use application::{application, server};
pub use certificate::{Authority, Certificate};
pub use listener::{Heard, Listener};
pub use random::Random;
pub use request::{GET, LAST, get, last};
pub use worker::on_worker;
