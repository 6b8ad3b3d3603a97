//! Whoever asks for much gets no more than a share of each turn: the others are answered beside it.
//!
//! What is counted is turns of the reactor, so that no clock and no other load matters.

use container::testing::{Client, Server};
use container::{Router, inline};
use handlers::{Options, router};
use tests::read_answers;

/// Connections that send one request each.
const OTHERS: usize = 100;

/// Turns until all others are answered: the one that their requests come in, and one more for
/// whoever is woken in it by somebody else.
const TURNS: usize = 2;

const PLAINTEXT: &str = "GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n";

/// Bytes that the greedy one takes after each turn, or has ready for the next: more than its share.
const GREED: usize = 256 << 10;

/// Turns in which the greedy one must come on: what was read at once may last for some hundred.
const LATER: usize = 1000;

/// A greedy client begins, then the others come. All of those are answered within [`TURNS`], and
/// in each turn the greedy one moves no more than `share` bytes, but it moves on. `go_on` is what
/// it does after each turn; it says how many bytes it could send or receive.
#[track_caller]
fn check(begin: impl Fn(&mut Client<'_>), go_on: impl Fn(&mut Client<'_>) -> usize, share: usize) {
    check_with(router(&Options::default()), begin, go_on, share);
}

/// The same on a server with these routes.
#[track_caller]
fn check_with(
    router: Router,
    begin: impl Fn(&mut Client<'_>),
    go_on: impl Fn(&mut Client<'_>) -> usize,
    share: usize,
) {
    let server = Server::new(router);
    let mut others: Vec<_> = (0..OTHERS).map(|_| server.connect()).collect();
    let mut greedy = server.connect();
    begin(&mut greedy);
    server.turn();
    go_on(&mut greedy);
    for other in &mut others {
        other.send_only(PLAINTEXT);
    }
    for _ in 0..TURNS {
        server.turn();
        let moved = go_on(&mut greedy);
        assert!(moved <= share, "its share was {moved} bytes");
    }
    for (number, other) in others.iter_mut().enumerate() {
        let wire = String::from_utf8(other.receive_only(GREED)).unwrap();
        assert_eq!(read_answers(&wire, &[]).len(), 1, "client {number}");
    }
    let later = (0..LATER).map(|_| {
        server.turn();
        go_on(&mut greedy)
    });
    assert!(later.sum::<usize>() > 0, "the greedy one is served too");
}

#[test]
fn beside_a_deep_pipeline() {
    check(
        |greedy| {
            // As many of the ten thousand as the socket takes.
            let sent = greedy.send_only(PLAINTEXT.repeat(10_000));
            assert!(sent > 1000 * PLAINTEXT.len());
        },
        |greedy| greedy.receive_only(GREED).len(),
        // 64 answers.
        16 << 10,
    );
}

#[test]
fn beside_an_upload_without_an_end() {
    let fill = |greedy: &mut Client<'_>| greedy.send_only("x".repeat(GREED));
    check(
        |greedy| {
            greedy.send_only("POST /count HTTP/1.1\r\nHost: a\r\n");
            greedy.send_only("Content-Length: 1000000000\r\n\r\n");
            fill(greedy);
        },
        fill,
        // Two reads.
        128 << 10,
    );
}

#[test]
fn beside_an_upload_in_tiny_pieces() {
    let fill = |greedy: &mut Client<'_>| greedy.send_only("1\r\nx\r\n".repeat(GREED / 6));
    check(
        |greedy| {
            greedy.send_only("POST /count HTTP/1.1\r\nHost: a\r\n");
            greedy.send_only("Transfer-Encoding: chunked\r\n\r\n");
            fill(greedy);
        },
        fill,
        128 << 10,
    );
}

#[test]
fn beside_one_that_reads_a_gibibyte() {
    check(
        |greedy| {
            greedy.send_only("GET /bytes/1073741824 HTTP/1.1\r\nHost: a\r\n\r\n");
        },
        |greedy| greedy.receive_only(GREED).len(),
        // What is fetched ahead, and its framing.
        17 << 10,
    );
}

/// Its answer is made by a task of its own, which the connection wakes, and which wakes it.
#[test]
fn beside_a_stream_without_pauses() {
    check(
        |greedy| {
            greedy.send_only("GET /events?count=1000000&interval_ms=0 HTTP/1.1\r\nHost: a\r\n\r\n");
        },
        |greedy| greedy.receive_only(GREED).len(),
        // What the task makes ahead.
        17 << 10,
    );
}

#[test]
fn beside_one_that_reads_what_is_there_at_once() {
    let whole = inline(|| vec![b'x'; 1 << 28]);
    let router = router(&Options::default()).get("/whole", whole);
    check_with(
        router,
        |greedy| {
            greedy.send_only("GET /whole HTTP/1.1\r\nHost: a\r\n\r\n");
        },
        |greedy| greedy.receive_only(GREED).len(),
        // One share of a turn.
        64 << 10,
    );
}
