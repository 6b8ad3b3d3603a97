//! `Listeners`: the container's listening sockets, from before its workers start. Workers accept
//! from duplicates; the sockets themselves are kept here for a worker that is replaced, and for a
//! process that succeeds this one.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::net::{Address, AnyListener, BindAddress, ListenSocket};

/// How often at most the log is told that there are no descriptors.
const COMPLAINTS_APART: Duration = Duration::from_secs(1);

/// All listening sockets of a container.
pub(super) struct Listeners {
    sockets: Vec<Socket>,
    /// Whether another process goes on accepting from them.
    is_handed_over: AtomicBool,
    /// Whether one of them has failed for good.
    is_broken: AtomicBool,
    /// When the log was last told that there were no descriptors.
    complained: Mutex<Option<Instant>>,
}

struct Socket {
    reach: Reach,
    open: Mutex<Open>,
}

/// A socket, as long as anybody accepts from it.
struct Open {
    /// `None` once all have done with it.
    listener: Option<AnyListener>,
    /// The workers that accept from it and have not done with it.
    workers: Vec<usize>,
}

/// Who may get the connections of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The one worker that accepts from it, unless it is overloaded: the others have sockets of
    /// their own.
    Own,
    /// Any worker. There are fewer sockets than workers, so all of them accept from each: whoever
    /// is held holds up nobody's connections.
    All,
}

/// A socket to accept from.
pub(super) struct Listening {
    /// Its number among [`Listeners`].
    pub(super) number: usize,
    pub(super) listener: AnyListener,
    pub(super) reach: Reach,
}

impl Listeners {
    /// Opens sockets at these addresses, and takes those that listen already, for so many workers.
    /// Gives where they are, too, each address once.
    pub(super) fn open(
        addresses: &[BindAddress],
        inherited: Vec<AnyListener>,
        workers: usize,
    ) -> Result<(Vec<Address>, Arc<Listeners>), Error> {
        let mut groups: Vec<(Address, Vec<AnyListener>)> = vec![];
        for address in addresses {
            let bind = || {
                let group = AnyListener::bind_group(address, workers)?;
                let Some(first) = group.first() else {
                    return Err(io::ErrorKind::AddrNotAvailable.into());
                };
                Ok((first.local()?, group))
            };
            groups.push(bind().map_err(|error| Error::bind(address, error))?);
        }
        for listener in inherited {
            let local = listener.local();
            let local = local.map_err(|error| Error::bind("a given socket", error))?;
            match groups.iter_mut().find(|(address, _)| *address == local) {
                Some((_, group)) => group.push(listener),
                None => groups.push((local, vec![listener])),
            }
        }
        let mut sockets = vec![];
        let mut local = vec![];
        for (address, group) in groups {
            local.push(address);
            let is_shared = group.len() < workers;
            let numbered = group.into_iter().enumerate();
            sockets.extend(numbered.map(|(place, listener)| {
                let (reach, workers) = if is_shared {
                    (Reach::All, (0..workers).collect())
                } else {
                    (Reach::Own, vec![place % workers])
                };
                let listener = Some(listener);
                let open = Mutex::new(Open { listener, workers });
                Socket { reach, open }
            }));
        }
        let listeners = Listeners {
            sockets,
            is_handed_over: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            complained: Mutex::new(None),
        };
        Ok((local, Arc::new(listeners)))
    }

    /// What a worker is to accept from, as far as it is not done with.
    pub(super) fn of(&self, worker: usize) -> io::Result<Vec<Listening>> {
        let mut all = vec![];
        for (number, socket) in self.sockets.iter().enumerate() {
            let open = socket.lock();
            if !open.workers.contains(&worker) {
                continue;
            }
            if let Some(listener) = &open.listener {
                all.push(Listening {
                    number,
                    listener: listener.duplicate()?,
                    reach: socket.reach,
                });
            }
        }
        Ok(all)
    }

    /// Has the kernel begin no further connections at a socket, unless another process accepts
    /// them; says whether what it has begun already is still to be accepted.
    pub(super) fn turn_away(&self, number: usize) -> bool {
        let socket = self.sockets[number].lock();
        if self.is_handed_over() {
            return false;
        }
        if let Some(Err(error)) = socket.listener.as_ref().map(AnyListener::turn_away) {
            log::debug!("a listener goes on queuing connections until it is closed: {error}");
        }
        true
    }

    /// A worker's acceptor is done with a socket; the last one's going closes it.
    pub(super) fn release(&self, number: usize, worker: usize) {
        let mut open = self.sockets[number].lock();
        open.workers.retain(|&other| other != worker);
        if !open.workers.is_empty() {
            return;
        }
        let released = open.listener.take();
        drop(open);
        if let Some(listener) = released.filter(|_| self.is_handed_over()) {
            listener.keep_file();
        }
    }

    /// A worker ends for good; what it leaves of its sockets is closed.
    pub(super) fn release_all(&self, worker: usize) {
        for number in 0..self.sockets.len() {
            self.release(number, worker);
        }
    }

    /// Descriptors of all sockets that are still open, for another process.
    pub(super) fn duplicates(&self) -> io::Result<Vec<OwnedFd>> {
        let sockets = self.sockets.iter().map(Socket::lock);
        let open = sockets.filter_map(|socket| {
            let listener = socket.listener.as_ref()?;
            Some(listener.as_fd().try_clone_to_owned())
        });
        open.collect()
    }

    /// From now on another process accepts from these sockets.
    pub(super) fn hand_over(&self) {
        self.is_handed_over.store(true, Ordering::Release);
    }

    /// Whether another process goes on accepting.
    pub(super) fn is_handed_over(&self) -> bool {
        self.is_handed_over.load(Ordering::Acquire)
    }

    /// Whether the log may be told that there are no descriptors: not by every worker, and not each
    /// time that one was free for a moment.
    pub(super) fn may_complain(&self, now: Instant) -> bool {
        let complained = self.complained.lock();
        let mut complained = complained.unwrap_or_else(PoisonError::into_inner);
        let is_recent = |last: Instant| now.saturating_duration_since(last) < COMPLAINTS_APART;
        let may = !complained.is_some_and(is_recent);
        if may {
            *complained = Some(now);
        }
        may
    }

    /// A socket does not work any more.
    pub(super) fn note_broken(&self) {
        self.is_broken.store(true, Ordering::Release);
    }

    /// Whether one of them does not work any more.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }
}

impl Socket {
    fn lock(&self) -> MutexGuard<'_, Open> {
        // Whole at every moment: nothing between can be left behind.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(workers: usize, inherited: Vec<AnyListener>) -> (Vec<Address>, Arc<Listeners>) {
        let address = "127.0.0.1:0".parse().expect("an address");
        let addresses = if inherited.is_empty() {
            vec![address]
        } else {
            vec![]
        };
        Listeners::open(&addresses, inherited, workers).expect("there is a port")
    }

    fn shares(listeners: &Listeners, workers: usize) -> Vec<usize> {
        let share = |worker| listeners.of(worker).expect("there are descriptors").len();
        (0..workers).map(share).collect()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_successor_with_other_workers_shares_them_out() {
        let (before, old) = open(4, vec![]);
        assert_eq!(shares(&old, 4), [1; 4]);
        for (workers, expected) in [(2, vec![2, 2]), (4, vec![1; 4]), (6, vec![4; 6])] {
            let descriptors = old.duplicates().expect("there are descriptors");
            let inherited = descriptors.into_iter().map(AnyListener::inherit);
            let inherited = inherited.collect::<io::Result<_>>().expect("they listen");
            let (addresses, new) = open(workers, inherited);
            assert_eq!(addresses, before);
            assert_eq!(shares(&new, workers), expected);
            let reach = new.of(0).expect("there are descriptors")[0].reach;
            assert_eq!(reach == Reach::All, workers > 4);
        }
    }

    #[test]
    fn the_log_is_told_once_a_second() {
        let (_, listeners) = open(1, vec![]);
        let now = Instant::now();
        let told = [0, 1, 999, 1000, 1001, 1999, 2000]
            .map(|ms| listeners.may_complain(now + Duration::from_millis(ms)));
        assert_eq!(told, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn a_shared_socket_is_closed_by_the_last_of_its_workers() {
        let inherited = AnyListener::inherit(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let (_, listeners) = open(2, vec![inherited.expect("it listens")]);
        assert_eq!(shares(&listeners, 2), [1, 1]);
        listeners.release_all(0);
        assert_eq!(shares(&listeners, 2), [0, 1]);
        listeners.release(0, 1);
        assert!(listeners.duplicates().expect("none is needed").is_empty());
    }

    #[test]
    fn what_is_released_is_closed_and_gone() {
        let (_, listeners) = open(1, vec![]);
        assert!(listeners.turn_away(0));
        listeners.release(0, 0);
        assert_eq!(shares(&listeners, 1), [0]);
        assert!(listeners.duplicates().expect("none is needed").is_empty());
    }
}
