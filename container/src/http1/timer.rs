//! The machine's own timers: which phase has how long. Instants only; nothing here reads a clock.

use std::time::{Duration, Instant};

use super::config::Timeouts;

/// The phase of reading, with what its timeout is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadPhase {
    /// Waiting for the first byte of a request.
    Idle { since: Instant },
    /// In the middle of a head.
    Head { since: Instant },
    /// In the middle of a body.
    Body { since: Instant, received: u64 },
    /// In the middle of a body, which nobody wants right now: time stands still.
    PausedBody { elapsed: Duration, received: u64 },
    /// Nothing is expected of the peer.
    None,
}

impl ReadPhase {
    /// When this phase has lasted too long.
    pub(super) fn deadline(self, timeouts: &Timeouts) -> Option<Instant> {
        match self {
            ReadPhase::Idle { since } => since.checked_add(timeouts.idle),
            ReadPhase::Head { since } => since.checked_add(timeouts.head),
            ReadPhase::Body { since, received } => {
                since.checked_add(timeouts.body.min(rate_allowance(timeouts, received)))
            }
            ReadPhase::PausedBody { .. } | ReadPhase::None => None,
        }
    }

    /// Takes note of bytes of a body.
    pub(super) fn received(&mut self, count: usize) {
        if let ReadPhase::Body { received, .. } | ReadPhase::PausedBody { received, .. } = self {
            *received += count as u64;
        }
    }

    /// Stops the clock of a body that cannot be taken now.
    pub(super) fn pause(&mut self, now: Instant) {
        if let ReadPhase::Body { since, received } = *self {
            let elapsed = now.saturating_duration_since(since);
            *self = ReadPhase::PausedBody { elapsed, received };
        }
    }

    /// Lets it run on.
    pub(super) fn resume(&mut self, now: Instant) {
        if let ReadPhase::PausedBody { elapsed, received } = *self {
            let since = now.checked_sub(elapsed).unwrap_or(now);
            *self = ReadPhase::Body { since, received };
        }
    }
}

/// How long a body of which `received` bytes are here may have taken at the lowest rate allowed.
fn rate_allowance(timeouts: &Timeouts, received: u64) -> Duration {
    if timeouts.body_rate == 0 {
        return Duration::MAX;
    }
    let micros = u128::from(received) * 1_000_000 / u128::from(timeouts.body_rate);
    let earned = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
    earned.max(timeouts.body_rate_grace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_body_is_given_what_it_earned() {
        let timeouts = Timeouts::default();
        let start = Instant::now();
        let allowed = |received| {
            let deadline = ReadPhase::Body {
                since: start,
                received,
            }
            .deadline(&timeouts);
            deadline.unwrap() - start
        };
        assert_eq!(allowed(0), Duration::from_secs(5));
        assert_eq!(allowed(512 * 10), Duration::from_secs(10));
        assert_eq!(allowed(1 << 30), Duration::from_secs(30));
    }

    #[test]
    fn time_stands_still_while_paused() {
        let timeouts = Timeouts::default();
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut phase = ReadPhase::Body {
            since: start,
            received: 0,
        };
        phase.pause(start + second);
        assert_eq!(phase.deadline(&timeouts), None);
        phase.resume(start + 100 * second);
        assert_eq!(phase.deadline(&timeouts), Some(start + 104 * second));
    }
}
