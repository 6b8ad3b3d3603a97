//! A result that cannot be answered is named.
//~ `u64` cannot be answered by a handler
//~ answers are text, bytes, `Json<T>`, `Html<T>`, `StatusCode`, `Response`

use container::router::Router;

async fn handler() -> u64 {
    7
}

fn main() {
    let _ = Router::new().get("/", handler);
}
