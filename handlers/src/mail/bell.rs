//! `Bell`: how the sender is told that there is mail, from whatever worker put it in.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Tells the sender of the same process that mail was put into its queue. Clones are the same bell.
///
/// A ring that nobody waits for is kept, and many are as good as one. One may be missed, by a process
/// that dies for example: the sender looks into its queue from time to time anyway.
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

    /// There is mail.
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

    /// Waits for a ring, unless there was one since the last.
    pub(super) async fn rung(&self) {
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
    use std::pin::pin;
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
