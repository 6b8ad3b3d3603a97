//! Nothing a peer does, and nothing the network does to it, breaks the server or leaks anything.

use container::testing::{Faults, Server};
use tests::{read_answers, server};

const CONVERSATION: &str = "POST /live HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
    5\r\nhello\r\n0\r\n\r\n\
    GET /stream/5 HTTP/1.1\r\nHost: a\r\n\r\n\
    POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
    GET /blocking HTTP/1.1\r\nHost: a\r\n\r\n";

/// Nobody is there any more, and nobody is counted as being there.
#[track_caller]
fn check_nothing_is_left(server: &Server, what: &str) {
    let stats = server.stats();
    assert_eq!(server.tasks(), 0, "{what}: tasks");
    assert_eq!(stats.connections, 0, "{what}: connections");
    for lane in [stats.inline, stats.r#async, stats.blocking] {
        assert_eq!((lane.running, lane.queued), (0, 0), "{what}: {lane:?}");
    }
}

#[test]
fn a_reset_at_every_byte() {
    let server = server();
    for cut in 0..=CONVERSATION.len() {
        let mut client = server.connect();
        client.send(&CONVERSATION[..cut]);
        client.reset();
        check_nothing_is_left(&server, &format!("reset after {cut} bytes"));
    }
}

#[test]
fn a_close_at_every_byte() {
    for cut in 0..=CONVERSATION.len() {
        let server = server();
        let mut client = server.connect();
        client.send(&CONVERSATION[..cut]);
        client.close();
        server.advance(std::time::Duration::from_secs(5));
        check_nothing_is_left(&server, &format!("closed after {cut} bytes"));
    }
}

#[test]
fn a_reset_at_every_byte_of_the_answer() {
    let mut faults = Faults::default();
    for capacity in 1..400 {
        faults.capacity = capacity;
        let server = server();
        let mut client = server.connect_with(faults);
        client.send(CONVERSATION);
        client.reset();
        check_nothing_is_left(&server, &format!("reset with {capacity} bytes under way"));
    }
}

#[test]
fn any_pieces_give_the_same_answers() {
    let whole = read_answers(&server().exchange(CONVERSATION), &[]);
    assert_eq!(whole.len(), 4);
    let mut faults = Faults::default();
    for step in 1..60 {
        (faults.read_max, faults.write_max) = (step, 61 - step);
        let server = server();
        let mut client = server.connect_with(faults);
        client.send(CONVERSATION);
        let answers = read_answers(&client.received(), &[]);
        let bodies = |answers: &[tests::Answer]| -> Vec<String> {
            answers.iter().map(|answer| answer.body.clone()).collect()
        };
        assert_eq!(bodies(&answers), bodies(&whole), "reads of {step} bytes");
    }
}

#[test]
fn a_byte_changed_anywhere_is_answered_or_refused() {
    for at in 0..CONVERSATION.len() {
        for byte in [0, b'\n', b'\r', b' ', b':', b'0', b'Z', 0x7f, 0xff] {
            let mut bytes = CONVERSATION.as_bytes().to_vec();
            bytes[at] = byte;
            let server = server();
            let mut client = server.connect();
            client.send(&bytes);
            client.finish();
            server.advance(std::time::Duration::from_secs(100));
            client.received_bytes();
            assert!(client.is_closed(), "byte {at} changed to {byte}");
            check_nothing_is_left(&server, &format!("byte {at} changed to {byte}"));
        }
    }
}
