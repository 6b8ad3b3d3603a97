//! `Relief`: has another worker take the connections that wait at a worker's own sockets while it is
//! away: held by a handler, or dead and not replaced yet. Must not accept by itself: who accepts must be
//! able to serve.
//!
//! It looks when the watchdog does, at what each worker publishes anyway. So it costs nothing while all
//! are there, and a connection that the kernel has given to one who is away waits for one look.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::acceptor::Acceptor;
use super::listeners::{Listeners, Reach};
use super::spread::{Giver, Loads};
use super::worker::Worker;
use crate::scheduler::Phase;

/// Sees to the sockets of workers that are away.
#[derive(Clone)]
pub(super) struct Relief {
    pub(super) loads: Arc<Loads>,
    pub(super) listeners: Arc<Listeners>,
}

impl Relief {
    /// Looks after all workers. To be called again and again: what is taken is what waits by then.
    pub(super) fn look(&self) {
        for away in self.loads.away() {
            let Some(here) = self.loads.stand_in() else {
                return;
            };
            let relief = self.clone();
            let relieve = move || {
                if let Some(worker) = Worker::current() {
                    relief.relieve(away, here, &worker);
                }
            };
            self.loads.ask(here, Box::new(relieve));
        }
    }

    /// Worker number `here`, which is the calling thread's, takes what waits for one who is away.
    fn relieve(&self, away: usize, here: usize, worker: &Rc<Worker>) {
        // Before, nobody accepts; after, it is the own worker that empties its sockets.
        if !matches!(worker.phase(), Phase::Running | Phase::Leaving) {
            return;
        }
        if let Err(error) = self.attach(away, here, worker) {
            log::debug!("connections of a worker that is away go on waiting: {error}");
        }
    }

    fn attach(&self, away: usize, here: usize, worker: &Rc<Worker>) -> io::Result<()> {
        for listening in self.listeners.of(away)? {
            // What is shared is accepted from by all.
            if listening.reach == Reach::All {
                continue;
            }
            let giver = Giver::new(&self.loads, here, Reach::All);
            let acceptor = Acceptor::attach(listening, worker, giver, &self.listeners)?;
            worker
                .reactor
                .spawn_detached(Box::pin(acceptor.take_waiting()));
        }
        Ok(())
    }
}
