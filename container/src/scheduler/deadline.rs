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

impl Deadlines {
    /// When a request is to be answered that is dispatched now: the earlier of what its route and
    /// its client allow.
    #[inline]
    pub(super) fn of(&self, policy: &Policy, request: &Request) -> Option<Instant> {
        let limit = policy.deadline.or(self.default);
        let limit = match &self.field {
            None => limit,
            Some(field) => earlier(limit, asked_for(field, request)),
        };
        reactor::now().checked_add(limit?)
    }
}

/// The deadline of the handler that takes it.
impl FromHead for Deadline {
    type Rejection = Infallible;

    fn from_head(_: &Request, _: &Context) -> Result<Self, Infallible> {
        Ok(Deadline::current())
    }
}

fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
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
}
