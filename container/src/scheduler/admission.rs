//! Admission: a request's way through the gates of its route, its lane and the container.
//!
//! In this order, so that whoever waits holds nothing of a budget that is wider than the one he
//! waits for; and since all go in the same order, nobody waits in a circle. Must not know what a
//! request is.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use super::deadline::SetBy;
use super::gate::{Gate, GateStats, Permit, Refused, Waiting};
use super::queue::Ticket;
use super::shed::{Shed, ShedReason, Stage};
use super::unattended::is_unattended;
use super::wait_limit::WaitLimit;
use crate::handler::Priority;
use crate::reactor;

/// The gates of a route, the narrowest first; without any, all are let in.
#[derive(Clone, Default)]
pub(super) struct Gates(Arc<[Arc<Gate>]>);

/// The permits of a request, one for each gate.
#[derive(Default)]
pub(super) struct Permits {
    held: Vec<Permit>,
    /// Who said how long the request may take.
    set_by: SetBy,
}

/// What became of a request at its gates.
pub(super) enum Admission {
    In(Permits),
    Wait(Entering),
    Shed(Shed),
}

/// A request on its way through the gates; dropping it gives up.
pub(super) struct Entering {
    gates: Gates,
    ticket: Ticket,
    permits: Permits,
    waiting: Waiting,
}

impl Gates {
    pub(super) fn new(gates: impl IntoIterator<Item = Arc<Gate>>) -> Self {
        Gates(gates.into_iter().collect())
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the gate of this stage is doing, where there is one.
    pub(super) fn stats(&self, stage: Stage) -> Option<GateStats> {
        let gate = self.0.iter().find(|gate| gate.stage() == stage)?;
        Some(gate.stats())
    }

    /// Where and why a request of this priority that came now would be turned away for want of room.
    pub(super) fn refusal(&self, priority: Priority) -> Option<Shed> {
        self.0.iter().find_map(|gate| {
            let reason = gate.refusal(priority)?;
            let stage = gate.stage();
            Some(Shed { stage, reason })
        })
    }

    /// Goes as far as it can be gone without waiting.
    pub(super) fn enter(&self, ticket: Ticket) -> Admission {
        let permits = Permits {
            held: Vec::new(),
            set_by: ticket.set_by,
        };
        self.go_on(ticket, permits)
    }

    fn go_on(&self, ticket: Ticket, mut permits: Permits) -> Admission {
        while let Some(gate) = self.0.get(permits.held.len()) {
            match gate.try_enter(ticket) {
                Ok(permit) => permits.held.push(permit),
                Err(Refused::Wait(waiting)) => {
                    return Admission::Wait(Entering {
                        gates: self.clone(),
                        ticket,
                        permits,
                        waiting,
                    });
                }
                Err(Refused::Shed(reason)) => {
                    let stage = gate.stage();
                    return Admission::Shed(Shed { stage, reason });
                }
            }
        }
        Admission::In(permits)
    }
}

impl Entering {
    /// At which gate it waits.
    pub(super) fn stage(&self) -> Stage {
        self.waiting.gate().stage()
    }

    /// The same for a request, which is given up once nobody waits for it.
    pub(super) async fn wait_attended(self) -> Admission {
        let (stage, reason) = (self.stage(), ShedReason::Gone);
        let mut wait = pin!(self.wait());
        poll_fn(|context| {
            if is_unattended() {
                return Poll::Ready(Admission::Shed(Shed { stage, reason }));
            }
            wait.as_mut().poll(context)
        })
        .await
    }

    /// Waits at this gate, at most as long as it lets anybody wait, and goes on as far as can be.
    pub(super) async fn wait(self) -> Admission {
        let Entering {
            gates,
            ticket,
            mut permits,
            waiting,
        } = self;
        let stage = waiting.gate().stage();
        match until_let_in(waiting).await {
            Ok(permit) => {
                permits.held.push(permit);
                gates.go_on(ticket, permits)
            }
            Err(reason) => Admission::Shed(Shed { stage, reason }),
        }
    }
}

/// Waits for a permit, as long as its gate lets anybody wait.
async fn until_let_in(mut waiting: Waiting) -> Result<Permit, ShedReason> {
    let mut limit = waiting.limit();
    // Ends: each round is one of the two moments of a limit.
    while let Some(next) = limit.as_ref().and_then(WaitLimit::next) {
        let left = next.saturating_duration_since(reactor::now());
        if let Ok(verdict) = reactor::timeout(left, &mut waiting).await {
            return verdict;
        }
        let is_in_doubt = waiting.is_in_doubt();
        let look = |limit: &mut WaitLimit| limit.look(is_in_doubt, reactor::now());
        if let Some(reason) = limit.as_mut().and_then(look) {
            return Err(reason);
        }
    }
    waiting.await
}

impl Permits {
    /// Gives them back after the work was done, so that adaptive limits learn how long that took.
    /// Dropping them does not teach anything.
    pub(super) fn complete(self) {
        self.held.into_iter().for_each(Permit::complete);
    }

    /// Gives them back after the work ran out of time, so that adaptive limits shrink. Out of the
    /// time that its client gave it: that teaches nothing, or one who asks for less than any answer
    /// takes would shrink them for all.
    pub(super) fn overrun(self) {
        match self.set_by {
            SetBy::Server => self.held.into_iter().for_each(Permit::overrun),
            SetBy::Client => {}
        }
    }
}
