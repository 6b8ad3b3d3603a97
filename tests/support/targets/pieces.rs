//! The server's machine: any pieces are heard and answered like the whole.

use container::http1::{AnswerTo, CloseReason, Limits, ProtocolError, ResponseError};

use super::server::{self, HABITS, Habit, Server};
use super::{cut, split_choice};
use crate::{Listener, Random};

/// How many habits take turns.
const TURNS: usize = 4;

/// What comes in pieces is what came whole, and the answers can be read.
pub(super) fn run(input: &[u8]) {
    let (choice, wire) = split_choice(input);
    let mut random = Random::seeded(u64::from(choice));
    let habits: [Habit; TURNS] = std::array::from_fn(|_| random.pick(&HABITS));
    let config = server::narrow_limits;
    let (whole, reason) = server::converse(&[wire], config(), &habits);
    let (parts, parts_reason) = server::converse(&cut(wire, choice), config(), &habits);
    check_same(&whole, &parts);
    let answers = read(&whole);
    let parts_answers = read(&parts);
    assert_eq!(answers.len(), parts_answers.len());
    if whole.refused == parts.refused {
        assert!(is_same_reason(reason, parts_reason), "{parts_reason:?}");
        assert_eq!(answers, parts_answers);
    }
}

/// Whether these are the same reason. A body that is thrown away may be too long or broken first.
fn is_same_reason(whole: CloseReason, parts: CloseReason) -> bool {
    let is_unread = |reason| matches!(reason, CloseReason::UnreadBody | CloseReason::Protocol(_));
    whole == parts || (is_unread(whole) && is_unread(parts))
}

/// The whole answers that a server has sent. Only the last may have broken off.
fn read(server: &Server<'_>) -> Vec<(u16, Vec<u8>)> {
    let mut client = Listener::new(Limits::default());
    for asked in &server.heard {
        client.expect(AnswerTo::from(asked.head.method()));
    }
    // One more, for a refusal.
    client.expect(AnswerTo::Other);
    client.hear(&server.sent);
    client.end();
    let fault = client.fault;
    assert!(
        matches!(fault, None | Some(ResponseError::Incomplete)),
        "{client:?}"
    );
    let answers = client.answers.into_iter();
    let whole = answers.filter(|answer| answer.end.is_some());
    whole.map(|answer| (answer.status, answer.body)).collect()
}

/// Both heard the same, as far as both can know it.
#[track_caller]
pub(super) fn check_same(whole: &Server<'_>, parts: &Server<'_>) {
    assert!(
        is_same_fault(whole.refused, parts.refused),
        "{:?} and in pieces {:?}",
        whole.refused,
        parts.refused
    );
    assert_eq!(whole.heard.len(), parts.heard.len(), "requests");
    for (one, other) in whole.heard.iter().zip(&parts.heard) {
        assert_eq!(
            (one.head.method(), one.head.target(), one.head.version()),
            (
                other.head.method(),
                other.head.target(),
                other.head.version()
            )
        );
        assert!(one.head.fields().eq(other.head.fields()), "fields");
        assert_eq!(one.end, other.end, "the end of the body");
        // A body over its limit is refused before, or after, the bytes up to the limit are told.
        let is_whole = one.end.is_some() || whole.refused.is_none();
        let is_prefix = one.body.starts_with(&other.body) || other.body.starts_with(&one.body);
        assert!(is_prefix && (!is_whole || one.body == other.body), "body");
    }
}

/// Whether these are the same fault, as far as the peer is told. A head is looked at once a line:
/// one that never comes to its end may be refused for that rather than for what is wrong in it.
/// And what is too large as well as wrong may be refused for the one or the other.
fn is_same_fault(whole: Option<ProtocolError>, parts: Option<ProtocolError>) -> bool {
    let (Some(whole), Some(parts)) = (whole, parts) else {
        return whole == parts;
    };
    let is_size = |fault| {
        use ProtocolError::{HeadTooLarge, RequestLineTooLong};
        matches!(fault, HeadTooLarge | RequestLineTooLong)
    };
    whole.status() == parts.status()
        || parts == ProtocolError::Incomplete
        || is_size(whole)
        || is_size(parts)
}
