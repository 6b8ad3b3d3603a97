//! Opening: from the name of a database to its stores, with all migrations applied.

use std::fmt;
use std::sync::Arc;

use super::sqlite::Sqlite;
use super::{Database, Stores};

/// Why a database cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// It cannot be opened, or its tables cannot be made: why.
    Unusable(String),
    /// Its tables are of a version of this program that is newer than this one.
    Newer {
        /// The newest migration that was applied to it.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
}

impl Stores {
    /// Opens a database, waiting for it, and brings its tables up to date. For the start of a
    /// program, before its container's.
    ///
    /// # Errors
    /// When it cannot be opened, or is of a newer version.
    pub fn open(database: &Database) -> Result<Stores, OpenError> {
        let sqlite = match database {
            Database::Memory => Sqlite::in_memory()?,
            Database::File(path) => Sqlite::open(path)?,
        };
        Ok(Stores::of(&Arc::new(sqlite)))
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Unusable(reason) => formatter.write_str(reason),
            OpenError::Newer { found, known } => write!(
                formatter,
                "its tables are of version {found}, and this program knows none above {known}: \
                 start the newer program, or choose another database"
            ),
        }
    }
}

impl std::error::Error for OpenError {}
