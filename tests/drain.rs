//! Stopping loses nothing that was accepted.

use std::time::Duration;

use tests::{read_answers, server};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const SLOW: &str = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn idle_connections_close_and_busy_ones_finish() {
    let server = server();
    let mut idle = server.connect();
    idle.send(GET);
    assert!(idle.received().ends_with("root"));
    let mut busy = server.connect();
    busy.send(SLOW);
    server.drain();
    assert!(idle.is_closed() && !busy.is_closed());
    server.advance(Duration::from_secs(1));
    let answers = read_answers(&busy.received(), &[]);
    assert!(answers[0].body == "slow" && answers[0].closes());
    assert!(busy.is_closed());
    assert_eq!((server.tasks(), server.stats().cut), (0, 0));
}

#[test]
fn pipelined_requests_that_are_here_are_answered_up_to_the_first() {
    let server = server();
    let mut client = server.connect();
    client.send(format!("{SLOW}{GET}"));
    server.drain();
    server.advance(Duration::from_secs(1));
    let answers = read_answers(&client.received(), &[]);
    assert_eq!(answers.len(), 1);
    assert!(
        answers[0].closes(),
        "the client knows that the second was not dealt with"
    );
}

#[test]
fn a_fresh_connection_may_send_its_first_request() {
    let server = server();
    let mut fresh = server.connect();
    let mut silent = server.connect();
    server.drain();
    assert!(!fresh.is_closed());
    fresh.send(GET);
    let answers = read_answers(&fresh.received(), &[]);
    assert!(answers[0].body == "root" && answers[0].closes() && fresh.is_closed());
    server.advance(Duration::from_secs(1));
    assert!(silent.is_closed());
    assert_eq!(silent.received(), "");
}

#[test]
fn closing_cuts_what_is_left_and_counts_it() {
    let server = server();
    let mut busy = server.connect();
    busy.send(SLOW);
    server.close();
    assert!(busy.is_closed());
    assert_eq!((server.tasks(), server.stats().cut), (0, 1));
}
