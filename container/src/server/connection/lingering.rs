//! The end of a connection whose peer is still sending: its input is read away for a while, so that
//! the last answer is not lost to a reset (RFC 9112, section 9.6).

use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::http1::{CloseReason, Config};
use crate::net::Transport;
use crate::reactor::{Sleep, sleep_until};

/// Reads in one poll.
const READS_PER_POLL: usize = 16;

/// No limit of time is longer than this, so that its end is an instant.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A connection that says no more and listens only to throw away.
pub(super) struct Lingering {
    /// Why it closes.
    reason: CloseReason,
    /// When it closes unless something comes.
    until: Instant,
    /// When it closes, whatever comes.
    end: Instant,
    /// How many more bytes are read away.
    left: usize,
}

/// When a connection closes on which something has come at `now`, and nothing comes after it.
pub(super) fn next_end(config: &Config, now: Instant) -> Instant {
    now + config.timeouts.linger.min(LONGEST)
}

impl Lingering {
    /// Ends the writing side and begins to read away.
    pub(super) fn begin(
        transport: &mut impl Transport,
        reason: CloseReason,
        config: &Config,
        now: Instant,
    ) -> Self {
        // A peer that is gone already is found by the first read.
        let _ = transport.shutdown(Shutdown::Write);
        Lingering {
            reason,
            until: next_end(config, now),
            end: now + config.timeouts.linger_max.min(LONGEST),
            left: config.limits.linger,
        }
    }

    /// Goes on; ready when it is over. What comes puts the end off to `put_off`, within limits.
    pub(super) fn poll(
        &mut self,
        transport: &mut impl Transport,
        alarm: &mut Option<Sleep>,
        put_off: Option<Instant>,
        context: &mut Context<'_>,
    ) -> Poll<CloseReason> {
        for _ in 0..READS_PER_POLL {
            let mut scratch = [0; 8 << 10];
            match transport.try_read(&mut scratch) {
                Ok(0) => return Poll::Ready(self.reason),
                Ok(count) => match self.left.checked_sub(count) {
                    Some(left) => {
                        self.left = left;
                        self.until = put_off.map_or(self.until, |until| until.min(self.end));
                    }
                    None => return Poll::Ready(self.reason),
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if transport.poll_read_ready(context).is_pending() {
                        return self.wait(alarm, context);
                    }
                }
                Err(_) => return Poll::Ready(self.reason),
            }
        }
        context.waker().wake_by_ref();
        self.wait(alarm, context)
    }

    fn wait(&self, alarm: &mut Option<Sleep>, context: &mut Context<'_>) -> Poll<CloseReason> {
        let alarm = alarm.get_or_insert_with(|| sleep_until(self.until));
        if alarm.deadline() != self.until {
            alarm.reset(self.until);
        }
        Pin::new(alarm).poll(context).map(|()| self.reason)
    }
}
