//! What RFC 9110 and RFC 9112 ask of an origin server, case by case.

use tests::{Answer, read_answers, server};

/// Sends `request` over one connection, whole and byte by byte, and checks the statuses of the
/// answers (`100` included) and whether the connection was closed after them.
#[track_caller]
fn check(request: &str, statuses: &[u16], closed: bool) -> Vec<Answer> {
    let mut seen: Vec<Vec<Answer>> = vec![];
    for piece in [request.len().max(1), 1] {
        let server = server();
        let mut client = server.connect();
        let mut wire = String::new();
        for bytes in request.as_bytes().chunks(piece) {
            client.send(bytes);
            wire.push_str(&client.received());
        }
        wire.push_str(&client.received());
        let heads: Vec<usize> = if request.starts_with("HEAD") {
            vec![0]
        } else {
            vec![]
        };
        let answers = read_answers(&wire, &heads);
        let found: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(found, statuses, "{request:?} in pieces of {piece}: {wire}");
        assert_eq!(
            client.is_closed(),
            closed,
            "closed after {request:?} in pieces of {piece}"
        );
        seen.push(answers);
    }
    assert!(
        seen[0].iter().zip(&seen[1]).all(|(a, b)| a.body == b.body),
        "the same answers however the request is cut: {seen:?}"
    );
    seen.remove(0)
}

#[test]
fn request_lines() {
    check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200], false);
    check("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200], false);
    check("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", &[200], false);
    check("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", &[404], false);
    check("PUT / HTTP/1.1\r\nHost: a\r\n\r\n", &[405], false);
    check("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &[204], false);
    check("GET / HTTP/2.0\r\nHost: a\r\n\r\n", &[505], true);
    check("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", &[400], true);
    check("G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", &[400], true);
    check("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", &[400], true);
    check("GET / HTTP/1.1\r\nHost : a\r\n\r\n", &[400], true);
    check("GET / HTTP/1.1\r\n\r\n", &[400], true);
    check("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", &[400], true);
}

#[test]
fn keep_alive() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n";
    check(&format!("{get}\r\n{get}\r\n"), &[200, 200], false);
    check(
        &format!("{get}Connection: close\r\n\r\n{get}\r\n"),
        &[200],
        true,
    );
    check(
        &format!("{get}Connection: foo, CLOSE\r\n\r\n"),
        &[200],
        true,
    );
    check("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", &[200], true);
    let kept = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
    let answers = check(&format!("{kept}{kept}"), &[200, 200], false);
    assert_eq!(answers[0].field("connection"), Some("keep-alive"));
    let answers = check(&format!("{get}Connection: close\r\n\r\n"), &[200], true);
    assert!(answers[0].closes());
}

#[test]
fn request_bodies() {
    let post = |fields: &str, body: &str| {
        format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}")
    };
    let body = |answers: Vec<Answer>| answers[0].body.clone();
    let length = post("Content-Length: 5", "hello");
    assert_eq!(body(check(&length, &[200], false)), "hello");
    let twice = format!("{length}{length}");
    check(&twice, &[200, 200], false);
    let chunked = post(
        "Transfer-Encoding: chunked",
        "5\r\nhello\r\n3;x=y\r\n yo\r\n0\r\n\r\n",
    );
    assert_eq!(body(check(&chunked, &[200], false)), "hello yo");
    check(&format!("{chunked}{length}"), &[200, 200], false);
    check(
        &post(
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "0\r\n\r\n",
        ),
        &[400],
        true,
    );
    check(
        &post("Content-Length: 1\r\nContent-Length: 2", "ab"),
        &[400],
        true,
    );
    check(&post("Content-Length: +1", "a"), &[400], true);
    check(
        &post("Content-Length: 18446744073709551616", ""),
        &[400],
        true,
    );
    check(&post("Content-Length: 3221225472", ""), &[413], true);
    check(
        &post("Transfer-Encoding: chunked", "ffffffffffffffffff\r\n"),
        &[400],
        true,
    );
    check(
        &post("Transfer-Encoding: chunked", "5\r\nhelloX"),
        &[400],
        true,
    );
    check(
        &post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"),
        &[501],
        true,
    );
    check(
        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &[400],
        true,
    );
}

#[test]
fn expectations() {
    let post =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    check(post, &[100], false);
    // A client that does not wait is not told to go on when the body is here already.
    let server = server();
    let mut client = server.connect();
    client.send(post);
    assert_eq!(client.received(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    assert!(client.received().ends_with("\r\n\r\nhello"));
    check(&post.replace("100-continue", "200-ok"), &[417], true);
    let large = post.replace("Content-Length: 5", "Content-Length: 999999999");
    check(&large, &[413], true);
    let ignored = post.replace("/echo", "/ignore");
    check(&ignored, &[200], true);
}

#[test]
fn answers_without_bodies() {
    let answers = check("HEAD /bytes/7 HTTP/1.1\r\nHost: a\r\n\r\n", &[200], false);
    assert_eq!(
        (answers[0].field("content-length"), answers[0].body.as_str()),
        (Some("7"), "")
    );
    let answers = check("HEAD /stream/3 HTTP/1.1\r\nHost: a\r\n\r\n", &[200], false);
    assert_eq!(answers[0].field("transfer-encoding"), Some("chunked"));
    let answers = check("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n", &[204], false);
    assert_eq!(answers[0].field("content-length"), None);
    assert_eq!(answers[0].field("allow"), Some("GET, HEAD, OPTIONS"));
}

#[test]
fn streamed_answers() {
    let answers = check("GET /stream/3 HTTP/1.1\r\nHost: a\r\n\r\n", &[200], false);
    assert_eq!(answers[0].body, "abcabcabc");
    assert_eq!(answers[0].field("x-count"), Some("3"));
    let answers = check(
        "GET /stream/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        &[200],
        true,
    );
    assert_eq!(
        (answers[0].body.as_str(), answers[0].closes()),
        ("abcabcabc", true)
    );
}

#[test]
fn every_answer_has_a_date() {
    for answers in [
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200], false),
        check("GET / HTTP/1.1\r\n\r\n", &[400], true),
        check("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", &[404], false),
    ] {
        let date = answers[0].field("date").expect("a date");
        assert_eq!((date.len(), &date[26..]), (29, "GMT"), "{date}");
    }
}

#[test]
fn trailers_reach_the_handler() {
    let request = "POST /trailers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2\r\nhi\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n";
    assert_eq!(check(request, &[200], false)[0].body, "x-a=1,x-b=2");
}

#[test]
fn a_client_that_has_finished_sending_still_gets_its_answer() {
    let server = server();
    let mut client = server.connect();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    client.finish();
    server.advance(std::time::Duration::from_secs(1));
    let answers = read_answers(&client.received(), &[]);
    let last = answers.last().expect("an answer");
    assert_eq!((last.status, last.body.as_str()), (200, "slow"));
    assert!(client.is_closed());
}

#[test]
fn an_unfinished_request_is_told_so() {
    for request in [
        "GET / HT",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
    ] {
        let server = server();
        let mut client = server.connect();
        client.send(request);
        client.finish();
        let answers = read_answers(&client.received(), &[]);
        assert_eq!(answers[0].status, 400, "{request}");
        assert!(client.is_closed());
    }
}
