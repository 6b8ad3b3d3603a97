//! What is right compiles; if it does not, no other case proves anything.

use container::extract::{Json, Path};
use container::handler::{blocking, inline};
use container::message::{Request, Response};
use container::middleware::Next;
use container::router::Router;

async fn pending(Path(id): Path<u64>, Json(name): Json<String>) -> String {
    format!("{id}: {name}")
}

fn quick() -> &'static str {
    "quick"
}

async fn around(request: Request, next: Next) -> Response {
    next.run(request).await
}

fn main() {
    let captured = String::from("captured");
    let _ = Router::new()
        .get("/", inline(quick))
        .get("/slow", blocking(quick).queue(8))
        .put("/{id}", pending)
        .post("/", async |Path(id): Path<u64>| Json(id))
        .delete("/", move || {
            let captured = captured.clone();
            async move { captured }
        })
        .layer(around);
}
