//! Waiting on a thread for what a task would be woken for: how plain functions read and write
//! bodies.
//!
//! A thread that works for a worker in virtual time holds its clock; one that waits for that worker
//! must not. So whoever counts the threads at work is told when one begins to wait, and told again,
//! by the thread that wakes it, before anything else can happen.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Who hears of a thread's waits.
pub(crate) trait Watch: Send + Sync {
    /// It waits from now on.
    fn waits(&self);

    /// It has been woken. Called once for each [`waits`](Self::waits), by whoever woke it.
    fn goes_on(&self);
}

/// What waiting means on a thread.
#[derive(Clone)]
enum Rule {
    /// It may wait, and nobody needs to know.
    Free,
    /// It may wait, and this hears of it.
    Watched(Arc<dyn Watch>),
    /// Everything on a worker would wait with it, what it waits for included.
    Forbidden,
}

thread_local! {
    static RULE: RefCell<Rule> = const { RefCell::new(Rule::Free) };
    /// One for all waits of a thread: a waker of an earlier wait at worst makes it look once more.
    static PARKER: Arc<Parker> = Arc::default();
}

/// While it lives, the waits of its thread are watched.
pub(crate) struct Watched(());

/// Has the waits of this thread watched, until the guard is dropped.
pub(crate) fn watch(watch: Arc<dyn Watch>) -> Watched {
    RULE.set(Rule::Watched(watch));
    Watched(())
}

impl Drop for Watched {
    fn drop(&mut self) {
        RULE.set(Rule::Free);
    }
}

/// From now on this thread, which is a worker's, must not wait.
pub(crate) fn forbid() {
    RULE.set(Rule::Forbidden);
}

/// Polls until it is ready, and waits in between.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] where it would have to wait on a worker's thread.
pub(super) fn wait<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> io::Result<T> {
    let parker = PARKER.with(Arc::clone);
    let waker = Waker::from(parker.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = poll(&mut context) {
            return Ok(value);
        }
        let watch = match RULE.with_borrow(Clone::clone) {
            Rule::Free => None,
            Rule::Watched(watch) => Some(watch),
            Rule::Forbidden => {
                let detail = "a worker must not wait for a body: that is for `blocking` handlers";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, detail));
            }
        };
        parker.park(watch);
    }
}

/// A thread that can be woken like a task.
#[derive(Default)]
struct Parker {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether there was a wake that has not been seen.
    woken: bool,
    /// Who has to hear that the thread goes on, while it waits.
    watch: Option<Arc<dyn Watch>>,
}

impl Parker {
    /// Waits for a wake, unless there was one already.
    fn park(&self, watch: Option<Arc<dyn Watch>>) {
        let mut state = self.lock();
        if !state.woken {
            if let Some(watch) = &watch {
                watch.waits();
            }
            state.watch = watch;
        }
        while !state.woken {
            state = self
                .woken
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.woken = false;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.lock();
        state.woken = true;
        if let Some(watch) = state.watch.take() {
            watch.goes_on();
        }
        drop(state);
        self.woken.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// Counts both calls; their difference is how many threads wait.
    #[derive(Default)]
    struct Count {
        waits: AtomicUsize,
        goes_on: AtomicUsize,
    }

    impl Watch for Count {
        fn waits(&self) {
            self.waits.fetch_add(1, Ordering::SeqCst);
        }

        fn goes_on(&self) {
            self.goes_on.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits on a thread of its own until the waker it gives away has been used `wakes` times.
    fn waiting(
        count: &Arc<Count>,
        wakes: usize,
    ) -> (thread::JoinHandle<()>, mpsc::Receiver<Waker>) {
        let (send, wakers) = mpsc::channel();
        let count = count.clone();
        let thread = thread::spawn(move || {
            let _watched = watch(count);
            let mut polls = 0;
            let waited = wait(|context| {
                polls += 1;
                if polls > wakes {
                    return Poll::Ready(());
                }
                send.send(context.waker().clone())
                    .expect("the test listens");
                Poll::Pending
            });
            waited.expect("a thread of its own may wait");
        });
        (thread, wakers)
    }

    #[test]
    fn each_wait_is_told_at_most_once_and_ended_as_often() {
        let count = Arc::new(Count::default());
        let (thread, wakers) = waiting(&count, 1000);
        for waker in wakers {
            waker.wake_by_ref();
            waker.wake();
        }
        thread.join().expect("no panic");
        let (waits, goes_on) = (
            count.waits.load(Ordering::SeqCst),
            count.goes_on.load(Ordering::SeqCst),
        );
        assert_eq!(waits, goes_on);
        assert!(waits <= 1000, "{waits} waits");
    }

    #[test]
    fn a_worker_is_refused() {
        let refused = thread::spawn(|| {
            forbid();
            assert_eq!(
                wait(|_| Poll::Ready(7)).ok(),
                Some(7),
                "nothing to wait for"
            );
            wait(|_| Poll::<()>::Pending).map_err(|error| error.kind())
        });
        let refused = refused.join().expect("no panic");
        assert_eq!(refused, Err(io::ErrorKind::WouldBlock));
    }
}
