//! The end of a worker's life, phase by phase, each with its deadline.

use std::rc::Rc;
use std::time::Duration;

use super::worker::Worker;
use crate::reactor::{timeout, yield_now};
use crate::scheduler::Phase;

/// Turns that closing connections get to close in.
const CLOSING_TURNS: usize = 64;

/// From the word to stop to the worker's last answer: it leaves for `Config::drain_delay`, drains
/// for `limit`, and cuts what is left then. Who `is_expecting` may yet be given connections.
pub(crate) async fn wind_up(worker: &Rc<Worker>, limit: Duration, is_expecting: impl Fn() -> bool) {
    let life = &worker.lifecycle;
    life.reached(Phase::Leaving).await;
    worker.wake_all();
    let told = life.reached(Phase::Draining);
    if timeout(worker.config.drain_delay, told).await.is_err() {
        life.advance(Phase::Draining);
    }
    worker.begin_drain();
    let emptied = worker.emptied(is_expecting);
    if timeout(limit, emptied).await.is_err() {
        log::warn!("the drain's time is over: what is left is cut");
        life.advance(Phase::Closing);
    }
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
