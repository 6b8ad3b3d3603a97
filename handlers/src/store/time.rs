//! `UnixTime`: a moment as databases keep it, from the clock of whoever asks.

use std::time::{Duration, SystemTime};

use crate::clock;

/// A moment in seconds since 1970-01-01T00:00:00Z, as databases keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// The system's time. On a worker in virtual time that goes on as its clock does.
    pub fn now() -> UnixTime {
        let since = clock::now().duration_since(SystemTime::UNIX_EPOCH);
        // A clock before 1970 is wrong in any case.
        UnixTime(0).after(since.unwrap_or_default())
    }

    /// So much later.
    pub fn after(self, span: Duration) -> UnixTime {
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        UnixTime(self.0.saturating_add(seconds))
    }

    /// So much earlier.
    pub fn before(self, span: Duration) -> UnixTime {
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        UnixTime(self.0.saturating_sub(seconds))
    }
}

#[cfg(test)]
mod tests {
    use container::reactor::{Clock, Reactor};

    use super::*;

    #[test]
    fn virtual_time_moves_it() {
        let reactor = Reactor::new(Clock::virtual_time()).expect("the system gives a reactor");
        let now = || {
            let _entered = reactor.enter();
            UnixTime::now()
        };
        let before = now();
        let day = Duration::from_secs(86_400);
        reactor.advance(day).expect("nothing is there to fail");
        assert_eq!(now(), before.after(day));
        assert!(UnixTime::now() < before.after(day), "elsewhere it does not");
    }

    #[test]
    fn what_is_too_late_or_too_early_to_be_told_is_the_end() {
        assert_eq!(UnixTime(1).after(Duration::MAX), UnixTime(i64::MAX));
        assert_eq!(UnixTime(-2).before(Duration::MAX), UnixTime(i64::MIN));
        assert_eq!(UnixTime(9).before(Duration::from_secs(7)), UnixTime(2));
    }
}
