//! Nothing leaks: what was cancelled gives back all it held.

use std::time::Duration;

use container::testing::{Client, Server};
use container::{Handler, Router, blocking, detach, sleep};
use tests::get;

use crate::status;

const SECOND: Duration = Duration::from_secs(1);

/// Requests that are cancelled, in bursts of so many.
const CANCELLED: usize = 100_000;
const BURST: usize = 100;

async fn stuck() {
    sleep(SECOND * 3600).await;
}

/// Of each burst some run, some wait, some are refused; then all clients go.
#[test]
fn a_hundred_thousand_cancelled_requests_leave_nothing_behind() {
    let route = stuck.concurrency(BURST / 2).queue(BURST / 4);
    let router = Router::new().get("/stuck", route.deadline(SECOND * 10));
    let server = Server::with_config(router, |config| {
        config.budgets.container.limit(BURST / 3);
        config.budgets.container.queue = BURST;
    });
    for _ in 0..CANCELLED / BURST {
        let clients: Vec<_> = (0..BURST)
            .map(|_| {
                let mut client = server.connect();
                client.send_only(get("/stuck"));
                client
            })
            .collect();
        server.run();
        let stats = server.stats().r#async;
        assert_eq!((stats.running, stats.queued), (33, 42));
        clients.iter().for_each(Client::cut);
        server.run();
    }
    let stats = server.stats();
    let lane = stats.r#async;
    assert_eq!((lane.running, lane.queued), (0, 0));
    assert_eq!((stats.connections, server.tasks()), (0, 0));
    assert_eq!(lane.cancelled + lane.shed, CANCELLED as u64);
    for gate in [server.route_budget(0), server.budgets().container] {
        let gate = gate.expect("it has a limit");
        assert_eq!((gate.inside, gate.waiting), (0, 0));
    }
}

/// The same on the pool, whose jobs cannot be dropped once they have begun.
#[test]
fn cancelled_blocking_requests_leave_nothing_behind() {
    let until_cancelled = |cancellation: container::handler::Cancellation| {
        cancellation.wait_timeout(SECOND * 3600).to_string()
    };
    let route = blocking(until_cancelled).concurrency(8);
    let router = Router::new().get("/stuck", route);
    let server = Server::with_config(router, |config| config.blocking.threads = 4);
    for _ in 0..250 {
        let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send_only(get("/stuck"));
        }
        server.turn();
        clients.iter().for_each(Client::cut);
        server.run();
    }
    let (lane, pool) = (server.stats().blocking, server.pool());
    assert_eq!((lane.running, lane.cancelled), (0, 2000));
    assert_eq!((pool.queued, server.tasks()), (0, 0));
    let gate = server.route_budget(0).expect("it has a limit");
    assert_eq!((gate.inside, gate.waiting), (0, 0));
}

fn detaching(limit: usize) -> Server {
    async fn order() -> &'static str {
        match detach(async { sleep(SECOND * 5).await }) {
            Ok(()) => "later",
            Err(work) => {
                work.await;
                "now"
            }
        }
    }
    Server::with_config(Router::new().post("/order", order), |config| {
        config.detached = limit;
        config.drain = SECOND * 7;
    })
}

const ORDER: &str = "POST /order HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_drain_waits_for_detached_work() {
    let server = detaching(1);
    let mut clients = [server.connect(), server.connect()];
    clients.iter_mut().for_each(|client| client.send(ORDER));
    let [mut first, mut second] = clients;
    assert!(first.received().ends_with("later"));
    assert_eq!(
        (second.received(), server.stats().detached),
        (String::new(), 1)
    );
    server.drain();
    server.advance(SECOND * 5);
    assert!(second.received().ends_with("now"));
    assert_eq!((server.stats().detached, server.stats().cut), (0, 0));
}

#[test]
fn the_end_of_the_drain_cuts_detached_work_and_counts_it() {
    let server = detaching(10);
    let mut client = server.connect();
    client.send(ORDER);
    assert_eq!(status(&client.received()), 200);
    server.advance(SECOND);
    server.drain();
    server.advance(SECOND * 3);
    client.send(ORDER);
    server.close();
    assert_eq!(server.stats().cut, 1);
}
