//! What the watchdog writes to the log: who holds a thread, and what can be done about it.

use std::time::Duration;

use super::HeldThread;
use super::culprits::Culprit;
use super::judge::{Limit, Stage, Verdict};
use super::posts::Post;
use crate::handler::Lane;

/// Where the lines go: this `log` target, level warn.
const TARGET: &str = "container::watchdog";

/// A thread is held, or still is.
pub(super) fn held(
    thread: HeldThread,
    limit: &Limit,
    post: &Post,
    culprit: &Culprit,
    verdict: &Verdict,
    untold: u64,
) {
    let since = match verdict.stage {
        Stage::Still => format!("still held after {:?}", rounded(verdict.held)),
        Stage::Found | Stage::Over => format!("held for {:?} or more", limit.first),
    };
    let state = post.id.state();
    let state = state.map_or(String::new(), |state| format!(", {state}"));
    let untold = match untold {
        0 => String::new(),
        untold => format!(" ({untold} times more since this was last said)"),
    };
    log::warn!(
        target: TARGET,
        "{} {since} by {}{state}: {}{untold}",
        post.name,
        name(culprit),
        advice(thread, culprit.lane()),
    );
}

/// A thread of which that was said is free again.
pub(super) fn over(thread: HeldThread, post: &Post, culprit: &Culprit, verdict: &Verdict) {
    let ended = match thread {
        HeldThread::Worker => "which has returned",
        HeldThread::Blocking => "which has ended",
    };
    log::warn!(
        target: TARGET,
        "{} was held {:?} by {}, {ended}",
        post.name,
        rounded(verdict.held),
        name(culprit),
    );
}

/// An inline route runs on the pool from now on.
pub(super) fn moved(culprit: &Culprit, holds: Option<u32>, window: Duration) {
    log::warn!(
        target: TARGET,
        "{} held workers {} times within {window:?}: from now on it runs on the blocking pool",
        name(culprit),
        holds.unwrap_or_default(),
    );
}

/// `GET /users (inline)`.
pub(super) fn name(culprit: &Culprit) -> String {
    match culprit.lane() {
        Some(lane) => format!("{} ({lane})", culprit.name),
        None => culprit.name.to_string(),
    }
}

/// What its author can do.
fn advice(thread: HeldThread, lane: Option<Lane>) -> &'static str {
    match (thread, lane) {
        (HeldThread::Worker, Some(Lane::Inline)) => "make it async or blocking(..)",
        (HeldThread::Worker, Some(Lane::Async)) => {
            "make it blocking(..), or give what takes long to spawn_blocking"
        }
        (HeldThread::Worker, Some(Lane::Blocking)) => {
            "its middleware, or what streams its answer, runs on the worker and must not wait"
        }
        (HeldThread::Worker, None) => "give what takes long to spawn_blocking",
        (HeldThread::Blocking, _) => "the pool has one thread less until it ends",
    }
}

/// In whole milliseconds, which is more than is known.
fn rounded(held: Duration) -> Duration {
    Duration::from_millis(u64::try_from(held.as_millis()).unwrap_or(u64::MAX))
}
