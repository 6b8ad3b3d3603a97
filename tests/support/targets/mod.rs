//! What is fuzzed: one function for each target, which panics when a promise is broken.
//!
//! The fuzzers in `fuzz/` call them with inputs of their own making, the test `fuzz_corpus` with
//! those that were kept. Only what anybody can call is called; nothing here reaches inside.
//!
//! | file | holds |
//! |---|---|
//! | `server` | a driver of the server's machine, and all that it hears |
//! | `request_head`, `chunked`, `pieces`, `verbs`, `responses`, `decoding`, `differential`, `urls` | a target each |
//! | `hyper` | the second implementation, served from memory |

mod chunked;
mod decoding;
mod differential;
mod hyper;
mod pieces;
mod request_head;
mod responses;
mod server;
mod urls;
mod verbs;

use crate::Random;

/// A target, by the name of its folder in `fuzz/corpus` and of its file in `fuzz/fuzz_targets`.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What it promises; panics when the promise is broken.
    pub run: fn(&[u8]),
}

/// Every target.
pub const ALL: &[Target] = &[
    target("request_head", request_head::run),
    target("chunked", chunked::run),
    target("pieces", pieces::run),
    target("verbs", verbs::run),
    target("responses", responses::run),
    target("decoding", decoding::run),
    target("differential", differential::run),
    target("urls", urls::run),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// Runs the target called `name`.
///
/// # Panics
/// When a promise is broken, or there is no such target.
pub fn run(name: &str, input: &[u8]) {
    let target = ALL.iter().find(|target| target.name == name);
    (target.expect("a target has this name").run)(input);
}

/// The first byte of an input, which chooses how the rest is treated, and the rest.
fn split_choice(input: &[u8]) -> (u8, &[u8]) {
    match input {
        [choice, rest @ ..] => (*choice, rest),
        [] => (0, &[]),
    }
}

/// Cuts `wire` into pieces: small ones, large ones or both, as `choice` has it.
fn cut(wire: &[u8], choice: u8) -> Vec<&[u8]> {
    let mut random = Random::seeded(u64::from(choice));
    let most = random.pick(&[1, 2, 3, 7, 20, 100, 1000]);
    let (mut rest, mut pieces) = (wire, vec![]);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(1 + random.below(most)));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
