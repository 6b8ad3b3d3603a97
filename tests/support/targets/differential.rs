//! A second implementation, hyper, as the judge: what we accept it accepts, and reads alike.
//!
//! The other way round nothing is promised: we refuse more than it does, on purpose. The
//! differences that are allowed are in [`is_known`] and [`names_a_later_minor_version`].

use container::http1::Config;
use container::message::RequestHead;

use super::hyper::{self, Seen};
use super::server::{self, Asked, Habit};

/// Compares what both make of the input.
pub(super) fn run(input: &[u8]) {
    let (ours, _) = server::converse(&[input], Config::default(), &[Habit::Collect]);
    let whole = ours.heard.iter().filter(|heard| heard.end.is_some());
    let theirs = hyper::serve(input);
    for (index, heard) in whole.enumerate() {
        if is_known(&heard.head) || names_a_later_minor_version(input) {
            return;
        }
        let Some(seen) = theirs.get(index) else {
            panic!("request {index} is ours alone: {heard:?}, after {theirs:?}");
        };
        check_same(heard, seen);
    }
}

/// Whether hyper is known to refuse, or to end with, such a request; what follows it is not
/// compared then.
///
/// * A target may have bytes that `http::Uri` does not take: a quote, or braces. RFC 3986 has them
///   percent-encoded, clients do not always do so, and handlers get the target as it is.
fn is_known(head: &RequestHead) -> bool {
    head.uri().is_none()
}

/// Whether any request may be of a version such as 1.2, which we serve as 1.1 (RFC 9110, section
/// 2.5) and hyper refuses. A head has forgotten it.
fn names_a_later_minor_version(input: &[u8]) -> bool {
    let mut versions = input
        .windows(8)
        .filter(|bytes| bytes.starts_with(b"HTTP/1."));
    versions.any(|version| version[7] > b'1')
}

fn check_same(heard: &Asked, seen: &Seen) {
    let head = &heard.head;
    assert_eq!(
        (head.method(), head.version()),
        (&seen.method, seen.version)
    );
    assert_eq!(head.uri().as_ref(), Some(&seen.uri), "target");
    assert_eq!(head.headers(), &seen.headers, "fields");
    assert_eq!(heard.body, seen.body, "body");
    assert_eq!(heard.end.as_ref(), Some(&seen.trailers), "trailers");
    if head.target().starts_with('/') {
        let path = seen.uri.path_and_query();
        assert!(path.is_some_and(|path| path == head.target()), "{path:?}");
    }
}
