//! `Outage`: when to try again to reach a server that could not be reached. Must not try.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use crate::store::StoreError;

/// The first pause: a server that is started again is there in about a second, and asking a socket
/// that nobody listens at costs little.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// The longest pause: how much later than the server its users notice that it is back.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Whether the server can be reached, as far as one worker knows.
#[derive(Default)]
pub(super) struct Outage {
    /// `None` while it can.
    state: RefCell<Option<Failed>>,
}

struct Failed {
    /// What the last attempt came to.
    error: StoreError,
    /// How long nobody tries after it; twice as long after the next.
    pause: Duration,
    /// Until when nobody tries: half a pause to a whole one, so that workers and servers that
    /// lost it together do not come back together.
    until: Instant,
}

impl Outage {
    /// Whether somebody may try.
    ///
    /// # Errors
    /// What the last attempt came to, while it is too early for another.
    pub(super) fn check(&self, now: Instant) -> Result<(), StoreError> {
        match &*self.state.borrow() {
            Some(failed) if now < failed.until => Err(failed.error.clone()),
            _ => Ok(()),
        }
    }

    /// An attempt has failed. `random` chooses the pause.
    pub(super) fn begin(&self, error: StoreError, now: Instant, random: u32) {
        let mut state = self.state.borrow_mut();
        let pause = match &*state {
            // One of several that tried at the same time.
            Some(failed) if now < failed.until => return,
            Some(failed) => (failed.pause * 2).min(PAUSE_MAX),
            None => {
                log::warn!("{error}; trying again");
                PAUSE_MIN
            }
        };
        let share = 0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX);
        let until = now + pause.mul_f64(share);
        *state = Some(Failed {
            error,
            pause,
            until,
        });
    }

    /// The server was reached.
    pub(super) fn end(&self) {
        if self.state.take().is_some() {
            log::info!("the database is there again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let outage = Outage::default();
        let error = StoreError::Unavailable("refused".to_owned());
        let mut now = Instant::now();
        assert_eq!(outage.check(now), Ok(()));
        for millis in [50, 100, 200, 400, 500, 500] {
            outage.begin(error.clone(), now, u32::MAX);
            // Those that tried at the same time change nothing.
            outage.begin(error.clone(), now, u32::MAX);
            let pause = Duration::from_millis(millis);
            let before = now + pause.saturating_sub(Duration::from_micros(1));
            assert_eq!(outage.check(before), Err(error.clone()), "{millis} ms");
            now += pause + Duration::from_micros(1);
            assert_eq!(outage.check(now), Ok(()), "{millis} ms");
        }
        outage.end();
        outage.begin(error, now, 0);
        assert_eq!(outage.check(now + PAUSE_MIN / 2), Ok(()), "half of it");
    }
}
