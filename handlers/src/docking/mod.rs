//! The docking API: the purchasing department's users, and the customers each of them looks after.
//!
//! The data is read at once, but every route waits before it answers, as it would for a slow
//! database. The same routes are there twice, on the two lanes that may wait: as tasks under
//! `/users` and `/customers`, and on threads of the pool under `/blocking/..`. They differ in how
//! they wait and in nothing else.
//!
//! | route | answer |
//! |---|---|
//! | `GET /users{?name,role}` | an array of users |
//! | `GET /users/{userId}` | a user, or 404 |
//! | `GET /customers{?name,salesId}` | an array of customers |
//! | `GET /customers/{customerId}` | a customer, or 404 |
//!
//! The API's root, `GET /`, is the server's own ([`pages`](crate::pages)), which says this API's
//! [`NAME`] without delay.

mod data;
mod operations;
mod queries;

use std::thread;
use std::time::Duration;

use container::extract::{Path, Query, State};
use container::{Handler, Router, blocking, sleep};
pub use data::{Customer, User};
pub use queries::{
    CustomerFilter, ResourceNotFound, UserFilter, find_customer, find_user, list_customers,
    list_users,
};

/// What it is called.
pub const NAME: &str = "Docking API";

/// How long the database takes.
#[derive(Debug, Clone, Copy)]
struct Delay(Duration);

/// The routes, with a database that takes `delay`.
pub fn router(delay: Duration) -> Router {
    Router::new()
        .merge(waiting())
        .nest("/blocking", blocked())
        .state(Delay(delay))
}

/// The routes as tasks: any number of them waits on one worker.
fn waiting() -> Router {
    let users = async |State(Delay(delay)), Query(filter)| {
        sleep(delay).await;
        list_users(&filter)
    };
    let user = async |State(Delay(delay)), Path(id): Path<String>| {
        sleep(delay).await;
        find_user(&id)
    };
    let customers = async |State(Delay(delay)), Query(filter)| {
        sleep(delay).await;
        list_customers(&filter)
    };
    let customer = async |State(Delay(delay)), Path(id): Path<String>| {
        sleep(delay).await;
        find_customer(&id)
    };
    Router::new()
        .get("/users", users.annotate(operations::users()))
        .get("/users/{id}", user.annotate(operations::user()))
        .get("/customers", customers.annotate(operations::customers()))
        .get("/customers/{id}", customer.annotate(operations::customer()))
}

/// The routes on the pool: as many wait as it has threads, the others queue.
fn blocked() -> Router {
    let users = blocking(|State(Delay(delay)), Query(filter)| {
        thread::sleep(delay);
        list_users(&filter)
    });
    let user = blocking(|State(Delay(delay)), Path(id): Path<String>| {
        thread::sleep(delay);
        find_user(&id)
    });
    let customers = blocking(|State(Delay(delay)), Query(filter)| {
        thread::sleep(delay);
        list_customers(&filter)
    });
    let customer = blocking(|State(Delay(delay)), Path(id): Path<String>| {
        thread::sleep(delay);
        find_customer(&id)
    });
    Router::new()
        .get("/users", users.annotate(operations::users()))
        .get("/users/{id}", user.annotate(operations::user()))
        .get("/customers", customers.annotate(operations::customers()))
        .get("/customers/{id}", customer.annotate(operations::customer()))
}
