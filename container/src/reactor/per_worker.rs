//! One value for each reactor of a program. Must not know what the values are.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Reactor, context};

/// A value for each worker, made when the worker first asks for it and dropped when it ends. The
/// values need not be `Send`; this may be the state of an application all the same.
///
/// It is for what belongs to a worker's thread and is to outlive a request there, such as a pool of
/// connections. Make one for a program's life: the values stay with their workers after it is gone.
///
/// ```
/// use container::{PerWorker, Router, extract::State, testing::Server};
/// use std::cell::Cell;
///
/// async fn count(State(counts): State<PerWorker<Cell<u32>>>) -> String {
///     let count = counts.get();
///     count.set(count.get() + 1);
///     count.get().to_string()
/// }
///
/// let counts = PerWorker::new(|| Cell::new(0_u32));
/// let server = Server::new(Router::new().get("/", count).state(counts));
/// let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/// assert!(server.exchange(request).ends_with("\r\n\r\n1"));
/// assert!(server.exchange(request).ends_with("\r\n\r\n2"));
/// ```
pub struct PerWorker<T> {
    shared: Arc<Shared<T>>,
}

/// What all clones share.
struct Shared<T> {
    /// Tells it from all others of the process.
    id: u64,
    make: Box<dyn Fn() -> T + Send + Sync>,
}

/// The values of one reactor.
pub(super) struct Values {
    /// By the id of what they are of; `None` once the reactor has shut down.
    map: RefCell<Option<HashMap<u64, Rc<dyn Any>>>>,
}

impl<T: 'static> PerWorker<T> {
    /// Has `make` make the value of each worker.
    pub fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        PerWorker {
            shared: Arc::new(Shared {
                id: NEXT.fetch_add(1, Ordering::Relaxed),
                make: Box::new(make),
            }),
        }
    }

    /// The value of the current worker.
    ///
    /// # Panics
    /// Outside a worker, or another reactor.
    pub fn get(&self) -> Rc<T> {
        let id = self.shared.id;
        let known = context::with_current(|inner| inner.values.find(id));
        let known = known.expect("a value of a worker is asked for on one");
        if let Some(value) = known.and_then(|value| value.downcast().ok()) {
            return value;
        }
        let value = Rc::new((self.shared.make)());
        Reactor::current().inner.values.keep(id, value.clone());
        value
    }
}

impl Values {
    fn find(&self, id: u64) -> Option<Rc<dyn Any>> {
        self.map.borrow().as_ref()?.get(&id).cloned()
    }

    /// Keeps a value, unless nobody would drop it any more.
    fn keep(&self, id: u64, value: Rc<dyn Any>) {
        let before = match &mut *self.map.borrow_mut() {
            Some(map) => map.insert(id, value),
            None => None,
        };
        drop(before);
    }

    /// Drops all, and keeps none from now on.
    pub(super) fn close(&self) {
        // Taken out first: destructors are foreign code.
        let values = self.map.take();
        drop(values);
    }
}

impl Default for Values {
    fn default() -> Self {
        Values {
            map: RefCell::new(Some(HashMap::new())),
        }
    }
}

impl<T> Clone for PerWorker<T> {
    fn clone(&self) -> Self {
        PerWorker {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for PerWorker<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PerWorker").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::thread;

    use super::*;
    use crate::reactor::{Clock, Reactor};

    fn reactor() -> Reactor {
        Reactor::new(Clock::virtual_time()).unwrap()
    }

    /// Adds one to the value of a reactor.
    fn count(counts: &PerWorker<Cell<u32>>, reactor: &Reactor) -> u32 {
        let _context = reactor.enter();
        let count = counts.get();
        count.set(count.get() + 1);
        count.get()
    }

    #[test]
    fn each_reactor_has_its_own() {
        let counts = PerWorker::new(|| Cell::new(0));
        let others = PerWorker::new(|| Cell::new(10));
        let (one, two) = (reactor(), reactor());
        assert_eq!(count(&counts, &one), 1);
        assert_eq!(count(&counts.clone(), &one), 2);
        assert_eq!(count(&counts, &two), 1);
        assert_eq!(count(&others, &one), 11);
        let elsewhere = thread::spawn(move || count(&counts, &reactor()));
        assert_eq!(elsewhere.join().unwrap(), 1);
    }

    #[test]
    fn the_value_goes_with_its_reactor() {
        let values = PerWorker::new(|| Rc::new(()));
        let reactor = reactor();
        let context = reactor.enter();
        let value = Rc::clone(&values.get());
        assert_eq!(Rc::strong_count(&value), 2);
        reactor.shutdown();
        assert_eq!(Rc::strong_count(&value), 1);
        // Who asks after that gets one, and nobody keeps it.
        assert!(!Rc::ptr_eq(&values.get(), &values.get()));
        drop(context);
    }

    #[test]
    fn a_value_may_need_another_to_be_made() {
        let inner = PerWorker::new(|| 6);
        let outer = PerWorker::new(move || *inner.get() * 7);
        let reactor = reactor();
        let _context = reactor.enter();
        assert_eq!(*outer.get(), 42);
    }
}
