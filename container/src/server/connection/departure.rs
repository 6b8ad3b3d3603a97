//! Clients that go while their request is being handled.
//!
//! A reset says so at once. A client that closes its socket looks, at first, just like one that has
//! merely finished sending and waits for its answer: both are one FIN. So where going would cancel
//! the handler, the client is asked after a while, by an interim answer, which a living client
//! passes over and a vanished one resets.

use std::task::Context;
use std::time::Instant;

use super::{Driver, Exchange, Progress};
use crate::handler::OnDisconnect;
use crate::net::Transport;
use crate::scheduler::Unattended;
use crate::server::worker::SeatKind;

/// What is known of the client's presence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    /// It is there.
    Present,
    /// It has closed its writing side, and is to be asked then.
    HalfClosed(Option<Instant>),
    /// It has been asked.
    Asked,
}

impl Departure {
    /// The client has closed its writing side.
    pub(super) fn half_closed(&mut self) {
        if *self == Departure::Present {
            *self = Departure::HalfClosed(None);
        }
    }

    /// When it is to be asked.
    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Departure::HalfClosed(at) => at,
            Departure::Present | Departure::Asked => None,
        }
    }
}

impl<T: Transport + Unpin> Driver<T> {
    /// Looks, while a handler is at work, whether anybody still waits for it.
    pub(super) fn watch_departure(&mut self, context: &mut Context<'_>) -> Progress {
        self.transport.watch_read(context);
        if self.transport.is_reset() {
            self.vanished();
            return Progress::Moved;
        }
        if self.transport.is_read_closed() {
            self.departure.half_closed();
        }
        let cancellable = matches!(&self.exchange, Exchange::Handling(handling)
            if handling.on_disconnect == OnDisconnect::Cancel || handling.waits);
        if self.departure == Departure::HalfClosed(None) && cancellable {
            let delay = self.worker().config.disconnect_probe;
            self.departure = Departure::HalfClosed(self.now().checked_add(delay));
        }
        Progress::Stuck
    }

    /// Asks a client that has closed its writing side, when the time has come.
    pub(super) fn expire_departure(&mut self, now: Instant) {
        if self
            .departure
            .deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.departure = Departure::Asked;
            self.machine.send_probe(&mut self.output);
        }
    }

    /// Nobody waits for the handler any more: it is dropped, or goes on by itself if it has begun.
    pub(super) fn detach_or_cancel(&mut self) {
        // Its destructors run here, and its task inherits what the worker says.
        self.worker().begin_step(self.label);
        let exchange = std::mem::replace(&mut self.exchange, Exchange::None);
        let Exchange::Handling(handling) = exchange else {
            return;
        };
        if handling.on_disconnect == OnDisconnect::Cancel {
            return;
        }
        let seat = self.seat.worker().sit(SeatKind::Detached);
        self.worker().reactor.spawn_detached(Box::pin(async move {
            Unattended(handling.reply).await;
            drop(seat);
        }));
    }
}
