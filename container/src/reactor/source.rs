//! File descriptors: who is told when the kernel says that one is ready.
//! Must not read or write, and must not know what kind of descriptor it has.
//!
//! A source is registered once, edge-triggered. An event sets readiness bits, which stay set
//! until the owner found the descriptor drained and clears them. A token carries a generation
//! besides the slot, so that a late event of a descriptor that is gone (possible when the
//! descriptor was duplicated) never reaches the slot's next owner.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use mio::event::{Event, Source};
use mio::{Interest, Token};
use slab::Slab;

use super::{Inner, Reactor};

/// The upper half of a token is its generation, the lower half its slot.
const HALF: u32 = usize::BITS / 2;
const SLOT_MASK: usize = (1 << HALF) - 1;

/// The token of the cross-thread waker; the last slot is never given to a source.
pub(super) const WAKER_TOKEN: Token = Token(usize::MAX);

/// A registered source together with its readiness. Dropping it deregisters the source.
pub struct Registration<S: Source> {
    /// The source; empty only while the value is being taken apart.
    io: Option<S>,
    /// The readiness, shared with the reactor's table.
    state: Rc<SourceState>,
    /// Where to deregister. Weak, since tasks own registrations and the reactor owns tasks.
    reactor: Weak<Inner>,
}

/// The readiness of one source, and who waits for it.
pub(super) struct SourceState {
    /// Slot and generation; what the kernel names the source by.
    token: Token,
    /// What was seen and not cleared, of the constants below.
    bits: Cell<u8>,
    /// Who waits to read.
    read: Waiter,
    /// Who waits to write.
    write: Waiter,
}

const READABLE: u8 = 1;
const WRITABLE: u8 = 2;
/// The peer has finished writing (or all is over).
const READ_CLOSED: u8 = 4;
/// The peer takes no more bytes.
const WRITE_CLOSED: u8 = 8;
/// The descriptor carries an error.
const FAILED: u8 = 16;

/// Who waits for one direction of a source.
///
/// The waker is kept when it has been used: the same task waits again most of the time, and
/// then neither clones nor drops anything.
#[derive(Default)]
struct Waiter {
    /// Whether the waker is to be used by the next event.
    waiting: Cell<bool>,
    /// The last one that waited, still waiting or not.
    waker: Cell<Option<Waker>>,
}

/// All registered sources of a reactor.
#[derive(Default)]
pub(super) struct SourceTable {
    /// The sources by the lower half of their tokens.
    slots: RefCell<Slab<Rc<SourceState>>>,
    /// Goes into the next token.
    generation: Cell<usize>,
}

impl<S: Source> Registration<S> {
    pub(super) fn new(reactor: &Reactor, mut io: S, interest: Interest) -> io::Result<Self> {
        let inner = &reactor.inner;
        let state = inner.sources.insert();
        let registered = inner
            .poll
            .borrow()
            .registry()
            .register(&mut io, state.token, interest);
        if let Err(error) = registered {
            inner.sources.remove(state.token);
            return Err(error);
        }
        Ok(Registration {
            io: Some(io),
            state,
            reactor: reactor.downgrade(),
        })
    }

    /// The source.
    pub fn io(&self) -> &S {
        self.io.as_ref().expect("present until dropped or mapped")
    }

    /// The same registration with its source wrapped or unwrapped; the descriptor must stay the
    /// same.
    pub fn map<T: Source>(mut self, f: impl FnOnce(S) -> T) -> Registration<T> {
        let io = self.io.take().map(f);
        Registration {
            io,
            state: Rc::clone(&self.state),
            reactor: self.reactor.clone(),
        }
    }

    /// Ready when a read is worth trying; else the task is woken when it becomes so.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.state.poll(READABLE, &self.state.read, cx)
    }

    /// Ready when a write is worth trying; else the task is woken when it becomes so.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.state.poll(WRITABLE, &self.state.write, cx)
    }

    /// Has the task woken by the next event of the reading side, whether a read is worth trying
    /// already or not: for who waits for the peer to go.
    pub fn watch_read(&self, cx: &mut Context<'_>) {
        self.state.read.wait(cx.waker());
    }

    /// Whether a read is worth trying.
    pub fn is_read_ready(&self) -> bool {
        self.state.has(READABLE)
    }

    /// Whether a write is worth trying.
    pub fn is_write_ready(&self) -> bool {
        self.state.has(WRITABLE)
    }

    /// Has a read count as worth trying although no event said so.
    pub fn assume_read_ready(&self) {
        self.state.bits.set(self.state.bits.get() | READABLE);
    }

    /// Says that a read found nothing more.
    pub fn clear_read_ready(&self) {
        self.state.clear(READABLE);
    }

    /// Says that a write found no room.
    pub fn clear_write_ready(&self) {
        self.state.clear(WRITABLE);
    }

    /// Whether the peer was seen to have ended its side; what it sent before can still be read.
    pub fn is_read_closed(&self) -> bool {
        self.state.has(READ_CLOSED)
    }

    /// Whether nothing can be written any more.
    pub fn is_write_closed(&self) -> bool {
        self.state.has(WRITE_CLOSED)
    }

    /// Whether both directions are gone: an error, or a hang-up.
    pub fn is_failed(&self) -> bool {
        self.state.has(FAILED) || (self.is_read_closed() && self.is_write_closed())
    }
}

impl<S: Source> Drop for Registration<S> {
    fn drop(&mut self) {
        // Without a source it was mapped, and the table's slot has passed to its successor.
        let (Some(io), Some(inner)) = (self.io.as_mut(), self.reactor.upgrade()) else {
            return;
        };
        inner.sources.remove(self.state.token);
        if let Err(error) = inner.poll.borrow().registry().deregister(io) {
            log::debug!("could not deregister a source: {error}");
        }
    }
}

impl SourceTable {
    fn insert(&self) -> Rc<SourceState> {
        let mut slots = self.slots.borrow_mut();
        let entry = slots.vacant_entry();
        assert!(
            entry.key() < SLOT_MASK,
            "more sources than a token can number"
        );
        let generation = self.generation.get();
        self.generation.set(generation.wrapping_add(1));
        let token = Token((generation << HALF) | entry.key());
        let state = Rc::new(SourceState {
            token,
            bits: Cell::new(0),
            read: Waiter::default(),
            write: Waiter::default(),
        });
        entry.insert(Rc::clone(&state));
        state
    }

    fn remove(&self, token: Token) {
        let removed = self.slots.borrow_mut().try_remove(token.0 & SLOT_MASK);
        // The owner still has a clone: no waker is dropped under the borrow.
        drop(removed);
    }

    /// Sets the bits of the event's source and wakes who waits. Whether the source still exists.
    pub(super) fn dispatch(&self, event: &Event) -> bool {
        let Some(state) = self.state_of(event.token()) else {
            return false;
        };
        state.receive(bits_of(event));
        true
    }

    fn state_of(&self, token: Token) -> Option<Rc<SourceState>> {
        let slots = self.slots.borrow();
        slots
            .get(token.0 & SLOT_MASK)
            .filter(|state| state.token == token)
            .cloned()
    }
}

/// An error or an end makes a direction ready: only the call tells what happened.
fn bits_of(event: &Event) -> u8 {
    let mut bits = 0;
    if event.is_readable() {
        bits |= READABLE;
    }
    if event.is_writable() {
        bits |= WRITABLE;
    }
    if event.is_read_closed() {
        bits |= READABLE | READ_CLOSED;
    }
    if event.is_write_closed() {
        bits |= WRITABLE | WRITE_CLOSED;
    }
    if event.is_error() {
        bits |= READABLE | WRITABLE | FAILED;
    }
    bits
}

impl SourceState {
    fn has(&self, bit: u8) -> bool {
        self.bits.get() & bit != 0
    }

    fn clear(&self, bit: u8) {
        self.bits.set(self.bits.get() & !bit);
    }

    fn poll(&self, bit: u8, waiter: &Waiter, cx: &mut Context<'_>) -> Poll<()> {
        if self.has(bit) {
            return Poll::Ready(());
        }
        waiter.wait(cx.waker());
        Poll::Pending
    }

    fn receive(&self, bits: u8) {
        self.bits.set(self.bits.get() | bits);
        if bits & READABLE != 0 {
            self.read.wake();
        }
        if bits & WRITABLE != 0 {
            self.write.wake();
        }
    }
}

impl Waiter {
    fn wait(&self, waker: &Waker) {
        let kept = match self.waker.take() {
            Some(kept) if kept.will_wake(waker) => kept,
            _ => waker.clone(),
        };
        self.waker.set(Some(kept));
        self.waiting.set(true);
    }

    fn wake(&self) {
        if !self.waiting.replace(false) {
            return;
        }
        let Some(waker) = self.waker.take() else {
            return;
        };
        waker.wake_by_ref();
        // A foreign waker may have run code that waits anew: the newer one stays.
        let newer = self.waker.take();
        self.waker.set(newer.or(Some(waker)));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    use mio::net::UnixStream;

    use super::*;
    use crate::reactor::{Clock, yield_now};

    const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Fixture {
        reactor: Reactor,
        source: Registration<UnixStream>,
        peer: UnixStream,
        wakes: Arc<Wakes>,
    }

    impl Fixture {
        fn new() -> Fixture {
            let reactor = Reactor::new(Clock::real()).unwrap();
            let (io, peer) = UnixStream::pair().unwrap();
            let source = reactor.register(io, BOTH).unwrap();
            let fixture = Fixture {
                reactor,
                source,
                peer,
                wakes: Arc::default(),
            };
            // The event that says it can be written.
            fixture.turn();
            fixture
        }

        /// Turns until an event came; returns the wakes it caused.
        fn turn(&self) -> usize {
            while self.reactor.turn(None).unwrap().events == 0 {}
            self.wakes.0.swap(0, Ordering::Relaxed)
        }

        fn poll_read(&self) -> Poll<()> {
            let waker = Waker::from(Arc::clone(&self.wakes));
            self.source
                .poll_read_ready(&mut Context::from_waker(&waker))
        }

        fn poll_read_with(&self, waker: &Waker) -> Poll<()> {
            self.source.poll_read_ready(&mut Context::from_waker(waker))
        }
    }

    #[test]
    fn readiness_stays_until_cleared() {
        let mut fixture = Fixture::new();
        assert!(fixture.source.is_write_ready());
        assert!(fixture.poll_read().is_pending());
        fixture.peer.write_all(b"a").unwrap();
        assert_eq!(fixture.turn(), 1);
        assert!(fixture.poll_read().is_ready() && fixture.source.is_read_ready());
        assert_eq!(fixture.source.io().read(&mut [0; 8]).unwrap(), 1);
        fixture.source.clear_read_ready();
        assert!(fixture.poll_read().is_pending());
    }

    #[test]
    fn only_who_waits_is_woken() {
        let mut fixture = Fixture::new();
        fixture.peer.write_all(b"a").unwrap();
        assert_eq!(fixture.turn(), 0);
        fixture.source.clear_read_ready();
        assert!(fixture.poll_read().is_pending());
        fixture.peer.write_all(b"b").unwrap();
        assert_eq!(fixture.turn(), 1);
        fixture.peer.write_all(b"c").unwrap();
        assert_eq!(fixture.turn(), 0);
    }

    #[test]
    fn waiting_again_clones_no_waker() {
        let mut fixture = Fixture::new();
        let waker = Waker::from(Arc::clone(&fixture.wakes));
        for _ in 0..3 {
            fixture.source.clear_read_ready();
            assert!(fixture.poll_read_with(&waker).is_pending());
            // The fixture's, the local and the one the source keeps.
            assert_eq!(Arc::strong_count(&fixture.wakes), 3);
            fixture.peer.write_all(b"a").unwrap();
            assert_eq!(fixture.turn(), 1);
        }
    }

    #[test]
    fn end_and_hang_up_are_seen() {
        let mut fixture = Fixture::new();
        fixture.peer.write_all(b"a").unwrap();
        fixture.peer.shutdown(std::net::Shutdown::Write).unwrap();
        fixture.turn();
        assert!(fixture.source.is_read_closed() && fixture.source.is_read_ready());
        assert!(!fixture.source.is_write_closed() && !fixture.source.is_failed());
        drop(std::mem::replace(
            &mut fixture.peer,
            UnixStream::pair().unwrap().0,
        ));
        fixture.turn();
        assert!(fixture.source.is_write_closed() && fixture.source.is_failed());
    }

    #[test]
    fn late_event_does_not_reach_the_next_owner_of_the_slot() {
        let reactor = Reactor::new(Clock::real()).unwrap();
        let table = &reactor.inner.sources;
        let old = table.insert();
        table.remove(old.token);
        let new = table.insert();
        assert_eq!(old.token.0 & SLOT_MASK, new.token.0 & SLOT_MASK);
        assert!(table.state_of(old.token).is_none());
        assert!(table.state_of(new.token).is_some());
    }

    #[test]
    fn drop_deregisters_and_map_does_not() {
        let fixture = Fixture::new();
        let mapped = fixture.source.map(|io| io);
        assert_eq!(fixture.reactor.inner.sources.slots.borrow().len(), 1);
        assert!(mapped.is_write_ready());
        drop(mapped);
        assert_eq!(fixture.reactor.inner.sources.slots.borrow().len(), 0);
    }

    #[test]
    fn registration_may_outlive_its_reactor() {
        let Fixture {
            reactor, source, ..
        } = Fixture::new();
        drop(reactor);
        assert!(source.is_write_ready());
    }

    #[test]
    fn task_that_always_yields_does_not_starve_a_source() {
        let mut fixture = Fixture::new();
        fixture.reactor.spawn_detached(Box::pin(async {
            loop {
                yield_now().await;
            }
        }));
        assert!(fixture.poll_read().is_pending());
        fixture.peer.write_all(b"a").unwrap();
        assert_eq!(fixture.turn(), 1);
        assert!(fixture.reactor.turn(Some(Duration::MAX)).unwrap().tasks > 0);
    }
}
