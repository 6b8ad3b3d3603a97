//! The life of a container: a phase that everybody can see and wait for, and that only goes
//! forward.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Where a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Listeners are being opened and start-up hooks run.
    Starting,
    /// It serves.
    Running,
    /// It serves as before, but says that it is not ready, and closes connections with their next
    /// answer, so that new work goes elsewhere.
    Leaving,
    /// It takes no new connections; requests that were accepted are finished.
    Draining,
    /// It cuts what is left.
    Closing,
    /// Nothing is left.
    Drained,
}

thread_local! {
    /// The life of the container that this thread works for.
    static CURRENT: RefCell<Option<Lifecycle>> = const { RefCell::new(None) };
}

/// A container's phase, shared by its workers and handles.
#[derive(Clone, Default)]
pub struct Lifecycle {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The phase's place in [`Phase::ALL`].
    phase: AtomicU8,
    record: Mutex<Record>,
    /// Tells the threads that wait in [`Lifecycle::sleep`].
    changed: Condvar,
}

#[derive(Default)]
struct Record {
    /// When each phase was reached; `None` for those that were passed over, or lie ahead.
    reached: [Option<Instant>; Phase::ALL.len()],
    /// Tasks that wait for a phase.
    waiting: HashMap<u64, Waker>,
    /// The number of the next of them.
    next: u64,
}

/// Waits for a phase; made by [`draining`] and [`Lifecycle::reached`].
#[must_use = "a future does nothing before it is polled"]
pub struct Reached {
    /// Whose phase; `None` where there is no container, and so no end.
    lifecycle: Option<Lifecycle>,
    phase: Phase,
    /// Its number among those that wait, once it does.
    key: Option<u64>,
}

/// Waits until the container that runs the calling code drains: for whoever would go on for ever,
/// such as a stream of events, to end in time and in good order. Ready at once when it drains
/// already; never outside of a container's workers, which a `blocking` handler is.
///
/// ```
/// use container::testing::Server;
/// use container::{Router, draining};
///
/// let server = Server::new(Router::new().get("/", async || { draining().await; "the end" }));
/// let mut client = server.connect();
/// client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
/// assert_eq!(client.received(), "");
/// server.drain();
/// assert!(client.received().ends_with("the end"));
/// ```
pub fn draining() -> Reached {
    Reached {
        lifecycle: CURRENT.with_borrow(Clone::clone),
        phase: Phase::Draining,
        key: None,
    }
}

/// Whether the container that runs the calling code wants traffic: it has started, and was not
/// asked to stop. What a load balancer should be told. False outside of a container's workers, which a
/// `blocking` handler is: it asks [`Handle::is_ready`](crate::server::Handle::is_ready).
///
/// ```
/// use container::testing::Server;
/// use container::{Router, inline, is_ready};
///
/// let server = Server::new(Router::new().get("/", inline(|| is_ready().to_string())));
/// assert!(server.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("true"));
/// ```
pub fn is_ready() -> bool {
    CURRENT.with_borrow(|life| life.as_ref().is_some_and(Lifecycle::is_ready))
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Phase; 6] = [
        Phase::Starting,
        Phase::Running,
        Phase::Leaving,
        Phase::Draining,
        Phase::Closing,
        Phase::Drained,
    ];
}

impl Lifecycle {
    /// A container that is starting.
    pub fn new() -> Self {
        Lifecycle::default()
    }

    /// Makes this the life of the container that the calling thread works for.
    pub fn enter(&self) {
        CURRENT.set(Some(self.clone()));
    }

    /// The phase.
    pub fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.shared.phase.load(Ordering::Acquire))]
    }

    /// Whether the container wants traffic.
    pub fn is_ready(&self) -> bool {
        self.phase() == Phase::Running
    }

    /// Goes on to `phase`; stays where it is when that lies behind. Says whether it moved.
    pub fn advance(&self, phase: Phase) -> bool {
        let mut record = self.record();
        if self.shared.phase.fetch_max(phase as u8, Ordering::AcqRel) >= phase as u8 {
            return false;
        }
        record.reached[phase as usize] = Some(Instant::now());
        let waiting = std::mem::take(&mut record.waiting);
        drop(record);
        self.shared.changed.notify_all();
        waiting.into_values().for_each(Waker::wake);
        true
    }

    /// Waits until `phase` is reached, or passed.
    pub fn reached(&self, phase: Phase) -> Reached {
        Reached {
            lifecycle: Some(self.clone()),
            phase,
            key: None,
        }
    }

    /// What the future comes to, unless `phase` is reached or passed before.
    pub async fn before<F: Future>(&self, phase: Phase, future: F) -> Option<F::Output> {
        let (mut over, mut future) = (pin!(self.reached(phase)), pin!(future));
        poll_fn(|context| match over.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => future.as_mut().poll(context).map(Some),
        })
        .await
    }

    /// Holds the thread until `phase` is reached or passed, but no longer than `limit`.
    pub fn sleep(&self, limit: Duration, phase: Phase) {
        let record = self.record();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(record, limit, |_| self.phase() < phase);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// When `phase` was reached; `None` when it was passed over, or lies ahead.
    pub fn since(&self, phase: Phase) -> Option<Instant> {
        self.record().reached[phase as usize]
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        // Nothing in it can be half done.
        self.shared
            .record
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Reached {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(lifecycle) = self.lifecycle.clone() else {
            return Poll::Pending;
        };
        // Within the lock: whoever goes on to the next phase takes it before it wakes anybody.
        let mut record = lifecycle.record();
        if lifecycle.phase() >= self.phase {
            return Poll::Ready(());
        }
        let key = *self.key.get_or_insert_with(|| {
            record.next += 1;
            record.next
        });
        let before = record.waiting.insert(key, context.waker().clone());
        drop(record);
        drop(before);
        Poll::Pending
    }
}

impl Drop for Reached {
    fn drop(&mut self) {
        if let (Some(lifecycle), Some(key)) = (&self.lifecycle, self.key) {
            let waker = lifecycle.record().waiting.remove(&key);
            drop(waker);
        }
    }
}

impl fmt::Debug for Lifecycle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Lifecycle")
            .field(&self.phase())
            .finish()
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Phase::Starting => "starting",
            Phase::Running => "running",
            Phase::Leaving => "leaving",
            Phase::Draining => "draining",
            Phase::Closing => "closing",
            Phase::Drained => "drained",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_goes_forward() {
        let life = Lifecycle::new();
        assert!(life.advance(Phase::Draining));
        assert!(!life.advance(Phase::Running));
        assert!(!life.advance(Phase::Draining));
        assert_eq!(life.phase(), Phase::Draining);
        assert!(life.since(Phase::Draining).is_some() && life.since(Phase::Running).is_none());
    }

    #[test]
    fn is_ready_only_while_it_runs() {
        let life = Lifecycle::new();
        let mut ready = vec![];
        for phase in Phase::ALL {
            life.advance(phase);
            ready.push(life.is_ready());
        }
        assert_eq!(ready, [false, true, false, false, false, false]);
    }

    #[test]
    fn who_waits_is_woken_and_who_has_gone_is_forgotten() {
        let life = Lifecycle::new();
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut gone = pin!(life.reached(Phase::Closing));
            assert!(gone.as_mut().poll(&mut context).is_pending());
        }
        assert!(life.record().waiting.is_empty());
        let mut waits = pin!(life.reached(Phase::Draining));
        assert!(waits.as_mut().poll(&mut context).is_pending());
        life.advance(Phase::Running);
        assert!(waits.as_mut().poll(&mut context).is_pending());
        life.advance(Phase::Closing);
        assert!(waits.as_mut().poll(&mut context).is_ready());
    }

    #[test]
    fn a_thread_sleeps_until_the_phase() {
        let life = Lifecycle::new();
        let other = life.clone();
        let sleeper = std::thread::spawn(move || other.sleep(Duration::MAX, Phase::Draining));
        life.advance(Phase::Draining);
        sleeper.join().expect("it wakes up");
    }
}
