//! Opening one connection, with the settings that all have, and bringing the tables up to date.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::store::OpenError;
use crate::store::migrations::{self, SQLITE};

/// How long a connection waits for another process that writes. A backup or a shell takes the lock
/// for less; a server that has been replaced too.
const BUSY: Duration = Duration::from_secs(5);

/// Statements that a connection keeps prepared: all there are, with room.
const STATEMENTS: usize = 64;

/// Only the owner may read what has password hashes in it.
const FILE_MODE: u32 = 0o600;

/// What every connection is told. A commit is on the disk when it is acknowledged (`FULL`), as it
/// would be with a database server: an account must survive even a loss of power.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                        PRAGMA foreign_keys = ON;";

/// The pause before a connection is set up again that found the file locked.
const PAUSE: Duration = Duration::from_millis(10);

/// Opens the connection that writes, with all migrations applied.
pub(super) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    // SQLite would let the whole group read it. It gives its other files the mode of this one.
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(FILE_MODE)
        .open(path);
    file.map_err(|error| OpenError::Unusable(error.to_string()))?;
    let mut connection = open(path)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Opens a connection that cannot write, to a database that is up to date.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let connection = open(path)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    Ok(connection)
}

/// Makes a database in memory, with all migrations applied.
pub(super) fn open_memory() -> Result<Connection, OpenError> {
    let mut connection = Connection::open_in_memory()?;
    set_up(&connection)?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn open(path: &Path) -> Result<Connection, OpenError> {
    // A path is a path, even where it looks like a URI. Each connection has one user at a time.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    set_up(&connection)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A connection that brings WAL to a file is refused at once, and not made to wait, when another one
    // does so.
    let mut pauses = BUSY.as_millis() / PAUSE.as_millis();
    loop {
        match connection.execute_batch(SETTINGS) {
            Err(error) if is_busy(&error) && pauses > 0 => pauses -= 1,
            result => return result,
        }
        thread::sleep(PAUSE);
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Applies what is missing, with the database locked against other processes.
fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(migrations::TABLE)?;
    let applied = transaction.query_row(migrations::NEWEST, [], |row| row.get(0))?;
    for migration in migrations::missing(SQLITE, applied)? {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(migrations::RECORD, (migration.number, migration.name))?;
    }
    transaction.commit()?;
    Ok(())
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        OpenError::Unusable(error.to_string())
    }
}
