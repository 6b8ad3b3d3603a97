//! Who would have to wait for so long that the answer came too late is refused while it can still
//! go elsewhere, not when its time is over.

use std::time::Duration;

use container::handler::Patience;
use container::scheduler::{ShedReason, Stage};
use container::testing::{Client, Server};
use container::{Handler, Router, sleep};
use tests::get;

use crate::status;

const SECOND: Duration = Duration::from_secs(1);

/// Requests that take 5 s and have 6: two at once.
fn server() -> Server {
    let slow = async || sleep(5 * SECOND).await;
    let route = slow.concurrency(2).queue(100).deadline(6 * SECOND);
    Server::new(Router::new().get("/slow", route))
}

fn ask(server: &Server, requests: usize) -> Vec<Client<'_>> {
    let mut clients: Vec<_> = (0..requests).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/slow"));
    }
    clients
}

/// How many were answered so since the last time.
fn count(clients: &mut [Client<'_>], expected: u16) -> usize {
    let statuses = clients.iter_mut().map(|client| status(&client.received()));
    statuses.filter(|status| *status == expected).count()
}

#[test]
fn once_it_is_known_how_long_a_handler_takes_they_are_refused_at_once() {
    let server = server();
    let mut first = ask(&server, 2);
    server.advance(5 * SECOND);
    assert_eq!(count(&mut first, 200), 2);
    let mut clients = ask(&server, 20);
    assert_eq!(count(&mut clients, 503), 18);
    server.advance(5 * SECOND);
    assert_eq!(count(&mut clients, 200), 2);
    let shed = server.stats().r#async.turned_away;
    assert_eq!(shed.count(Stage::Route, ShedReason::Hopeless), 18);
    // There is a place again: nobody has to wait.
    let mut last = ask(&server, 1);
    server.advance(5 * SECOND);
    assert_eq!(count(&mut last, 200), 1);
}

#[test]
fn while_nothing_is_known_they_are_refused_when_it_is_time_to_doubt() {
    let server = server();
    let mut clients = ask(&server, 22);
    assert_eq!(count(&mut clients, 503), 0);
    // Nine batches would have to end before the last ones begin.
    for (after_ms, refused) in [(300, 4), (700, 14), (500, 2)] {
        server.advance(Duration::from_millis(after_ms));
        assert_eq!(
            count(&mut clients, 503),
            refused,
            "after {after_ms} ms more"
        );
    }
    server.advance(4 * SECOND);
    assert_eq!(count(&mut clients, 200), 2);
}

#[test]
fn who_has_the_time_waits() {
    let quick = async || sleep(SECOND).await;
    let route = quick.concurrency(1).queue(100).deadline(6 * SECOND);
    let route = route.patience(Patience::of(10 * SECOND));
    let server = Server::new(Router::new().get("/slow", route));
    let mut first = ask(&server, 1);
    server.advance(SECOND);
    assert_eq!(count(&mut first, 200), 1);
    let mut clients = ask(&server, 10);
    assert_eq!(count(&mut clients, 503), 4);
    for _ in 0..6 {
        server.advance(SECOND);
    }
    assert_eq!(count(&mut clients, 200), 6);
    assert_eq!(server.stats().r#async.timed_out, 0);
}
