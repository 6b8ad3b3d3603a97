//! `Readers`: the connections that read, and the queries that wait for one. Must not write.
//!
//! A thread that has ended a query goes on with those that wait, instead of returning its
//! connection to a worker that would only look for a thread again: under load most queries cost no
//! wake of a thread.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use container::handler::catch_panic;
use container::reactor::oneshot::{self, Receiver};
use container::{spawn_blocking, timeout};
use rusqlite::Connection;

use crate::store::StoreError;
use crate::store::pool::Waiting;

/// Most queries that a thread works off before the next one has to ask for a thread, so that others
/// get it who wait for one, and so that the watchdog sees it move.
const QUERIES_PER_TURN: usize = 32;

/// The connections, of which clones share the same.
#[derive(Clone)]
pub(super) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    limits: Waiting,
    state: Mutex<State>,
}

struct State {
    /// What nobody uses; what was used last is on top, for its caches are warm.
    idle: Vec<Connection>,
    /// What waits, longest first; nobody may want it any more.
    waiting: VecDeque<(u64, Box<dyn Query>)>,
    /// The number of the next query that waits. They are in order.
    next: u64,
}

/// The use of a connection, which is passed on by drop.
struct Lease {
    /// Empty once it was passed on.
    connection: Option<Connection>,
    shared: Arc<Shared>,
}

/// A query that waits.
trait Query: Send {
    /// Whether somebody still waits for it.
    fn is_wanted(&self) -> bool;

    /// Runs it and sends what it gives.
    fn run(self: Box<Self>, connection: &Connection);

    /// Has its worker find a thread for it; gives the lease back if nobody waits for it.
    fn pass(self: Box<Self>, lease: Lease) -> Option<Lease>;
}

struct Asked<T, Q> {
    query: Q,
    sender: oneshot::Sender<Turn<T, Q>>,
}

/// What a query finds.
enum Entered<T, Q> {
    /// A connection.
    Now(Lease, Q),
    /// A place in the queue: its number, and what comes of it.
    Waits(u64, Receiver<Turn<T, Q>>),
}

/// What comes of waiting.
enum Turn<T, Q> {
    /// It was run.
    Done(Result<T, StoreError>),
    /// It is the first of the next thread.
    Next(Lease, Q),
}

impl Readers {
    pub(super) fn new(connections: Vec<Connection>, limits: Waiting) -> Readers {
        let state = State {
            idle: connections,
            waiting: VecDeque::new(),
            next: 0,
        };
        Readers {
            shared: Arc::new(Shared {
                limits,
                state: Mutex::new(state),
            }),
        }
    }

    /// Runs a query on a thread that may wait, when there is a connection. One that has begun runs
    /// to its end; one that nobody waits for is not begun.
    ///
    /// # Errors
    /// Those of the query; [`StoreError::Unavailable`] when too many wait, or it waited for too
    /// long.
    pub(super) async fn run<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (lease, query) = match self.enter(query)? {
            Entered::Now(lease, query) => (lease, query),
            Entered::Waits(number, turn) => match self.wait(number, turn).await? {
                Turn::Done(result) => return result,
                Turn::Next(lease, query) => (lease, query),
            },
        };
        on_pool(lease, query).await
    }

    /// Takes a connection, or a place in the queue.
    fn enter<T, Q>(&self, query: Q) -> Result<Entered<T, Q>, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let mut state = self.shared.lock();
        if let Some(connection) = state.idle.pop() {
            drop(state);
            return Ok(Entered::Now(self.shared.lease(connection), query));
        }
        let most = self.shared.limits.most;
        if state.waiting.len() >= most {
            state.waiting.retain(|(_, query)| query.is_wanted());
        }
        if state.waiting.len() >= most {
            return Err(unavailable("too many wait for a connection"));
        }
        let (sender, receiver) = oneshot::channel();
        let number = state.next;
        state.next += 1;
        let asked = Asked { query, sender };
        state.waiting.push_back((number, Box::new(asked)));
        Ok(Entered::Waits(number, receiver))
    }

    /// Waits for what comes of a query in the queue.
    async fn wait<T>(&self, number: u64, mut turn: Receiver<T>) -> Result<T, StoreError> {
        let came = match timeout(self.shared.limits.longest, &mut turn).await {
            Ok(came) => came,
            Err(_) if self.shared.remove(number) => {
                return Err(unavailable(
                    "all its connections were in use for too long",
                ));
            }
            // It runs.
            Err(_) => turn.await,
        };
        // The server stops.
        came.map_err(|oneshot::Closed| broken("a query did not end"))
    }
}

/// Runs a query on a thread that may wait, which goes on with others when it has sent the result.
async fn on_pool<T, Q>(lease: Lease, query: Q) -> Result<T, StoreError>
where
    T: Send + 'static,
    Q: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
{
    let (sender, mut result) = oneshot::channel();
    let mut thread = pin!(spawn_blocking(move || {
        drop(sender.send(answer(query, lease.connection())));
        lease.work_off();
    }));
    poll_fn(|cx| {
        // The result comes first, or never.
        if let Poll::Ready(Ok(result)) = pin!(&mut result).poll(cx) {
            return Poll::Ready(result);
        }
        thread.as_mut().poll(cx).map(|ended| match ended {
            Ok(Ok(())) => Err(broken("a query did not end")),
            Ok(Err(panicked)) => Err(StoreError::Broken(panicked.message)),
            Err(full) => Err(StoreError::Unavailable(full.to_string())),
        })
    })
    .await
}

/// What a query gives. Its panic is its own: the connection is whole, and others wait for it.
fn answer<T>(
    query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    connection: &Connection,
) -> Result<T, StoreError> {
    let answer = catch_panic(|| query(connection));
    answer.unwrap_or_else(|panicked| Err(StoreError::Broken(panicked.message)))
}

impl Lease {
    fn connection(&self) -> &Connection {
        let connection = self.connection.as_ref();
        connection.expect("it is there until it is passed on")
    }

    /// Runs what waits, until nothing does or the turn is over.
    fn work_off(self) {
        for _ in 0..QUERIES_PER_TURN {
            match self.shared.next() {
                Some(query) => query.run(self.connection()),
                None => return,
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.shared.release(connection);
        }
    }
}

impl Shared {
    fn lease(self: &Arc<Self>, connection: Connection) -> Lease {
        Lease {
            connection: Some(connection),
            shared: Arc::clone(self),
        }
    }

    /// Takes out what has waited longest and is still wanted.
    fn next(&self) -> Option<Box<dyn Query>> {
        // Ends: each round takes one out of the queue. What nobody wants is dropped without the
        // lock.
        loop {
            let (_, query) = self.lock().waiting.pop_front()?;
            if query.is_wanted() {
                return Some(query);
            }
        }
    }

    /// Takes a query out of the queue; says whether it was there.
    fn remove(&self, number: u64) -> bool {
        let mut state = self.lock();
        let found = state.waiting.binary_search_by_key(&number, |(at, _)| *at);
        let query = found.ok().and_then(|place| state.waiting.remove(place));
        drop(state);
        query.is_some()
    }

    /// Passes a connection on to whoever waits longest, or keeps it.
    fn release(self: &Arc<Self>, mut connection: Connection) {
        // Ends: each round takes one out of the queue.
        loop {
            let mut state = self.lock();
            let Some((_, query)) = state.waiting.pop_front() else {
                state.idle.push(connection);
                return;
            };
            // Sending wakes foreign code: not under the lock.
            drop(state);
            let Some(mut lease) = query.pass(self.lease(connection)) else {
                return;
            };
            match lease.connection.take() {
                Some(returned) => connection = returned,
                None => return,
            }
        }
    }

    /// Nothing that panics runs under the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, Q> Query for Asked<T, Q>
where
    T: Send,
    Q: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn is_wanted(&self) -> bool {
        !self.sender.is_closed()
    }

    fn run(self: Box<Self>, connection: &Connection) {
        let Asked { query, sender } = *self;
        drop(sender.send(Turn::Done(answer(query, connection))));
    }

    fn pass(self: Box<Self>, lease: Lease) -> Option<Lease> {
        let Asked { query, sender } = *self;
        match sender.send(Turn::Next(lease, query)) {
            Err(Turn::Next(lease, _)) => Some(lease),
            _ => None,
        }
    }
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable(reason.to_owned())
}

fn broken(reason: &str) -> StoreError {
    StoreError::Broken(reason.to_owned())
}
