//! What applications can rely on about bodies: both ways, whole, live and streamed, in handlers of
//! each lane; and how many bytes a connection may hold.

#[path = "bodies/answers.rs"]
mod answers;
#[path = "bodies/events.rs"]
mod events;
#[path = "bodies/held.rs"]
mod held;
#[path = "bodies/requests.rs"]
mod requests;
#[path = "bodies/threads.rs"]
mod threads;
#[path = "bodies/trailers.rs"]
mod trailers;
#[path = "bodies/unread.rs"]
mod unread;

use std::time::Duration;

use container::Router;
use container::testing::{Client, Server};
use tests::{Answer, read_answers};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A server with one route, `/`, for every method.
fn serve<Args>(handler: impl container::Handler<Args>) -> Server {
    Server::new(Router::new().any("/", handler))
}

/// A request of this method with these further fields, each ended by CR LF.
fn head(method: &str, fields: &str) -> String {
    format!("{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// The head of a request with a body of this many bytes.
fn post(length: usize) -> String {
    head("POST", &format!("Content-Length: {length}\r\n"))
}

/// The one answer that has come.
#[track_caller]
fn answer(client: &mut Client<'_>) -> Answer {
    let wire = client.received();
    let mut answers = read_answers(&wire, &[]);
    assert_eq!(answers.len(), 1, "{wire:?}");
    answers.remove(0)
}
