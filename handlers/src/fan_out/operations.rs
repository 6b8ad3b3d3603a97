//! What the routes say about themselves.

use super::Fetch;
use super::sleeps::Sleeps;
use crate::openapi::{Application, Operation, html, problem};

const FAN_OUT: Application = Application {
    name: "Fan-out",
    about: "Many calls at once: by the asynchronous client, from plain functions, and to them.",
};

pub(super) fn fetch() -> Operation {
    fetching("Ask many times at once").about(
        "All requests wait on one worker, which holds no thread for them; 100 are under way at \
         once, the others wait for a connection.",
    )
}

pub(super) fn fetch_plainly() -> Operation {
    fetching("Ask many times at once, from a function that blocks")
        .about("The same on a thread of the pool, which runs the asynchronous client by itself.")
}

fn fetching(summary: &'static str) -> Operation {
    Operation::new(FAN_OUT, summary)
        .query::<Fetch>()
        .answer(200, "what came of each request", html())
        .answer(403, "this server may not ask that host", problem())
        .answer(508, "it was asked for by such a page", problem())
        .slow()
}

pub(super) fn sleep() -> Operation {
    Operation::new(FAN_OUT, "Sleep many times")
        .about("Each sleep holds a thread of the pool, and all pages together only some of them.")
        .query::<Sleeps>()
        .answer(200, "what came of each sleep", html())
        .answer(508, "it was asked for by such a page", problem())
        .slow()
}
