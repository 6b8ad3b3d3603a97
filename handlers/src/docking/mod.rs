//! The docking API: the purchasing department's users, and the customers each of them looks after.
//!
//! The data is read at once, but every route except `/` waits before it answers, as it would for a
//! slow database. The same routes are there twice, on the two lanes that may wait: as tasks under
//! `/users` and `/customers`, and on threads of the pool under `/blocking/..`. They differ in how
//! they wait and in nothing else.
//!
//! | route | answer |
//! |---|---|
//! | `GET /` | the text `Docking API`, without delay |
//! | `GET /users{?name,role}` | an array of users |
//! | `GET /users/{userId}` | a user, or 404 |
//! | `GET /customers{?name,salesId}` | an array of customers |
//! | `GET /customers/{customerId}` | a customer, or 404 |

mod data;
mod queries;

use std::thread;
use std::time::Duration;

use container::extract::{Path, Query, State};
use container::{Router, blocking, inline, sleep};
pub use data::{Customer, User};
pub use queries::{
    CustomerFilter, ResourceNotFound, UserFilter, find_customer, find_user, list_customers,
    list_users,
};

/// What `GET /` says.
const NAME: &str = "Docking API";

/// How long the database takes.
#[derive(Debug, Clone, Copy)]
struct Delay(Duration);

/// The routes, with a database that takes `delay`.
pub fn router(delay: Duration) -> Router {
    Router::new()
        .get("/", inline(|| NAME))
        .merge(waiting())
        .nest("/blocking", blocked())
        .state(Delay(delay))
}

/// The routes as tasks: any number of them waits on one worker.
fn waiting() -> Router {
    Router::new()
        .get("/users", async |State(Delay(delay)), Query(filter)| {
            sleep(delay).await;
            list_users(&filter)
        })
        .get("/users/{id}", async |State(Delay(delay)), Path(id)| {
            sleep(delay).await;
            find_user(id)
        })
        .get("/customers", async |State(Delay(delay)), Query(filter)| {
            sleep(delay).await;
            list_customers(&filter)
        })
        .get("/customers/{id}", async |State(Delay(delay)), Path(id)| {
            sleep(delay).await;
            find_customer(id)
        })
}

/// The routes on the pool: as many wait as it has threads, the others queue.
fn blocked() -> Router {
    Router::new()
        .get(
            "/users",
            blocking(|State(Delay(delay)), Query(filter)| {
                thread::sleep(delay);
                list_users(&filter)
            }),
        )
        .get(
            "/users/{id}",
            blocking(|State(Delay(delay)), Path(id)| {
                thread::sleep(delay);
                find_user(id)
            }),
        )
        .get(
            "/customers",
            blocking(|State(Delay(delay)), Query(filter)| {
                thread::sleep(delay);
                list_customers(&filter)
            }),
        )
        .get(
            "/customers/{id}",
            blocking(|State(Delay(delay)), Path(id)| {
                thread::sleep(delay);
                find_customer(id)
            }),
        )
}
