//! An `async fn` needs no lane.
//~ cannot be answered by a handler
//~ if it is a future: an `async fn` is a handler as it is, without `inline(..)` or `blocking(..)`

use container::handler::inline;
use container::router::Router;

async fn hello() {}

fn main() {
    let _ = Router::new().get("/", inline(hello));
}
