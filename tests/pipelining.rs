//! Pipelined requests: answered in order, once each, however the bytes are cut.

use container::testing::{Client, Faults};
use tests::{Answer, GET, get, read_answers, server};

fn request(number: usize) -> String {
    match number % 4 {
        0 => get("/"),
        1 => format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n{number:06}"),
        2 => get(&format!("/bytes/{number}")),
        _ => format!(
            "POST /blocking-echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             6\r\n{number:06}\r\n0\r\n\r\n"
        ),
    }
}

#[track_caller]
fn check_answers(client: &mut Client<'_>, wire: String, count: usize) {
    let answers: Vec<Answer> = read_answers(&(wire + &client.received()), &[]);
    assert_eq!(answers.len(), count, "each request is answered once");
    for (number, answer) in answers.iter().enumerate() {
        let expected = match number % 4 {
            0 => "root".to_owned(),
            2 => "x".repeat(number),
            _ => format!("{number:06}"),
        };
        assert_eq!(
            (answer.status, &answer.body),
            (200, &expected),
            "answer {number}"
        );
    }
}

#[test]
fn a_hundred_at_once() {
    let all: String = (0..100).map(request).collect();
    let server = server();
    let mut client = server.connect();
    client.send(&all);
    check_answers(&mut client, String::new(), 100);
    assert!(!client.is_closed());
}

#[test]
fn cut_in_two_anywhere() {
    let all: String = (0..4).map(request).collect();
    for cut in 0..all.len() {
        let server = server();
        let mut client = server.connect();
        client.send(&all[..cut]);
        let first = client.received();
        client.send(&all[cut..]);
        check_answers(&mut client, first, 4);
    }
}

#[test]
fn through_a_narrow_pipe() {
    let mut faults = Faults::default();
    for (read_max, write_max, capacity) in [(1, 1, 1), (7, 3, 64), (1000, 1, 100_000)] {
        (faults.read_max, faults.write_max, faults.capacity) = (read_max, write_max, capacity);
        let server = server();
        let mut client = server.connect_with(faults);
        let mut wire = String::new();
        for number in 0..12 {
            for byte in request(number).as_bytes().chunks(capacity.min(50)) {
                client.send(byte);
                wire.push_str(&client.received());
            }
        }
        check_answers(&mut client, wire, 12);
    }
}

#[test]
fn a_slow_request_holds_back_the_next_but_not_other_connections() {
    let server = server();
    let mut client = server.connect();
    client.send(get("/slow") + GET);
    assert_eq!(client.received(), "");
    assert!(server.exchange(GET).ends_with("root"));
    server.advance(std::time::Duration::from_secs(1));
    let answers = read_answers(&client.received(), &[]);
    let bodies: Vec<&str> = answers.iter().map(|answer| answer.body.as_str()).collect();
    assert_eq!(bodies, ["slow", "root"]);
}
