//! `Bell`: how background work is told that there is something to do, such as mail to be sent, from
//! whatever worker put it in.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use container::scheduler::Reached;
use container::timeout;

/// Tells background work of the same process, such as the sender of mail, that something was put into
/// its queue. Clones are the same bell.
///
/// A ring that nobody waits for is kept, and many are as good as one. One may be missed, by a process
/// that dies for example: who listens looks into the queue from time to time anyway.
#[derive(Clone, Default)]
pub struct Bell {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Whether it was rung and nobody has heard it yet.
    is_rung: bool,
    /// Who listens.
    listener: Option<Waker>,
}

impl Bell {
    /// A bell that was not rung.
    pub fn new() -> Bell {
        Bell::default()
    }

    /// There is something to do.
    pub fn ring(&self) {
        let listener = {
            let mut state = self.state();
            state.is_rung = true;
            state.listener.take()
        };
        if let Some(listener) = listener {
            listener.wake();
        }
    }

    /// Waits for so long, or for a ring, or for the end; says whether it is that.
    pub(crate) async fn rest(&self, pause: Duration, mut end: Pin<&mut Reached>) -> bool {
        let mut rung = pin!(self.rung());
        let either = poll_fn(|context| {
            if end.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
            rung.as_mut().poll(context).map(|()| false)
        });
        timeout(pause, either).await.unwrap_or(false)
    }

    /// Waits for a ring, unless there was one since the last.
    async fn rung(&self) {
        poll_fn(|context| {
            let mut state = self.state();
            if std::mem::take(&mut state.is_rung) {
                return Poll::Ready(());
            }
            state.listener = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in it can be half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use super::*;

    #[test]
    fn rings_are_kept_and_many_are_one() {
        let bell = Bell::new();
        let mut context = Context::from_waker(Waker::noop());
        let mut is_heard = || pin!(bell.rung()).poll(&mut context).is_ready();
        assert!(!is_heard());
        bell.clone().ring();
        bell.ring();
        assert!(is_heard());
        assert!(!is_heard());
    }
}
