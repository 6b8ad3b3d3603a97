//! PostgreSQL: each worker has a few connections of its own, which its reactor drives.
//!
//! Each method of a store is one statement, and so one transaction and one round trip; it is
//! prepared once for each connection. When nobody waits for it any more it is cancelled at the
//! server. When its connection is lost it is run once more on a new one, if it only reads or none of
//! it had been sent; else nobody knows whether it was executed, and whoever asks is told that there
//! is no database.
//!
//! | file | is |
//! |---|---|
//! | `address` | [`PostgresAddress`]: where the server is and who asks, as users write it |
//! | `server` | how it is reached: each of its places, and with the protection that is wanted |
//! | `connect` | streams to a place |
//! | `protection`, `stranger` | TLS: with a server that proves who it is, and with one that does not |
//! | `wire` | a stream as the driver reads and writes it, and how much was sent |
//! | `connection` | one connection: its statements, what becomes of a query, how it is cancelled |
//! | `worker` | the connections of one worker, and what is done when there are none |
//! | `outage` | when to try again |
//! | `migrate` | bringing the tables up to date |
//! | `failure` | what the server's errors mean, and what became of the statement |
//! | `accounts`, `catalogue`, `key_values`, `mail_queue`, `sessions` | the stores |

mod accounts;
mod address;
mod catalogue;
mod connect;
mod connection;
mod failure;
mod key_values;
mod mail_queue;
mod migrate;
mod outage;
mod protection;
mod server;
mod sessions;
mod stranger;
mod wire;
mod worker;

use std::thread;

pub use address::PostgresAddress;
use connection::Connection;
use container::PerWorker;
use container::reactor::{Clock, Reactor};
use container::scheduler::{BlockingConfig, BlockingPool};
use protection::Protection;
use server::Server;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use worker::WorkerPool;

use super::{OpenError, OpenOptions, StoreError};

/// All stores in one PostgreSQL database.
#[derive(Clone)]
pub(super) struct Postgres {
    /// The connections of each worker.
    workers: PerWorker<WorkerPool>,
}

impl Postgres {
    /// Connects once, and brings the tables up to date.
    pub(super) fn open(
        address: &PostgresAddress,
        options: &OpenOptions,
    ) -> Result<Postgres, OpenError> {
        let server = Server::new(address.clone(), options.trust.clone());
        prepare(&server)?;
        let connections = options.connections.max(1);
        Ok(Postgres {
            workers: PerWorker::new(move || WorkerPool::new(server.clone(), connections)),
        })
    }

    /// Runs a statement and gives its rows.
    async fn query(
        &self,
        text: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        self.workers.get().query(text, parameters).await
    }

    /// Runs a statement and gives its first row, if it has any.
    async fn query_one(
        &self,
        text: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(text, parameters).await?.into_iter().next())
    }

    /// Runs a statement that gives one number, such as how many rows it changed.
    async fn query_count(
        &self,
        text: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, StoreError> {
        match self.query_one(text, parameters).await? {
            Some(row) => Ok(row.try_get::<_, i64>(0)?.unsigned_abs()),
            None => Err(StoreError::Broken("a count gave no row".to_owned())),
        }
    }
}

/// Brings the tables up to date over a connection of its own, on a thread that is a worker for so
/// long.
fn prepare(server: &Server) -> Result<(), OpenError> {
    let work = || {
        let pool = BlockingPool::new(BlockingConfig::default());
        pool.enter();
        let done = Reactor::new(Clock::real()).and_then(|reactor| {
            reactor.block_on(async {
                let connection = Connection::open(server).await?;
                tell(server, connection.protection());
                migrate::migrate(&connection).await
            })
        });
        pool.close();
        done.unwrap_or_else(|error| Err(OpenError::Unusable(error.to_string())))
    };
    let ended = thread::scope(|scope| scope.spawn(work).join());
    ended.unwrap_or_else(|_| {
        let reason = "the thread that opened it panicked";
        Err(OpenError::Unusable(reason.to_owned()))
    })
}

/// Tells the log who else can read what is said to the database.
fn tell(server: &Server, protection: &Protection) {
    let level = match protection {
        Protection::Failed(_) => log::Level::Warn,
        _ => log::Level::Info,
    };
    log::log!(level, "connected to {}, {protection}", server.address());
}
