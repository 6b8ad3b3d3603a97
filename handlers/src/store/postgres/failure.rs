//! What the server's errors mean, and what became of the statement.

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::store::{StoreError, Unique};

/// How codes begin that say that the server cannot serve us now: connections, transactions that it
/// only reads in (as after a failover), those that gave way, resources, an operator, the system.
const UNAVAILABLE: [&str; 6] = ["08", "25006", "40", "53", "57", "58"];

/// Those of codes that say something about the data, and nothing about the connection.
const HARMLESS: [&str; 2] = ["22", "23"];

/// Why a statement gave no rows.
pub(super) enum Failure {
    /// The connection was lost before any of the statement was sent: it was not executed.
    Unsent(Error),
    /// The connection was lost afterwards: it may have been executed, or not.
    Lost(Error),
    /// It failed on a connection that is still there: mostly, the server refused it.
    Refused(Error),
    /// There was no answer in time, and it still runs.
    Late,
}

impl Failure {
    /// What an error means for a statement, of which something had been sent or not.
    pub(super) fn new(error: Error, was_sent: bool) -> Failure {
        match (is_end(&error), was_sent) {
            (false, _) => Failure::Refused(error),
            (true, false) => Failure::Unsent(error),
            (true, true) => Failure::Lost(error),
        }
    }

    /// Whether the same statement may be run once more without having been executed twice, or at
    /// least without anybody being able to tell.
    pub(super) fn may_repeat(&self, text: &str) -> bool {
        match self {
            Failure::Unsent(_) => true,
            // A statement that begins so has no effects: none of ours calls a function that has.
            Failure::Lost(_) => text.starts_with("SELECT"),
            Failure::Refused(_) | Failure::Late => false,
        }
    }

    /// Whether it says nothing about the connection, which can be used again.
    pub(super) fn is_harmless(&self) -> bool {
        let Failure::Refused(error) = self else {
            return false;
        };
        error.code().is_some_and(|code| is_of(code, &HARMLESS))
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unsent(error) | Failure::Lost(error) | Failure::Refused(error) => error.into(),
            Failure::Late => StoreError::Unavailable("it did not answer in time".to_owned()),
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if let Some(error) = error.as_db_error() {
            return refused(error);
        }
        match is_end(&error) {
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

/// Whether it is the end of the connection.
fn is_end(error: &Error) -> bool {
    let last_words = error.as_db_error().and_then(DbError::parsed_severity);
    let cause = error.source();
    error.is_closed()
        || cause.is_some_and(<dyn std::error::Error>::is::<io::Error>)
        || matches!(last_words, Some(Severity::Fatal | Severity::Panic))
}

fn is_of(code: &SqlState, classes: &[&str]) -> bool {
    classes.iter().any(|class| code.code().starts_with(class))
}
