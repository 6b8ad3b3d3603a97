//! Opening: from the name of a database to its stores, with all migrations applied.

use std::fmt;
use std::sync::Arc;

use container::client::Trust;

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

/// How PostgreSQL is used. There are none for SQLite.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Connections that each worker has, at most; at least one.
    pub connections: usize,
    /// Who may vouch for a server that has to prove who it is, as
    /// [`PostgresAddress::wants_proof`](super::PostgresAddress::wants_proof) says.
    pub trust: Trust,
}

impl Default for OpenOptions {
    /// [`Stores::CONNECTIONS`], and whom browsers trust.
    fn default() -> Self {
        OpenOptions {
            connections: Stores::CONNECTIONS,
            trust: Trust::web(),
        }
    }
}

impl Stores {
    /// Opens a database, waiting for it, and brings its tables up to date. For the start of a
    /// program, before its container's. With the default options.
    ///
    /// # Errors
    /// When it cannot be opened, or is of a newer version.
    pub fn open(database: &Database) -> Result<Stores, OpenError> {
        Stores::open_with(database, &OpenOptions::default())
    }

    /// The same with other options.
    ///
    /// # Errors
    /// When it cannot be opened, or is of a newer version.
    pub fn open_with(database: &Database, options: &OpenOptions) -> Result<Stores, OpenError> {
        match database {
            Database::Memory => Ok(Stores::of(&Arc::new(Sqlite::in_memory()?))),
            Database::File(path) => Ok(Stores::of(&Arc::new(Sqlite::open(path)?))),
            Database::Postgres(address) => {
                let postgres = Postgres::open(address, options)?;
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
