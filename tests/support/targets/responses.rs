//! The client's machine: any pieces are heard like the whole.

use container::http1::AnswerTo;

use super::{cut, server, split_choice};
use crate::{Listener, Random};

/// Requests that a client may have sent.
const ASKED_MAX: usize = 4;

/// Answers are the same however they are cut.
pub(super) fn run(input: &[u8]) {
    let (choice, wire) = split_choice(input);
    let mut random = Random::seeded(u64::from(choice));
    let kinds = [
        AnswerTo::Other,
        AnswerTo::Other,
        AnswerTo::Head,
        AnswerTo::Connect,
    ];
    let asked: Vec<AnswerTo> = (0..1 + random.below(ASKED_MAX))
        .map(|_| random.pick(&kinds))
        .collect();
    let whole = listen(&[wire], &asked);
    let parts = listen(&cut(wire, choice), &asked);
    check_same(&whole, &parts);
    assert!(whole.answers.len() <= asked.len(), "one answer each");
}

/// What a client hears that has sent requests of these kinds, when these pieces come and then the
/// end.
fn listen(pieces: &[&[u8]], asked: &[AnswerTo]) -> Listener {
    let mut listener = Listener::new(server::narrow_limits().limits);
    asked.iter().for_each(|kind| listener.expect(*kind));
    pieces.iter().for_each(|piece| listener.hear(piece));
    listener.end();
    listener
}

/// Both heard the same. As for requests, a head that never comes to its end may be refused for
/// that rather than for what is wrong in it.
fn check_same(whole: &Listener, parts: &Listener) {
    assert_eq!(whole.answers, parts.answers);
    assert_eq!(whole.interim, parts.interim);
    if whole.fault.is_none() || parts.fault.is_none() {
        assert_eq!((whole.fault, &whole.rest), (parts.fault, &parts.rest));
    }
}
