//! What is answered about accounts, in the names that clients know.

use container::extract::Json;
use schemars::JsonSchema;
use serde::Serialize;

use crate::store::Account;

/// An account as clients see it: without its password.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = User::example())]
pub(super) struct User {
    /// From 1.
    pub(super) id: i64,
    /// What its owner is called.
    pub(super) name: String,
    /// Where its owner gets mail.
    pub(super) email: String,
    /// Whether it may be used: its address was confirmed, or nobody asked for that.
    pub(super) active: bool,
    /// When it was added, in RFC 3339.
    pub(super) created: String,
}

/// That something was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Done {
    /// What was done, for people.
    message: String,
}

/// That something was done with an account.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DoneWith {
    /// The account.
    user: User,
    /// What was done, for people.
    message: String,
}

/// A login.
#[derive(Serialize, JsonSchema)]
pub(super) struct LoggedIn {
    /// Who has logged in.
    pub(super) user: User,
    /// A greeting.
    pub(super) message: String,
    /// A JSON Web Token, for `Authorization: Bearer ..`.
    pub(super) token: String,
}

/// Says that something was done.
pub(super) fn done(message: impl Into<String>) -> Json<Done> {
    let message = message.into();
    Json(Done { message })
}

/// Says that something was done with an account.
pub(super) fn done_with(account: Account, message: &str) -> Json<DoneWith> {
    Json(DoneWith {
        user: account.into(),
        message: message.to_owned(),
    })
}

impl User {
    fn example() -> User {
        User {
            id: 1,
            name: "Ann Lee".to_owned(),
            email: "ann@example.org".to_owned(),
            active: true,
            created: "2026-05-04T10:20:30Z".to_owned(),
        }
    }
}

impl From<Account> for User {
    fn from(account: Account) -> Self {
        let created = jiff::Timestamp::from_second(account.created.0);
        User {
            id: account.id,
            name: account.name,
            email: account.email,
            active: account.active,
            // Only a moment thousands of years away cannot be told.
            created: created.map_or_else(|_| String::new(), |time| time.to_string()),
        }
    }
}
