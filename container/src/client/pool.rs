//! The connections of a client: in use, idle, and who waits for one.
//!
//! A [`Slot`] is the right to one connection to a host, with or without a connection in it. It is
//! returned by drop, so that a cancelled request returns it too. Must not send anything.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::time::Instant;

use super::config::Bounds;
use super::connection::Connection;
use super::error::{Error, Kind};
use crate::reactor::{self, Reactor, oneshot};

/// All connections of a client.
pub(super) struct Pool {
    /// The limits.
    bounds: Bounds,
    /// The hosts to which there are connections, by origin.
    hosts: RefCell<HashMap<Rc<str>, Host>>,
    /// Whether a task closes idle connections in time.
    reaping: Cell<bool>,
}

/// The connections to one host and port.
#[derive(Default)]
struct Host {
    /// Slots given out, and idle connections.
    open: usize,
    /// Connections nobody uses, the longest idle first.
    idle: VecDeque<Idle>,
    /// Who waits for a slot, longest first; some may have gone.
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// The right to one connection.
pub(super) struct Slot {
    /// Empty once it has been returned.
    lease: Option<Lease>,
}

struct Lease {
    pool: Weak<Pool>,
    host: Rc<str>,
    /// A connection that can be used again.
    connection: Option<Connection>,
}

impl Pool {
    pub(super) fn new(bounds: Bounds) -> Rc<Pool> {
        Rc::new(Pool {
            bounds,
            hosts: RefCell::default(),
            reaping: Cell::new(false),
        })
    }

    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// A slot for `host`, with an idle connection in it if there is one. Waits for one where all
    /// are in use.
    ///
    /// # Errors
    /// When as many as allowed wait already.
    pub(super) async fn acquire(self: &Rc<Self>, host: &str) -> Result<Slot, Error> {
        let turn = match self.take(host)? {
            Ok(slot) => return Ok(slot),
            Err(turn) => turn,
        };
        // The pool lives as long as whoever waits here.
        turn.await.map_err(|oneshot::Closed| Kind::Busy.into())
    }

    /// A slot, or the promise of one.
    fn take(self: &Rc<Self>, name: &str) -> Result<Result<Slot, oneshot::Receiver<Slot>>, Error> {
        let mut hosts = self.hosts.borrow_mut();
        let (name, mut host) = hosts
            .remove_entry(name)
            .unwrap_or_else(|| (Rc::from(name), Host::default()));
        let lease = |connection| Slot {
            lease: Some(Lease {
                pool: Rc::downgrade(self),
                host: Rc::clone(&name),
                connection,
            }),
        };
        let taken = if let Some(connection) = host.take_idle(&self.bounds) {
            Ok(Ok(lease(Some(connection))))
        } else if host.open < self.bounds.connections_per_host {
            host.open += 1;
            Ok(Ok(lease(None)))
        } else {
            host.waiting.retain(|sender| !sender.is_closed());
            if host.waiting.len() >= self.bounds.waiting_per_host {
                Err(Kind::Busy.into())
            } else {
                let (sender, receiver) = oneshot::channel();
                host.waiting.push_back(sender);
                Ok(Err(receiver))
            }
        };
        hosts.insert(name, host);
        taken
    }

    /// Passes a returned slot on to whoever waits longest; else keeps its connection, or frees it.
    fn release(self: &Rc<Self>, mut lease: Lease) {
        // Ends: each round takes one out of the queue.
        while let Some(sender) = self.next_waiting(&lease.host) {
            // Sending wakes foreign code: nothing is borrowed here.
            match sender.send(Slot { lease: Some(lease) }) {
                Ok(()) => return,
                Err(mut slot) => match slot.lease.take() {
                    Some(returned) => lease = returned,
                    None => return,
                },
            }
        }
        let closed = self.keep(lease);
        drop(closed);
    }

    fn next_waiting(&self, name: &str) -> Option<oneshot::Sender<Slot>> {
        self.hosts.borrow_mut().get_mut(name)?.waiting.pop_front()
    }

    /// Makes the connection an idle one; gives back what is to be closed.
    fn keep(self: &Rc<Self>, lease: Lease) -> Option<Connection> {
        // Outside a reactor nobody would close it in time.
        let keep = self.bounds.idle_connections > 0 && Reactor::try_current().is_some();
        let mut hosts = self.hosts.borrow_mut();
        let host = hosts.get_mut(&lease.host)?;
        let Some(connection) = lease.connection.filter(|_| keep) else {
            host.open -= 1;
            if host.open == 0 {
                hosts.remove(&lease.host);
            }
            return None;
        };
        let since = reactor::now();
        host.idle.push_back(Idle { connection, since });
        let count: usize = hosts.values().map(|host| host.idle.len()).sum();
        let evicted = (count > self.bounds.idle_connections).then(|| evict(&mut hosts));
        drop(hosts);
        self.start_reaping();
        evicted.flatten()
    }

    /// Starts the task that closes idle connections in time, unless it runs.
    fn start_reaping(self: &Rc<Self>) {
        if self.reaping.replace(true) {
            return;
        }
        let pool = Rc::downgrade(self);
        drop(reactor::spawn_local(async move {
            // Ends when nothing is idle, or with the client.
            while let Some(next) = pool.upgrade().and_then(|pool| pool.reap()) {
                reactor::sleep_until(next).await;
            }
        }));
    }

    /// Closes what has been idle for too long; says when the next one will have been.
    fn reap(&self) -> Option<Instant> {
        let mut closed = vec![];
        let mut next: Option<Instant> = None;
        self.hosts.borrow_mut().retain(|_, host| {
            while let Some(idle) = host.idle.front() {
                let end = idle.since + self.bounds.idle_time;
                if end > reactor::now() {
                    next = Some(next.map_or(end, |next| next.min(end)));
                    break;
                }
                host.open -= 1;
                closed.extend(host.idle.pop_front());
            }
            host.open > 0
        });
        self.reaping.set(next.is_some());
        next
    }
}

/// Takes the longest idle connection of all out.
fn evict(hosts: &mut HashMap<Rc<str>, Host>) -> Option<Connection> {
    let with_idle = hosts.iter().filter(|(_, host)| !host.idle.is_empty());
    let (name, _) = with_idle.min_by_key(|(_, host)| host.idle.front().map(|idle| idle.since))?;
    let name = Rc::clone(name);
    let host = hosts.get_mut(&name)?;
    host.open -= 1;
    let evicted = host.idle.pop_front();
    if host.open == 0 {
        hosts.remove(&name);
    }
    evicted.map(|idle| idle.connection)
}

impl Host {
    /// The connection that was used last, since it is the least likely to be closed; those that
    /// turn out to be of no use are closed on the way.
    fn take_idle(&mut self, bounds: &Bounds) -> Option<Connection> {
        let now = reactor::now();
        while let Some(mut idle) = self.idle.pop_back() {
            let is_fresh = now.saturating_duration_since(idle.since) < bounds.idle_time;
            if is_fresh && idle.connection.is_reusable() {
                return Some(idle.connection);
            }
            self.open -= 1;
        }
        None
    }
}

impl Slot {
    /// Takes the connection out, if there is one.
    pub(super) fn take(&mut self) -> Option<Connection> {
        self.lease.as_mut()?.connection.take()
    }

    /// Puts a connection in that can be used again.
    pub(super) fn put(&mut self, connection: Connection) {
        if let Some(lease) = &mut self.lease {
            lease.connection = Some(connection);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take()
            && let Some(pool) = lease.pool.upgrade()
        {
            pool.release(lease);
        }
    }
}
