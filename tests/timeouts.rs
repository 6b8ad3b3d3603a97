//! Every phase has its time, and what happens when it is over.

use std::time::Duration;

use container::testing::{Faults, Server};
use tests::{GET, application, get, read_answers, server};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn status(wire: &str) -> Vec<u16> {
    read_answers(wire, &[])
        .iter()
        .map(|answer| answer.status)
        .collect()
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let server = server();
    let mut fresh = server.connect();
    let mut used = server.connect();
    server.advance(seconds(10));
    used.send(GET);
    assert_eq!(status(&used.received()), [200]);
    server.advance(seconds(65));
    assert!(fresh.is_closed() && !used.is_closed());
    assert_eq!(fresh.received(), "");
    server.advance(seconds(10));
    assert!(used.is_closed());
    assert_eq!(server.tasks(), 0);
}

#[test]
fn a_head_that_drips_is_answered_408() {
    let server = server();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\n");
    for _ in 0..9 {
        server.advance(seconds(1));
        client.send("x: y\r\n");
    }
    assert_eq!(client.received(), "");
    server.advance(seconds(1));
    assert_eq!(status(&client.received()), [408]);
    assert!(client.is_closed());
}

#[test]
fn a_body_that_drips_is_answered_408() {
    let server = server();
    let mut slow = server.connect();
    slow.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    let mut steady = server.connect();
    steady.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    for _ in 0..5 {
        steady.send([b'x'; 1000]);
        server.advance(seconds(1));
    }
    assert_eq!(status(&slow.received()), [408], "below 512 B/s after 5 s");
    assert_eq!(steady.received(), "");
    for _ in 0..25 {
        steady.send([b'x'; 1000]);
        server.advance(seconds(1));
    }
    assert_eq!(status(&steady.received()), [408], "not complete after 30 s");
}

#[test]
fn a_reader_that_stalls_is_cut() {
    let mut faults = Faults::default();
    faults.capacity = 1000;
    let server = server();
    let mut client = server.connect_with(faults);
    client.send(get("/bytes/100000"));
    server.advance(seconds(29));
    assert!(!client.was_reset());
    server.advance(seconds(2));
    assert!(client.was_reset());
    assert_eq!(server.tasks(), 0);
}

#[test]
fn a_handler_beyond_its_deadline_is_cancelled_with_503() {
    let server = server();
    let mut client = server.connect();
    client.send(get("/hurried"));
    server.advance(seconds(2));
    let answers = read_answers(&client.received(), &[]);
    assert_eq!(
        (answers[0].status, answers[0].field("retry-after")),
        (503, Some("1"))
    );
    assert!(!client.is_closed());
    let stats = server.stats().r#async;
    assert_eq!((stats.timed_out, stats.running, stats.cancelled), (1, 0, 0));
}

#[test]
fn the_container_has_a_deadline_for_routes_without_one() {
    let deadline = |config: &mut container::Config| config.deadline = Some(seconds(1));
    let server = Server::with_config(application(), deadline);
    let mut client = server.connect();
    client.send(get("/deadline"));
    server.advance(seconds(1));
    assert_eq!(status(&client.received()), [503]);
}

#[test]
fn a_refused_client_is_listened_to_for_a_while() {
    let server = server();
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n");
    client.send([b'x'; 100_000]);
    assert_eq!(status(&client.received()), [413]);
    assert_eq!(server.tasks(), 1, "it lingers");
    server.advance(seconds(2));
    assert_eq!(server.tasks(), 0);
}
