//! The routes that show what the container does.

use std::time::Duration;

use container::testing::Server;
use handlers::{Options, router};
use tests::{Answer, read_answers};

fn server() -> Server {
    Server::new(router(&Options::default()))
}

/// The answer to one request, given without its last empty line and its body.
fn exchange(server: &Server, head: &str, body: &str) -> Answer {
    let wire = server.exchange(&format!("{head}\r\nHost: a\r\n\r\n{body}"));
    let mut answers = read_answers(&wire, &[]);
    assert_eq!(answers.len(), 1, "{wire:?}");
    answers.remove(0)
}

fn get(server: &Server, target: &str) -> Answer {
    exchange(server, &format!("GET {target} HTTP/1.1"), "")
}

#[test]
fn fixed_answers() {
    let server = server();
    for (target, content_type, body) in [
        ("/", "text/plain; charset=utf-8", "Docking API"),
        ("/plaintext", "text/plain; charset=utf-8", "Hello, World!"),
        (
            "/json",
            "application/json",
            r#"{"message":"Hello, World!"}"#,
        ),
        ("/route/a%20b", "text/plain; charset=utf-8", "a b"),
    ] {
        let answer = get(&server, target);
        assert_eq!((answer.status, &*answer.body), (200, body), "{target}");
        assert_eq!(answer.field("content-type"), Some(content_type), "{target}");
        let length = body.len().to_string();
        assert_eq!(answer.field("content-length"), Some(&*length), "{target}");
    }
    assert_eq!(server.stats().inline.finished, 4);
}

#[test]
fn a_body_comes_back_under_its_type() {
    let server = server();
    for (target, field, content_type) in [
        ("/", "Content-Type: text/x", "text/x"),
        ("/echo", "Content-Type: text/x", "text/x"),
        ("/echo", "X: y", "application/octet-stream"),
    ] {
        let head = format!("POST {target} HTTP/1.1\r\n{field}\r\nContent-Length: 5");
        let answer = exchange(&server, &head, "hello");
        assert_eq!((answer.status, &*answer.body), (200, "hello"));
        assert_eq!(answer.field("content-type"), Some(content_type));
    }
    let head = "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked";
    let answer = exchange(&server, head, "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    assert_eq!((answer.status, &*answer.body), (200, "hello"));
}

#[test]
fn a_body_is_counted() {
    let server = server();
    let head = "POST /count HTTP/1.1\r\nTransfer-Encoding: chunked";
    let answer = exchange(&server, head, "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
    assert_eq!((answer.status, &*answer.body), (200, "5"));
}

#[test]
fn sleep_takes_as_long_as_asked() {
    let server = server();
    let mut client = server.connect();
    client.send("GET /sleep?ms=1500 HTTP/1.1\r\nHost: a\r\n\r\n");
    server.advance(Duration::from_millis(1499));
    assert_eq!(client.received(), "");
    server.advance(Duration::from_millis(1));
    let answer = &read_answers(&client.received(), &[])[0];
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
    assert_eq!(answer.field("content-length"), Some("2"));
}

#[test]
fn sleeps_are_bounded_in_each_lane() {
    let server = server();
    for route in ["/sleep", "/blocking/sleep"] {
        let answer = get(&server, &format!("{route}?ms=0"));
        assert_eq!((answer.status, &*answer.body), (200, "ok"), "{route}");
        for query in ["", "?ms=x", "?ms=-1", "?ms=600001"] {
            assert_eq!(get(&server, &format!("{route}{query}")).status, 400);
        }
    }
}

#[test]
fn a_blocking_sleep_holds_its_thread() {
    let server = Server::without_threads(router(&Options::default()), |config| {
        config.blocking.threads = 1;
        config.blocking.queue = 1;
    });
    let mut clients = [server.connect(), server.connect(), server.connect()];
    for client in &mut clients {
        client.send("GET /blocking/sleep?ms=0 HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    assert_eq!(server.held(), 2);
    server.run_blocking(0);
    server.run_blocking(0);
    let statuses = clients.map(|mut client| read_answers(&client.received(), &[])[0].status);
    assert_eq!(statuses, [200, 200, 503]);
}

#[test]
fn headers_come_back_as_they_were() {
    let server = server();
    let mut client = server.connect();
    let mut request =
        b"GET /headers HTTP/1.1\r\nHOST: a\r\nx-Twice:  1\r\nX-TWICE: 2 \r\n".to_vec();
    request.extend_from_slice(b"Empty:\r\nx-obs: \xe4\r\n\r\n");
    client.send(request);
    let received = client.received_bytes();
    let expected = b"\r\n\r\nHOST: a\nx-Twice: 1\nX-TWICE: 2\nEmpty: \nx-obs: \xe4\n";
    assert!(received.ends_with(expected), "{received:?}");
}

#[test]
fn statuses() {
    let server = server();
    for code in 200..600 {
        let answer = get(&server, &format!("/status/{code}"));
        let body = match code {
            204 | 205 | 304 => String::new(),
            code => code.to_string(),
        };
        assert_eq!((answer.status, answer.body), (code, body));
    }
    for code in ["100", "199", "600", "999", "0", "70000", "ok"] {
        assert_eq!(
            get(&server, &format!("/status/{code}")).status,
            400,
            "{code}"
        );
    }
}

#[test]
fn bytes_are_streamed_to_the_last() {
    let server = server();
    for path in ["/bytes", "/written"] {
        for count in [0, 1, 16, 16_384, 16_385, 100_000] {
            let answer = get(&server, &format!("{path}/{count}"));
            assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
            let digits = "0123456789abcdef".chars().cycle().take(count);
            assert!(answer.body.chars().eq(digits), "{path}/{count}");
        }
        for count in ["1073741825", "-1", "many"] {
            let target = format!("{path}/{count}");
            assert_eq!(get(&server, &target).status, 400, "{target}");
        }
    }
}

#[test]
fn events_go_on_where_a_client_was() {
    let server = server();
    let mut client = server.connect();
    let mut check = |target: &str, last: &str, expected: &str| {
        let last = if last.is_empty() {
            String::new()
        } else {
            format!("Last-Event-ID: {last}\r\n")
        };
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{last}\r\n"));
        server.advance(Duration::from_secs(10));
        let wire = client.received();
        let answer = read_answers(&wire, &[]).remove(0);
        let found = format!("{} {}", answer.status, answer.body);
        assert_eq!(found, expected, "{target} after {last}");
    };
    let three = "200 id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: 3\n\n";
    check("/events?count=3", "", three);
    check("/events?count=3&interval_ms=3333", "0", three);
    check(
        "/events?count=3&interval_ms=0",
        "2",
        "200 id: 3\ndata: 3\n\n",
    );
    check("/events?count=3", "3", "204 ");
    check("/events?count=0", "", "204 ");
    for (target, last) in [
        ("/events?count=x", ""),
        ("/events?count=1000001", ""),
        ("/events?interval_ms=600001", ""),
        ("/events", "one"),
    ] {
        let mut client = server.connect();
        let last = format!("GET {target} HTTP/1.1\r\nHost: a\r\nLast-Event-ID: {last}\r\n\r\n");
        client.send(last);
        assert_eq!(read_answers(&client.received(), &[])[0].status, 400);
    }
}

#[test]
fn handlers_panic_and_stall_only_when_that_was_asked_for() {
    let careful = server();
    let debug = Options {
        debug: true,
        ..Options::default()
    };
    let debug = Server::new(router(&debug));
    for lane in ["inline", "async", "blocking"] {
        let target = format!("/panic/{lane}");
        assert_eq!(get(&careful, &target).status, 404);
        assert_eq!(get(&debug, &target).status, 500);
        let target = format!("/stall/{lane}?ms=0");
        assert_eq!(get(&careful, &target).status, 404);
        assert_eq!(get(&debug, &target).status, 200);
        let target = format!("/stall/{lane}?ms=60001");
        assert_eq!(get(&debug, &target).status, 400);
    }
}
