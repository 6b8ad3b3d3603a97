//! The shop: brands and their products from a database, the time, and one greeting in two calling
//! conventions.
//!
//! | route | answer |
//! |---|---|
//! | `GET /brands` | an array of all brands |
//! | `GET /products/{id}` | a product; 404 where there is none, 400 for what is no number |
//! | `POST /product` | 201 with the product; 400 when a field is missing, or there is no such brand |
//! | `GET /time` | the month, the day and the time of day, in UTC |
//! | `GET /hello/sync`, `GET /hello/async` | `WSGI hello!`, `ASGI hello!` |
//!
//! # Two calling conventions
//! Python has one interface for applications that are called and return, WSGI, and another for those
//! that are awaited, ASGI; which one a server speaks decides what an application may be. Here both
//! are handlers of the same table, and each route says for itself how it is called:
//!
//! - [`/hello/sync`](router) is a plain function, wrapped in [`blocking`]. It may wait for whatever it
//!   likes, for it has a thread of the pool for itself until it returns.
//! - [`/hello/async`](router) is an `async fn`. It is polled by its connection's own task, shares its
//!   thread with thousands of others, and must await where it waits.
//!
//! Neither needs an adapter, and either can be turned into the other by rewriting its own route.
//!
//! | file | is |
//! |---|---|
//! | `products` | what the catalogue is asked for, and the answers |
//! | `whole_number` | numbers without a fraction, however they are written |
//! | `time` | the time |
//! | `operations` | what the routes say about themselves |

mod operations;
mod products;
mod time;
mod whole_number;

use container::{Handler, Html, Router, blocking, inline};

/// The routes that need no database.
pub fn router() -> Router {
    let waiting = hello_async.annotate(operations::hello_async());
    Router::new()
        .get("/time", inline(time::now).annotate(operations::time()))
        .get(
            "/hello/sync",
            blocking(hello_sync).annotate(operations::hello_sync()),
        )
        .get("/hello/async", waiting)
}

/// The routes that ask a [`Catalogue`](crate::store::Catalogue), which is a state.
pub fn catalogue() -> Router {
    Router::new()
        .get("/brands", products::brands.annotate(operations::brands()))
        .get(
            "/products/{id}",
            products::find.annotate(operations::product()),
        )
        .post("/product", products::add.annotate(operations::add()))
}

/// Called, and returns.
fn hello_sync() -> Html<&'static str> {
    Html("WSGI hello!")
}

/// Awaited.
async fn hello_async() -> Html<&'static str> {
    Html("ASGI hello!")
}
