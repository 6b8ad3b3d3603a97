//! The client's machine: any pieces are heard like the whole.

use container::http1::{AnswerTo, Limits};

use super::client::{self, Told};
use super::{cut, server, split_choice};
use crate::Random;

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
    let limits = || -> Limits { server::narrow_limits().limits };
    let whole = client::listen(&[wire], &asked, limits());
    let parts = client::listen(&cut(wire, choice), &asked, limits());
    check_same(&whole, &parts);
    assert!(whole.answers.len() <= asked.len(), "one answer each");
}

/// Both heard the same. As for requests, a head that never comes to its end may be refused for
/// that rather than for what is wrong in it.
fn check_same(whole: &Told, parts: &Told) {
    assert_eq!(whole.answers, parts.answers);
    assert_eq!(whole.interim, parts.interim);
    if whole.fault.is_none() || parts.fault.is_none() {
        assert_eq!(whole, parts);
    }
}
