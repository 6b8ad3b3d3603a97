//! How long a request may take: who says so, who sees it, and what follows.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use container::client::Client;
use container::extract::Path;
use container::handler::Cancellation;
use container::message::HeaderName;
use container::scheduler::{ShedReason, Stage};
use container::testing::Server;
use container::{Body, Deadline, Handler, Router, blocking, inline, local_body, sleep};
use tests::{get, read_answers};

use crate::status;

const SECOND: Duration = Duration::from_secs(1);

/// Longer than any test: only a cancellation ends such a wait.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// What is left, in milliseconds.
fn left(deadline: &Deadline) -> String {
    let left = deadline.remaining();
    left.map_or("none".to_owned(), |left| left.as_millis().to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "handlers take values")]
fn told(deadline: Deadline) -> String {
    left(&deadline)
}

async fn told_later(deadline: Deadline) -> String {
    sleep(SECOND / 2).await;
    format!("{} {}", left(&deadline), left(&Deadline::current()))
}

async fn varied(Path(ms): Path<u64>) {
    sleep(Duration::from_millis(ms)).await;
}

fn server() -> Server {
    let router = Router::new()
        .get("/inline", inline(told))
        .get("/async", told_later)
        .get("/blocking", blocking(told))
        .get("/long", blocking(told).deadline(5 * SECOND))
        .get("/queued", told_later.concurrency(1).queue(1))
        .get("/varied/{ms}", varied.concurrency(1).queue(1));
    Server::with_config(router, |config| {
        config.deadline = Some(2 * SECOND);
        config.deadline_field = Some(HeaderName::from_static("request-timeout"));
    })
}

/// The body of the answer to a request with this `Request-Timeout`, a second later.
fn ask(path: &str, timeout: &str) -> String {
    let server = server();
    let mut client = server.connect();
    client.send(format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nRequest-Timeout: {timeout}\r\n\r\n"
    ));
    server.advance(SECOND);
    let answers = read_answers(&client.received(), &[]);
    format!("{} {}", answers[0].status, answers[0].body)
}

#[test]
fn handlers_see_what_is_left_whoever_said_it() {
    let check = |path, timeout, expected: &str| {
        assert_eq!(ask(path, timeout), expected, "{path} {timeout}");
    };
    check("/inline", "none", "200 2000");
    check("/inline", "1.5", "200 1500");
    check("/inline", "9", "200 2000");
    check("/blocking", "1.5", "200 1500");
    // The first of two was believed, however long it was.
    check("/inline", "1.5\r\nRequest-Timeout: 0.5", "200 500");
    check("/inline", "0.5\r\nRequest-Timeout: 1.5", "200 500");
    check("/inline", "none\r\nRequest-Timeout: 0.5", "200 500");
    check("/long", "none", "200 5000");
    check("/long", "4", "200 4000");
    check("/async", "none", "200 1500 1500");
    check("/queued", "1", "200 500 500");
}

/// The answer to a request that comes in two parts, the second after two seconds, where there is a
/// deadline of one.
fn ask_slowly(first: &str, second: &str) -> String {
    let whole = async |body: String| body;
    let live = async |body: Body| match body.bytes(100).await {
        Ok(bytes) => format!("{} bytes", bytes.len()),
        Err(error) => error.to_string(),
    };
    let slowly = async || {
        local_body(async |out| {
            out.send("begun, ").await?;
            sleep(2 * SECOND).await;
            out.send("ended").await?;
            Ok(())
        })
    };
    let router = Router::new()
        .post("/whole", whole)
        .post("/live", live)
        .get("/slowly", slowly);
    let server = Server::with_config(router, |config| config.deadline = Some(SECOND));
    let mut client = server.connect();
    client.send(first);
    server.advance(2 * SECOND);
    client.send(second);
    server.advance(2 * SECOND);
    let answers = read_answers(&client.received(), &[]);
    format!("{} {}", answers[0].status, answers[0].body)
}

#[test]
fn a_deadline_is_the_handlers_and_not_that_of_bodies_before_and_after_it() {
    let head = |path| format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha");
    assert_eq!(ask_slowly(&head("/whole"), "lf"), "200 half");
    assert!(ask_slowly(&head("/live"), "lf").starts_with("503 "));
    assert_eq!(ask_slowly(&get("/slowly"), ""), "200 begun, ended");
}

#[test]
fn a_request_whose_time_is_over_is_not_run() {
    assert!(ask("/inline", "0").starts_with("503 "));
    assert!(ask("/async", "0.1").starts_with("503 "));
}

#[test]
fn a_deadline_that_passes_in_the_queue_is_counted_there() {
    let server = server();
    let mut clients = [(); 3].map(|()| server.connect());
    // As far as is known, requests take no time, so that the last one may wait.
    clients[0].send(get("/varied/0"));
    clients[1].send(get("/varied/500"));
    clients[2].send("GET /varied/0 HTTP/1.1\r\nHost: a\r\nRequest-Timeout: 0.1\r\n\r\n");
    server.advance(SECOND);
    assert_eq!(
        clients.map(|mut client| status(&client.received())),
        [200, 200, 503]
    );
    let stats = server.stats().r#async;
    let expired = stats.turned_away.count(Stage::Route, ShedReason::Expired);
    assert_eq!((expired, stats.timed_out, stats.shed), (1, 1, 0));
    assert_eq!(server.route_budget(5).map(|gate| gate.inside), Some(0));
}

/// The client of the container gives up when nobody waits for its answer any more.
#[test]
fn outgoing_requests_take_no_longer_than_is_left() {
    async fn forward() -> String {
        // Nobody accepts: only a timeout ends it, and the client's own is half a minute.
        let listener = container::net::TcpListener::bind(([127, 0, 0, 1], 0).into());
        let listener = listener.expect("loopback is there");
        let address = listener.local_addr().expect("it listens");
        let begun = container::reactor::now();
        let outcome = Client::new().get(&format!("http://{address}/")).await;
        let took = container::reactor::now() - begun;
        drop(listener);
        RESULT.set((outcome.is_err(), took));
        "late".to_owned()
    }
    thread_local! {
        static RESULT: std::cell::Cell<(bool, Duration)> = const {
            std::cell::Cell::new((false, Duration::ZERO))
        };
    }
    let router = Router::new().get("/forward", forward.deadline(3 * SECOND));
    let server = Server::new(router);
    let mut client = server.connect();
    client.send(get("/forward"));
    server.advance(10 * SECOND);
    // Both time out at the same instant, so that either may be the first.
    let (failed, took) = RESULT.get();
    assert!(!failed || took == 3 * SECOND, "{took:?}");
    assert!([200, 503].contains(&status(&client.received())));
    assert_eq!(server.stats().r#async.running, 0);
}

/// A blocking handler that waits on its token is let go by the deadline, and by the client's going.
#[test]
fn a_blocking_handler_waits_on_its_token() {
    let (seen, sees) = mpsc::channel();
    let seen = Mutex::new(seen);
    let wait = move |cancellation: Cancellation| {
        let say = |what| seen.lock().is_ok_and(|seen| seen.send(what).is_ok());
        say(cancellation.is_cancelled());
        say(cancellation.wait_timeout(FOR_EVER)).to_string()
    };
    let server = Server::new(Router::new().get("/wait", blocking(wait)));
    let mut client = server.connect();
    client.send_only(get("/wait"));
    server.turn();
    assert_eq!(sees.recv(), Ok(false), "it has begun");
    client.cut();
    server.run();
    assert_eq!(sees.recv(), Ok(true));
    assert_eq!(server.stats().blocking.cancelled, 1);
}
