//! What the server's errors mean.

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::store::{StoreError, Unique};

/// The two first digits of codes that say that the server cannot serve us now: connections,
/// transactions that gave way, resources, an operator, the system.
const UNAVAILABLE: [&str; 5] = ["08", "40", "53", "57", "58"];

/// Those of codes that say something about the data, and nothing about the connection.
const HARMLESS: [&str; 2] = ["22", "23"];

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if let Some(error) = error.as_db_error() {
            return refused(error);
        }
        let cause = error.source();
        match error.is_closed() || cause.is_some_and(<dyn std::error::Error>::is::<io::Error>) {
            true => StoreError::Unavailable(text(&error)),
            false => StoreError::Broken(text(&error)),
        }
    }
}

/// What happened, in one line, and without data of the tables.
pub(super) fn text(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(refused), _) => refused.message().to_owned(),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

fn refused(error: &DbError) -> StoreError {
    let taken = match error.constraint() {
        Some("accounts_name") => Some(Unique::AccountName),
        Some("accounts_email") => Some(Unique::AccountEmail),
        // Which one, the server says in its own language alone.
        Some("key_values_pkey") => Some(Unique::Key(String::new())),
        _ => None,
    };
    match taken.filter(|_| error.code() == &SqlState::UNIQUE_VIOLATION) {
        Some(taken) => StoreError::Taken(taken),
        // What Rust calls text lacks nothing else that the server wants of one.
        None if error.code() == &SqlState::CHARACTER_NOT_IN_REPERTOIRE => StoreError::Nul,
        None if is_of(error.code(), &UNAVAILABLE) => {
            StoreError::Unavailable(error.message().to_owned())
        }
        None => StoreError::Broken(error.message().to_owned()),
    }
}

/// Whether a connection on which this happened can be used again.
pub(super) fn is_harmless(error: &Error) -> bool {
    error.code().is_some_and(|code| is_of(code, &HARMLESS))
}

fn is_of(code: &SqlState, classes: &[&str]) -> bool {
    classes.iter().any(|class| code.code().starts_with(class))
}
