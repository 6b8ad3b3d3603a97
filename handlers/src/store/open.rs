//! Opening: from the name of a database to its stores, with all migrations applied.

use std::fmt;
use std::sync::Arc;

use super::postgres::Postgres;
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
    /// program, before its container's. With PostgreSQL each worker has
    /// [`CONNECTIONS`](Self::CONNECTIONS) connections.
    ///
    /// # Errors
    /// When it cannot be opened, or is of a newer version.
    pub fn open(database: &Database) -> Result<Stores, OpenError> {
        Stores::open_with(database, Stores::CONNECTIONS)
    }

    /// The same with a number of connections that each worker has with PostgreSQL, at least one.
    ///
    /// # Errors
    /// When it cannot be opened, or is of a newer version.
    pub fn open_with(database: &Database, connections: usize) -> Result<Stores, OpenError> {
        match database {
            Database::Memory => Ok(Stores::of(&Arc::new(Sqlite::in_memory()?))),
            Database::File(path) => Ok(Stores::of(&Arc::new(Sqlite::open(path)?))),
            Database::Postgres(address) => {
                let postgres = Postgres::open(address, connections.max(1))?;
                Ok(Stores::of(&Arc::new(postgres)))
            }
        }
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
