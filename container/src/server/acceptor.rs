//! `Acceptor`: takes connections from a listener, within the worker's budget, until the container
//! drains.
//!
//! Out of descriptors it waits until one is free, instead of being told so again and again; the
//! connections wait in the backlog meanwhile. Before it goes, it empties the backlog.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::connection::Driver;
use super::spread::Spread;
use super::worker::{Seat, SeatKind, Worker};
use crate::net::{AcceptError, Accepted, AnySocket, Listener, Socket};
use crate::reactor::{Sleep, sleep, yield_now};
use crate::scheduler::Phase;

/// Connections accepted before others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// How long accepting rests when descriptors have run out and none of ours is given back: somebody
/// else's may be.
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);

/// What a connection beyond the budget is told: no more than fits a fresh socket's buffer, and no
/// parsing.
const OVER_BUDGET: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\n\
    content-length: 125\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\r\n\
    {\"detail\":\"as many connections are open as the server takes\",\"status\":503,\
    \"title\":\"Service Unavailable\",\"type\":\"about:blank\"}";

/// Accepts from one listener on one worker.
pub(super) struct Acceptor {
    /// The listener, attached to the worker's reactor.
    listener: Listener,
    /// Who gets the connections.
    spread: Spread,
    worker: Rc<Worker>,
    /// The acceptor's own place, by which it hears of the phase.
    seat: Seat,
    /// How accepting last went, so that the log is told of a change and not of each attempt.
    condition: Cell<Condition>,
}

/// How accepting goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Well,
    Failing,
}

/// What a burst of accepting ended with.
enum Burst {
    /// The backlog is empty.
    Drained,
    /// There may be more.
    Paused,
    /// Descriptors have run out.
    Exhausted,
}

impl Acceptor {
    pub(super) fn new(listener: Listener, spread: Spread, worker: &Rc<Worker>) -> Self {
        let seat = worker.sit(SeatKind::Acceptor);
        Acceptor {
            listener,
            spread,
            worker: worker.clone(),
            seat,
            condition: Cell::new(Condition::Well),
        }
    }

    /// Accepts until the container drains, then empties the backlog and closes the listener.
    pub(super) async fn run(self) {
        while self.wait().await {
            match self.accept_burst() {
                Burst::Drained => {}
                Burst::Paused => yield_now().await,
                Burst::Exhausted => self.rest(Phase::Draining).await,
            }
        }
        // What the kernel had accepted for us is ours to answer, whether we have heard of it or
        // not.
        self.listener.assume_ready();
        while self.worker.phase() < Phase::Closing {
            match self.accept_burst() {
                Burst::Drained => return,
                Burst::Paused => yield_now().await,
                Burst::Exhausted => self.rest(Phase::Closing).await,
            }
        }
    }

    /// Waits for a connection; false once the container drains.
    async fn wait(&self) -> bool {
        poll_fn(|context| {
            self.seat.watch(context);
            if self.worker.phase() >= Phase::Draining {
                return Poll::Ready(false);
            }
            self.listener.poll_accept_ready(context).map(|()| true)
        })
        .await
    }

    fn accept_burst(&self) -> Burst {
        for _ in 0..ACCEPTS_PER_TURN {
            match self.listener.try_accept() {
                Ok(Some(accepted)) => {
                    self.condition.set(Condition::Well);
                    self.admit(accepted);
                }
                Ok(None) => return Burst::Drained,
                // The client changed its mind before we got to it.
                Err(AcceptError::Transient(_)) => {}
                Err(AcceptError::OutOfDescriptors(error) | AcceptError::Fatal(error)) => {
                    if self.condition.replace(Condition::Failing) == Condition::Well {
                        log::error!(
                            "accepting pauses until there is room for a connection: {error}"
                        );
                    }
                    return Burst::Exhausted;
                }
            }
        }
        Burst::Paused
    }

    fn admit(&self, accepted: Accepted<AnySocket>) {
        match &self.spread {
            Spread::Own => serve(&self.worker, accepted),
            Spread::Least(giver) => giver.hand_over(accepted),
        }
    }

    /// Waits until a connection of this worker closes, or for a while, or until `phase`.
    async fn rest(&self, phase: Phase) {
        let mut pause: Pin<&mut Sleep> = pin!(sleep(DESCRIPTOR_PAUSE));
        let closed = self.worker.counters.closed.read();
        poll_fn(|context| {
            if self.worker.phase() >= phase || self.worker.counters.closed.read() != closed {
                return Poll::Ready(());
            }
            self.worker.watch_freed(context);
            pause.as_mut().poll(context)
        })
        .await;
    }
}

/// Serves a connection on this worker, or refuses it for want of room.
pub(super) fn serve(worker: &Rc<Worker>, accepted: Accepted<AnySocket>) {
    if worker.connections() >= worker.config.connections {
        worker.counters.refused.add(1);
        refuse(&accepted.socket);
        return;
    }
    let peer = accepted.peer.as_tcp();
    match accepted.attach(&worker.reactor) {
        Ok(stream) => {
            let driver = Driver::new(stream, peer, worker.sit(SeatKind::Connection));
            worker.reactor.spawn_detached(Box::pin(driver));
        }
        Err(error) => log::error!("a connection could not be watched: {error}"),
    }
}

/// Says no, cheaply: one read so that the close does not reset what is written, one write.
fn refuse(socket: &AnySocket) {
    let mut scratch = [0; 4 << 10];
    let answered: io::Result<usize> = socket
        .recv(&mut scratch)
        .or(Ok(0))
        .and_then(|_| socket.send(OVER_BUDGET));
    if let Err(error) = answered {
        log::debug!("a refused connection was gone already: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_says_its_own_length() {
        let text = std::str::from_utf8(OVER_BUDGET).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
