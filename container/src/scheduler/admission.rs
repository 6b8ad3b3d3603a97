//! How many requests may be in a route's handler at once, over all workers, and how many may wait.
//!
//! A [`Permit`] is a value: whoever holds it runs, and its drop lets the next one in. Those who
//! wait are let in in the order they came.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The way into a route with a concurrency limit.
pub(super) struct Gate {
    /// How many may be in at once.
    limit: usize,
    /// How many may wait.
    queue: usize,
    state: Mutex<State>,
}

struct State {
    /// Permits given out, those promised to a waiter included.
    inside: usize,
    /// Who waits, the longest first.
    waiting: VecDeque<Ticket>,
    /// The number of the next ticket.
    next: u64,
}

struct Ticket {
    number: u64,
    place: Place,
}

enum Place {
    /// In the queue; the waker, once it was polled.
    Queued(Option<Waker>),
    /// A permit is kept for it.
    Admitted,
}

/// Why a request was not let in at once.
pub(super) enum Refused {
    /// There is room to wait.
    Wait(Waiting),
    /// There is not.
    Full,
}

/// The right to be in the handler; dropping it gives it back.
pub struct Permit {
    gate: Arc<Gate>,
}

/// Waits for a [`Permit`]; dropping it leaves the queue.
pub(super) struct Waiting {
    gate: Arc<Gate>,
    number: u64,
    /// Whether the ticket is used up.
    done: bool,
}

impl Gate {
    pub(super) fn new(limit: usize, queue: usize) -> Self {
        let state = State {
            inside: 0,
            waiting: VecDeque::new(),
            next: 0,
        };
        Gate {
            limit,
            queue,
            state: Mutex::new(state),
        }
    }

    /// A permit now, a place in the queue, or neither.
    pub(super) fn try_enter(self: &Arc<Self>) -> Result<Permit, Refused> {
        let mut state = self.lock();
        if state.inside < self.limit {
            state.inside += 1;
            return Ok(Permit { gate: self.clone() });
        }
        let queued = state
            .waiting
            .iter()
            .filter(|ticket| ticket.is_queued())
            .count();
        if queued >= self.queue {
            return Err(Refused::Full);
        }
        let number = state.next;
        state.next += 1;
        state.waiting.push_back(Ticket {
            number,
            place: Place::Queued(None),
        });
        Err(Refused::Wait(Waiting {
            gate: self.clone(),
            number,
            done: false,
        }))
    }

    /// Gives a permit to the one who waited longest, or back to the gate.
    fn release(&self) {
        let mut state = self.lock();
        let next = state.waiting.iter_mut().find(|ticket| ticket.is_queued());
        let Some(ticket) = next else {
            state.inside -= 1;
            return;
        };
        let place = std::mem::replace(&mut ticket.place, Place::Admitted);
        // Woken after unlocking: a waker may run code that comes back here.
        drop(state);
        if let Place::Queued(Some(waker)) = place {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    fn is_queued(&self) -> bool {
        matches!(self.place, Place::Queued(_))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.release();
    }
}

impl Future for Waiting {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Permit> {
        let gate = self.gate.clone();
        let mut state = gate.lock();
        let Some(at) = state.position(self.number) else {
            return Poll::Pending;
        };
        if let Place::Queued(waker) = &mut state.waiting[at].place {
            *waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        state.waiting.remove(at);
        drop(state);
        self.done = true;
        Poll::Ready(Permit { gate })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut state = self.gate.lock();
        let Some(at) = state.position(self.number) else {
            return;
        };
        let ticket = state.waiting.remove(at);
        drop(state);
        if ticket.is_some_and(|ticket| !ticket.is_queued()) {
            self.gate.release();
        }
    }
}

impl State {
    fn position(&self, number: u64) -> Option<usize> {
        self.waiting
            .iter()
            .position(|ticket| ticket.number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(waiting: &mut Waiting) -> Option<Permit> {
        match Pin::new(waiting).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => Some(permit),
            Poll::Pending => None,
        }
    }

    fn wait(gate: &Arc<Gate>) -> Waiting {
        match gate.try_enter() {
            Err(Refused::Wait(waiting)) => waiting,
            _ => panic!("expected to wait"),
        }
    }

    #[test]
    fn lets_in_in_order_and_refuses_the_rest() {
        let gate = Arc::new(Gate::new(1, 2));
        let permit = gate.try_enter().ok().expect("there is room");
        let (mut first, mut second) = (wait(&gate), wait(&gate));
        assert!(matches!(gate.try_enter(), Err(Refused::Full)));
        drop(permit);
        assert!(poll(&mut second).is_none());
        let permit = poll(&mut first).expect("the first is let in");
        drop(permit);
        assert!(poll(&mut second).is_some());
        assert_eq!(gate.lock().inside, 0);
    }

    #[test]
    fn who_leaves_the_queue_passes_the_permit_on() {
        let gate = Arc::new(Gate::new(1, 2));
        let permit = gate.try_enter().ok().expect("there is room");
        let (first, mut second) = (wait(&gate), wait(&gate));
        drop(permit);
        drop(first);
        assert!(poll(&mut second).is_some());
        let state = gate.lock();
        assert_eq!((state.inside, state.waiting.len()), (0, 0));
    }
}
