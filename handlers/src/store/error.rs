//! `StoreError`: why a store did not do what it was asked.

use std::fmt;

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// There is one of this name already; nothing was changed.
    Taken(Unique),
    /// What it refers to does not exist; nothing was changed.
    NoSuchBrand,
    /// A text has the character NUL (U+0000), which PostgreSQL cannot keep, so that no database is
    /// given it; nothing was changed.
    Nul,
    /// The database cannot be reached, is too busy, or was lost before it answered. Says why, for
    /// the log. What was asked may or may not have happened when the connection was lost.
    Unavailable(String),
    /// The database answered what nobody expects: a bug, or tables that somebody has changed.
    Broken(String),
}

/// What there may be only one of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unique {
    /// A key of the key-value store, which this is.
    Key(String),
    /// An account's name.
    AccountName,
    /// An account's address.
    AccountEmail,
    /// Both of an account's, be they one other's or two others'.
    AccountNameAndEmail,
}

impl Unique {
    /// What is taken of an account, if anything is.
    pub(super) fn of_account(name: bool, email: bool) -> Option<Unique> {
        match (name, email) {
            (true, true) => Some(Unique::AccountNameAndEmail),
            (true, false) => Some(Unique::AccountName),
            (false, true) => Some(Unique::AccountEmail),
            (false, false) => None,
        }
    }

    /// The same, where `other` was found out besides; what is no account's stays alone.
    pub(super) fn and(self, other: Option<Unique>) -> Unique {
        match (self, other) {
            (Unique::AccountName, Some(Unique::AccountEmail | Unique::AccountNameAndEmail))
            | (Unique::AccountEmail, Some(Unique::AccountName | Unique::AccountNameAndEmail)) => {
                Unique::AccountNameAndEmail
            }
            (first, _) => first,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Taken(Unique::Key(key)) => {
                write!(formatter, "there is a key `{key}` already")
            }
            StoreError::Taken(Unique::AccountName) => formatter.write_str("the name is taken"),
            StoreError::Taken(Unique::AccountEmail) => formatter.write_str("the email is taken"),
            StoreError::Taken(Unique::AccountNameAndEmail) => {
                formatter.write_str("the name and the email are taken")
            }
            StoreError::NoSuchBrand => formatter.write_str("there is no such brand"),
            StoreError::Nul => formatter.write_str("no text may have the character NUL"),
            StoreError::Unavailable(reason) => write!(formatter, "no database: {reason}"),
            StoreError::Broken(reason) => write!(formatter, "the database misbehaved: {reason}"),
        }
    }
}

impl std::error::Error for StoreError {}
