//! SQLite, embedded: queries run on threads of the worker's blocking pool, on one of a few connections
//! that stay open. One of them writes, since SQLite lets one write at a time; the others read beside
//! it. A write has a thread to itself; a thread that reads does so for several requests in a row.
//!
//! A query that has begun runs to its end, also when nobody waits for it any more.

mod accounts;
mod catalogue;
mod connection;
mod failure;
mod key_values;
mod mail_queue;
mod place;
mod readers;
mod sessions;
mod text;
mod tokens;

use std::path::Path;
use std::sync::Arc;
use std::{iter, thread};

use container::spawn_blocking;
use place::Place;
use readers::Readers;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::pool::{Pool, Waiting};
use super::{OpenError, Pending, StoreError};

/// Most connections that read. More of them than processors only wait for each other.
const READERS_MAX: usize = 16;

/// All stores in one SQLite database.
#[derive(Clone)]
pub(super) struct Sqlite {
    /// The one connection that writes.
    writer: Pool<Connection>,
    /// Those that read.
    readers: Readers,
    /// The file, unless it is in memory.
    place: Option<Arc<Place>>,
}

impl Sqlite {
    /// Opens a file, or makes it.
    pub(super) fn open(path: &Path) -> Result<Sqlite, OpenError> {
        let writer = connection::open_writer(path)?;
        let count = thread::available_parallelism().map_or(1, usize::from);
        let readers: Result<Vec<Connection>, OpenError> = (0..count.min(READERS_MAX))
            .map(|_| connection::open_reader(path))
            .collect();
        let place = Place::of(path).map_err(|error| OpenError::Unusable(error.to_string()))?;
        Ok(Sqlite {
            writer: Pool::new([writer], Waiting::default()),
            readers: Readers::new(Pool::new(readers?, Waiting::default())),
            place: Some(Arc::new(place)),
        })
    }

    /// Makes a database in memory, which has one connection for all.
    pub(super) fn in_memory() -> Result<Sqlite, OpenError> {
        let connection = connection::open_memory()?;
        let only = Pool::new(iter::once(connection), Waiting::default());
        Ok(Sqlite {
            writer: only.clone(),
            readers: Readers::new(only),
            place: None,
        })
    }

    /// Runs a query that changes nothing.
    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        let readers = self.readers.clone();
        Box::pin(async move { readers.run(query).await })
    }

    /// Runs a transaction, which is kept when it succeeds.
    fn write<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        let (writer, place) = (self.writer.clone(), self.place.clone());
        Box::pin(async move {
            let mut connection = writer.take().await?;
            on_thread(move || {
                if let Some(place) = place {
                    place.check()?;
                }
                // Another process may write too: to wait for it at once spares a failure halfway.
                let behavior = TransactionBehavior::Immediate;
                let transaction = connection.transaction_with_behavior(behavior)?;
                let result = query(&transaction)?;
                transaction.commit()?;
                Ok(result)
            })
            .await?
        })
    }
}

/// Runs a job on a thread that may wait. What it holds is free again when it has ended.
async fn on_thread<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    match spawn_blocking(job).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(panicked)) => Err(StoreError::Broken(panicked.message)),
        Err(full) => Err(StoreError::Unavailable(full.to_string())),
    }
}
