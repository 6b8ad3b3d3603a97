//! How long a request may take: the route's limit, the container's, and what the client asks for.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use http::HeaderName;

use crate::handler::{Context, FromHead, Policy};
use crate::message::Request;
use crate::reactor::{self, Deadline};

/// The container's limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deadlines {
    /// For routes without a limit of their own.
    pub default: Option<Duration>,
    /// The field in which a client may say how many seconds it will wait; see
    /// [`Config::deadline_field`](crate::Config::deadline_field).
    pub field: Option<HeaderName>,
}

/// Until when a request is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// From when on nobody wants the answer.
    pub(super) at: Instant,
    /// Who says so.
    pub(super) by: SetBy,
}

/// Who says how long a request may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum SetBy {
    /// Its route, or the container.
    #[default]
    Server,
    /// Its client, which may ask for less than any answer takes.
    Client,
}

impl Deadlines {
    /// Until when a request is to be answered that is dispatched now: the earlier of what its route
    /// and its client allow.
    ///
    /// It counts from this moment, not from the beginning of the worker's turn, in which others may
    /// have taken their time before it.
    #[inline]
    pub(super) fn of(&self, policy: &Policy, request: &Request) -> Option<Due> {
        let own = policy.deadline.or(self.default);
        let field = self.field.as_ref();
        let asked = field.and_then(|field| asked_for(field, request));
        let (limit, by) = match asked {
            Some(asked) if own.is_none_or(|own| asked < own) => (asked, SetBy::Client),
            _ => (own?, SetBy::Server),
        };
        let at = reactor::precise_now().checked_add(limit)?;
        Some(Due { at, by })
    }
}

/// The deadline of the handler that takes it.
impl FromHead for Deadline {
    type Rejection = Infallible;

    fn from_head(_: &Request, _: &Context) -> Result<Self, Infallible> {
        Ok(Deadline::current())
    }
}

/// What the client asks for, the least where it says so more than once; what cannot be read is
/// passed over, as if it had said nothing.
fn asked_for(field: &HeaderName, request: &Request) -> Option<Duration> {
    // Only for who says anything a map of the fields is made.
    request.header_str(field.as_str())?;
    let values = request.headers().get_all(field).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.filter_map(parse_seconds).min()
}

/// Seconds with an optional fraction: `30`, `0.25`.
fn parse_seconds(text: &str) -> Option<Duration> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = text.parse().ok().filter(|_| is_plain)?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::Lane;
    use crate::reactor::{Clock, Reactor};

    #[test]
    fn seconds() {
        let check = |text: &str, expected: Option<u64>| {
            let parsed = parse_seconds(text);
            assert_eq!(parsed, expected.map(Duration::from_millis), "{text}");
        };
        check("30", Some(30_000));
        check("0.25", Some(250));
        check("0", Some(0));
        check(".5", Some(500));
        for wrong in [
            "", ".", "-1", "+1", "1e3", "inf", "nan", "1s", " 1", "1.2.3",
        ] {
            check(wrong, None);
        }
        check(&"9".repeat(400), None);
    }

    /// Another handler had the worker for a while, in the same turn.
    #[test]
    fn a_deadline_counts_from_when_its_handler_is_asked_for() {
        let limit = Duration::from_secs(5);
        let deadlines = Deadlines {
            default: Some(limit),
            field: None,
        };
        let request = Request::new(http::Method::GET, "/").expect("it is one");
        let reactor = Reactor::new(Clock::real()).expect("the system gives a reactor");
        // A task, since only those are polled within a turn.
        let task = reactor.spawn_local(async move {
            let turn = reactor::now();
            let asked = turn + Duration::from_millis(2);
            while reactor::precise_now() < asked {
                std::hint::spin_loop();
            }
            assert!(reactor::now() < asked, "the turn's time stands still");
            let due = deadlines.of(&Policy::new(Lane::Inline), &request);
            assert!(due.is_some_and(|due| due.at >= asked + limit));
        });
        let ended = reactor.block_on(task).expect("the system waits");
        assert!(ended.is_ok(), "it panicked");
    }
}
