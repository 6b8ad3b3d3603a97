//! `Attempts`: how often logins and resets are tried and passwords hashed, and for whom. In memory: a
//! restart forgives.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use container::message::{HeaderValue, header};
use container::{Problem, StatusCode, reactor};

use super::options::AttemptOptions;

/// The time in which as many attempts are allowed as an option says.
const MINUTE: Duration = Duration::from_secs(60);

/// Those of whom is known when they may try next, at most: beyond it whoever may try soonest is
/// forgotten. So many are looked through in some 10 us.
const KNOWN_MAX: usize = 10_000;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Attempt<'a> {
    /// To log in under this name.
    Login(&'a str),
    /// To have a link mailed to this address.
    Mail(&'a str),
    /// To have a password hashed that is new: to register, which also has mail sent to whomever one
    /// likes, to add or change an account, to use a mailed link.
    Password,
}

/// Counts attempts.
pub(super) struct Attempts {
    per_name: Option<Limit>,
    per_peer: Option<Limit>,
    /// Nobody outside can tell which names it takes for the same.
    hasher: RandomState,
    /// By the hash of who tries what: when all that was tried would be allowed if it had been tried
    /// one after another (the generic cell rate algorithm, ITU-T I.371).
    known: Mutex<HashMap<u64, Instant>>,
}

/// So many at once, then one after another.
#[derive(Debug, Clone, Copy)]
struct Limit {
    /// How long one attempt counts.
    step: Duration,
    /// How far ahead they may go.
    ahead: Duration,
}

impl Attempts {
    pub(super) fn new(options: &AttemptOptions) -> Self {
        Attempts {
            per_name: options.per_name.map(Limit::per_minute),
            per_peer: options.per_peer.map(Limit::per_minute),
            hasher: RandomState::new(),
            known: Mutex::default(),
        }
    }

    /// Counts an attempt by a client with this address, which is not known of all: those of Unix
    /// sockets are counted by what they try alone.
    ///
    /// # Errors
    /// With a 429 that says when to try again.
    pub(super) fn note(
        &self,
        peer: Option<SocketAddr>,
        attempt: Attempt<'_>,
    ) -> Result<(), Problem> {
        let network = peer.map(|peer| network(peer.ip()));
        let of_name = matches!(attempt, Attempt::Login(_) | Attempt::Mail(_));
        let named = of_name.then(|| self.hasher.hash_one((network, attempt)));
        let alone = network.map(|network| self.hasher.hash_one(network));
        let now = reactor::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, limit) in [(alone, self.per_peer), (named, self.per_name)] {
            if let (Some(key), Some(limit)) = (key, limit) {
                limit.note(&mut known, key, now).map_err(too_many)?;
            }
        }
        Ok(())
    }
}

impl Limit {
    fn per_minute(count: NonZeroU32) -> Limit {
        let step = MINUTE / count.get();
        Limit {
            step,
            ahead: MINUTE - step,
        }
    }

    /// Counts one attempt, unless it comes too early: by how much.
    fn note(
        self,
        known: &mut HashMap<u64, Instant>,
        key: u64,
        now: Instant,
    ) -> Result<(), Duration> {
        let until = known.get(&key).copied().unwrap_or(now).max(now);
        let ahead = until - now;
        if ahead > self.ahead {
            return Err(ahead - self.ahead);
        }
        if known.len() >= KNOWN_MAX {
            make_room(known, now);
        }
        known.insert(key, until + self.step);
        Ok(())
    }
}

/// Forgets who may try as often as anybody else; and if there is none, whoever is nearest to it.
fn make_room(known: &mut HashMap<u64, Instant>, now: Instant) {
    known.retain(|_, until| *until > now);
    if known.len() >= KNOWN_MAX
        && let Some((&soonest, _)) = known.iter().min_by_key(|(_, until)| **until)
    {
        known.remove(&soonest);
    }
}

/// What one client has at its will: an address of IPv4, a network of 64 bits of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
    }
}

fn too_many(wait: Duration) -> Problem {
    // Whole seconds, and never too few.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Problem::new(StatusCode::TOO_MANY_REQUESTS)
        .with_detail("too many attempts")
        .with_field(header::RETRY_AFTER, HeaderValue::from(seconds))
}

#[cfg(test)]
mod tests {
    use container::reactor::{Clock, Reactor};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Attempts by a clock that the test moves.
    struct Test {
        reactor: Reactor,
        attempts: Attempts,
    }

    impl Test {
        fn new(per_name: u32, per_peer: u32) -> Test {
            Test {
                reactor: Reactor::new(Clock::virtual_time()).expect("the system gives a reactor"),
                attempts: Attempts::new(&AttemptOptions {
                    per_name: NonZeroU32::new(per_name),
                    per_peer: NonZeroU32::new(per_peer),
                }),
            }
        }

        /// After how many seconds an attempt may be tried again; 0 when it was counted.
        fn wait(&self, peer: &str, attempt: Attempt<'_>) -> u64 {
            let _entered = self.reactor.enter();
            let peer: Option<IpAddr> = peer.parse().ok();
            let peer = peer.map(|address| SocketAddr::new(address, 1234));
            let Err(problem) = self.attempts.note(peer, attempt) else {
                return 0;
            };
            assert_eq!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
            let (_, wait) = &problem.fields()[0];
            wait.to_str().expect("text").parse().expect("a number")
        }

        fn advance(&self, by: Duration) {
            self.reactor.advance(by).expect("nothing is there to fail");
        }
    }

    #[test]
    fn a_burst_then_one_after_another() {
        let test = Test::new(3, 0);
        let login = Attempt::Login("ann");
        let waits = [0; 5].map(|_| test.wait("192.0.2.1", login));
        assert_eq!(waits, [0, 0, 0, 20, 20]);
        test.advance(19 * SECOND);
        assert_eq!(test.wait("192.0.2.1", login), 1);
        test.advance(SECOND);
        assert_eq!([0; 2].map(|_| test.wait("192.0.2.1", login)), [0, 20]);
        test.advance(60 * SECOND);
        assert_eq!([0; 4].map(|_| test.wait("192.0.2.1", login)), [0, 0, 0, 20]);
    }

    #[test]
    fn names_peers_and_purposes_are_counted_apart() {
        let test = Test::new(1, 0);
        let tried = |peer: &str, attempt: Attempt<'_>| test.wait(peer, attempt) == 0;
        assert!(tried("192.0.2.1", Attempt::Login("ann")));
        assert!(!tried("192.0.2.1", Attempt::Login("ann")));
        assert!(tried("192.0.2.1", Attempt::Login("bob")));
        assert!(tried("192.0.2.1", Attempt::Mail("ann")));
        assert!(tried("192.0.2.2", Attempt::Login("ann")));
        assert!(tried("a Unix socket", Attempt::Login("ann")));
        assert!(!tried("a Unix socket", Attempt::Login("ann")));
        assert!(
            !tried("::ffff:192.0.2.1", Attempt::Login("ann")),
            "the same client"
        );
    }

    #[test]
    fn a_peer_has_so_many_in_all() {
        let test = Test::new(0, 2);
        let tried = |peer: &str, attempt: Attempt<'_>| test.wait(peer, attempt) == 0;
        assert!(tried("2001:db8::1", Attempt::Login("ann")));
        assert!(tried("2001:db8::2", Attempt::Password));
        assert!(!tried("2001:db8::3", Attempt::Mail("bob")), "one network");
        assert!(!tried("2001:db8::3", Attempt::Password));
        assert!(tried("2001:db8:0:1::1", Attempt::Password), "another");
        for _ in 0..9 {
            assert!(
                tried("a Unix socket", Attempt::Password),
                "it says nothing of who it is"
            );
        }
    }

    #[test]
    fn without_limits_nothing_is_counted() {
        let test = Test::new(0, 0);
        for _ in 0..99 {
            assert_eq!(test.wait("192.0.2.1", Attempt::Login("ann")), 0);
        }
        assert_eq!(
            test.attempts.known.lock().expect("nobody panicked").len(),
            0
        );
    }

    #[test]
    fn what_is_known_is_bounded() {
        let test = Test::new(2, 0);
        let known = || test.attempts.known.lock().expect("nobody panicked").len();
        let often = Attempt::Login("often");
        assert_eq!([0; 3].map(|_| test.wait("192.0.2.1", often)), [0, 0, 30]);
        for number in 0..KNOWN_MAX + 9 {
            test.wait("192.0.2.1", Attempt::Login(&number.to_string()));
        }
        assert_eq!(known(), KNOWN_MAX);
        assert_eq!(
            test.wait("192.0.2.1", often),
            30,
            "others were forgotten first"
        );
        test.advance(60 * SECOND);
        test.wait("192.0.2.1", Attempt::Login("one more"));
        assert_eq!(known(), 1, "whose time is over need not be known");
    }
}
