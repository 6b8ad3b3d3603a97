//! What the routes say about themselves. The same on both lanes.

use serde_json::json as value;

use super::data::{Customer, User};
use super::queries::{CustomerFilter, ResourceNotFound, UserFilter};
use crate::openapi::{Application, Operation, json};

const DOCKING: Application = Application {
    name: "Docking API",
    about: "The purchasing department's users, and the customers each of them looks after, behind a \
            slow database: every answer takes half a second, unless the server was told otherwise.",
};

pub(super) fn users() -> Operation {
    Operation::new(DOCKING, "List users")
        .about("Filters narrow the list together; a list that nothing is left of is empty.")
        .query::<UserFilter>()
        .answer(200, "the users that pass", json::<Vec<User>>())
}

pub(super) fn user() -> Operation {
    let unknown = json::<ResourceNotFound>();
    Operation::new(DOCKING, "Look up a user")
        .path::<String>("id", "identifier of the user", "3")
        .answer(200, "the user", json::<User>())
        .answer(404, "there is no such user", unknown)
}

pub(super) fn customers() -> Operation {
    Operation::new(DOCKING, "List customers")
        .about("Filters narrow the list together; a list that nothing is left of is empty.")
        .query::<CustomerFilter>()
        .answer(200, "the customers that pass", json::<Vec<Customer>>())
}

pub(super) fn customer() -> Operation {
    let unknown = json::<ResourceNotFound>().example(value!({
        "type": "ResourceNotFound",
        "message": "Customer ID 9 not found",
    }));
    Operation::new(DOCKING, "Look up a customer")
        .path::<String>("id", "identifier of the customer", "1")
        .answer(200, "the customer", json::<Customer>())
        .answer(404, "there is no such customer", unknown)
}
