//! SQLite, embedded: each query is a job of the worker's blocking pool, on one of a few connections
//! that stay open. One of them writes, since SQLite lets one write at a time; the others read beside
//! it.
//!
//! A job that has begun runs to its end, also when nobody waits for it any more.

mod accounts;
mod catalogue;
mod connection;
mod failure;
mod key_values;
mod mail_queue;
mod sessions;
mod text;

use std::path::Path;
use std::{iter, thread};

use container::spawn_blocking;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::pool::{Lease, Pool, Waiting};
use super::{OpenError, Pending, StoreError};

/// Most connections that read. More of them than processors only wait for each other.
const READERS_MAX: usize = 16;

/// All stores in one SQLite database.
#[derive(Clone)]
pub(super) struct Sqlite {
    /// The one connection that writes.
    writer: Pool<Connection>,
    /// Those that read.
    readers: Pool<Connection>,
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
            writer: Pool::new([writer], Waiting::default()),
            readers: Pool::new(readers?, Waiting::default()),
        })
    }

    /// Makes a database in memory, which has one connection for all.
    pub(super) fn in_memory() -> Result<Sqlite, OpenError> {
        let connection = connection::open_memory()?;
        let only = Pool::new(iter::once(connection), Waiting::default());
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
        Box::pin(async move {
            let connection = readers.take().await?;
            on_pool(connection, |connection| query(connection)).await
        })
    }

    /// Runs a transaction, which is kept when it succeeds.
    fn write<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        let writer = self.writer.clone();
        Box::pin(async move {
            let connection = writer.take().await?;
            on_pool(connection, |connection| {
                // Another process may write too: to wait for it at once spares a failure halfway.
                let behavior = TransactionBehavior::Immediate;
                let transaction = connection.transaction_with_behavior(behavior)?;
                let result = query(&transaction)?;
                transaction.commit()?;
                Ok(result)
            })
            .await
        })
    }
}

/// Runs a job with a connection on a thread that may wait, and returns the connection after it.
async fn on_pool<T: Send + 'static>(
    mut connection: Lease<Connection>,
    job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match spawn_blocking(move || job(&mut connection)).await {
        Ok(Ok(result)) => result,
        Ok(Err(panicked)) => Err(StoreError::Broken(panicked.message)),
        Err(full) => Err(StoreError::Unavailable(full.to_string())),
    }
}
