//! A plain `fn` does not say where it runs.
//~ a plain function that returns `&'static str` has to say where it runs
//~ `inline(f)` runs it on the worker, if it returns at once
//~ `blocking(f)` runs it on a thread of the pool, if it may wait

use container::router::Router;

fn hello() -> &'static str {
    "hello"
}

fn main() {
    let _ = Router::new().get("/", hello);
}
