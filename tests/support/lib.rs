//! What the tests share: an application with a handler of each kind, and a reader of answers.

mod answer;
mod application;

pub use answer::{Answer, read_answers};
pub use application::{application, server};
