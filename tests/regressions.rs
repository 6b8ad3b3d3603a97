//! Bugs that were found by attacking the server, one test for each, named after the bug.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use container::extract::Path;
use container::handler::Priority;
use container::message::{BodyReader, HeaderName};
use container::scheduler::{ShedReason, Stage};
use container::testing::{Faults, Server};
use container::{Body, Handler, Next, Request, Router, StatusCode, blocking, inline, sleep};
use tests::{GET, get, read_answers, server};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn post(path: &str, fields: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")
}

/// Takes its body live, waits, and answers without having read it.
async fn unread(_body: Body) -> &'static str {
    sleep(seconds(1)).await;
    "unread"
}

/// Waits longer than a body may be idle before it asks for its body.
async fn hesitant(body: Body) -> String {
    sleep(seconds(20)).await;
    match body.bytes(1000).await {
        Ok(bytes) => format!("{} bytes", bytes.len()),
        Err(error) => error.to_string(),
    }
}

/// A reader that stalled in the middle of a streamed answer left its driver spinning for ever.
#[test]
fn a_stalled_reader_of_a_stream_is_cut() {
    let mut faults = Faults::default();
    faults.capacity = 1000;
    let server = server();
    let mut client = server.connect_with(faults);
    client.send(get("/stream/1000000"));
    server.advance(seconds(31));
    assert!(client.was_reset());
    assert_eq!((server.tasks(), server.stats().connections), (0, 0));
}

/// The same while the handler of the next request was at work.
#[test]
fn a_stalled_reader_with_a_request_at_work_is_cut() {
    let mut faults = Faults::default();
    faults.capacity = 1000;
    let server = server();
    let mut client = server.connect_with(faults);
    client.send(
        "GET /bytes/9000 HTTP/1.1\r\nHost: a\r\n\r\nGET /deadline HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    server.advance(seconds(31));
    assert!(client.was_reset());
    assert_eq!((server.tasks(), server.stats().r#async.cancelled), (0, 1));
}

/// More unread body than is worth reading away took the answer of a handler at work with it.
#[test]
fn a_large_unread_body_does_not_cost_the_answer() {
    let server = server();
    let mut client = server.connect();
    client.send(post("/slow", "Content-Length: 1000000"));
    client.send(vec![b'x'; 1_000_000]);
    server.advance(seconds(1));
    let answers = read_answers(&client.received(), &[]);
    assert_eq!(answers.len(), 1);
    assert!(answers[0].body == "slow" && answers[0].closes());
    server.advance(seconds(3));
    assert_eq!(server.tasks(), 0);
}

/// The same for one that came too slowly.
#[test]
fn a_slow_unread_body_does_not_cost_the_answer() {
    let router = Router::new().post("/slower", async || {
        sleep(seconds(10)).await;
        "slower"
    });
    let server = Server::new(router);
    let mut client = server.connect();
    client.send(post("/slower", "Content-Length: 1000"));
    server.advance(seconds(10));
    let answers = read_answers(&client.received(), &[]);
    assert_eq!(answers.len(), 1);
    assert!(answers[0].body == "slower" && answers[0].closes());
    server.advance(seconds(3));
    assert_eq!(server.tasks(), 0);
}

/// A client that waited for leave to send its body was refused for not sending it.
#[test]
fn waiting_for_leave_to_send_is_not_slow_sending() {
    let server = Server::new(Router::new().post("/hesitant", hesitant));
    let mut client = server.connect();
    client.send(post(
        "/hesitant",
        "Content-Length: 3\r\nExpect: 100-continue",
    ));
    server.advance(seconds(20));
    assert_eq!(client.received(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abc");
    assert_eq!(read_answers(&client.received(), &[])[0].body, "3 bytes");
    client.send(post(
        "/hesitant",
        "Content-Length: 3\r\nExpect: 100-continue",
    ));
    server.advance(seconds(20));
    client.received();
    server.advance(seconds(5));
    let answers = read_answers(&client.received(), &[]);
    assert!(
        answers[0].body.contains("too slow"),
        "with leave, the clock runs: {answers:?}"
    );
}

/// A body whose handler had not made room for it had no timeout any more once it was thrown away.
#[test]
fn a_paused_body_that_is_thrown_away_times_out() {
    let server = Server::new(Router::new().post("/unread", unread));
    let mut client = server.connect();
    client.send(post("/unread", "Content-Length: 200000"));
    client.send(vec![b'x'; 150_000]);
    server.advance(seconds(1));
    assert_eq!(read_answers(&client.received(), &[])[0].body, "unread");
    server.advance(seconds(100));
    assert!(client.is_closed());
    assert_eq!(server.tasks(), 0);
}

/// The refusal of a broken request was framed as if it answered the request before, a HEAD.
#[test]
fn a_refusal_after_a_head_request_has_its_body() {
    let server = server();
    let mut client = server.connect();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send("what?\r\n\r\n");
    let answers = read_answers(&client.received(), &[0]);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 400]);
}

/// Requests whose clients had gone while they waited were run, unless their method is one whose
/// handlers are cancelled.
#[test]
fn a_request_that_waits_is_not_run_for_a_client_that_has_gone() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let slow = async || {
        RUNS.fetch_add(1, Ordering::SeqCst);
        sleep(seconds(9)).await;
        RUNS.fetch_add(1, Ordering::SeqCst);
    };
    let router = Router::new()
        .post("/", slow.concurrency(1).queue(9))
        .layer(async |request, next: Next| next.run(request).await);
    let server = Server::new(router);
    let mut clients = [(); 4].map(|()| server.connect());
    for client in &mut clients {
        client.send(post("/", "Content-Length: 0"));
    }
    let budget = || {
        let budget = server.route_budget(0).expect("it has a limit");
        (budget.inside, budget.waiting)
    };
    assert_eq!(budget(), (1, 3));
    let [begun, reset, closed, _stays] = &mut clients;
    reset.reset();
    server.run();
    assert_eq!(budget(), (1, 2));
    closed.close();
    server.advance(seconds(2));
    assert_eq!(budget(), (1, 1), "it was asked whether it is there");
    begun.reset();
    server.advance(seconds(7));
    assert_eq!(budget(), (1, 0));
    assert_eq!(
        RUNS.load(Ordering::SeqCst),
        3,
        "what had begun was finished"
    );
    server.advance(seconds(9));
    let stats = server.stats().r#async;
    assert_eq!((stats.finished, stats.cancelled), (2, 2));
    assert_eq!(stats.turned_away.count(Stage::Route, ShedReason::Gone), 2);
}

/// The same for a thread.
#[test]
fn a_request_that_waits_for_a_thread_is_not_run_for_a_client_that_has_gone() {
    let router = Router::new().post("/", blocking(|| "done"));
    let server = Server::without_threads(router, |config| config.blocking.threads = 1);
    let mut clients = [(); 2].map(|()| server.connect());
    for client in &mut clients {
        client.send(post("/", "Content-Length: 0"));
    }
    clients[1].reset();
    server.run();
    assert_eq!((server.held(), server.tasks()), (1, 1));
    server.run_blocking(0);
    let answers = read_answers(&clients[0].received(), &[]);
    assert_eq!(answers[0].body, "done");
    let stats = server.stats().blocking;
    assert_eq!(stats.cancelled, 1);
    assert_eq!(stats.turned_away.count(Stage::Pool, ShedReason::Gone), 1);
}

/// A client that went after its request had waited at its gate counted twice.
#[test]
fn a_request_that_waited_at_its_gate_is_cancelled_once() {
    let server = server();
    let mut clients: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/one-at-a-time"));
    }
    server.advance(seconds(1));
    assert_eq!(server.stats().r#async.running, 1);
    clients[1].reset();
    let stats = server.stats().r#async;
    assert_eq!((stats.cancelled, stats.running, stats.finished), (1, 0, 2));
}

/// A request whose deadline passed after it had waited at its gate counted as cancelled, too.
#[test]
fn a_request_that_waited_at_its_gate_times_out_once() {
    let work = async |Path(s): Path<u64>| sleep(seconds(s)).await;
    let route = work.concurrency(1).queue(1).deadline(seconds(3));
    let server = Server::new(Router::new().get("/{seconds}", route));
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    // After the first one requests are taken to be quick, so that the last one may wait.
    for (client, path) in clients.iter_mut().zip(["/0", "/2", "/2"]) {
        client.send(get(path));
    }
    server.advance(seconds(3));
    let stats = server.stats().r#async;
    assert_eq!((stats.timed_out, stats.cancelled), (1, 0));
    assert_eq!(read_answers(&clients[2].received(), &[])[0].status, 503);
}

/// A middleware that panicked before it gave its future took the connection with it.
#[test]
fn a_middleware_that_panics_at_once_is_a_500() {
    async fn never() -> &'static str {
        "never"
    }
    let panics = |request: Request, _: Next| {
        assert!(request.method() != "GET", "no GET here");
        never()
    };
    let server = Server::new(Router::new().get("/", inline(|| "root")).layer(panics));
    let mut client = server.connect();
    client.send(GET);
    let answers = read_answers(&client.received(), &[]);
    assert_eq!(answers.first().map(|answer| answer.status), Some(500));
    assert!(!client.is_closed());
}

/// A connection that only lingered outlived the closing of the server and counted as cut.
#[test]
fn closing_ends_lingering_connections_and_cuts_nothing() {
    let server = server();
    let mut client = server.connect();
    client.send(post("/echo", "Content-Length: 9000000"));
    assert_eq!(read_answers(&client.received(), &[])[0].status, 413);
    assert_eq!(server.tasks(), 1);
    server.close();
    assert_eq!((server.tasks(), server.stats().cut), (0, 0));
}

/// Trailers took a LF without its CR for the end of a line.
#[test]
fn trailers_with_bare_line_feeds_are_refused() {
    let server = server();
    let request = post("/echo", "Transfer-Encoding: chunked") + "0\r\na: b\nc: d\r\n\r\n";
    let answers = read_answers(&server.exchange(&request), &[]);
    assert_eq!(answers[0].status, 400);
}

/// An answer that no handler may give: the client would take it for an interim one and wait on.
#[test]
fn an_interim_status_is_no_answer() {
    let router = Router::new().get("/", inline(|| StatusCode::CONTINUE));
    let server = Server::new(router);
    let answers = server.exchange(GET);
    assert!(answers.starts_with("HTTP/1.1 500 "), "{answers}");
}

/// An echo of a live body: both ends of the channel are in one driver.
#[test]
fn a_live_body_may_be_the_answer() {
    let server = Server::new(Router::new().post("/", async |body: Body| body));
    let mut client = server.connect();
    client.send(post("/", "Transfer-Encoding: chunked"));
    for _ in 0..10 {
        client.send("3\r\nabc\r\n");
    }
    client.send("0\r\n\r\n");
    let answers = read_answers(&client.received(), &[]);
    assert_eq!(answers[0].body, "abc".repeat(10));
}

/// A connection that was to end anyway was not cut when its reader stalled, and its driver spun.
#[test]
fn a_stalled_reader_of_a_last_answer_is_cut() {
    let mut faults = Faults::default();
    faults.capacity = 1000;
    for second in ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close", "what?"] {
        let server = server();
        let mut client = server.connect_with(faults);
        client.send(format!(
            "GET /bytes/9000 HTTP/1.1\r\nHost: a\r\n\r\n{second}\r\n\r\n"
        ));
        server.advance(seconds(31));
        assert!(client.was_reset(), "{second}");
        assert_eq!((server.tasks(), server.stats().connections), (0, 0));
    }
}

/// The statuses of the answers to `bytes`, sent whole and in two pieces cut anywhere.
#[track_caller]
fn check_cut_anywhere(bytes: &str, expected: &[u16]) {
    for cut in 0..bytes.len() {
        let server = server();
        let mut client = server.connect();
        client.send(&bytes[..cut]);
        client.send(&bytes[cut..]);
        let answers = read_answers(&client.received(), &[]);
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, expected, "{bytes:?} cut at {cut}");
    }
}

/// Empty lines before a request had no limit when each came by itself.
#[test]
fn empty_lines_are_counted_however_they_come() {
    let request = GET;
    check_cut_anywhere(&format!("{}{request}", "\r\n".repeat(4)), &[200]);
    check_cut_anywhere(&format!("{}{request}", "\r\n".repeat(5)), &[400]);
    let many = format!("\r\n\r\n\r\n{request}").repeat(3);
    check_cut_anywhere(&many, &[200, 200, 200]);
}

/// A version that came in two pieces was no version: 400 instead of 505.
#[test]
fn another_version_is_known_however_it_comes() {
    check_cut_anywhere("GET / HTTP/2.0\r\nHost: a\r\n\r\n", &[505]);
    check_cut_anywhere("GET / HTTP/0.9\r\nHost: a\r\n\r\n", &[505]);
    check_cut_anywhere("GET / HTTP/x.1\r\nHost: a\r\n\r\n", &[400]);
    check_cut_anywhere("GET / HTTP/12.0\r\nHost: a\r\n\r\n", &[400]);
}

/// A request line of just the limit was too long when its end came by itself.
#[test]
fn the_longest_request_line_may_come_in_pieces() {
    let line = |length: usize| format!("GET /?{} HTTP/1.1", "x".repeat(length - 15));
    for (length, status) in [(8 << 10, 200), ((8 << 10) + 1, 414)] {
        let request = format!("{}\r\nHost: a\r\n\r\n", line(length));
        for cut in length - 2..length + 3 {
            let server = server();
            let mut client = server.connect();
            client.send(&request[..cut]);
            client.send(&request[cut..]);
            let answers = read_answers(&client.received(), &[]);
            assert_eq!(answers[0].status, status, "{length} bytes cut at {cut}");
        }
    }
}

/// A reader that took longer for an answer than a connection may be idle left its driver spinning.
#[test]
fn a_slow_reader_does_not_keep_its_driver_busy() {
    let mut faults = Faults::default();
    faults.capacity = 1000;
    let server = server();
    let mut client = server.connect_with(faults);
    client.send(get("/bytes/9000"));
    let mut wire = vec![];
    for _ in 0..10 {
        wire.extend(client.receive_only(1000));
        server.advance(seconds(20));
    }
    let wire = String::from_utf8(wire).expect("text");
    assert_eq!(read_answers(&wire, &[])[0].body.len(), 9000);
    assert_eq!(server.tasks(), 0);
}

/// A request line with a word too many was another version: 505 instead of 400.
#[test]
fn a_word_too_many_is_no_version() {
    check_cut_anywhere("GET / HTTP/8.1\r1.1\r\nHost: a\r\n\r\n", &[400]);
    check_cut_anywhere("GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n", &[400]);
    check_cut_anywhere("GET / x HTTP/2.0\r\nHost: a\r\n\r\n", &[400]);
}

/// A lone line feed before a request was passed over, and the target looked for where it is not.
#[test]
fn a_line_feed_before_a_request_is_refused() {
    for feeds in ["\n", "\n\n", "\r\n\n", "\n\r\n"] {
        let request = format!("{feeds}GET /method?/ HTTP/1.1\r\nHost: a\r\n\r\n");
        check_cut_anywhere(&request, &[400]);
    }
}

/// The end of a body that nobody reads took the answer with it.
#[test]
fn an_unread_body_that_ends_early_does_not_cost_the_answer() {
    let server = server();
    let mut client = server.connect();
    client.send(post("/slow", "Content-Length: 10"));
    client.send("12345");
    client.finish();
    server.advance(seconds(1));
    let answers = read_answers(&client.received(), &[]);
    assert_eq!(answers.len(), 1);
    assert!(answers[0].body == "slow" && answers[0].closes());
    assert_eq!(server.tasks(), 0);
}

/// A HEAD request that was refused before its head was understood got the refusal's body: its client
/// expects none, and takes the bytes for the next answer.
#[test]
fn a_refused_head_request_gets_no_body() {
    let server = server();
    let check = |mut client: container::testing::Client<'_>, status| {
        let received = client.received();
        let (head, body) = received.split_once("\r\n\r\n").expect("a whole head");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert!(
            head.contains("content-length: ") && body.is_empty(),
            "{body}"
        );
    };
    let refused = "\r\nHEAD / HTTP/1.1\r\n\r\n";
    for cut in 0..refused.len() {
        let mut client = server.connect();
        client.send(&refused[..cut]);
        client.send(&refused[cut..]);
        check(client, 400);
    }
    let mut half = server.connect();
    half.send("HEAD / HTTP/1.1\r\nHost");
    half.finish();
    check(half, 400);
    let mut slow = server.connect();
    slow.send("HEAD / HTTP/1.1\r\nHost");
    server.advance(seconds(10));
    check(slow, 408);
}

/// After one slow run of a blocking handler its requests were refused for good: by the forecast none
/// could be answered in time, and none was let in that could have corrected it.
#[test]
fn a_slow_run_does_not_shut_a_blocking_route() {
    let read =
        |body: BodyReader| std::io::read_to_string(body).map_err(|_| StatusCode::BAD_REQUEST);
    let router = Router::new().post("/read", blocking(read));
    let server = Server::with_config(router, |config| {
        config.deadline_field = Some(HeaderName::from_static("request-timeout"));
        config.blocking.threads = 1;
    });
    let mut slow = server.connect();
    slow.send(post("/read", "Content-Length: 2"));
    server.advance(seconds(4));
    slow.send("ab");
    let mut client = server.connect();
    let request = post("/read", "Content-Length: 1\r\nRequest-Timeout: 0.1") + "c";
    for _ in 0..50 {
        client.send(&request);
    }
    for (client, requests) in [(&mut slow, 1), (&mut client, 50)] {
        let answers = read_answers(&client.received(), &[]);
        assert_eq!(answers.len(), requests);
        assert!(answers.iter().all(|answer| answer.status == 200));
    }
}

/// A worker that turned away one of its jobs might wait for a body from then on, which would have been
/// for ever.
#[test]
fn a_worker_that_turned_a_job_away_still_does_not_wait() {
    let read = async |body: Body| match std::io::read_to_string(body.into_reader()) {
        Ok(body) => body,
        Err(error) => error.kind().to_string(),
    };
    let background = blocking(|| "done").priority(Priority::Background);
    let router = Router::new()
        .get("/background", background)
        .get("/", blocking(|| "done"))
        .post("/read", read);
    let server = Server::without_threads(router, |config| {
        (config.blocking.threads, config.blocking.queue) = (1, 1);
    });
    let mut clients = [(); 4].map(|()| server.connect());
    for (client, path) in clients.iter_mut().zip(["/", "/background", "/"]) {
        client.send(get(path));
    }
    let gave_way = read_answers(&clients[1].received(), &[]);
    assert_eq!(gave_way[0].status, 503);
    clients[3].send(post("/read", "Content-Length: 5"));
    let answers = read_answers(&clients[3].received(), &[]);
    assert_eq!(answers[0].body, "operation would block");
}
