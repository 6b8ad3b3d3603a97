//! What the routes say about themselves.

use std::collections::BTreeMap;

use super::answers::{Done, DoneWith, LoggedIn, User};
use super::errors::ErrorBody;
use super::forms::{LoginForm, NewUser, Page, PasswordForm, ResetForm, UserChange};
use super::simple_data::{Change, Keys};
use crate::openapi::{Application, Bearer, Content, Operation, json, nothing, text};

const SIMPLE_DATA: Application = Application {
    name: "Simple data",
    about: "Names and values in a database.",
};

const ACCOUNTS: Application = Application {
    name: "Accounts",
    about: "Accounts that are confirmed and reset by mail, and logins. Unless the server protects \
            them, the routes below /api/user are open to everybody.",
};

const LOGIN: Bearer = Bearer {
    name: "login",
    format: "JWT",
    about: "The token that `POST /api/login` answers, until `PUT /api/logout` or its end.",
};

/// Names and values.
type Entries = BTreeMap<String, String>;

const EXAMPLE_TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

pub(super) fn find_value() -> Operation {
    of(SIMPLE_DATA, "Look up a value")
        .query::<Keys>()
        .answer(200, "the value of the key", text().example("vscode"))
        .answer(400, "no key, or an unknown one", error())
}

pub(super) fn add_keys() -> Operation {
    of(SIMPLE_DATA, "Add keys with empty values")
        .about("Each `key` of the query is added, or none of them.")
        .query::<Keys>()
        .answer(201, "what was added", json::<Entries>())
        .answer(400, "no key, or one that exists already", error())
}

pub(super) fn add_values() -> Operation {
    of(SIMPLE_DATA, "Add keys with values")
        .about("All members of the object are added, or none of them.")
        .body(json::<Entries>().example(serde_json::json!({ "shell": "fish" })))
        .answer(201, "what was added", json::<Entries>())
        .answer(
            400,
            "a key that exists already, or something else than texts",
            error(),
        )
}

pub(super) fn change_value() -> Operation {
    of(SIMPLE_DATA, "Change a value")
        .query::<Keys>()
        .body(json::<Change>())
        .answer(200, "the key with its value", json::<Entries>())
        .answer(400, "no key, an unknown one, or no value", error())
}

pub(super) fn remove_key() -> Operation {
    of(SIMPLE_DATA, "Remove a key")
        .query::<Keys>()
        .answer(200, "the key is removed", json::<Done>())
        .answer(400, "no key, or an unknown one", error())
}

/// Whom the routes below `/user` serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Users {
    /// Anybody.
    Open,
    /// Those who have logged in; and an account is changed by its owner only.
    Protected,
}

impl Users {
    pub(super) fn list(self) -> Operation {
        self.read("List users")
            .query::<Page>()
            .answer(200, "users, by their ids", json::<Vec<User>>())
            .field("Link", "where the next page is, if there may be one")
    }

    pub(super) fn find(self) -> Operation {
        self.read("Look up a user")
            .about("Takes five seconds, on purpose.")
            .path::<i64>("id", "id of the user", 1)
            .answer(200, "the user", json::<User>())
            .answer(404, "there is no such user", error())
            .slow()
    }

    pub(super) fn add(self) -> Operation {
        limited(self.change_of("Add a user"))
            .about("The account is active at once.")
            .body(json::<NewUser>())
            .answer(201, "the user", json::<User>())
            .field("Location", "the user's path")
            .answer(400, "fields that are missing, malformed or taken", error())
    }

    pub(super) fn change(self) -> Operation {
        limited(self.change_of("Change a user"))
            .path::<i64>("id", "id of the user", 1)
            .body(json::<UserChange>())
            .answer(200, "the user, changed", json::<User>())
            .answer(
                202,
                "the user, changed but for the address, which is to be confirmed by mail",
                json::<User>(),
            )
            .answer(400, "fields that are malformed or taken", error())
            .answer(404, "there is no such user", error())
    }

    pub(super) fn remove(self) -> Operation {
        self.change_of("Remove a user")
            .path::<i64>("id", "id of the user", 1)
            .answer(200, "the user is removed", json::<Done>())
            .answer(404, "there is no such user", error())
    }

    pub(super) fn remove_all(self) -> Operation {
        self.change_of("Remove all users")
            .answer(200, "all users are removed", json::<Done>())
    }

    /// A route that looks at accounts.
    fn read(self, summary: &'static str) -> Operation {
        match self {
            Users::Open => of(ACCOUNTS, summary),
            Users::Protected => of(ACCOUNTS, summary).login(LOGIN),
        }
    }

    /// A route that changes accounts.
    fn change_of(self, summary: &'static str) -> Operation {
        match self {
            Users::Open => self.read(summary),
            Users::Protected => {
                self.read(summary)
                    .answer(403, "this is another's account", error())
            }
        }
    }
}

pub(super) fn register() -> Operation {
    limited(of(ACCOUNTS, "Register"))
        .about("Adds an account that is not active, and mails a link that makes it so.")
        .body(json::<NewUser>())
        .answer(201, "the account", json::<DoneWith>())
        .answer(400, "fields that are missing, malformed or taken", error())
}

pub(super) fn confirm() -> Operation {
    of(ACCOUNTS, "Confirm an address")
        .about("Where the mailed link leads: it works once, and for five days.")
        .path::<String>("token", "the token that was mailed", EXAMPLE_TOKEN)
        .answer(200, "the account is active", json::<DoneWith>())
        .answer(
            400,
            "the link is unknown, used already, or expired",
            error(),
        )
}

pub(super) fn look_at_link() -> Operation {
    of(ACCOUNTS, "Look at a link")
        .about("Whether the mailed link would work, which it still does then.")
        .path::<String>("token", "the token that was mailed", EXAMPLE_TOKEN)
        .answer(200, "it would make the account active", nothing())
        .answer(
            400,
            "the link is unknown, used already, or expired",
            nothing(),
        )
}

pub(super) fn log_in() -> Operation {
    limited(of(ACCOUNTS, "Log in"))
        .body(json::<LoginForm>())
        .answer(200, "the login", json::<LoggedIn>())
        .answer(
            400,
            "wrong name or password, or an account that is not active",
            error(),
        )
}

pub(super) fn log_out() -> Operation {
    of(ACCOUNTS, "Log out")
        .about("Revokes the token that the request brings.")
        .login(LOGIN)
        .answer(200, "the login is revoked", json::<Done>())
}

pub(super) fn begin_reset() -> Operation {
    limited(of(ACCOUNTS, "Ask for another password"))
        .about("Mails a link, if there is an account; the answer is the same if there is none.")
        .body(json::<ResetForm>())
        .answer(202, "perhaps a mail is on its way", json::<Done>())
        .answer(400, "this is no address", error())
}

pub(super) fn finish_reset() -> Operation {
    limited(of(ACCOUNTS, "Choose another password"))
        .about("The link works once, and for an hour. All logins end, and the account is active.")
        .path::<String>("token", "the token that was mailed", EXAMPLE_TOKEN)
        .body(json::<PasswordForm>())
        .answer(200, "the password is changed", json::<DoneWith>())
        .answer(400, "the password or the link is no good", error())
}

fn of(application: Application, summary: &'static str) -> Operation {
    Operation::new(application, summary)
        .refusals(error())
        .stores()
}

/// The same as a route that may be tried only so often.
fn limited(operation: Operation) -> Operation {
    operation
        .answer(429, "too many attempts", error())
        .field("Retry-After", "when to try again, in seconds")
}

fn error() -> Content {
    json::<ErrorBody>()
}
