//! SQLite, embedded: queries run on threads of the worker's blocking pool, on one of a few connections
//! that stay open. One of them writes, since SQLite lets one write at a time; the others read beside
//! it.
//!
//! A query that has begun runs to its end, also when nobody waits for it any more.

mod accounts;
mod catalogue;
mod connection;
mod failure;
mod key_values;
mod mail_queue;
mod queries;
mod sessions;
mod text;

use std::path::Path;
use std::thread;

use queries::Queries;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::pool::Waiting;
use super::{OpenError, Pending, StoreError};

/// Most connections that read. More of them than processors only wait for each other.
const READERS_MAX: usize = 16;

/// Most reads that a thread works off at once: they take microseconds, and to wake a thread takes as
/// long. A write may wait for the disk or another process, and has a thread to itself, so that the
/// watchdog can say whose it is.
const READS_PER_TURN: usize = 32;

/// See [`READS_PER_TURN`].
const WRITES_PER_TURN: usize = 1;

/// All stores in one SQLite database.
#[derive(Clone)]
pub(super) struct Sqlite {
    /// The one connection that writes.
    writer: Queries,
    /// Those that read.
    readers: Queries,
}

impl Sqlite {
    /// Opens a file, or makes it.
    pub(super) fn open(path: &Path) -> Result<Sqlite, OpenError> {
        let writer = connection::open_writer(path)?;
        let count = thread::available_parallelism().map_or(1, usize::from);
        let readers: Result<Vec<Connection>, OpenError> = (0..count.min(READERS_MAX))
            .map(|_| connection::open_reader(path))
            .collect();
        Ok(Sqlite {
            writer: Queries::new(vec![writer], Waiting::default(), WRITES_PER_TURN),
            readers: Queries::new(readers?, Waiting::default(), READS_PER_TURN),
        })
    }

    /// Makes a database in memory, which has one connection for all.
    pub(super) fn in_memory() -> Result<Sqlite, OpenError> {
        let connection = connection::open_memory()?;
        let only = Queries::new(vec![connection], Waiting::default(), WRITES_PER_TURN);
        Ok(Sqlite {
            writer: only.clone(),
            readers: only,
        })
    }

    /// Runs a query that changes nothing.
    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        let readers = self.readers.clone();
        Box::pin(async move { readers.run(|connection| query(connection)).await })
    }

    /// Runs a transaction, which is kept when it succeeds.
    fn write<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        let writer = self.writer.clone();
        let transact = |connection: &mut Connection| {
            // Another process may write too: to wait for it at once spares a failure halfway.
            let behavior = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(behavior)?;
            let result = query(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        Box::pin(async move { writer.run(transact).await })
    }
}
