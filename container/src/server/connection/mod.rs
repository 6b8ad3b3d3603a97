//! The connection driver: pumps bytes between a transport and the protocol machine, and requests
//! between the machine and the service. On the server's side it is the one place where `net` and
//! `http1` meet.
//!
//! | file | does |
//! |---|---|
//! | `mod` | one poll of a connection, in its fixed order |
//! | `exchange` | the request that is being dealt with: collecting, handling, sending |
//! | `input` | bytes from the transport to the machine, events from the machine |
//! | `answer` | responses to the machine, bytes from it to the transport |
//! | `departure` | clients that go, half or wholly |
//! | `pauses` | what is sent while an answer's body pauses |
//! | `lingering` | the end of a connection whose peer is still sending |
//! | `record` | what is observed of the current request |
//!
//! A poll costs one `recv` and one `send` per readable event: a short read means that the socket is
//! drained, and all answers of a poll go out together. An idle connection owns no buffer: it reads
//! into its worker's, and writes from its worker's.

mod answer;
mod departure;
mod exchange;
mod input;
mod lingering;
mod pauses;
mod record;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use departure::Departure;
use exchange::Exchange;
use lingering::Lingering;
use record::Recording;

use super::displacing::Waits;
use super::worker::{Seat, Worker};
use crate::http1::{self, CloseReason, Output};
use crate::message::BodySender;
use crate::net::Transport;
use crate::reactor::{Label, Sleep, sleep_until};
use crate::router::ErrorScope;
use crate::scheduler::Phase;

/// A connection's share of a turn, in steps: a request, a piece of a body and a round cost one each.
/// So a deep pipeline moves on by about this many requests, some ten microseconds, before the other
/// connections have their turn.
const STEPS_PER_TURN: u32 = 64;

/// What a read costs of that, since it brings 64 KiB to copy: an upload moves on by two of them.
const READ_STEPS: u32 = 32;

/// Bytes of answers beyond which no further request is begun.
const WRITE_HIGH_WATER: usize = 64 << 10;

/// Bytes of an answer's body that are fetched before they are sent. More in one piece keeps the
/// others waiting, and is slower: what was fetched first has left the processor's cache by then.
const FETCH_AHEAD: usize = 16 << 10;

/// One connection, as a task.
pub(crate) struct Driver<T: Transport> {
    /// The byte stream.
    transport: T,
    /// The protocol.
    machine: http1::Connection,
    /// What waits to be sent.
    output: Output,
    /// Received bytes that the machine has not taken yet; no storage while there are none.
    backlog: Vec<u8>,
    /// The request that is being dealt with.
    exchange: Exchange,
    /// The request body's way to a handler that takes it live.
    feed: Feed,
    /// Whether the client is still there.
    departure: Departure,
    /// The end, once it has begun.
    lingering: Option<Box<Lingering>>,
    /// What is observed of the current request, where anything is.
    recording: Recording,
    /// Wakes this task at the earliest deadline, or before.
    alarm: Option<Sleep>,
    /// Who the client is.
    peer: Option<SocketAddr>,
    /// How many requests were begun, as far as it matters.
    history: History,
    /// What the worker says it is doing while it runs what answers the current request.
    label: Label,
    /// Whose shape the current request's errors have.
    errors: ErrorScope,
    /// What may still be done in the turn in which it was polled last.
    steps: u32,
    /// Which turn that was.
    stepped_in: Option<u32>,
    /// The connection's place in its worker.
    seat: Seat,
}

/// Where the bytes of a request body go.
enum Feed {
    /// Nowhere: there is none, or it is collected, or thrown away.
    None,
    /// To a handler.
    Live(BodySender),
}

/// Whether a connection has been used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum History {
    Fresh,
    Used,
}

/// What a step came to.
enum Progress {
    /// Something changed: it is worth going round again.
    Moved,
    /// Nothing to do before somebody wakes the task.
    Stuck,
}

impl<T: Transport + Unpin> Driver<T> {
    /// A connection that was just accepted.
    pub(crate) fn new(transport: T, peer: Option<SocketAddr>, seat: Seat) -> Self {
        let worker = seat.worker();
        let machine = http1::Connection::new(worker.protocol.clone(), worker.reactor.now());
        Driver {
            transport,
            machine,
            output: Output::new(),
            backlog: Vec::new(),
            exchange: Exchange::None,
            feed: Feed::None,
            departure: Departure::Present,
            lingering: None,
            recording: Recording::None,
            alarm: None,
            peer,
            history: History::Fresh,
            label: Label::UNNUMBERED,
            errors: ErrorScope::CONTAINER,
            steps: 0,
            stepped_in: None,
            seat,
        }
    }

    fn worker(&self) -> &Worker {
        self.seat.worker()
    }

    fn now(&self) -> Instant {
        self.worker().reactor.now()
    }

    /// One poll: timeouts, then exchange and input in turns, then one write for all of it.
    fn drive(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        if self.lingering.is_some() {
            return self.linger(context);
        }
        self.seat.watch(context);
        self.expire();
        self.look_again();
        self.observe_phase();
        self.output.borrow_buffer(&self.seat.worker().write_buffer);
        let progress = self.go_round(context);
        self.observe_phase();
        let was_held_back = self.is_held_back();
        self.flush(context);
        self.note_flushed();
        self.output.return_buffer(&self.seat.worker().write_buffer);
        self.note_waits();
        if let Some(reason) = self.finished() {
            return self.begin_close(reason, context);
        }
        let has_room_again = was_held_back && !self.is_held_back();
        if matches!(progress, Progress::Moved) || has_room_again {
            context.waker().wake_by_ref();
        }
        self.set_alarm(context);
        Poll::Pending
    }

    /// Whether nothing more is made of answers before some of them are sent.
    fn is_held_back(&self) -> bool {
        let most = match self.exchange {
            Exchange::Sending(_) => FETCH_AHEAD,
            _ => WRITE_HIGH_WATER + 1,
        };
        self.output.pending() >= most
    }

    /// Exchange and input in turns, until neither moves or the connection has had its share of the turn.
    fn go_round(&mut self, context: &mut Context<'_>) -> Progress {
        let turn = self.worker().reactor.turn_number();
        if self.stepped_in != Some(turn) {
            (self.steps, self.stepped_in) = (STEPS_PER_TURN, Some(turn));
        }
        while self.steps > 0 {
            let exchange = self.advance_exchange(context);
            let input = self.advance_input(context);
            if let (Progress::Stuck, Progress::Stuck) = (exchange, input) {
                return Progress::Stuck;
            }
            if self.machine.is_closed() {
                return Progress::Stuck;
            }
            self.spend(1);
        }
        Progress::Moved
    }

    /// Takes this many steps of what may be done in this turn.
    fn spend(&mut self, steps: u32) {
        self.steps = self.steps.saturating_sub(steps);
    }

    /// Tells the machine about the time, where a deadline may have come.
    fn expire(&mut self) {
        let now = self.now();
        // The alarm is never set later than the earliest deadline.
        if self
            .alarm
            .as_ref()
            .is_none_or(|alarm| alarm.deadline() > now)
        {
            return;
        }
        if let Some(error) = self.machine.handle_timeout(now) {
            self.refuse(error);
        }
        if self.machine.close_reason() == Some(CloseReason::WriteStalled) {
            // Whoever takes nothing will not take the rest, nor the next answer.
            self.vanished();
        }
        self.expire_departure(now);
    }

    /// Before a connection is closed to which nothing is owed, by a drain or to make room, the system
    /// is asked once more: what makes a request may have come, and the reactor has not heard of it.
    fn look_again(&self) {
        let drains = self.worker().phase() == Phase::Draining && !self.is_spared();
        let waits = self.machine.is_idle() || self.machine.is_in_head();
        if waits && (drains || self.seat.is_displaced()) {
            self.transport.assume_read_ready();
        }
    }

    /// Notes for those who need room what this connection waits for.
    fn note_waits(&self) {
        let machine = &self.machine;
        let idle = machine.idle_since().map(|since| Waits::Idle { since });
        let waits = idle.or_else(|| machine.in_head_since().map(|since| Waits::Head { since }));
        let is_owed = !self.output.is_empty() || machine.close_reason().is_some();
        self.seat.rest(waits.filter(|_| !is_owed));
    }

    /// Whether something has come that was not looked at. A lone CR was: it is no request, but may
    /// become an empty line before one.
    fn has_input(&self) -> bool {
        self.transport.is_read_ready() || !matches!(self.backlog.as_slice(), b"" | b"\r")
    }

    /// No request is wanted after those that have come; but a connection that `is_spared` is kept for
    /// the one that may be on its way.
    fn take_no_more(&mut self, is_spared: bool) {
        if self.machine.is_idle() && (is_spared || self.has_input()) {
            return;
        }
        let is_half = self.machine.is_in_head() && !self.transport.is_read_ready();
        if self.machine.is_idle() || (is_half && !is_spared) {
            // Nothing is owed to who has not asked yet.
            self.backlog = Vec::new();
            self.machine.close(CloseReason::Draining);
        } else {
            self.machine.drain();
        }
    }

    /// Reacts to the container's phase, and to being in the way.
    fn observe_phase(&mut self) {
        if self.seat.is_displaced() {
            self.take_no_more(false);
        }
        match self.worker().phase() {
            Phase::Starting | Phase::Running => {}
            Phase::Leaving => {
                if !self.machine.is_idle() {
                    self.machine.drain();
                }
            }
            Phase::Draining => self.take_no_more(self.is_spared()),
            Phase::Closing | Phase::Drained => {
                if !matches!(self.exchange, Exchange::None) || !self.output.is_empty() {
                    self.worker().counters.cut.add(1);
                    self.note_cut();
                }
                self.exchange = Exchange::None;
                self.output.clear();
                self.machine.close(CloseReason::Draining);
            }
        }
    }

    /// Whether this connection is kept although it is idle and the container drains. Who sees the
    /// phase before its worker does is kept too: the worker tells everybody once it sees it.
    fn is_spared(&self) -> bool {
        self.worker().spare_until.get().is_none() || self.spared_until().is_some()
    }

    /// While the container drains: until when this connection is kept although it is idle, since a
    /// request may be on its way. The first one is waited for longer: it is what the client has
    /// connected for.
    fn spared_until(&self) -> Option<Instant> {
        let fresh_until = self.worker().spare_until.get()?;
        let until = match self.history {
            History::Used if !self.machine.is_in_head() => {
                let since = self.machine.idle_since()?;
                since.checked_add(self.worker().config.drain_idle)?
            }
            // A head that has begun is given as long.
            History::Fresh | History::Used => fresh_until,
        };
        (until > self.now()).then_some(until)
    }

    /// Why the connection ends, once there is nothing left to do on it.
    fn finished(&self) -> Option<CloseReason> {
        let reason = self.machine.close_reason()?;
        let idle = matches!(self.exchange, Exchange::None);
        let sent = self.output.is_empty() || reason.is_abortive();
        (self.machine.is_closed() && idle && sent).then_some(reason)
    }

    /// Has the task woken at the earliest deadline. Deadlines mostly move on: then the alarm is
    /// left where it is, and set again when it rings too early.
    fn set_alarm(&mut self, context: &mut Context<'_>) {
        let deadlines = [
            self.machine.poll_timeout(),
            self.departure.deadline(),
            self.spared_until(),
        ];
        let first = deadlines.into_iter().flatten().min();
        let Some(deadline) = first else { return };
        let now = self.now();
        let alarm = match &mut self.alarm {
            // It rings before the deadline, or at it: nothing needs to be done.
            Some(alarm) if alarm.deadline() > now && alarm.deadline() <= deadline => return,
            Some(alarm) => {
                alarm.reset(deadline);
                alarm
            }
            none => none.insert(sleep_until(deadline)),
        };
        if Pin::new(alarm).poll(context).is_ready() {
            context.waker().wake_by_ref();
        }
    }

    /// Nothing is left to be said: closes, at once or lingering.
    fn begin_close(&mut self, reason: CloseReason, context: &mut Context<'_>) -> Poll<CloseReason> {
        log::debug!(target: "container::connection", "closed: {reason:?}");
        if reason.is_abortive() {
            // A peer that is gone already cannot be told.
            let _ = self.transport.reset();
            return Poll::Ready(reason);
        }
        if !self.must_linger(reason) {
            return Poll::Ready(reason);
        }
        let now = self.now();
        let config = &self.seat.worker().protocol;
        let lingering = Lingering::begin(&mut self.transport, reason, config, now);
        self.backlog = Vec::new();
        self.lingering = Some(Box::new(lingering));
        self.linger(context)
    }

    /// Goes on with the end.
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        let worker = self.seat.worker();
        let Some(lingering) = self
            .lingering
            .as_mut()
            .filter(|_| worker.phase() < Phase::Closing)
        else {
            // It has said all it had to say.
            return Poll::Ready(CloseReason::Draining);
        };
        // A drain does not wait for whoever goes on sending.
        let put_off = (worker.phase() < Phase::Draining)
            .then(|| lingering::next_end(&worker.protocol, worker.reactor.now()));
        lingering.poll(&mut self.transport, &mut self.alarm, put_off, context)
    }

    /// Whether closing now could take an answer from the peer: closing a socket with unread input
    /// resets it (RFC 9112, section 9.6).
    fn must_linger(&self, reason: CloseReason) -> bool {
        match reason {
            CloseReason::Protocol(_) | CloseReason::UnreadBody => true,
            CloseReason::Requested | CloseReason::Draining => {
                !self.backlog.is_empty() || self.transport.is_read_ready()
            }
            _ => false,
        }
    }
}

impl<T: Transport + Unpin> Future for Driver<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let outcome = self.drive(context);
        self.worker().observer.hand_over();
        outcome.map(drop)
    }
}
