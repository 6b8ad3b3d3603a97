//! One connection: its statements, each prepared once, what becomes of a query on it, and how that
//! is cancelled.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::ptr;
use std::time::{Duration, Instant};

use container::{reactor, spawn_local, timeout, yield_now};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, NoTls, Row, Statement};

use super::failure::{self, Failure};
use super::protection::Protection;
use super::server::Server;
use super::wire::{Sent, Wire};
use crate::store::StoreError;

/// How long nothing may have been heard of a connection that is taken for living. A server that
/// goes closes its connections; only one that is cut off does not.
const TRUSTED: Duration = Duration::from_secs(30);

/// How long a server may take to show that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// How long a query may go on before the server is asked again to cancel it; then twice as long.
const CANCEL_AGAIN: Duration = Duration::from_millis(10);

/// What moves the messages of a connection, until it ends.
type Driver = tokio_postgres::Connection<Wire, NoTlsStream>;

/// A connection, used by one query at a time.
pub(super) struct Connection {
    client: Client,
    /// What was prepared, by where the text is: each is a literal in one place.
    statements: RefCell<Vec<(&'static str, Statement)>>,
    /// When the server last answered.
    heard: Cell<Instant>,
    /// How much it was sent.
    sent: Sent,
    /// Who else can read it.
    protection: Protection,
}

/// A connection that is logged in, in its parts.
struct LoggedIn {
    client: Client,
    driver: Driver,
    sent: Sent,
    protection: Protection,
}

impl Connection {
    /// Connects and logs in. The connection is driven by a task of the current worker, until it is
    /// dropped.
    pub(super) async fn open(server: &Server) -> Result<Connection, StoreError> {
        let limit = server.address().connect_timeout();
        let LoggedIn {
            client,
            driver,
            sent,
            protection,
        } = timeout(limit, log_in(server)).await.map_err(|_| {
            let seconds = limit.as_secs_f64();
            unavailable(format!("it did not answer within {seconds} s"))
        })??;
        drop(spawn_local(async move {
            // Whoever asks learns it by his query.
            if let Err(error) = driver.await {
                log::debug!(
                    "a connection to the database ended: {}",
                    failure::text(&error)
                );
            }
        }));
        Ok(Connection {
            client,
            statements: RefCell::default(),
            heard: Cell::new(reactor::now()),
            sent,
            protection,
        })
    }

    /// Who else can read and change what goes over it.
    pub(super) fn protection(&self) -> &Protection {
        &self.protection
    }

    /// Runs a statement, prepared before on this connection or now.
    ///
    /// # Errors
    /// What became of the statement.
    pub(super) async fn query(
        &self,
        text: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        // Preparing executes nothing.
        let prepared = self.prepared(text).await;
        let statement = prepared.map_err(|error| Failure::new(error, false))?;
        let before = self.sent.count();
        let rows = self.client.query(&statement, parameters).await;
        self.heard.set(reactor::now());
        rows.map_err(|error| Failure::new(error, self.sent.count() > before))
    }

    /// Runs several statements without parameters.
    pub(super) async fn run(&self, text: &str) -> Result<(), Error> {
        self.client.batch_execute(text).await
    }

    /// Whether it can be used, as far as can be known. What the kernel knows of its end by now is
    /// known by the time that a statement would be sent.
    pub(super) async fn is_living(&self) -> bool {
        if !self.client.is_closed() && self.heard.get() != reactor::now() {
            // It has lain idle since an earlier turn of the reactor, and its end may be news.
            yield_now().await;
        }
        if self.client.is_closed() {
            return false;
        }
        let unheard = reactor::now().saturating_duration_since(self.heard.get());
        unheard <= TRUSTED || matches!(timeout(SIGN_OF_LIFE, self.ask()).await, Ok(Ok(())))
    }

    /// Asks the server for a sign of life.
    async fn ask(&self) -> Result<(), Error> {
        self.run("").await?;
        self.heard.set(reactor::now());
        Ok(())
    }

    /// Has the server cancel what runs, and waits until nothing does. Give it a time limit.
    pub(super) async fn cancel(&self, server: &Server) -> Result<(), StoreError> {
        // Answered when all before it has been.
        let mut asking = pin!(self.ask());
        let mut pause = CANCEL_AGAIN;
        // Ends: with the query, if not at once, or with the connection.
        loop {
            self.request_cancel(server).await?;
            match timeout(pause, asking.as_mut()).await {
                // It came while the question was dealt with: there is nothing else to cancel.
                Ok(Err(error)) if error.code() == Some(&SqlState::QUERY_CANCELED) => return Ok(()),
                Ok(answer) => return Ok(answer?),
                // It may have come before the query did, and then was passed over.
                Err(_) => pause *= 2,
            }
        }
    }

    /// Requests once that what runs is cancelled. No statement that is sent after this is hit by it.
    async fn request_cancel(&self, server: &Server) -> Result<(), StoreError> {
        let (mut wire, _) = connect(server).await?;
        let token = self.client.cancel_token();
        token.cancel_query_raw(&mut wire, NoTls).await?;
        // The server closes once it has passed the request on.
        let ended = wire.ended().await;
        ended.map_err(|error| unavailable(error.to_string()))
    }

    async fn prepared(&self, text: &'static str) -> Result<Statement, Error> {
        let known = |statements: &Vec<(&'static str, Statement)>| {
            let found = statements.iter().find(|(known, _)| ptr::eq(*known, text));
            found.map(|(_, statement)| statement.clone())
        };
        if let Some(statement) = known(&self.statements.borrow()) {
            return Ok(statement);
        }
        let statement = self.client.prepare(text).await?;
        self.statements.borrow_mut().push((text, statement.clone()));
        Ok(statement)
    }
}

/// Connects and logs in.
async fn log_in(server: &Server) -> Result<LoggedIn, StoreError> {
    let (wire, protection) = connect(server).await?;
    let sent = wire.sent();
    let login = server.address().config().connect_raw(wire, NoTls).await;
    let (client, driver) = login.map_err(|error| unavailable(failure::text(&error)))?;
    Ok(LoggedIn {
        client,
        driver,
        sent,
        protection,
    })
}

async fn connect(server: &Server) -> Result<(Wire, Protection), StoreError> {
    let connected = server.connect().await;
    connected.map_err(|error| unavailable(error.to_string()))
}

fn unavailable(reason: String) -> StoreError {
    StoreError::Unavailable(reason)
}
