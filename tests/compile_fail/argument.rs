//! An argument that cannot be made from a request is named.
//~ `Unknown` cannot be the last argument of a handler
//~ arguments are `Path<T>`, `Query<T>`, `State<T>`, `HeaderMap`, `Method`, ..
//~ required for `fn(Unknown) -> impl Future<Output = ()> {handler}` to implement `Handler

use container::router::Router;

struct Unknown;

async fn handler(_: Unknown) {}

fn main() {
    let _ = Router::new().get("/", handler);
}
