//! Handlers have at most eight arguments.
//~ is not a handler
//~ handlers are functions of at most 8 arguments

use container::message::Method as M;
use container::router::Router;

async fn handler(_: M, _: M, _: M, _: M, _: M, _: M, _: M, _: M, _: M) {}

fn main() {
    let _ = Router::new().get("/", handler);
}
