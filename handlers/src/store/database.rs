//! `Database`: which database the stores are in, as users name it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::PostgresAddress;

/// How a database in memory is named.
const MEMORY: &str = ":memory:";

/// Which database the stores are in.
///
/// ```
/// use handlers::store::Database;
///
/// let database: Database = "/var/lib/shop.db".parse()?;
/// assert_eq!(database, Database::File("/var/lib/shop.db".into()));
/// assert!("mysql://localhost".parse::<Database>().is_err());
/// # Ok::<(), handlers::store::DatabaseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Database {
    /// SQLite in memory: gone with the process. Written `:memory:`.
    Memory,
    /// SQLite in this file, made when it is not there. Written as its path.
    File(PathBuf),
    /// PostgreSQL. Written `postgres://user:password@host:port/database`.
    Postgres(PostgresAddress),
}

/// A text that names no database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseError {
    /// It is empty.
    Empty,
    /// A URL of a kind of database that is not supported: its scheme.
    Scheme(String),
    /// A URL of PostgreSQL that cannot be used: why.
    Postgres(String),
}

impl FromStr for Database {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self, DatabaseError> {
        match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => match text.parse() {
                Ok(address) => Ok(Database::Postgres(address)),
                Err(reason) => Err(DatabaseError::Postgres(reason)),
            },
            Some((scheme, _)) => Err(DatabaseError::Scheme(scheme.to_owned())),
            None if text.is_empty() => Err(DatabaseError::Empty),
            None if text == MEMORY => Ok(Database::Memory),
            None => Ok(Database::File(text.into())),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Database::Memory => formatter.write_str(MEMORY),
            Database::File(path) => path.display().fmt(formatter),
            Database::Postgres(address) => address.fmt(formatter),
        }
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseError::Postgres(reason) => return formatter.write_str(reason),
            DatabaseError::Empty => formatter.write_str("names no database")?,
            DatabaseError::Scheme(scheme) => {
                write!(formatter, "{scheme} is no database that is supported")?;
            }
        }
        write!(
            formatter,
            "; give the path of a file, {MEMORY} or postgres://.."
        )
    }
}

impl std::error::Error for DatabaseError {}
