//! Every limit, and the status at it.

use std::net::SocketAddr;
use std::time::Duration;

use container::testing::{Client, Faults, Server};
use tests::{GET, application, get, read_answers, server};

#[track_caller]
fn check(request: &str, status: u16) {
    let server = server();
    let mut client = server.connect();
    client.send(request);
    let answers = read_answers(&client.received(), &[]);
    assert_eq!(
        answers.first().map(|answer| answer.status),
        Some(status),
        "{:.80}",
        request
    );
    let small = status < 400;
    assert_eq!(client.is_closed(), !small, "{:.80}", request);
}

#[test]
fn heads() {
    let line = |length: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(length));
    check(&line((8 << 10) - 14).replace("/aaa", "/?aa"), 200);
    check(&line(8 << 10), 414);
    check(&format!("GET /{}", "a".repeat(9000)), 414);
    // No target can be too long where there is none.
    check(&"a".repeat(9000), 400);
    let field = |length: usize| {
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n",
            "a".repeat(length)
        )
    };
    check(&field(32_000), 200);
    check(&field(33_000), 431);
    let fields = |count: usize| {
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
            "x: y\r\n".repeat(count)
        )
    };
    check(&fields(127), 200);
    check(&fields(128), 431);
}

#[test]
fn bodies() {
    let post = |length: usize| {
        let body = "a".repeat(length);
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    check(&post(2 << 20), 200);
    check(&post((2 << 20) + 1), 413);
    let chunked = |length: usize| {
        let body = "a".repeat(length);
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}{length:x}\r\n{body}\r\n0\r\n\r\n")
    };
    check(&chunked(2 << 20), 200);
    check(&chunked((2 << 20) + 1), 413);
}

#[test]
fn limits_are_settable() {
    let server = Server::with_config(application(), |config| {
        config.http1.limits.request_line = 100;
        config.http1.limits.fields = 2;
        config.body_limit = 10;
    });
    let status = |request: &str| read_answers(&server.exchange(request), &[])[0].status;
    assert_eq!(
        status(&format!(
            "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n",
            "a".repeat(100)
        )),
        414
    );
    assert_eq!(
        status("GET / HTTP/1.1\r\nHost: a\r\na: b\r\nc: d\r\n\r\n"),
        431
    );
    assert_eq!(
        status("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"),
        413
    );
}

#[test]
fn a_reader_that_does_not_read_holds_back_the_stream() {
    let mut faults = Faults::default();
    faults.capacity = 1000;
    let server = server();
    let mut client = server.connect_with(faults);
    client.send("GET /stream/1000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    // A million pieces are not produced for a reader that takes none: the rest is still to come.
    assert_eq!(server.tasks(), 2, "the connection and the producer");
    client.reset();
    assert_eq!(server.tasks(), 0);
}

#[test]
fn a_body_that_nobody_reads_is_read_away_within_limits() {
    let server = server();
    let mut client = server.connect();
    let request = |length: usize| {
        let body = "a".repeat(length);
        format!("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    client.send(request(1000));
    client.send(request(100_000));
    let answers = read_answers(&client.received(), &[]);
    assert_eq!(answers.len(), 2);
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 200 && !answer.closes())
    );
    client.send(request(1_000_000));
    assert!(read_answers(&client.received(), &[])[0].closes());
    assert!(client.is_closed());
}

/// How long a connection has waited, in these tests, before it may make room.
const SETTLED: Duration = Duration::from_millis(50);

/// A server that takes so many connections.
fn of_connections(most: usize, of_a_peer: Option<usize>) -> Server {
    Server::with_config(application(), |config| {
        config.connections = most;
        config.connections_per_peer = of_a_peer;
    })
}

/// A connection of one peer of many, if there is room for it.
fn connect(server: &Server, peer: u8) -> Option<Client<'_>> {
    server.connect_from(SocketAddr::from(([192, 0, 2, peer], 1)))
}

/// A peer that had as many connections as it may closed those of others with each that it tried.
#[test]
fn who_is_refused_for_his_peer_displaces_nobody() {
    let server = of_connections(2, Some(1));
    let mut idle = connect(&server, 1).expect("there is room");
    let _other = connect(&server, 2).expect("there is room");
    server.advance(SETTLED);
    assert!(connect(&server, 2).is_none());
    let stats = server.stats();
    assert_eq!((stats.refused_peers, stats.displaced), (1, 0));
    idle.send(GET);
    assert!(idle.received().ends_with("root"));
    assert!(connect(&server, 3).is_some());
    assert_eq!(server.stats().displaced, 1);
}

/// The first byte of a request on each connection kept out everybody else until the head's time was
/// over, health checks among them, and the connections were counted as idle.
#[test]
fn half_a_head_makes_room() {
    let server = of_connections(3, None);
    let mut halves = [1, 2, 3].map(|peer| connect(&server, peer).expect("there is room"));
    for half in &mut halves {
        half.send("G");
        server.advance(SETTLED / 5);
    }
    assert_eq!(server.stats().in_head, 3);
    assert!(
        connect(&server, 4).is_none(),
        "their rest may be on its way"
    );
    server.advance(SETTLED);
    let mut client = connect(&server, 4).expect("one has made room");
    client.send(GET);
    assert!(client.received().ends_with("root"));
    let closed = halves.each_ref().map(Client::is_closed);
    assert_eq!(closed, [true, false, false], "the one that began first");
    let stats = server.stats();
    assert_eq!((stats.in_head, stats.displaced), (2, 1));
    server.advance(SETTLED);
    assert!(connect(&server, 5).is_some());
    assert!(client.is_closed(), "who is idle comes before who has begun");
    assert_eq!(server.stats().in_head, 2);
    halves[1].send(&GET[1..]);
    assert!(halves[1].received().ends_with("root"));
    assert_eq!(server.stats().in_head, 1);
}

/// The end of a head that has come at that moment is read, and its request answered.
#[test]
fn a_request_that_is_complete_when_it_is_to_make_room_is_answered() {
    let server = of_connections(1, None);
    let mut first = connect(&server, 1).expect("there is room");
    first.send("G");
    server.advance(SETTLED);
    first.send_only(&GET[1..]);
    let mut second = connect(&server, 2).expect("the first makes room");
    let answer = first.received();
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.ends_with("root") && first.is_closed());
    second.send(get("/slow"));
    server.advance(SETTLED);
    assert!(connect(&server, 3).is_none(), "whoever is served stays");
}

/// A lone CR may become an empty line; the connection counted as one on which something had come, and
/// neither made room nor was closed by a drain.
#[test]
fn a_lone_cr_is_no_request() {
    let server = of_connections(1, None);
    let mut first = connect(&server, 1).expect("there is room");
    first.send("\r");
    server.advance(SETTLED);
    let mut second = connect(&server, 2).expect("the first has made room");
    assert!(first.is_closed());
    second.send("\r");
    server.drain();
    server.advance(Duration::from_secs(2));
    assert!(second.is_closed());
}
