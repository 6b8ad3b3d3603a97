//! What the tests share: an application with a handler of each kind, a reader of answers, the
//! container on real sockets, and the programs of the system that are its clients.

mod answer;
mod application;
pub mod loopback;
pub mod program;

pub use answer::{Answer, read_answers};
pub use application::{application, server};
