//! What is no function is no middleware.
//~ is not a middleware
//~ a middleware is an `async fn(request: Request, next: Next) -> impl IntoResponse`

use container::router::Router;

fn main() {
    let _ = Router::new().layer("log");
}
