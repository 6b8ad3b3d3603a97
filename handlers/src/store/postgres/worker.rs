//! `WorkerPool`: the connections of one worker. They are made when they are needed, checked when
//! they have lain idle, and made anew when they are lost.

use std::rc::Rc;
use std::time::{Duration, Instant};

use container::reactor::timeout_at;
use container::{Deadline, reactor, spawn_local, timeout};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connection::Connection;
use super::failure::Failure;
use super::outage::Outage;
use super::server::Server;
use crate::store::StoreError;
use crate::store::pool::{Lease, Pool, Waiting};

/// How long a statement may take. All of them take milliseconds; one that does not waits for a lock
/// that nobody gives back, or for a server that is cut off.
const ANSWER: Duration = Duration::from_secs(10);

/// How long cancelling may take before the connection is given up, which ends the query too.
const CANCELLING: Duration = Duration::from_secs(5);

/// The connections of one worker.
pub(super) struct WorkerPool {
    server: Server,
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
    server: Server,
}

impl WorkerPool {
    /// No connection yet, and at most so many.
    pub(super) fn new(server: Server, connections: usize) -> WorkerPool {
        let slots = (0..connections).map(|_| Slot::default());
        WorkerPool {
            server,
            slots: Pool::new(slots, Waiting::default()),
            outage: Outage::default(),
        }
    }

    /// Runs a statement and gives its rows. Where the connection turns out to be lost, and it can do
    /// no harm, it is run once more on a new one.
    ///
    /// # Errors
    /// Those of the statement; [`StoreError::Unavailable`] when there is no connection, or no
    /// answer in time.
    pub(super) async fn query(
        &self,
        text: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        // Before the queue: who cannot be served need not wait to be told so.
        self.outage.check(reactor::now())?;
        let mut slot = self.slots.take().await?;
        let until = answer_until();
        if let Some(known) = slot.living().await {
            let running = self.run_on(known, slot);
            match running.query(text, parameters, until).await {
                Err(failure) if failure.may_repeat(text) => slot = running.into_slot(),
                outcome => return running.end(outcome),
            }
        }
        let running = self.run_on(Rc::new(self.connect().await?), slot);
        let outcome = running.query(text, parameters, until).await;
        running.end(outcome)
    }

    fn run_on(&self, connection: Rc<Connection>, mut slot: Lease<Slot>) -> Running {
        slot.connection = Some(Rc::clone(&connection));
        Running {
            connection,
            slot: Some(slot),
            server: self.server.clone(),
        }
    }

    /// Makes a connection, unless it is too early to try again.
    async fn connect(&self) -> Result<Connection, StoreError> {
        self.outage.check(reactor::now())?;
        let opened = Connection::open(&self.server).await;
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

/// Until when a statement that begins now has to be answered.
fn answer_until() -> Instant {
    let left = Deadline::current().remaining();
    reactor::now() + left.map_or(ANSWER, |left| left.min(ANSWER))
}

impl Slot {
    /// The connection, if there is one and it can be used.
    async fn living(&mut self) -> Option<Rc<Connection>> {
        let known = self.connection.clone()?;
        if !known.is_living().await {
            self.connection = None;
        }
        self.connection.clone()
    }
}

impl Running {
    /// Runs a statement.
    async fn query(
        &self,
        text: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
        until: Instant,
    ) -> Result<Vec<Row>, Failure> {
        let answer = timeout_at(until, self.connection.query(text, parameters)).await;
        answer.unwrap_or(Err(Failure::Late))
    }

    /// It is over; the connection can be used again unless the outcome says otherwise.
    fn end(mut self, outcome: Result<Vec<Row>, Failure>) -> Result<Vec<Row>, StoreError> {
        let is_reusable = match &outcome {
            Ok(_) => true,
            // Dropped as it is, and so cancelled.
            Err(Failure::Late) => return Ok(outcome?),
            Err(failure) => failure.is_harmless(),
        };
        if let Some(mut slot) = self.slot.take()
            && !is_reusable
        {
            slot.connection = None;
        }
        Ok(outcome?)
    }

    /// The slot, after the connection was lost.
    fn into_slot(mut self) -> Lease<Slot> {
        let mut slot = self.slot.take().expect("it is there until the end");
        slot.connection = None;
        slot
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut slot) = self.slot.take() else {
            return;
        };
        let (connection, server) = (Rc::clone(&self.connection), self.server.clone());
        // A worker that ends refuses the task, and closes the connection with it.
        drop(spawn_local(async move {
            let cancelled = timeout(CANCELLING, connection.cancel(&server)).await;
            if !matches!(cancelled, Ok(Ok(()))) {
                slot.connection = None;
            }
            drop(slot);
        }));
    }
}
