//! `Acceptor`: takes connections from a listener, within the worker's budget, until the container
//! drains.
//!
//! Out of descriptors it has a connection make room that waits; where none does, connections are told so
//! by means of a descriptor that is kept in reserve. It waits until one is free instead of asking
//! again and again. Before it goes it has the kernel turn new connections away, and takes all that
//! have begun: closing a listener resets what waits at it.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::entrance;
use super::listeners::{Listeners, Listening};
use super::spread::Giver;
use super::worker::{Seat, SeatKind, Worker};
use crate::net::{AcceptError, Listener};
use crate::reactor::{Sleep, sleep, timeout_at, yield_now};
use crate::scheduler::Phase;

/// Connections accepted before others get their turn.
const ACCEPTS_PER_TURN: usize = 64;

/// How long accepting rests when descriptors have run out and none of ours is given back: somebody
/// else's may be.
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);

/// How long connections whose handshake is under way may take to be complete when the container
/// drains: a round trip to clients far away.
const HANDSHAKE: Duration = Duration::from_millis(100);

/// Failures in a row, a pause after each, after which a listener counts as broken: five seconds,
/// since what the system calls an error may pass.
const FAILURES_MAX: u32 = 50;

/// Accepts from one listener on one worker.
pub(super) struct Acceptor {
    /// The listener, attached to the worker's reactor.
    listener: Listener,
    /// Its number among all listeners.
    number: usize,
    /// All listeners of the container.
    listeners: Arc<Listeners>,
    /// Who gets the connections.
    giver: Giver,
    worker: Rc<Worker>,
    /// The acceptor's own place, by which it hears of the phase.
    seat: Seat,
    /// How accepting last went, so that the log is told of a change and not of each attempt.
    condition: Cell<Condition>,
    /// What is given up for a moment when there are no descriptors; `None` while it is.
    reserve: RefCell<Option<OwnedFd>>,
}

/// How accepting goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Well,
    /// The listener has failed so many times in a row.
    Failing(u32),
}

/// What a burst of accepting ended with.
enum Burst {
    /// The backlog is empty.
    Drained,
    /// There may be more.
    Paused,
    /// Descriptors have run out.
    Short,
    /// Something else went wrong: not now.
    Exhausted,
    /// The listener will not work again.
    Broken,
}

impl Acceptor {
    pub(super) fn attach(
        listening: Listening,
        worker: &Rc<Worker>,
        giver: Giver,
        listeners: &Arc<Listeners>,
    ) -> io::Result<Self> {
        let listener = Listener::attach(&worker.reactor, listening.listener)?;
        Ok(Acceptor {
            reserve: RefCell::new(Some(listener.as_fd().try_clone_to_owned()?)),
            listener,
            number: listening.number,
            listeners: listeners.clone(),
            giver,
            worker: worker.clone(),
            seat: worker.sit(SeatKind::Acceptor),
            condition: Cell::new(Condition::Well),
        })
    }

    /// Accepts until the container drains, then empties the backlog and closes the listener.
    pub(super) async fn run(self) {
        while self.wait().await {
            self.restock();
            match self.accept_burst() {
                Burst::Drained => {}
                Burst::Paused => yield_now().await,
                Burst::Short => {
                    self.relieve();
                    self.rest(Phase::Draining).await;
                }
                Burst::Exhausted => self.rest(Phase::Draining).await,
                Burst::Broken => {
                    log::error!("a listener is broken: the container drains");
                    self.listeners.note_broken();
                    self.worker.lifecycle.advance(Phase::Leaving);
                    break;
                }
            }
        }
        if self.listeners.turn_away(self.number) {
            self.empty().await;
        }
        self.listeners.release(self.number, self.giver.own());
    }

    /// Takes what waits now, for a worker that is away: the listener stays its own.
    pub(super) async fn take_waiting(self) {
        self.listener.assume_ready();
        while self.worker.phase() < Phase::Draining {
            match self.accept_burst() {
                Burst::Paused => yield_now().await,
                // What waits on, for whatever reason, is looked for again soon.
                Burst::Drained | Burst::Short | Burst::Exhausted | Burst::Broken => return,
            }
        }
    }

    /// Takes all connections that the kernel has begun: what it has accepted for us is ours to
    /// answer, whether we have heard of it or not.
    async fn empty(&self) {
        let end = self.worker.reactor.now() + HANDSHAKE;
        self.listener.assume_ready();
        while self.worker.phase() < Phase::Closing {
            match self.accept_burst() {
                Burst::Drained => {
                    let more = poll_fn(|context| {
                        if self.worker.phase() >= Phase::Closing {
                            return Poll::Ready(());
                        }
                        self.listener.poll_accept_ready(context)
                    });
                    if timeout_at(end, more).await.is_err() {
                        return;
                    }
                }
                Burst::Paused => yield_now().await,
                Burst::Short | Burst::Exhausted => self.rest(Phase::Closing).await,
                Burst::Broken => return,
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
                    self.giver.hand_over(accepted, &self.worker);
                }
                Ok(None) => return Burst::Drained,
                // The client changed its mind before we got to it.
                Err(AcceptError::Transient(_)) => {}
                Err(AcceptError::OutOfDescriptors(error)) => {
                    self.condition.set(Condition::Well);
                    if self.listeners.may_complain(self.worker.reactor.now()) {
                        log::error!("there is no room for a connection: {error}");
                    }
                    return Burst::Short;
                }
                Err(AcceptError::Fatal(error)) => return self.note_failure(&error),
            }
        }
        Burst::Paused
    }

    /// The listener itself seems to be at fault.
    fn note_failure(&self, error: &io::Error) -> Burst {
        let failures = match self.condition.get() {
            Condition::Failing(failures) => failures + 1,
            Condition::Well => {
                log::error!("accepting fails: {error}");
                1
            }
        };
        self.condition.set(Condition::Failing(failures));
        if failures < FAILURES_MAX {
            Burst::Exhausted
        } else {
            Burst::Broken
        }
    }

    /// Out of descriptors: a connection that waits makes room for the next. Where none does those that
    /// wait are told that there is no room; where all that is served is critical, the first of them
    /// is served.
    fn relieve(&self) {
        if self.worker.displace() {
            return;
        }
        for _ in 0..ACCEPTS_PER_TURN {
            // Given up, it is what the connection gets.
            if self.reserve.take().is_none() {
                break;
            }
            let Ok(Some(accepted)) = self.listener.try_accept() else {
                break;
            };
            if self.worker.service.is_critical() {
                entrance::serve(&self.worker, accepted);
            } else {
                self.worker.counters.refused.add(1);
                entrance::refuse(&accepted.socket);
            }
            self.restock();
        }
        self.restock();
    }

    /// Takes a descriptor into reserve, if there is one.
    fn restock(&self) {
        let mut reserve = self.reserve.borrow_mut();
        if reserve.is_none() {
            *reserve = self.listener.as_fd().try_clone_to_owned().ok();
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
