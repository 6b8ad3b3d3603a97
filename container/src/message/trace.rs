//! `TraceContext`: a request's place in a trace across servers (W3C Trace Context, level 1).

use std::fmt;

use http::HeaderValue;

use super::head::RequestHead;
use super::unique::unique;

/// The field with the ids (W3C Trace Context, section 3.2).
pub const TRACEPARENT: &str = "traceparent";

/// The field with what the systems that trace say to each other (section 3.3).
pub const TRACESTATE: &str = "tracestate";

/// Characters of a `traceparent` of version 00; those of later versions may go on after them.
const LENGTH: usize = 55;

/// Flags that are handed on: `sampled`, and `random` of level 2. The others mean nothing yet and
/// have to be 0.
const FLAGS_KNOWN: u8 = 3;

/// Characters of a `tracestate` that is handed on; section 3.3.1.5 asks for at least 512.
const STATE_MAX: usize = 512;

/// A request's place in a trace: the trace's id, the caller's span and our own.
///
/// As text it is the `traceparent` of requests that are sent on behalf of this one.
///
/// ```
/// use container::message::{Method, RequestHead, TraceContext};
///
/// let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let head = RequestHead::new(Method::GET, "/", [("traceparent", caller)]).unwrap();
/// let trace = TraceContext::of(&head);
/// assert!(trace.to_string().starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
/// assert_eq!(trace.parent_id(), Some(0xb7ad6b7169203331));
/// assert_ne!(trace.span_id(), 0xb7ad6b7169203331);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace; not 0.
    trace_id: u128,
    /// Who called; `None` where the trace begins here.
    parent_id: Option<u64>,
    /// This request's own; not 0.
    span_id: u64,
    /// Those of the caller that have a meaning.
    flags: u8,
    /// The caller's `tracestate`, handed on as it came.
    state: Option<HeaderValue>,
}

impl TraceContext {
    /// That of a request: the caller's trace with a new span; a new trace when the request has no
    /// `traceparent`, or one that is not valid (section 4.3).
    pub fn of(head: &RequestHead) -> Self {
        let mut values = head.fields().filter(|field| field.is(TRACEPARENT));
        let caller = match (values.next(), values.next()) {
            (Some(field), None) => parse(field.value),
            // Two of them cannot both be true.
            _ => None,
        };
        match caller {
            Some(caller) => TraceContext {
                state: state(head),
                ..caller
            },
            None => TraceContext::begin(),
        }
    }

    /// A trace that begins here.
    pub fn begin() -> Self {
        TraceContext {
            trace_id: u128::from(unique()) << 64 | u128::from(unique()),
            parent_id: None,
            span_id: unique(),
            flags: 0,
            state: None,
        }
    }

    /// The trace's id; shown as 32 hexadecimal digits.
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The caller's span; `None` where the trace begins here.
    pub fn parent_id(&self) -> Option<u64> {
        self.parent_id
    }

    /// This request's span; shown as 16 hexadecimal digits.
    pub fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Whether the caller may have recorded the trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The caller's `tracestate`, to be handed on with the `traceparent`.
    pub fn state(&self) -> Option<&HeaderValue> {
        self.state.as_ref()
    }

    /// The `traceparent` of requests that are sent on behalf of this one.
    pub fn to_header(&self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).expect("digits and dashes make a field value")
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span, flags) = (self.trace_id, self.span_id, self.flags);
        write!(formatter, "00-{trace:032x}-{span:016x}-{flags:02x}")
    }
}

/// Reads a `traceparent` (section 3.2.2) and takes a new span.
fn parse(value: &[u8]) -> Option<TraceContext> {
    let (known, rest) = value.split_at_checked(LENGTH)?;
    let [v0, v1, b'-', ids @ ..] = known else {
        return None;
    };
    let version = hex(&[*v0, *v1])?;
    // Version 255 is none, version 0 has nothing more, and later ones only behind another dash.
    let goes_on = matches!(rest, [b'-', ..]);
    if version == 0xff || !(rest.is_empty() || (version > 0 && goes_on)) {
        return None;
    }
    let (trace, ids) = ids.split_at_checked(32)?;
    let [b'-', ids @ ..] = ids else { return None };
    let (parent, flags) = ids.split_at_checked(16)?;
    let [b'-', flags @ ..] = flags else {
        return None;
    };
    let trace_id = hex(trace).filter(|id| *id != 0)?;
    let parent_id = hex(parent).filter(|id| *id != 0)?;
    Some(TraceContext {
        trace_id,
        parent_id: Some(parent_id as u64),
        span_id: unique(),
        flags: hex(flags)? as u8 & FLAGS_KNOWN,
        state: None,
    })
}

/// At most 32 lower-case hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

/// The request's `tracestate`: its lines as one list. One that is too long is not handed on.
fn state(head: &RequestHead) -> Option<HeaderValue> {
    let values = head.fields().filter(|field| field.is(TRACESTATE));
    let values: Vec<&[u8]> = values.map(|field| field.value).collect();
    let joined = values.join(&b","[..]);
    let is_fine = !joined.is_empty() && joined.len() <= STATE_MAX && joined.is_ascii();
    is_fine.then(|| HeaderValue::from_bytes(&joined).ok())?
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "b7ad6b7169203331";

    #[track_caller]
    fn of(fields: &[(&str, &str)]) -> TraceContext {
        let head = RequestHead::new(Method::GET, "/", fields.iter().copied()).unwrap();
        TraceContext::of(&head)
    }

    /// What is handed on for a `traceparent`: the caller's trace with these flags, or a new one.
    #[track_caller]
    fn check(value: &str, flags: Option<&str>) {
        let trace = of(&[("traceparent", value)]);
        let text = trace.to_string();
        assert_eq!(text.len(), LENGTH);
        let Some(flags) = flags else {
            assert_eq!(trace.parent_id(), None, "{value}");
            assert!(!text.contains(TRACE) && text.ends_with("-00"), "{value}");
            return;
        };
        let span = trace.span_id();
        assert_eq!(text, format!("00-{TRACE}-{span:016x}-{flags}"), "{value}");
        assert_eq!(trace.parent_id(), Some(0xb7ad_6b71_6920_3331));
        assert_ne!(Some(span), trace.parent_id());
    }

    #[test]
    fn valid_parents_are_carried() {
        check(&format!("00-{TRACE}-{PARENT}-00"), Some("00"));
        check(&format!("00-{TRACE}-{PARENT}-01"), Some("01"));
        // Flags without a meaning are not handed on (section 3.2.2.5).
        check(&format!("00-{TRACE}-{PARENT}-ff"), Some("03"));
        // Later versions are read like this one, whatever follows (section 3.2.4).
        check(&format!("cc-{TRACE}-{PARENT}-01"), Some("01"));
        check(
            &format!("cc-{TRACE}-{PARENT}-01-what-the-future"),
            Some("01"),
        );
        check(&format!("01-{TRACE}-{PARENT}-01-"), Some("01"));
    }

    #[test]
    fn invalid_parents_begin_a_new_trace() {
        for value in [
            String::new(),
            "00".to_owned(),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("00-{TRACE}-{PARENT}-01.what"),
            format!("cc-{TRACE}-{PARENT}-01.what"),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}"),
            format!("0-{TRACE}-{PARENT}-01"),
            format!("0x-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", PARENT.to_uppercase()),
            format!("00-{TRACE}-{PARENT}-0A"),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{PARENT}-01", TRACE.replace('a', "g")),
            format!("00_{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}_{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}_01"),
            format!("00-{TRACE}{PARENT}---01"),
            format!("00-{}-{PARENT}-01", &TRACE[1..]),
        ] {
            check(&value, None);
        }
    }

    #[test]
    fn without_a_parent_or_with_two_a_trace_begins() {
        let parent = format!("00-{TRACE}-{PARENT}-01");
        for fields in [
            &[("tracestate", "a=1")][..],
            &[("traceparent", &parent), ("Traceparent", &parent)],
        ] {
            let trace = of(fields);
            assert_eq!((trace.parent_id(), trace.state()), (None, None));
            assert!(!trace.is_sampled());
        }
        assert_ne!(of(&[]).trace_id(), of(&[]).trace_id());
    }

    #[test]
    fn a_state_is_handed_on_with_its_parent() {
        let parent = format!("00-{TRACE}-{PARENT}-01");
        let with = |state: &[&str]| {
            let states = state.iter().map(|state| ("tracestate", *state));
            let fields: Vec<_> = [("traceparent", parent.as_str())]
                .into_iter()
                .chain(states)
                .collect();
            of(&fields)
                .state()
                .map(|state| state.to_str().unwrap().to_owned())
        };
        assert_eq!(with(&["a=1,b=2"]).as_deref(), Some("a=1,b=2"));
        assert_eq!(with(&["a=1", "b=2"]).as_deref(), Some("a=1,b=2"));
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[&"a".repeat(513)]), None);
    }
}
