//! Bodies that their handler does not read, or not to the end: the connection goes on where little
//! is left, and ends without costing the client its answer where much is.

use std::io::Read;

use container::message::BodyReader;
use container::testing::Server;
use container::{Body, blocking, inline};
use tests::read_answers;

use crate::{head, post, seconds, serve};

/// What becomes of the connection after the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    /// It is used again.
    Kept,
    /// It closes, as the answer says.
    Closed,
    /// It closes, which could not be known when the answer began.
    ClosedLater,
}

/// The handlers that leave something: by name, what reads none, some bytes or some pieces.
fn handlers() -> [(&'static str, Server); 5] {
    let piece = async |mut body: Body| {
        let read = body.chunk().await.is_some_and(|piece| piece.is_ok());
        assert!(read, "the first piece comes");
        "ok"
    };
    let byte = |mut body: BodyReader| {
        body.read_exact(&mut [0]).expect("the first byte comes");
        "ok"
    };
    [
        ("inline, ignored", serve(inline(|| "ok"))),
        ("blocking, ignored", serve(blocking(|| "ok"))),
        ("live, ignored", serve(async |_: Body| "ok")),
        ("live, half read", serve(piece)),
        ("blocking, half read", serve(blocking(byte))),
    ]
}

/// Sends `request` in pieces to each handler, and a second request behind it.
#[track_caller]
fn check(request: &str, then: Then) {
    for (name, server) in handlers() {
        for piece in [request.len(), 5000] {
            let context = format!("{name}, pieces of {piece}, {:.90?}", request);
            let mut client = server.connect();
            let mut wire = String::new();
            for piece in request.as_bytes().chunks(piece) {
                client.send(piece);
                wire.push_str(&client.received());
            }
            client.send(of_length(1));
            wire.push_str(&client.received());
            let answers = read_answers(&wire, &[]);
            let kept = then == Then::Kept;
            assert_eq!(answers.len(), 1 + usize::from(kept), "{context}: {wire}");
            assert_eq!(
                (answers[0].status, &*answers[0].body),
                (200, "ok"),
                "{context}"
            );
            assert_eq!(answers[0].closes(), then == Then::Closed, "{context}");
            assert_eq!(client.is_closed(), !kept, "{context}");
            assert!(!client.was_reset(), "{context}");
        }
    }
}

fn of_length(length: usize) -> String {
    post(length) + &"x".repeat(length)
}

fn chunked(chunks: usize) -> String {
    let chunk = format!("3e8\r\n{}\r\n", "x".repeat(1000));
    head("POST", "Transfer-Encoding: chunked\r\n") + &chunk.repeat(chunks) + "0\r\n\r\n"
}

#[test]
fn little_is_read_away() {
    check(&of_length(1), Then::Kept);
    check(&of_length(1000), Then::Kept);
    check(&of_length(200_000), Then::Kept);
    check(&chunked(1), Then::Kept);
    check(&chunked(200), Then::Kept);
}

#[test]
fn much_ends_the_connection() {
    check(&of_length(1_000_000), Then::Closed);
    check(&chunked(1000), Then::ClosedLater);
}

/// Nobody asks for a body that is not read; whether it comes all the same cannot be known.
#[test]
fn a_body_that_waits_for_leave_is_not_asked_for() {
    let fields = "Content-Length: 1000\r\nExpect: 100-continue\r\n";
    let ignoring = |&(name, _): &(&str, Server)| name.ends_with("ignored");
    for (name, server) in handlers().into_iter().filter(ignoring) {
        let mut client = server.connect();
        client.send(head("POST", fields));
        let answers = read_answers(&client.received(), &[]);
        assert_eq!(answers.len(), 1, "{name}");
        assert!(answers[0].status == 200 && answers[0].closes(), "{name}");
        // It lingers, for a client that does not wait for leave.
        client.send("x".repeat(1000));
        server.advance(seconds(2));
        assert!(client.is_closed() && !client.was_reset(), "{name}");
        assert_eq!(server.tasks(), 0, "{name}");
    }
}

/// Also in a body that is read away, each byte buys its client time.
#[test]
fn an_early_answer_does_not_wait_for_a_slow_client() {
    for (name, server) in handlers() {
        let mut client = server.connect();
        client.send(post(10_000) + "x");
        let answers = read_answers(&client.received(), &[]);
        assert_eq!(answers.len(), 1, "{name}");
        assert!(!answers[0].closes(), "{name}");
        // A thousand bytes a second are fast enough.
        for _ in 0..9 {
            client.send("x".repeat(1000));
            server.advance(seconds(1));
        }
        client.send("x".repeat(999));
        assert_eq!(client.received(), "", "{name}");
        client.send(of_length(1));
        assert_eq!(read_answers(&client.received(), &[]).len(), 1, "{name}");
    }
}

#[test]
fn a_client_that_never_sends_the_rest_is_not_waited_for() {
    for (name, server) in handlers() {
        let mut client = server.connect();
        client.send(post(10_000) + "x");
        assert_eq!(read_answers(&client.received(), &[]).len(), 1, "{name}");
        server.advance(seconds(30));
        assert_eq!(client.received(), "", "{name}");
        assert!(client.is_closed() && server.tasks() == 0, "{name}");
    }
}
