//! `WorkerPool`: the connections of one worker. They are made when they are needed, checked when
//! nothing was heard of them for long, and made anew when they are lost.

use std::rc::Rc;
use std::time::Duration;

use container::{Deadline, reactor, spawn_local, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::address::PostgresAddress;
use super::connection::Connection;
use super::failure::is_harmless;
use super::outage::Outage;
use crate::store::StoreError;
use crate::store::pool::{Lease, Pool, Waiting};

/// How long a statement may take. All of them take milliseconds; one that does not waits for a lock
/// that nobody gives back, or for a server that is cut off.
const ANSWER: Duration = Duration::from_secs(10);

/// How long a server may take to show that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// How long cancelling may take before the connection is given up, which ends the query too.
const CANCELLING: Duration = Duration::from_secs(5);

/// The connections of one worker.
pub(super) struct WorkerPool {
    address: PostgresAddress,
    slots: Pool<Slot>,
    outage: Outage,
}

/// The right to one connection.
#[derive(Default)]
struct Slot {
    /// The connection, once there is one.
    connection: Option<Rc<Connection>>,
}

/// A query that runs. Dropped before it is over, it has the server cancel it, and returns its slot
/// only then.
struct Running {
    connection: Rc<Connection>,
    /// Empty once it is over.
    slot: Option<Lease<Slot>>,
    address: PostgresAddress,
}

impl WorkerPool {
    /// No connection yet, and at most so many.
    pub(super) fn new(address: PostgresAddress, connections: usize) -> WorkerPool {
        let slots = (0..connections).map(|_| Slot::default());
        WorkerPool {
            address,
            slots: Pool::new(slots, Waiting::default()),
            outage: Outage::default(),
        }
    }

    /// Runs a statement and gives its rows.
    ///
    /// # Errors
    /// Those of the statement; [`StoreError::Unavailable`] when there is no connection, or no
    /// answer in time.
    pub(super) async fn query(
        &self,
        text: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let running = self.begin().await?;
        let left = Deadline::current().remaining();
        let limit = left.map_or(ANSWER, |left| left.min(ANSWER));
        match timeout(limit, running.connection.query(text, parameters)).await {
            Ok(Ok(rows)) => {
                running.end();
                Ok(rows)
            }
            Ok(Err(error)) => {
                running.end_with(&error);
                Err(error.into())
            }
            Err(_) => Err(unavailable("it did not answer in time")),
        }
    }

    /// Waits for a connection.
    async fn begin(&self) -> Result<Running, StoreError> {
        // Before the queue: who cannot be served need not wait to be told so.
        self.outage.check(reactor::now())?;
        let mut slot = self.slots.take().await?;
        let known = slot.connection.take();
        let connection = match known {
            Some(known) if is_living(&known).await => known,
            _ => Rc::new(self.connect().await?),
        };
        slot.connection = Some(Rc::clone(&connection));
        Ok(Running {
            connection,
            slot: Some(slot),
            address: self.address.clone(),
        })
    }

    /// Makes a connection, unless it is too early to try again.
    async fn connect(&self) -> Result<Connection, StoreError> {
        self.outage.check(reactor::now())?;
        let opened = Connection::open(&self.address).await;
        match &opened {
            Ok(_) => self.outage.end(),
            Err(error) => {
                let random = getrandom::u32().unwrap_or_default();
                self.outage.begin(error.clone(), reactor::now(), random);
            }
        }
        opened
    }
}

/// Whether a connection can be used.
async fn is_living(connection: &Connection) -> bool {
    if connection.is_closed() {
        return false;
    }
    if !connection.is_doubtful() {
        return true;
    }
    matches!(timeout(SIGN_OF_LIFE, connection.ask()).await, Ok(Ok(())))
}

impl Running {
    /// It is over; the connection can be used again.
    fn end(mut self) {
        self.slot = None;
    }

    /// It has failed; the connection can be used again if that says nothing about it.
    fn end_with(mut self, error: &Error) {
        if let Some(mut slot) = self.slot.take()
            && !is_harmless(error)
        {
            slot.connection = None;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut slot) = self.slot.take() else {
            return;
        };
        let (connection, address) = (Rc::clone(&self.connection), self.address.clone());
        // A worker that ends refuses the task, and closes the connection with it.
        drop(spawn_local(async move {
            let cancelled = timeout(CANCELLING, connection.cancel(&address)).await;
            if !matches!(cancelled, Ok(Ok(()))) {
                slot.connection = None;
            }
            drop(slot);
        }));
    }
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable(reason.to_owned())
}
