//! `Worker`: one thread's part of a container: what its connections share, and its life from the
//! first accept to the last answer.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use slab::Slab;

use super::date::DateCache;
use super::displacing::{Displacing, Waits};
use super::service::Service;
use crate::config::Config;
use crate::http1;
use crate::observe::Observer;
use crate::reactor::{Activity, Label, Reactor};
use crate::scheduler::{Lifecycle, Phase, WorkerCounters};

/// Bytes of the buffer that all connections of a worker read into: what a socket has ready when
/// a client sends a large body.
const READ_BUFFER: usize = 64 << 10;

thread_local! {
    /// The worker that runs on this thread.
    static CURRENT: RefCell<Weak<Worker>> = const { RefCell::new(Weak::new()) };
}

/// What the connections of one thread share.
pub(crate) struct Worker {
    pub(super) reactor: Reactor,
    pub(super) config: Arc<Config>,
    /// The protocol's part of the configuration, by itself since each connection holds it.
    pub(super) protocol: Arc<http1::Config>,
    pub(crate) service: Service,
    pub(super) counters: Arc<WorkerCounters>,
    pub(super) lifecycle: Lifecycle,
    /// What is observed of its requests.
    pub(super) observer: Observer,
    /// What the thread is doing, for others to read.
    activity: Arc<Activity>,
    pub(super) date: DateCache,
    /// The buffer for reading; empty while a connection has it.
    pub(super) read_buffer: Cell<Vec<u8>>,
    /// The buffer for writing; empty while a connection has it.
    pub(super) write_buffer: Cell<Vec<u8>>,
    /// While draining: until when connections that have sent nothing yet are kept.
    pub(super) spare_until: Cell<Option<Instant>>,
    /// Who sits; a seat's number is its key.
    seats: RefCell<Slab<Sitter>>,
    /// Connections that are to make room for others.
    displacing: Displacing,
    /// Woken when the last seat is given back.
    empty: Cell<Option<Waker>>,
    /// Woken when a seat is given back: acceptors that wait for room, one entry each.
    freed: RefCell<Vec<Waker>>,
}

/// What is known of who holds a seat.
#[derive(Default)]
pub(super) struct Sitter {
    /// Wakes it to hear of a new phase, or that it is to go.
    pub(super) waker: Option<Waker>,
    /// What it waits for, if it is a connection to which nothing is owed; `None` while it is anything
    /// else.
    pub(super) waits: Option<Waits>,
    /// Whether it is a connection that is to make room for another.
    pub(super) is_displaced: bool,
}

/// A place in a worker: held by connections, acceptors, detached handlers and background work for as
/// long as they live. A worker has drained when nobody holds one.
pub(crate) struct Seat {
    worker: Rc<Worker>,
    key: usize,
    kind: SeatKind,
    /// Whether the worker has the waker of whoever sits here; asked here, because the table of all
    /// seats is cold when a single connection is polled.
    is_watching: Cell<bool>,
}

/// Who holds a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeatKind {
    Connection,
    Acceptor,
    Detached,
    Background,
}

impl Worker {
    pub(crate) fn new(
        reactor: Reactor,
        config: Arc<Config>,
        service: Service,
        counters: Arc<WorkerCounters>,
        lifecycle: Lifecycle,
        observer: Observer,
    ) -> Rc<Worker> {
        let protocol = Arc::new(config.http1.clone());
        Rc::new(Worker {
            activity: reactor.activity().clone(),
            reactor,
            config,
            protocol,
            service,
            counters,
            lifecycle,
            observer,
            date: DateCache::new(),
            read_buffer: Cell::new(Vec::new()),
            write_buffer: Cell::new(Vec::new()),
            spare_until: Cell::new(None),
            seats: RefCell::new(Slab::new()),
            displacing: Displacing::default(),
            empty: Cell::new(None),
            freed: RefCell::new(Vec::new()),
        })
    }

    /// Makes this the worker that runs on this thread, until the guard is dropped.
    pub(super) fn enter(self: &Rc<Self>) -> Entered {
        self.make_current();
        Entered {
            reactor: self.reactor.clone(),
        }
    }

    /// Makes this the worker that runs on this thread, until another one is or it is dropped.
    pub(crate) fn make_current(self: &Rc<Self>) {
        CURRENT.set(Rc::downgrade(self));
    }

    /// The worker that runs on this thread.
    pub(crate) fn current() -> Option<Rc<Worker>> {
        CURRENT.with_borrow(Weak::upgrade)
    }

    /// What runs from here on is done for a request with this label.
    #[inline]
    pub(super) fn begin_step(&self, label: Label) {
        self.activity.begin(label);
    }

    /// The container's phase.
    pub(super) fn phase(&self) -> Phase {
        self.lifecycle.phase()
    }

    /// Takes a seat.
    pub(crate) fn sit(self: &Rc<Self>, kind: SeatKind) -> Seat {
        if kind == SeatKind::Connection {
            self.counters.accepted.add(1);
        }
        let key = self.seats.borrow_mut().insert(Sitter::default());
        Seat {
            worker: self.clone(),
            key,
            kind,
            is_watching: Cell::new(false),
        }
    }

    /// Connections that are open.
    pub(super) fn connections(&self) -> usize {
        self.counters.connections() as usize
    }

    /// Whether there is room for one more connection, be it that another makes it: at most so many
    /// are open, those not counted that are about to close.
    pub(super) fn makes_room(&self) -> bool {
        let staying = self.connections().saturating_sub(self.displacing.count());
        staying < self.config.connections || self.displace()
    }

    /// Has the connection close that is the first to make room; false where none can.
    pub(super) fn displace(&self) -> bool {
        let mut seats = self.seats.borrow_mut();
        let chosen = self.displacing.choose(&mut seats, self.reactor.now());
        drop(seats);
        let is_found = chosen.is_some();
        if is_found {
            self.counters.displaced.add(1);
        }
        // Woken without the table: a waker may run code that takes or gives back a seat.
        if let Some(waker) = chosen.flatten() {
            waker.wake();
        }
        is_found
    }

    /// Counts a head that has begun on a connection, or is over, be it complete or not.
    fn count_head(&self, before: Option<Waits>, after: Option<Waits>) {
        let is_head = |waits| matches!(waits, Some(Waits::Head { .. }));
        match (is_head(before), is_head(after)) {
            (false, true) => self.counters.heads_begun.add(1),
            (true, false) => self.counters.heads_over.add(1),
            (false, false) | (true, true) => {}
        }
    }

    /// Has this task woken when a seat is given back.
    pub(super) fn watch_freed(&self, context: &Context<'_>) {
        let mut freed = self.freed.borrow_mut();
        if !freed.iter().any(|waker| waker.will_wake(context.waker())) {
            freed.push(context.waker().clone());
        }
    }

    /// From here on connections that have sent nothing are kept only a little while; everybody is
    /// told.
    pub(crate) fn begin_drain(&self) {
        let until = self.reactor.now().checked_add(self.config.drain_first_byte);
        self.spare_until.set(until);
        self.wake_all();
    }

    /// Waits until nobody holds a seat and nobody `is_expected` to take one, or the phase is
    /// `Closing`.
    pub(crate) async fn emptied(&self, is_expected: impl Fn() -> bool) {
        let mut closing = pin!(self.lifecycle.reached(Phase::Closing));
        poll_fn(|context| {
            self.empty.set(Some(context.waker().clone()));
            if self.seats.borrow().is_empty() && !is_expected() {
                return Poll::Ready(());
            }
            closing.as_mut().poll(context)
        })
        .await;
    }

    /// Seats that are held.
    pub(crate) fn seated(&self) -> usize {
        self.seats.borrow().len()
    }

    /// Takes the buffer for reading, at its full length.
    pub(super) fn take_read_buffer(&self) -> Vec<u8> {
        let mut buffer = self.read_buffer.take();
        if buffer.is_empty() {
            buffer.resize(READ_BUFFER, 0);
        }
        buffer
    }

    /// Wakes everybody who has a seat. The wakers are taken out first: they may run code that
    /// takes or gives back a seat.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<Waker> = self
            .seats
            .borrow()
            .iter()
            .filter_map(|(_, sitter)| sitter.waker.clone())
            .collect();
        for waker in wakers.into_iter().chain(self.empty.take()) {
            waker.wake();
        }
    }
}

/// A worker is the current one of its thread. However that ends, the worker's tasks end with it:
/// they and the worker hold each other, and a thread's last moments are too late for them.
pub(super) struct Entered {
    /// The worker's.
    reactor: Reactor,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(Weak::new());
        self.reactor.shutdown();
    }
}

impl Seat {
    /// Has this task woken when the phase changes. Costs nothing after the first call.
    pub(super) fn watch(&self, context: &Context<'_>) {
        if self.is_watching.replace(true) {
            return;
        }
        if let Some(sitter) = self.worker.seats.borrow_mut().get_mut(self.key) {
            sitter.waker = Some(context.waker().clone());
        }
    }

    /// Notes what this connection waits for; `None` while something is owed to its client.
    pub(super) fn rest(&self, waits: Option<Waits>) {
        if let Some(sitter) = self.worker.seats.borrow_mut().get_mut(self.key) {
            let before = mem::replace(&mut sitter.waits, waits);
            self.worker.count_head(before, waits);
        }
    }

    /// Whether this connection is to make room for another.
    pub(super) fn is_displaced(&self) -> bool {
        // The table is cold, and mostly nobody is.
        let sits = |seats: &Slab<Sitter>| seats.get(self.key).is_some_and(|one| one.is_displaced);
        self.worker.displacing.count() > 0 && sits(&self.worker.seats.borrow())
    }

    /// The worker it is a seat of.
    pub(super) fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let (sitter, is_empty) = {
            let mut seats = self.worker.seats.borrow_mut();
            (seats.try_remove(self.key), seats.is_empty())
        };
        if let Some(sitter) = sitter {
            self.worker.count_head(sitter.waits, None);
            if sitter.is_displaced {
                self.worker.displacing.note_gone();
            }
        }
        if self.kind == SeatKind::Connection {
            self.worker.counters.closed.add(1);
        }
        for waker in self.worker.freed.take() {
            waker.wake();
        }
        if is_empty && let Some(waker) = self.worker.empty.take() {
            waker.wake();
        }
    }
}
