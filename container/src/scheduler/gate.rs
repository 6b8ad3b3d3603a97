//! `Gate`: one budget of requests at once, shared by all workers.
//!
//! A [`Permit`] is a value: whoever holds it is inside, and its drop lets the next one in. Who may
//! wait, and who is next, is the [`WaitQueue`]'s affair.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::adaptive::AdaptiveLimit;
use super::forecast::Run;
use super::queue::{Crowd, Left, Place, Ticket, WaitQueue};
use super::shed::{ShedReason, Stage};
use super::wait_limit::WaitLimit;
use crate::handler::{Budget, Concurrency, Patience, Priority};
use crate::reactor::{Clock, oneshot};

/// The way into what has a budget.
pub(super) struct Gate {
    stage: Stage,
    clock: Clock,
    /// The longest that anybody waits here.
    longest: Duration,
    state: Mutex<State>,
}

struct State {
    /// Permits given out.
    inside: usize,
    limit: Limit,
    queue: WaitQueue<Sender>,
}

enum Limit {
    Fixed(usize),
    Adaptive(Box<AdaptiveLimit>),
}

type Sender = oneshot::Sender<Result<Permit, ShedReason>>;

/// Why a request was not let in at once.
pub(super) enum Refused {
    /// There is room to wait.
    Wait(Waiting),
    /// There is not.
    Shed(ShedReason),
}

/// The right to be inside; dropping it gives it back.
pub(super) struct Permit {
    gate: Arc<Gate>,
    entry: Entry,
    end: End,
}

/// How a permit was given.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// How many were inside then, this one included.
    inside: usize,
    /// What the forecast knows it as.
    run: Run,
}

/// How the work ended, and so what the gate learns from how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It was broken off: nothing.
    Broken,
    /// It was done.
    Done,
    /// It ran out of time, so it takes that long at least.
    Overrun,
}

/// Waits for a [`Permit`]; dropping it leaves the queue.
pub(super) struct Waiting {
    gate: Arc<Gate>,
    /// `None` once it is over.
    place: Option<Place>,
    receiver: oneshot::Receiver<Result<Permit, ShedReason>>,
}

/// What a gate is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateStats {
    /// How many may be inside at once; an adaptive limit moves.
    pub limit: usize,
    /// How many are.
    pub inside: usize,
    /// How many wait.
    pub waiting: usize,
    /// Whether the queue counts as overloaded: newest first, nobody beyond the target.
    pub is_overloaded: bool,
}

impl Gate {
    /// A gate for this budget; `None` where it has no limit.
    pub(super) fn new(
        stage: Stage,
        budget: &Budget,
        patience: Patience,
        clock: &Clock,
    ) -> Option<Arc<Gate>> {
        let limit = match budget.concurrency {
            Concurrency::Unlimited => return None,
            Concurrency::Fixed(limit) => Limit::Fixed(limit),
            Concurrency::Adaptive(bounds) => {
                Limit::Adaptive(Box::new(AdaptiveLimit::new(bounds, clock.now())))
            }
        };
        let patience = budget.patience.unwrap_or(patience);
        let state = State {
            inside: 0,
            limit,
            queue: WaitQueue::new(budget.queue, patience),
        };
        Some(Arc::new(Gate {
            stage,
            clock: clock.clone(),
            longest: patience.longest,
            state: Mutex::new(state),
        }))
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    pub(super) fn stats(&self) -> GateStats {
        let state = self.lock();
        GateStats {
            limit: state.limit.limit(),
            inside: state.inside,
            waiting: state.queue.len(),
            is_overloaded: state.queue.is_overloaded(self.clock.now()),
        }
    }

    /// A permit now, a place in the queue, or neither.
    pub(super) fn try_enter(self: &Arc<Self>, ticket: Ticket) -> Result<Permit, Refused> {
        let mut left = Left::new();
        let mut state = self.lock();
        let now = self.clock.now();
        let places = state.limit.limit();
        if state.inside < places {
            let run = state.queue.forecast().begin(ticket.label, now);
            return Ok(self.admit(&mut state, run));
        }
        let (sender, receiver) = oneshot::channel();
        let ahead = state.queue.len();
        let crowd = Some(Crowd { ahead, places });
        let pushed = state.queue.push(sender, ticket, crowd, now, &mut left);
        drop(state);
        tell(left);
        match pushed {
            Ok(place) => Err(Refused::Wait(Waiting {
                gate: self.clone(),
                place: Some(place),
                receiver,
            })),
            Err((_, reason)) => Err(Refused::Shed(reason)),
        }
    }

    /// Why a request of this priority that came now would be turned away; `None` when it would be
    /// let in, or could wait. What it would wait for is not asked.
    pub(super) fn refusal(&self, priority: Priority) -> Option<ShedReason> {
        let state = self.lock();
        if state.inside < state.limit.limit() {
            return None;
        }
        state.queue.refusal(priority, self.clock.now())
    }

    /// Takes a permit back, and lets in as many as there is room for now.
    fn release(self: &Arc<Self>, entry: Entry, end: End) {
        let mut left = Left::new();
        let mut admitted = Vec::new();
        let mut state = self.lock();
        let now = self.clock.now();
        state.inside -= 1;
        state.learn(entry, end, now);
        while !state.queue.is_empty() && state.inside < state.limit.limit() {
            if let Some((sender, run)) = state.queue.pop(now, &mut left) {
                admitted.push((sender, self.admit(&mut state, run)));
            }
        }
        // Told after unlocking: a waker may run code that comes back here.
        drop(state);
        for (sender, permit) in admitted {
            // Who has gone meanwhile gives it back by not taking it.
            drop(sender.send(Ok(permit)));
        }
        tell(left);
    }

    fn admit(self: &Arc<Self>, state: &mut State, run: Run) -> Permit {
        state.inside += 1;
        let inside = state.inside;
        Permit {
            gate: self.clone(),
            entry: Entry { inside, run },
            end: End::Broken,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells those who wait no longer why.
fn tell(left: Left<Sender>) {
    for (sender, reason) in left {
        // Who has gone need not be told.
        drop(sender.send(Err(reason)));
    }
}

impl Limit {
    fn limit(&self) -> usize {
        match self {
            Limit::Fixed(limit) => *limit,
            Limit::Adaptive(limit) => limit.limit(),
        }
    }
}

impl Permit {
    /// Gives it back after the work was done, so that an adaptive limit learns how long that took.
    pub(super) fn complete(mut self) {
        self.end = End::Done;
    }

    /// Gives it back after the work ran out of time, so that an adaptive limit shrinks.
    pub(super) fn overrun(mut self) {
        self.end = End::Overrun;
    }
}

impl State {
    /// Takes note of how long the work took.
    fn learn(&mut self, entry: Entry, end: End, now: Instant) {
        let forecast = self.queue.forecast();
        if end == End::Broken {
            return forecast.forget(entry.run);
        }
        let took = forecast.end(entry.run, now);
        match &mut self.limit {
            Limit::Adaptive(limit) if end == End::Done => limit.sample(took, entry.inside, now),
            Limit::Adaptive(limit) => limit.back_off(now),
            Limit::Fixed(_) => {}
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.release(self.entry, self.end);
    }
}

impl Waiting {
    /// Where.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Whether it still cannot be told for how long.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.place
            .is_some_and(|place| self.gate.lock().queue.is_in_doubt(place))
    }

    /// How long at most.
    pub(super) fn limit(&self) -> Option<WaitLimit> {
        let (place, now) = (self.place?, self.gate.clock.now());
        Some(WaitLimit::new(place, self.gate.longest, now))
    }
}

impl Future for Waiting {
    type Output = Result<Permit, ShedReason>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(verdict) = Pin::new(&mut self.receiver).poll(context) else {
            return Poll::Pending;
        };
        self.place = None;
        // A sender is dropped unused only with the gate.
        Poll::Ready(verdict.unwrap_or(Err(ShedReason::Stopping)))
    }
}

impl Drop for Waiting {
    /// A permit that was sent and not taken is dropped with the receiver.
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            let sender = self.gate.lock().queue.remove(place);
            drop(sender);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn gate(limit: usize, queue: usize) -> Arc<Gate> {
        let budget = Budget {
            concurrency: Concurrency::Fixed(limit),
            queue,
            patience: None,
        };
        let clock = Clock::virtual_time();
        let gate = Gate::new(Stage::Route, &budget, Patience::default(), &clock);
        gate.expect("it has a limit")
    }

    fn enter(gate: &Arc<Gate>) -> Permit {
        let entered = gate.try_enter(Ticket::default());
        entered.ok().expect("there is room")
    }

    fn wait(gate: &Arc<Gate>) -> Waiting {
        match gate.try_enter(Ticket::default()) {
            Err(Refused::Wait(waiting)) => waiting,
            _ => panic!("expected to wait"),
        }
    }

    fn poll(waiting: &mut Waiting) -> Option<Permit> {
        match Pin::new(waiting).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => permit.ok(),
            Poll::Pending => None,
        }
    }

    fn counts(gate: &Gate) -> (usize, usize) {
        let stats = gate.stats();
        (stats.inside, stats.waiting)
    }

    #[test]
    fn lets_in_in_order_and_refuses_the_rest() {
        let gate = gate(1, 2);
        let permit = enter(&gate);
        let (mut first, mut second) = (wait(&gate), wait(&gate));
        assert!(matches!(
            gate.try_enter(Ticket::default()),
            Err(Refused::Shed(ShedReason::Full))
        ));
        drop(permit);
        assert!(poll(&mut second).is_none());
        let permit = poll(&mut first).expect("the first is let in");
        drop(permit);
        assert!(poll(&mut second).is_some());
        assert_eq!(counts(&gate), (0, 0));
    }

    #[test]
    fn who_leaves_the_queue_passes_the_permit_on() {
        let gate = gate(1, 3);
        let permit = enter(&gate);
        let (first, second, mut third) = (wait(&gate), wait(&gate), wait(&gate));
        // One goes before his turn, one after it has come.
        drop(second);
        drop(permit);
        drop(first);
        assert!(poll(&mut third).is_some());
        assert_eq!(counts(&gate), (0, 0));
    }
}
