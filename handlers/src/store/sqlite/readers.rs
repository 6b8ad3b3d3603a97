//! `Readers`: the connections that read, and the queries that wait for one. Must not know what they
//! ask.
//!
//! A query that waits for a connection can be seen by the threads that have one: a thread that has
//! ended a query takes the next, so that under load most of them wake no thread. Each asks for a
//! connection of its own all the same, and gets it when no thread has come by. So it depends on
//! nobody: whoever goes, or is refused, takes no other query along.

use std::collections::BTreeMap;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use container::handler::catch_panic;
use container::reactor::oneshot;
use rusqlite::Connection;

use super::on_thread;
use crate::store::StoreError;
use crate::store::pool::{Lease, Pool};

/// Most queries that a thread runs before it gives its connection back, to whoever has waited for
/// one longest. A query takes as long as it takes to wake a thread, some microseconds: this makes
/// the waking cheap, and the others still wait less than a millisecond. The watchdog takes all of
/// them for work of the request whose thread it is.
const QUERIES_PER_TURN: usize = 32;

/// Connections for queries that change nothing. Clones share them.
#[derive(Clone)]
pub(super) struct Readers {
    connections: Pool<Connection>,
    waiting: Arc<Queue>,
}

/// Runs a query, and gives what sends its answer.
type Query = Box<dyn FnOnce(&Connection) -> Answer + Send>;

/// Sends an answer.
type Answer = Box<dyn FnOnce()>;

/// The queries that nobody runs yet. They are as many as wait for a connection or for a thread,
/// both of which is bounded.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By their numbers, which are in the order in which they came.
    queries: BTreeMap<u64, Query>,
    /// The number of the next.
    next: u64,
}

/// A query's place in the queue, which it leaves at the latest when this is dropped.
struct Place<'a> {
    queue: &'a Queue,
    number: u64,
}

impl Readers {
    /// Those of a pool, which others may use too.
    pub(super) fn new(connections: Pool<Connection>) -> Readers {
        Readers {
            connections,
            waiting: Arc::default(),
        }
    }

    /// Runs a query. One that has begun runs to its end; dropping the future before that, nobody
    /// begins it.
    ///
    /// # Errors
    /// Those of the query; [`StoreError::Unavailable`] when too many wait for a connection or a
    /// thread, or it waited for too long.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, mut answer) = oneshot::channel();
        let place = self.waiting.enter(Box::new(move |connection| {
            // Its panic is its own: the thread goes on with the queries of others.
            let result = catch_panic(|| query(connection))
                .unwrap_or_else(|panicked| Err(StoreError::Broken(panicked.message)));
            // Who no longer waits does not miss it.
            Box::new(move || drop(sender.send(result)))
        }));
        let mut refused = pin!(self.see_to(&place));
        poll_fn(|context| match Pin::new(&mut answer).poll(context) {
            Poll::Ready(answer) => Poll::Ready(answer.unwrap_or_else(|oneshot::Closed| {
                Err(StoreError::Broken("a query was dropped".to_owned()))
            })),
            Poll::Pending => refused.as_mut().poll(context).map(Err),
        })
        .await
    }

    /// Sees to it that a query in the queue is run; ends only when it is not, with the reason.
    async fn see_to(&self, place: &Place<'_>) -> StoreError {
        match self.take_turn(place.number).await {
            Err(reason) if place.leave() => reason,
            // It is with a thread, ours or another, which answers.
            _ => pending().await,
        }
    }

    /// Has a thread run a query, unless another has begun it by then, and others that wait.
    async fn take_turn(&self, number: u64) -> Result<(), StoreError> {
        let connection = self.connections.take().await?;
        let waiting = Arc::clone(&self.waiting);
        on_thread(move || waiting.work_off(number, connection)).await
    }
}

impl Queue {
    fn enter(&self, query: Query) -> Place<'_> {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.queries.insert(number, query);
        Place {
            queue: self,
            number,
        }
    }

    /// Runs the query with this number, then those that have waited longest, until none waits or
    /// the turn is over.
    fn work_off(&self, number: u64, connection: Lease<Connection>) {
        let Some(first) = self.take(number).or_else(|| self.take_oldest()) else {
            return;
        };
        let mut answer = first(&connection);
        for _ in 1..QUERIES_PER_TURN {
            let Some(next) = self.take_oldest() else {
                break;
            };
            answer();
            answer = next(&connection);
        }
        // The connection first: whoever is answered may ask at once for what comes next, and must
        // not find it with a thread that has nothing more to do. A reactor in virtual time knows of
        // the threads that work for it, and not of one that is just leaving another.
        drop(connection);
        answer();
    }

    fn take(&self, number: u64) -> Option<Query> {
        self.lock().queries.remove(&number)
    }

    fn take_oldest(&self) -> Option<Query> {
        self.lock().queries.pop_first().map(|(_, query)| query)
    }

    /// Nothing that panics runs under the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Says whether the query was still there.
    fn leave(&self) -> bool {
        self.queue.take(self.number).is_some()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::{Context, Waker};
    use std::time::Duration;
    use std::{iter, thread};

    use container::reactor::{Clock, JoinHandle, Reactor};
    use container::scheduler::{BlockingConfig, BlockingPool};

    use super::*;
    use crate::store::pool::Waiting;

    /// Longer than any test takes.
    const HOUR: Duration = Duration::from_secs(3600);

    fn pool(connections: usize, limits: Waiting) -> Pool<Connection> {
        let connections = (0..connections).map(|_| Connection::open_in_memory().unwrap());
        Pool::new(connections, limits)
    }

    fn is_idle(connections: &Pool<Connection>) -> bool {
        let taken = pin!(connections.take()).poll(&mut Context::from_waker(Waker::noop()));
        matches!(taken, Poll::Ready(Ok(_)))
    }

    /// Gives the number, or panics when it ends in 4.
    fn number(connection: &Connection, number: i64) -> Result<i64, StoreError> {
        assert_ne!(number % 10, 4, "asked for a panic");
        Ok(connection.query_row("SELECT ?1", [number], |row| row.get(0))?)
    }

    #[track_caller]
    fn check(number: i64, answer: Result<i64, StoreError>) {
        match answer {
            Err(StoreError::Broken(said)) if number % 10 == 4 => {
                assert!(said.contains("asked for a panic"), "{said}");
            }
            answer => assert_eq!(answer, Ok(number)),
        }
    }

    /// A worker in virtual time with one connection, whose threads are the test's.
    struct ByHand {
        reactor: Reactor,
        threads: BlockingPool,
        readers: Readers,
        asked: Vec<JoinHandle<Result<i64, StoreError>>>,
    }

    impl ByHand {
        /// With so many queries, which give the numbers from 0.
        fn with(queries: usize) -> ByHand {
            let reactor = Reactor::new(Clock::virtual_time()).unwrap();
            let threads = BlockingPool::by_hand(BlockingConfig::default(), reactor.clock());
            threads.enter();
            let readers = Readers::new(pool(1, Waiting::default()));
            let asked = (0..queries).map(|asked| {
                let readers = readers.clone();
                let query = move |connection: &_| number(connection, asked as i64);
                reactor.spawn_local(async move { readers.run(query).await })
            });
            let asked = asked.collect();
            reactor.run_until_idle().unwrap();
            ByHand {
                reactor,
                threads,
                readers,
                asked,
            }
        }

        /// Has the one thread that was asked for do its turn; says how many queries have ended.
        fn turn(&self) -> usize {
            assert_eq!(self.threads.jobs(), 1);
            self.threads.run_job(0);
            self.reactor.run_until_idle().unwrap();
            self.asked.iter().filter(|task| task.is_finished()).count()
        }

        /// What each query came to, nothing being left behind; `None` where the task was aborted.
        fn end(self) -> Vec<Option<Result<i64, StoreError>>> {
            let ByHand {
                reactor,
                threads,
                readers,
                asked,
            } = self;
            assert_eq!(threads.jobs(), 0);
            assert!(readers.waiting.take_oldest().is_none());
            assert!(is_idle(&readers.connections));
            let ends = asked.into_iter().map(|task| {
                assert!(task.is_finished());
                reactor.block_on(task).unwrap().ok()
            });
            ends.collect()
        }
    }

    #[test]
    fn a_thread_runs_what_waits_until_its_turn_is_over() {
        let worker = ByHand::with(QUERIES_PER_TURN + 2);
        assert_eq!(worker.turn(), QUERIES_PER_TURN);
        assert_eq!(worker.turn(), QUERIES_PER_TURN + 2);
        for (number, answer) in (0..).zip(worker.end()) {
            check(number, answer.unwrap());
        }
    }

    #[test]
    fn who_goes_is_not_asked_for_and_takes_nobody_along() {
        // The first one's thread would have run the others; the second waits for nothing else.
        for gone in 0..3 {
            let worker = ByHand::with(3);
            worker.asked[gone].abort();
            worker.reactor.run_until_idle().unwrap();
            assert_eq!(worker.readers.waiting.lock().queries.len(), 2);
            assert_eq!(worker.turn(), 3);
            for (number, answer) in worker.end().into_iter().enumerate() {
                let expected = (number != gone).then_some(Ok(number as i64));
                assert_eq!(answer, expected, "{gone} has gone");
            }
        }
    }

    #[test]
    fn who_is_refused_leaves_the_queue() {
        let worker = ByHand::with(3);
        worker.threads.close();
        worker.reactor.run_until_idle().unwrap();
        for answer in worker.end() {
            assert!(matches!(answer, Some(Err(StoreError::Unavailable(_)))));
        }

        let worker = ByHand::with(3);
        worker.reactor.advance(Waiting::default().longest).unwrap();
        // The first has a connection, and waits for a thread.
        assert_eq!(worker.turn(), 3);
        let ends = worker.end();
        assert_eq!(ends[0], Some(Ok(0)));
        for answer in &ends[1..] {
            assert!(matches!(answer, Some(Err(StoreError::Unavailable(_)))));
        }
    }

    #[test]
    fn a_thread_whose_query_is_with_another_runs_the_next() {
        let worker = ByHand::with(2);
        let with_another = worker.readers.waiting.take(0).unwrap();
        assert_eq!(worker.turn(), 1);
        with_another(&Connection::open_in_memory().unwrap())();
        worker.reactor.run_until_idle().unwrap();
        assert_eq!(worker.end(), [Some(Ok(0)), Some(Ok(1))]);
    }

    #[test]
    fn who_is_with_a_thread_is_not_refused() {
        let worker = ByHand::with(2);
        let with_another = worker.readers.waiting.take(1).unwrap();
        worker.reactor.advance(Waiting::default().longest).unwrap();
        assert_eq!(worker.turn(), 1);
        with_another(&Connection::open_in_memory().unwrap())();
        worker.reactor.run_until_idle().unwrap();
        assert_eq!(worker.end(), [Some(Ok(0)), Some(Ok(1))]);
    }

    /// Else an answered client's next request would wait for a thread that only has to give the
    /// connection back, of which its reactor need not know: in virtual time it did not wait.
    #[test]
    fn who_is_answered_finds_the_connection_free() {
        for queries in [1, 2, QUERIES_PER_TURN + 1] {
            let connections = pool(1, Waiting::default());
            let reactor = Reactor::new(Clock::virtual_time()).unwrap();
            let lease = reactor.block_on(connections.take()).unwrap().unwrap();
            let _entered = reactor.enter();
            let queue = Queue::default();
            let (sender, answers) = mpsc::channel();
            let query = |number: usize| -> Query {
                let (sender, connections) = (sender.clone(), connections.clone());
                let answer = move || sender.send((number, is_idle(&connections))).unwrap();
                Box::new(|_| Box::new(answer))
            };
            let places: Vec<_> = (0..queries).map(|at| queue.enter(query(at))).collect();
            // Whose turn it is comes first, then who has waited longest.
            let own = queries - 1;
            queue.work_off(places[own].number, lease);
            let order = iter::once(own).chain(0..own).take(QUERIES_PER_TURN);
            let mut expected: Vec<_> = order.map(|number| (number, false)).collect();
            // Until the last answer the connection is at work for somebody.
            expected.last_mut().unwrap().1 = true;
            assert_eq!(answers.try_iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn workers_answer_each_others_queries() {
        let limits = Waiting {
            longest: HOUR,
            ..Waiting::default()
        };
        let readers = Readers::new(pool(2, limits));
        let threads = BlockingPool::new(BlockingConfig::default());
        thread::scope(|scope| {
            for worker in 0..4 {
                let (readers, threads) = (readers.clone(), threads.clone());
                scope.spawn(move || {
                    threads.enter();
                    let reactor = Reactor::new(Clock::real()).unwrap();
                    let tasks = (0..200).map(|asked| {
                        let (readers, asked) = (readers.clone(), 1000 * worker + asked);
                        reactor.spawn_local(async move {
                            let query = move |connection: &_| number(connection, asked);
                            check(asked, readers.run(query).await);
                        })
                    });
                    for task in tasks.collect::<Vec<_>>() {
                        reactor.block_on(task).unwrap().unwrap();
                    }
                });
            }
        });
        threads.close();
    }
}
