//! `Pool`: a bounded number of things that one query at a time uses, and the queue of those who
//! wait. Must not know what they are, or make any.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use container::reactor::oneshot;
use container::timeout;

use super::StoreError;

/// What bounds the wait for one of a pool's things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Most that wait; beyond it they are refused at once.
    pub(super) most: usize,
    /// How long each waits.
    pub(super) longest: Duration,
}

impl Default for Waiting {
    /// 1,024, for a second each: what has not begun by then comes too late for most clients, and a
    /// queue of more than that is not worked off in time by any database.
    fn default() -> Self {
        Waiting {
            most: 1024,
            longest: Duration::from_secs(1),
        }
    }
}

/// The things, of which clones share the same. Any thread may take one and return it.
pub(super) struct Pool<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    limits: Waiting,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// What nobody uses; what was used last is on top, for its caches are warm.
    idle: Vec<T>,
    /// Who waits, longest first; some may have gone.
    waiting: VecDeque<oneshot::Sender<Lease<T>>>,
}

/// The use of one of a pool's things, which is returned by drop.
pub(super) struct Lease<T> {
    /// Empty once it has been returned.
    value: Option<T>,
    shared: Arc<Shared<T>>,
}

impl<T> Pool<T> {
    pub(super) fn new(values: impl IntoIterator<Item = T>, limits: Waiting) -> Self {
        let state = State {
            idle: values.into_iter().collect(),
            waiting: VecDeque::new(),
        };
        Pool {
            shared: Arc::new(Shared {
                limits,
                state: Mutex::new(state),
            }),
        }
    }

    /// Takes one, waiting for it where all are in use. Belongs on a reactor's thread.
    ///
    /// # Errors
    /// When too many wait already, or the wait took too long.
    pub(super) async fn take(&self) -> Result<Lease<T>, StoreError> {
        let turn = match self.enter()? {
            Ok(lease) => return Ok(lease),
            Err(turn) => turn,
        };
        let longest = self.shared.limits.longest;
        match timeout(longest, turn).await {
            Ok(Ok(lease)) => Ok(lease),
            Ok(Err(oneshot::Closed)) => Err(unavailable("the pool is gone")),
            Err(_) => Err(unavailable("all its connections were in use for too long")),
        }
    }

    /// One of them, or the promise of one.
    fn enter(&self) -> Result<Result<Lease<T>, oneshot::Receiver<Lease<T>>>, StoreError> {
        let mut state = self.shared.lock();
        if let Some(value) = state.idle.pop() {
            drop(state);
            return Ok(Ok(self.shared.lease(value)));
        }
        let most = self.shared.limits.most;
        if state.waiting.len() >= most {
            state.waiting.retain(|sender| !sender.is_closed());
        }
        if state.waiting.len() >= most {
            return Err(unavailable("too many wait for a connection"));
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push_back(sender);
        Ok(Err(receiver))
    }
}

impl<T> Shared<T> {
    fn lease(self: &Arc<Self>, value: T) -> Lease<T> {
        Lease {
            value: Some(value),
            shared: Arc::clone(self),
        }
    }

    /// Passes a returned value on to whoever waits longest, or keeps it.
    fn release(self: &Arc<Self>, mut value: T) {
        // Ends: each round takes one out of the queue.
        loop {
            let mut state = self.lock();
            let Some(sender) = state.waiting.pop_front() else {
                state.idle.push(value);
                return;
            };
            // Sending wakes foreign code: not under the lock.
            drop(state);
            let Err(mut lease) = sender.send(self.lease(value)) else {
                return;
            };
            match lease.value.take() {
                Some(returned) => value = returned,
                None => return,
            }
        }
    }

    /// Nothing that panics runs under the lock.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
            .as_ref()
            .expect("it is there until it is dropped")
    }
}

impl<T> DerefMut for Lease<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
            .as_mut()
            .expect("it is there until it is dropped")
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.shared.release(value);
        }
    }
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Pool {
            shared: Arc::clone(&self.shared),
        }
    }
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use container::reactor::{Clock, Reactor, spawn_local};

    use super::*;

    const LIMITS: Waiting = Waiting {
        most: 2,
        longest: Duration::from_secs(1),
    };

    fn run<F: Future<Output = ()>>(test: impl FnOnce(Pool<&'static str>) -> F) {
        let reactor = Reactor::new(Clock::virtual_time()).unwrap();
        let pool = Pool::new(["only"], LIMITS);
        reactor.block_on(test(pool)).unwrap();
    }

    #[test]
    fn who_waits_longest_is_next() {
        run(async |pool| {
            let lease = pool.take().await.unwrap();
            let order = Rc::new(std::cell::RefCell::new(vec![]));
            let tasks = [1, 2].map(|number| {
                let (pool, order) = (pool.clone(), Rc::clone(&order));
                spawn_local(async move {
                    let lease = pool.take().await.unwrap();
                    order.borrow_mut().push(number);
                    drop(lease);
                })
            });
            container::yield_now().await;
            drop(lease);
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*order.borrow(), [1, 2]);
        });
    }

    #[test]
    fn the_queue_and_the_wait_are_bounded() {
        run(async |pool| {
            let lease = pool.take().await.unwrap();
            let waiting = [(); 2].map(|()| {
                let pool = pool.clone();
                spawn_local(async move { pool.take().await.err() })
            });
            container::yield_now().await;
            assert_eq!(
                pool.take().await.err(),
                Some(unavailable("too many wait for a connection"))
            );
            for task in waiting {
                let refused = unavailable("all its connections were in use for too long");
                assert_eq!(task.await.unwrap(), Some(refused));
            }
            drop(lease);
            assert_eq!(*pool.take().await.unwrap(), "only");
        });
    }

    #[test]
    fn who_has_gone_holds_no_place_and_loses_nothing() {
        run(async |pool| {
            let lease = pool.take().await.unwrap();
            for _ in 0..5 {
                let turn = pool.enter().unwrap().err().unwrap();
                drop(turn);
            }
            // Passed on to somebody who goes before he takes it.
            let turn = pool.enter().unwrap().err().unwrap();
            drop(lease);
            drop(turn);
            assert_eq!(*pool.take().await.unwrap(), "only");
        });
    }
}
