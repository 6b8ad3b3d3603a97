//! Requests with bodies for which there is no room: none of a body is fetched for nothing, and what
//! is held of all of them is bounded.

use std::time::Duration;

use container::handler::Priority;
use container::message::Bytes;
use container::scheduler::{ShedReason, Stage};
use container::testing::{Client, Server};
use container::{Handler, Router, blocking, inline, sleep};
use tests::{get, read_answers};

const SECOND: Duration = Duration::from_secs(1);

/// Keeps its place, and its body, for a second.
async fn slow(body: Bytes) -> String {
    sleep(SECOND).await;
    body.len().to_string()
}

fn router() -> Router {
    Router::new()
        .get("/", inline(|| "here"))
        .post("/slow", slow)
        .post("/narrow", slow.concurrency(1).queue(1))
        .post("/critical", slow.priority(Priority::Critical))
        .post("/blocking", blocking(|body: Bytes| body.len().to_string()))
}

fn head(path: &str, length: usize, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{more}\r\n")
}

fn connected<'a>(server: &'a Server, bytes: &str) -> Client<'a> {
    let mut client = server.connect();
    client.send(bytes);
    client
}

/// The one answer that has come: its status, and whether the connection closes with it.
#[track_caller]
fn answer(client: &mut Client<'_>) -> (u16, bool) {
    let answers = read_answers(&client.received(), &[]);
    assert_eq!(answers.len(), 1, "{answers:?}");
    if answers[0].status == 503 {
        assert_eq!(answers[0].field("retry-after"), Some("1"));
    }
    (answers[0].status, answers[0].closes())
}

/// A request for which there was no room was told to send its body, and refused only when it had.
#[test]
fn a_full_budget_refuses_at_the_head() {
    let server = Server::with_config(router(), |config| config.budgets.container.limit(1));
    let mut inside = connected(&server, &(head("/slow", 2, "") + "hi"));
    let mut asking = connected(&server, &head("/slow", 9, "Expect: 100-continue\r\n"));
    assert_eq!(answer(&mut asking), (503, true), "no leave to send");

    let mut sending = connected(&server, &(head("/slow", 9, "") + "1234"));
    assert_eq!(answer(&mut sending), (503, false), "the rest is read away");
    sending.send("56789");
    sending.send(get("/"));
    assert_eq!(
        answer(&mut sending),
        (503, false),
        "the next is a request of its own"
    );

    let mut large = connected(&server, &(head("/slow", 1_000_000, "") + "1234"));
    assert_eq!(answer(&mut large), (503, true), "too much to read away");

    assert_eq!(server.budgets().bodies.held, 2);
    let turned_away = server.stats().r#async.turned_away;
    assert_eq!(turned_away.count(Stage::Container, ShedReason::Full), 3);
    server.advance(SECOND);
    assert_eq!(answer(&mut inside), (200, false));
    sending.send(head("/slow", 2, "") + "hi");
    server.advance(SECOND);
    assert_eq!(answer(&mut sending), (200, false));
    assert_eq!(server.budgets().bodies.held, 0);
}

/// The same for the threads.
#[test]
fn a_full_pool_refuses_at_the_head() {
    let server = Server::without_threads(router(), |config| {
        config.blocking.threads = 1;
        config.blocking.queue = 1;
    });
    let whole = head("/blocking", 2, "") + "hi";
    let mut inside = [connected(&server, &whole), connected(&server, &whole)];
    let mut refused = connected(&server, &head("/blocking", 2, ""));
    assert_eq!(answer(&mut refused), (503, false));
    let turned_away = server.stats().blocking.turned_away;
    assert_eq!(turned_away.count(Stage::Pool, ShedReason::Full), 1);
    for client in &mut inside {
        server.run_blocking(0);
        assert_eq!(answer(client), (200, false));
    }
    refused.send("hi");
    refused.send(&whole);
    server.run_blocking(0);
    assert_eq!(answer(&mut refused), (200, false));
}

/// Bodies that were collected had no budget: a queue of uploads held as much as there were clients.
#[test]
fn the_bodies_of_all_requests_have_a_budget() {
    let server = Server::with_config(router(), |config| config.budgets.bodies = 200_000);
    let held = || server.budgets().bodies.held;
    let piece = "x".repeat(90_000);

    let mut first = connected(&server, &head("/narrow", 90_001, ""));
    let mut second = connected(&server, &head("/narrow", 90_001, ""));
    assert_eq!(held(), 0, "what is only announced is not held");
    first.send(&piece);
    second.send(&piece);
    assert_eq!(held(), 180_002);

    let mut announced = connected(&server, &head("/slow", 90_001, "Expect: 100-continue\r\n"));
    assert_eq!(answer(&mut announced), (503, true), "it cannot fit");
    let chunked = "POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n";
    let mut grown = connected(&server, chunked);
    grown.send(&piece[..20_000]);
    assert_eq!(answer(&mut grown), (503, false), "it has grown too long");
    assert_eq!(held(), 180_002);
    grown.send("\r\n0\r\n\r\n");
    grown.send(get("/"));
    assert_eq!(answer(&mut grown), (200, false));

    let mut critical = connected(&server, &(head("/critical", 90_000, "") + &piece));
    first.send("x");
    second.send("x");
    assert_eq!(held(), 270_002, "with its request, one waits");
    server.advance(SECOND);
    assert_eq!(answer(&mut critical), (200, false), "above all budgets");
    assert_eq!(answer(&mut first), (200, false));
    assert_eq!(held(), 90_001);
    server.advance(SECOND);
    assert_eq!(answer(&mut second), (200, false));
    assert_eq!(held(), 0);
    let turned_away = server.stats().r#async.turned_away;
    assert_eq!(turned_away.count(Stage::Bodies, ShedReason::Full), 2);
}

/// Whoever goes, and whoever is too late, leaves nothing behind; what could never fit is too large.
#[test]
fn nothing_is_held_of_who_has_gone() {
    let server = Server::with_config(router(), |config| config.budgets.bodies = 100_000);
    let mut gone = connected(&server, &(head("/slow", 90_000, "") + "abc"));
    assert_eq!(server.budgets().bodies.held, 64 << 10);
    gone.reset();
    server.run();
    assert_eq!(server.budgets().bodies.held, 0);
    let _slow = connected(&server, &(head("/slow", 90_000, "") + "abc"));
    server.advance(40 * SECOND);
    assert_eq!((server.budgets().bodies.held, server.tasks()), (0, 0));
    let mut large = connected(&server, &head("/slow", 100_001, ""));
    assert_eq!(answer(&mut large), (413, true));
}
