//! What the tests share: an application with a handler of each kind, a reader of answers, random
//! numbers, and what is fuzzed.

mod answer;
mod application;
mod listener;
mod random;
pub mod targets;

pub use answer::{Answer, read_answers};
pub use application::{application, server};
pub use listener::{Heard, Listener};
pub use random::Random;
