//! `block_on`: async code called from plain code that may wait. Must not be called where others
//! would wait with it.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use super::RETRY_AFTER_S;
use crate::handler::{Cancellation, IntoResponse, Problem};
use crate::message::Response;
use crate::reactor::{Clock, Deadline, Reactor, Sleep, sleep};

/// Why [`block_on`] came back without what it was to wait for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Interrupted {
    /// The client of the request has gone.
    Cancelled,
    /// The deadline of the request has passed.
    Deadline,
    /// There is no reactor to be had: mostly because no descriptor is free.
    Failed(io::Error),
}

/// What the thread does with its reactor between two calls.
enum Kept {
    /// There is none: each call makes its own.
    Not,
    /// It is kept, once it was needed.
    ForNext(Option<Reactor>),
}

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept::Not) };
}

/// While it lives, its thread keeps its reactor from one call to the next.
pub(super) struct KeepReactor(());

/// Runs async code on the calling thread, which waits for it, and gives what it comes to: for
/// `blocking` handlers, what awaiting is for others. (The other way round, from async code to code
/// that blocks, is [`spawn_blocking`](crate::spawn_blocking).)
///
/// It has the whole reactor: sockets, the [`client`](crate::client), [`sleep`](crate::sleep),
/// [`spawn_local`](crate::spawn_local) for more at a time. On a thread of the blocking pool that
/// reactor stays with the thread, and with it what a [`PerWorker`](crate::PerWorker) holds, such as
/// a client with its connections. Tasks that are not waited for stand still until the next call.
///
/// Give it an `async` block: what is made outside of one, such as the future of a sleep, finds no
/// reactor yet. It goes by real time, and does not wait longer than the request lives in which it is
/// called: the future is dropped when the request's deadline passes or its client goes, like an
/// async handler.
///
/// ```
/// use container::scheduler::Interrupted;
/// use container::{Router, block_on, blocking, testing::Server, yield_now};
///
/// async fn answer() -> u32 {
///     yield_now().await;
///     42
/// }
///
/// fn plain() -> Result<String, Interrupted> {
///     Ok(block_on(answer())?.to_string())
/// }
///
/// let server = Server::new(Router::new().get("/", blocking(plain)));
/// assert!(server.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("42"));
/// ```
///
/// # Errors
/// When the request is over, or there is no reactor to be had.
///
/// # Panics
/// On the thread of a worker, or within another reactor: all of its tasks would wait.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, Interrupted> {
    assert!(
        Reactor::try_current().is_none(),
        "block_on holds up all tasks of this thread: await instead, or make the handler `blocking`"
    );
    let reactor = reactor().map_err(Interrupted::Failed)?;
    // What has happened meanwhile to connections that were kept is seen before they are used.
    let looked = reactor.turn(Some(Duration::ZERO));
    looked.map_err(Interrupted::Failed)?;
    let outcome = reactor.block_on(within_request(future));
    outcome.map_err(Interrupted::Failed)?
}

/// Has the calling thread keep its reactor as long as the guard lives, which has to be dropped by
/// that thread before it ends: what else a thread has is gone by the time it drops what is its own.
pub(super) fn keep_reactor() -> KeepReactor {
    KEPT.set(Kept::ForNext(None));
    KeepReactor(())
}

impl Drop for KeepReactor {
    fn drop(&mut self) {
        // Moved out first: with a reactor go its tasks, whose destructors are foreign code.
        let kept = KEPT.replace(Kept::Not);
        drop(kept);
    }
}

fn reactor() -> io::Result<Reactor> {
    KEPT.with_borrow_mut(|kept| match kept {
        Kept::Not => Reactor::new(Clock::real()),
        Kept::ForNext(Some(reactor)) => Ok(reactor.clone()),
        Kept::ForNext(kept) => Ok(kept.insert(Reactor::new(Clock::real())?).clone()),
    })
}

/// The future, as long as somebody waits for the request whose handler this thread runs.
async fn within_request<F: Future>(future: F) -> Result<F::Output, Interrupted> {
    let mut future = pin!(future);
    let deadline = Deadline::current();
    let mut timer = deadline.remaining().map(sleep);
    let cancellation = Cancellation::current();
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        let is_cancelled = cancellation.poll_cancelled(cx).is_ready();
        // A passed deadline cancels as well.
        if (is_cancelled || has_rung(&mut timer, cx)) && deadline.has_passed() {
            return Poll::Ready(Err(Interrupted::Deadline));
        }
        if is_cancelled {
            return Poll::Ready(Err(Interrupted::Cancelled));
        }
        Poll::Pending
    })
    .await
}

/// Whether the timer rings, for the first time. It goes by real time: where the request's time is
/// another it may ring early, and who sets that request's deadline says when it passes.
fn has_rung(timer: &mut Option<Sleep>, cx: &mut Context<'_>) -> bool {
    let rings = timer
        .as_mut()
        .is_some_and(|timer| Pin::new(timer).poll(cx).is_ready());
    if rings {
        *timer = None;
    }
    rings
}

impl fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Interrupted::Cancelled => "nobody waits for the answer any more",
            Interrupted::Deadline => "the deadline has passed",
            Interrupted::Failed(_) => "the system gives no reactor",
        })
    }
}

impl std::error::Error for Interrupted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Interrupted::Failed(error) => Some(error),
            Interrupted::Cancelled | Interrupted::Deadline => None,
        }
    }
}

/// A 503. Only that of a reactor that is not to be had reaches a client: else nobody waits.
impl IntoResponse for Interrupted {
    fn into_response(self) -> Response {
        Problem::unavailable(self.to_string(), RETRY_AFTER_S).into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;
    use std::rc::Rc;
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::reactor::{self, oneshot, spawn_local, yield_now};

    /// Far longer than any test takes: only being interrupted ends such a wait.
    const FOR_EVER: Duration = Duration::from_secs(3600);

    /// Sets its flag when it is dropped.
    struct OnDrop(Rc<Cell<bool>>);

    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }

    #[test]
    fn waits_for_other_threads_and_for_time() {
        let (sender, receiver) = oneshot::channel();
        let thread = thread::spawn(move || sender.send(7));
        assert_eq!(block_on(receiver).unwrap(), Ok(7));
        thread.join().unwrap().unwrap();
        block_on(async { sleep(Duration::from_millis(1)).await }).unwrap();
    }

    /// Leaves a task behind that never ends; what is given is set when it is dropped.
    fn leave_a_task() -> Rc<Cell<bool>> {
        let dropped = Rc::new(Cell::new(false));
        let flag = OnDrop(dropped.clone());
        block_on(async {
            drop(spawn_local(async move {
                let _flag = flag;
                pending::<()>().await;
            }));
        })
        .unwrap();
        dropped
    }

    #[test]
    fn a_task_lives_on_where_the_reactor_is_kept() {
        let kept = keep_reactor();
        let dropped = leave_a_task();
        block_on(yield_now()).unwrap();
        assert!(!dropped.get());
        drop(kept);
        assert!(dropped.get(), "it goes with the reactor");
    }

    #[test]
    fn elsewhere_a_task_ends_with_the_call() {
        assert!(leave_a_task().get());
    }

    #[test]
    fn ends_with_its_request() {
        let cancellation = Cancellation::new();
        let scope = cancellation.clone().enter();
        let (begin, begun) = mpsc::channel();
        let canceller = thread::spawn(move || {
            begun.recv().unwrap();
            cancellation.cancel();
        });
        let dropped = Rc::new(Cell::new(false));
        let flag = OnDrop(dropped.clone());
        let outcome = block_on(async move {
            let _flag = flag;
            begin.send(()).unwrap();
            pending::<()>().await;
        });
        assert!(matches!(outcome, Err(Interrupted::Cancelled)) && dropped.get());
        canceller.join().unwrap();
        // What is done at once is done all the same.
        assert_eq!(block_on(async { 7 }).unwrap(), 7);
        drop(scope);
        block_on(yield_now()).unwrap();
    }

    #[test]
    fn ends_with_its_deadline() {
        let real = Clock::real();
        let scope = Deadline::new(real.now() + Duration::from_millis(1), real).enter();
        let outcome = block_on(async { sleep(FOR_EVER).await });
        assert!(matches!(outcome, Err(Interrupted::Deadline)));
        drop(scope);
    }

    #[test]
    fn the_deadline_of_another_time_is_told_by_cancelling() {
        let limit = Duration::from_millis(1);
        let there = Reactor::new(Clock::virtual_time()).unwrap();
        let _scope = Deadline::new(there.now() + limit, there.clock()).enter();
        let cancellation = Cancellation::new();
        let _other = cancellation.clone().enter();
        // Time passes here, and none there.
        block_on(async { sleep(2 * limit).await }).unwrap();
        there.advance(limit).unwrap();
        cancellation.cancel();
        let outcome = block_on(pending::<()>());
        assert!(matches!(outcome, Err(Interrupted::Deadline)));
    }

    #[test]
    fn is_refused_where_others_would_wait() {
        let reactor = Reactor::new(Clock::real()).unwrap();
        let task = reactor.spawn_local(async { block_on(yield_now()) });
        let error = reactor.block_on(task).unwrap().unwrap_err();
        assert!(error.to_string().contains("await instead"), "{error}");
        let nested =
            block_on(async { reactor::spawn_local(async { block_on(yield_now()) }).await });
        assert!(nested.unwrap().is_err());
    }
}
