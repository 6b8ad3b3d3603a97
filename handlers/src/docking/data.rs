//! The tables of the docking API. Read-only, and here for as long as the process.

use schemars::JsonSchema;
use serde::Serialize;

/// Somebody of the purchasing department.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(example = USERS[2])]
pub struct User {
    /// Identifier; text, also where it looks like a number.
    pub id: &'static str,
    /// Full name.
    pub name: &'static str,
    /// `sales` or `manager`.
    pub role: &'static str,
}

/// Somebody the department sells to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(example = CUSTOMERS[0])]
pub struct Customer {
    /// Identifier; text, also where it looks like a number.
    pub id: &'static str,
    /// Full name.
    pub name: &'static str,
    /// Identifier of the user who looks after them.
    pub sales_id: &'static str,
}

/// All users.
pub(super) const USERS: [User; 3] = [
    user("1", "John Liu", "sales"),
    user("2", "Bruce Lee", "sales"),
    user("3", "Chuck Norris", "manager"),
];

/// All customers.
pub(super) const CUSTOMERS: [Customer; 5] = [
    customer("1", "Andy Ziemmer", "1"),
    customer("2", "Michael Jordan", "1"),
    customer("3", "Kobe Bryant", "2"),
    customer("4", "Nick Kamar", "2"),
    customer("5", "Jack Bledie", "2"),
];

const fn user(id: &'static str, name: &'static str, role: &'static str) -> User {
    User { id, name, role }
}

const fn customer(id: &'static str, name: &'static str, sales_id: &'static str) -> Customer {
    Customer { id, name, sales_id }
}
