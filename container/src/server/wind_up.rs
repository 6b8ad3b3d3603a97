//! The end of a worker's life: what it does in each phase. How long those last is the keeper's
//! affair.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::keeper::lead;
use super::worker::Worker;
use crate::reactor::yield_now;
use crate::scheduler::Phase;

/// Turns that closing connections get to close in.
const CLOSING_TURNS: usize = 64;

/// From the word to stop to the worker's last answer. Who `is_expecting` may yet be given
/// connections.
pub(super) async fn wind_up(worker: &Rc<Worker>, is_expecting: impl Fn() -> bool) {
    let life = &worker.lifecycle;
    life.reached(Phase::Leaving).await;
    worker.wake_all();
    life.reached(Phase::Draining).await;
    worker.begin_drain();
    worker.emptied(is_expecting).await;
    worker.wake_all();
    for _ in 0..CLOSING_TURNS {
        if worker.seated() == 0 {
            return;
        }
        yield_now().await;
    }
    // Handlers that outlived their clients: there is nobody to tell.
    worker.counters.cut.add(worker.seated() as u64);
}

/// The same for one that has neither others nor a keeper beside it: it keeps its own deadlines.
pub(crate) async fn wind_up_alone(worker: &Rc<Worker>) {
    let mut lead = pin!(lead(&worker.lifecycle, &worker.config));
    let mut end = pin!(wind_up(worker, || false));
    let mut is_led = false;
    poll_fn(|context| {
        if end.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        is_led = is_led || lead.as_mut().poll(context).is_ready();
        Poll::Pending
    })
    .await;
}
