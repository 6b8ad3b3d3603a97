//! `Queries`: a few connections, and the queries that wait for one. Must not know what they ask.
//!
//! A thread that has ended a query goes on with those that wait, instead of passing its connection
//! to a worker that would only look for a thread again: under load most queries wake no thread.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use container::handler::catch_panic;
use container::reactor::oneshot::{self, Receiver};
use container::{spawn_blocking, timeout};
use rusqlite::Connection;

use crate::store::StoreError;
use crate::store::pool::Waiting;

/// The connections, of which clones share the same.
#[derive(Clone)]
pub(super) struct Queries {
    shared: Arc<Shared>,
}

struct Shared {
    limits: Waiting,
    /// Most queries that a thread works off. The next one asks for a thread of its own, so that
    /// others get it who wait for one, and so that the watchdog sees it move.
    per_turn: usize,
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
    fn run(self: Box<Self>, connection: &mut Connection);

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

impl Queries {
    /// All connections idle. A thread works off at most `per_turn` queries, at least one.
    pub(super) fn new(connections: Vec<Connection>, limits: Waiting, per_turn: usize) -> Queries {
        let state = State {
            idle: connections,
            waiting: VecDeque::new(),
            next: 0,
        };
        Queries {
            shared: Arc::new(Shared {
                limits,
                per_turn,
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
        Q: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
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
        Q: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
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
                return Err(unavailable("all its connections were in use for too long"));
            }
            // It runs.
            Err(_) => turn.await,
        };
        came.map_err(|oneshot::Closed| broken("a query was dropped"))
    }
}

/// Runs a query on a thread that may wait, which goes on with others when it has sent the result.
async fn on_pool<T, Q>(mut lease: Lease, query: Q) -> Result<T, StoreError>
where
    T: Send + 'static,
    Q: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
{
    let (sender, mut result) = oneshot::channel();
    let mut thread = pin!(spawn_blocking(move || {
        drop(sender.send(answer(query, lease.connection())));
        lease.work_off();
    }));
    poll_fn(|cx| {
        // The thread first: when it has ended, the result has been sent.
        match thread.as_mut().poll(cx) {
            Poll::Ready(Err(full)) => return Poll::Ready(Err(unavailable(&full.to_string()))),
            Poll::Ready(Ok(Err(panicked))) => return Poll::Ready(Err(broken(&panicked.message))),
            Poll::Ready(Ok(Ok(()))) | Poll::Pending => {}
        }
        let result = Pin::new(&mut result).poll(cx);
        result.map(|sent| sent.unwrap_or_else(|oneshot::Closed| Err(broken("no query was run"))))
    })
    .await
}

/// What a query gives. Its panic is its own: the connection is whole, and others wait for it.
fn answer<T>(
    query: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    connection: &mut Connection,
) -> Result<T, StoreError> {
    let answer = catch_panic(|| query(connection));
    answer.unwrap_or_else(|panicked| Err(broken(&panicked.message)))
}

impl Lease {
    fn connection(&mut self) -> &mut Connection {
        let connection = self.connection.as_mut();
        connection.expect("it is there until it is passed on")
    }

    /// Runs what waits, until nothing does or the turn is over.
    fn work_off(mut self) {
        for _ in 1..self.shared.per_turn {
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
    Q: FnOnce(&mut Connection) -> Result<T, StoreError> + Send,
{
    fn is_wanted(&self) -> bool {
        !self.sender.is_closed()
    }

    fn run(self: Box<Self>, connection: &mut Connection) {
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

#[cfg(test)]
mod tests {
    use container::reactor::{Clock, Reactor, spawn_local};
    use container::scheduler::{BlockingConfig, BlockingPool};

    use super::*;

    /// Runs a test on a thread that is a worker for so long, with one connection.
    fn run<F: Future<Output = ()>>(most: usize, per_turn: usize, test: impl FnOnce(Queries) -> F) {
        let pool = BlockingPool::new(BlockingConfig::default());
        pool.enter();
        let limits = Waiting {
            most,
            ..Waiting::default()
        };
        let connections = vec![Connection::open_in_memory().unwrap()];
        let queries = Queries::new(connections, limits, per_turn);
        let reactor = Reactor::new(Clock::real()).unwrap();
        reactor.block_on(test(queries)).unwrap();
        pool.close();
    }

    /// Gives a number, unless it is one of those that panic.
    fn number(connection: &mut Connection, number: i64) -> Result<i64, StoreError> {
        assert_ne!(number % 5, 4, "asked for a panic");
        Ok(connection.query_row("SELECT ?1", [number], |row| row.get(0))?)
    }

    #[test]
    fn all_that_wait_are_run_and_a_panic_is_its_own() {
        for per_turn in [1, 3, 1000] {
            run(1000, per_turn, async |queries| {
                let tasks = [(); 100].map(|()| queries.clone()).into_iter().zip(0..);
                let tasks: Vec<_> = tasks
                    .map(|(queries, asked)| {
                        let query = move |connection: &mut Connection| number(connection, asked);
                        spawn_local(async move { (asked, queries.run(query).await) })
                    })
                    .collect();
                for task in tasks {
                    let (asked, answer) = task.await.unwrap();
                    match answer {
                        Ok(got) => assert_eq!(got, asked),
                        Err(StoreError::Broken(_)) => assert_eq!(asked % 5, 4),
                        Err(other) => panic!("{asked}: {other}"),
                    }
                }
                let again = |connection: &mut Connection| number(connection, 1);
                assert_eq!(queries.run(again).await, Ok(1));
            });
        }
    }

    #[test]
    fn the_queue_is_bounded_and_nobody_who_has_gone_holds_a_place() {
        run(2, 1, async |queries| {
            let one = |connection: &mut Connection| number(connection, 1);
            let Ok(Entered::Now(lease, _)) = queries.enter(one) else {
                panic!("nobody uses it");
            };
            for _ in 0..5 {
                assert!(matches!(queries.enter(one), Ok(Entered::Waits(..))));
            }
            let waiting = [(); 2].map(|()| queries.enter(one));
            let refused = queries.enter(one).err();
            assert_eq!(refused, Some(unavailable("too many wait for a connection")));
            drop(waiting);
            drop(lease);
            assert_eq!(queries.run(one).await, Ok(1));
        });
    }
}
