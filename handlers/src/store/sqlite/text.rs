//! `Text`: how texts are given to SQLite, which would keep what PostgreSQL cannot.

use std::fmt;

use rusqlite::types::{ToSql, ToSqlOutput};

/// A parameter that is a text without the character NUL; with one the query fails, as it does in
/// PostgreSQL, and is [`StoreError::Nul`](crate::store::StoreError::Nul).
pub(super) struct Text<T>(pub(super) T);

/// Why a text is no parameter.
#[derive(Debug)]
pub(super) struct HasNul;

impl<T: AsRef<str>> ToSql for Text<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = self.0.as_ref();
        if text.contains('\0') {
            return Err(rusqlite::Error::ToSqlConversionFailure(HasNul.into()));
        }
        Ok(text.into())
    }
}

impl fmt::Display for HasNul {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("it has the character NUL")
    }
}

impl std::error::Error for HasNul {}
