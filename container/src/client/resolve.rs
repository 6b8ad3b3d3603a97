//! Names to addresses, by the system's resolver.
//!
//! It blocks, so that each lookup has a short-lived thread of its own. Lookups of one name are
//! one lookup, and their number is bounded. Must not connect.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::time::{Duration, Instant};
use std::{io, thread};

use super::error::{Error, Kind};
use crate::reactor::{self, Reactor, oneshot};

/// Lookups of one client at a time, and with them its threads.
const LOOKUPS_MAX: usize = 16;

/// Names remembered; beyond it all are forgotten, which is rare and costs a lookup each.
const NAMES_MAX: usize = 256;

/// How long a name is remembered: enough to spare a burst of connections a burst of lookups, and
/// little against the time after which a change of the name is expected to be seen.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Tasks that may wait for one name.
const WAITING_MAX: usize = 4096;

/// What a lookup came to; an error keeps its kind and its text, since several tasks get it.
type Found = Result<Rc<[IpAddr]>, (io::ErrorKind, Rc<str>)>;

/// The names a client knows or looks up.
#[derive(Default)]
pub(super) struct Resolver {
    names: RefCell<HashMap<String, Entry>>,
}

enum Entry {
    /// Somebody asks; who waits.
    Pending(Vec<oneshot::Sender<Found>>),
    /// Known until then.
    Known(Rc<[IpAddr]>, Instant),
}

impl Resolver {
    /// The addresses of a host, at least one.
    ///
    /// # Errors
    /// When it has none, or too many names are looked up already.
    pub(super) async fn resolve(
        self: &Rc<Self>,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Error> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![(address, port).into()]);
        }
        let addresses = match self.look_up(host)? {
            Answer::Known(addresses) => addresses,
            Answer::Pending(found) => match found.await {
                Ok(Ok(addresses)) => addresses,
                Ok(Err((kind, text))) => {
                    return Err(Kind::Resolve(io::Error::new(kind, &*text)).into());
                }
                // Only when the reactor shuts down under the task that waits for the thread.
                Err(oneshot::Closed) => {
                    return Err(Kind::Resolve(io::ErrorKind::Interrupted.into()).into());
                }
            },
        };
        let with_port = |address: &IpAddr| SocketAddr::from((*address, port));
        Ok(addresses.iter().map(with_port).collect())
    }

    fn look_up(self: &Rc<Self>, host: &str) -> Result<Answer, Error> {
        let mut names = self.names.borrow_mut();
        match names.get_mut(host) {
            Some(Entry::Known(addresses, until)) if *until > reactor::now() => {
                return Ok(Answer::Known(Rc::clone(addresses)));
            }
            Some(Entry::Pending(waiting)) => {
                if waiting.len() >= WAITING_MAX {
                    return Err(Kind::Busy.into());
                }
                let (sender, receiver) = oneshot::channel();
                waiting.push(sender);
                return Ok(Answer::Pending(receiver));
            }
            Some(Entry::Known(..)) | None => {}
        }
        let is_pending = |entry: &&Entry| matches!(entry, Entry::Pending(_));
        if names.values().filter(is_pending).count() >= LOOKUPS_MAX {
            return Err(Kind::Busy.into());
        }
        if names.len() >= NAMES_MAX {
            names.retain(|_, entry| matches!(entry, Entry::Pending(_)));
        }
        let found = start_thread(host).map_err(Kind::Resolve)?;
        let (sender, receiver) = oneshot::channel();
        names.insert(host.to_owned(), Entry::Pending(vec![sender]));
        // A task of its own: the request that asked first may be cancelled, the others not.
        let (resolver, host) = (Rc::clone(self), host.to_owned());
        drop(reactor::spawn_local(async move {
            let found = found.await.unwrap_or_else(|oneshot::Closed| {
                Err(io::Error::other("the resolver's thread broke down"))
            });
            resolver.settle(&host, found);
        }));
        Ok(Answer::Pending(receiver))
    }

    /// Remembers what was found and tells who waits.
    fn settle(&self, host: &str, found: io::Result<Vec<IpAddr>>) {
        let found = found
            .map(Rc::from)
            .map_err(|error| (error.kind(), Rc::from(error.to_string())));
        let mut names = self.names.borrow_mut();
        let entry = match &found {
            Ok(addresses) => {
                let known = Entry::Known(Rc::clone(addresses), reactor::now() + REMEMBERED);
                names.insert(host.to_owned(), known)
            }
            Err(_) => names.remove(host),
        };
        // Senders wake foreign code: not under the borrow.
        drop(names);
        if let Some(Entry::Pending(waiting)) = entry {
            for sender in waiting {
                // Whoever has gone does not want to know.
                let _ = sender.send(found.clone());
            }
        }
    }
}

enum Answer {
    Known(Rc<[IpAddr]>),
    Pending(oneshot::Receiver<Found>),
}

fn start_thread(host: &str) -> io::Result<oneshot::Receiver<io::Result<Vec<IpAddr>>>> {
    let (sender, receiver) = oneshot::channel();
    let (host, work) = (host.to_owned(), Reactor::current().outside_work());
    thread::Builder::new()
        .name("resolve".to_owned())
        .spawn(move || {
            // The port is of no interest here, and the interface needs one.
            let found = (host.as_str(), 0).to_socket_addrs().and_then(|found| {
                let addresses: Vec<_> = found.map(|address| address.ip()).collect();
                if addresses.is_empty() {
                    return Err(io::ErrorKind::NotFound.into());
                }
                Ok(addresses)
            });
            let _ = sender.send(found);
            drop(work);
        })?;
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::Clock;

    fn resolve_twice(host: &str) -> [Result<Vec<SocketAddr>, Error>; 2] {
        let reactor = Reactor::new(Clock::virtual_time()).unwrap();
        let resolver = Rc::new(Resolver::default());
        let outcome = reactor.block_on(async {
            let (other, host) = (Rc::clone(&resolver), host.to_owned());
            let copy = host.clone();
            let first = reactor::spawn_local(async move { other.resolve(&copy, 80).await });
            let second = resolver.resolve(&host, 80).await;
            [first.await.unwrap(), second]
        });
        outcome.unwrap()
    }

    #[test]
    fn literals_and_names() {
        for literal in ["127.0.0.1", "::1"] {
            for found in resolve_twice(literal) {
                assert_eq!(found.unwrap()[0].ip().to_string(), literal);
            }
        }
        for found in resolve_twice("localhost") {
            assert!(
                found
                    .unwrap()
                    .iter()
                    .all(|address| address.ip().is_loopback())
            );
        }
    }

    #[test]
    fn lookups_are_bounded() {
        let reactor = Reactor::new(Clock::virtual_time()).unwrap();
        let _context = reactor.enter();
        let resolver = Rc::new(Resolver::default());
        for number in 0..LOOKUPS_MAX {
            let pending = Entry::Pending(vec![]);
            resolver
                .names
                .borrow_mut()
                .insert(number.to_string() + ".", pending);
        }
        assert!(
            resolver
                .look_up("localhost")
                .is_err_and(|error| error.is_busy())
        );
    }
}
