//! What SQLite's errors mean.

use rusqlite::{Error, ErrorCode, ffi};

use super::text::HasNul;
use crate::store::{StoreError, Unique};

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if matches!(&error, Error::ToSqlConversionFailure(cause) if cause.is::<HasNul>()) {
            return StoreError::Nul;
        }
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) if is_unique(&error) => unique(text),
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::NotADatabase
                | ErrorCode::DatabaseCorrupt,
            ) => StoreError::Unavailable(text),
            _ => StoreError::Broken(text),
        }
    }
}

/// Whether there is one of this name already.
pub(super) fn is_unique(error: &Error) -> bool {
    let codes = [
        ffi::SQLITE_CONSTRAINT_UNIQUE,
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
    ];
    extended_code(error).is_some_and(|code| codes.contains(&code))
}

/// Whether what it refers to does not exist.
pub(super) fn is_foreign_key(error: &Error) -> bool {
    extended_code(error) == Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}

fn extended_code(error: &Error) -> Option<i32> {
    Some(error.sqlite_error()?.extended_code)
}

/// SQLite names the columns, `UNIQUE constraint failed: accounts.name`, and not the constraint.
fn unique(text: String) -> StoreError {
    if text.ends_with(": accounts.name") {
        StoreError::Taken(Unique::AccountName)
    } else if text.ends_with(": accounts.email_key") {
        StoreError::Taken(Unique::AccountEmail)
    } else {
        StoreError::Broken(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_ones_fault_is_unavailable() {
        let is_unavailable = |code| {
            let error = Error::SqliteFailure(ffi::Error::new(code), None);
            matches!(StoreError::from(error), StoreError::Unavailable(_))
        };
        for code in [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_NOTADB,
            ffi::SQLITE_CORRUPT,
        ] {
            assert!(is_unavailable(code), "{code}");
        }
        assert!(!is_unavailable(ffi::SQLITE_ERROR));
    }
}
