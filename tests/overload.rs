//! Full is said at once, and panics and vanished clients cost nothing but themselves.

#[path = "overload/bodies.rs"]
mod bodies;
#[path = "overload/budgets.rs"]
mod budgets;
#[path = "overload/counts.rs"]
mod counts;
#[path = "overload/deadlines.rs"]
mod deadlines;
#[path = "overload/experiment.rs"]
mod experiment;
#[path = "overload/hopeless.rs"]
mod hopeless;
#[path = "overload/leaks.rs"]
mod leaks;
#[path = "overload/loopback.rs"]
mod loopback;

use std::time::Duration;

use container::testing::Server;
use container::{Handler, Router, blocking};
use tests::{application, get, read_answers, server};

fn status(wire: &str) -> u16 {
    read_answers(wire, &[])
        .last()
        .map_or(0, |answer| answer.status)
}

#[test]
fn a_route_with_a_limit_queues_then_sheds() {
    let server = server();
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/one-at-a-time"));
    }
    let refused = read_answers(&clients[2].received(), &[]);
    assert_eq!(
        (refused[0].status, refused[0].field("retry-after")),
        (503, Some("1"))
    );
    assert!(!clients[2].is_closed(), "the connection stays");
    let stats = server.stats().r#async;
    assert_eq!((stats.running, stats.queued, stats.shed), (1, 1, 1));
    server.advance(Duration::from_secs(1));
    assert_eq!(status(&clients[0].received()), 200);
    assert_eq!(clients[1].received(), "");
    server.advance(Duration::from_secs(1));
    assert_eq!(status(&clients[1].received()), 200);
    let stats = server.stats().r#async;
    assert_eq!((stats.running, stats.queued, stats.finished), (0, 0, 2));
}

#[test]
fn a_full_blocking_queue_is_503() {
    let router = Router::new().get("/done", blocking(|| "done"));
    let server = Server::without_threads(router, |config| {
        (config.blocking.threads, config.blocking.queue) = (1, 2);
    });
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/done"));
    }
    let last = clients.pop().map(|mut last| last.received());
    assert_eq!(last.as_deref().map(status), Some(503));
    assert_eq!(server.stats().blocking.shed, 1);
    for client in &mut clients {
        assert_eq!(client.received(), "");
        server.run_blocking(0);
        assert_eq!(status(&client.received()), 200);
    }
}

#[test]
fn a_panic_is_a_500_and_a_counter() {
    let server = server();
    let mut client = server.connect();
    for lane in ["inline", "async", "blocking"] {
        client.send(get(&format!("/panic/{lane}")));
        assert_eq!(status(&client.received()), 500, "{lane}");
    }
    client.send(get("/"));
    assert_eq!(status(&client.received()), 200, "the connection lives on");
    let stats = server.stats();
    let panicked = [stats.inline, stats.r#async, stats.blocking].map(|lane| lane.panicked);
    assert_eq!(panicked, [1, 1, 1]);
    let running = [stats.inline, stats.r#async, stats.blocking].map(|lane| lane.running);
    assert_eq!(running, [0, 0, 0]);
}

#[test]
fn a_reset_cancels_a_get_at_once() {
    let server = server();
    let mut client = server.connect();
    client.send(get("/slow"));
    client.reset();
    let stats = server.stats().r#async;
    assert_eq!((stats.cancelled, stats.running, server.tasks()), (1, 0, 0));
}

#[test]
fn a_client_that_closes_is_found_out_and_its_get_cancelled() {
    let server = server();
    let mut client = server.connect();
    client.send(get("/hurried"));
    client.close();
    assert_eq!(
        server.stats().r#async.running,
        1,
        "it may merely have finished sending"
    );
    server.advance(Duration::from_secs(1));
    let stats = server.stats().r#async;
    assert_eq!((stats.cancelled, stats.running, server.tasks()), (1, 0, 0));
}

#[test]
fn a_post_is_finished_without_its_client() {
    let server = server();
    let mut client = server.connect();
    client.send("POST /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    client.reset();
    assert_eq!(server.stats().r#async.running, 1);
    server.advance(Duration::from_secs(1));
    let stats = server.stats().r#async;
    assert_eq!((stats.finished, stats.cancelled, server.tasks()), (1, 0, 0));
}

#[test]
fn a_blocking_handler_is_told_that_its_client_has_gone() {
    let server = Server::new(application());
    let mut client = server.connect();
    client.send_only(get("/until-cancelled"));
    // One turn begins the handler; only then is the connection cut, since a run would wait for it.
    server.turn();
    client.cut();
    server.run();
    assert_eq!(server.stats().blocking.cancelled, 1);
}

#[test]
fn a_broken_answer_resets_the_connection() {
    let server = server();
    let mut client = server.connect();
    client.send(get("/broken"));
    client.received();
    assert!(client.was_reset());
    assert_eq!(server.tasks(), 0);
}

#[test]
fn a_limit_and_a_deadline_belong_together() {
    let stuck = async || container::sleep(Duration::from_secs(60)).await;
    let route = stuck
        .concurrency(1)
        .queue(5)
        .deadline(Duration::from_secs(3));
    let server = Server::new(Router::new().get("/stuck", route));
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/stuck"));
    }
    server.advance(Duration::from_secs(3));
    for client in &mut clients {
        assert_eq!(status(&client.received()), 503);
    }
    let stats = server.stats().r#async;
    assert_eq!((stats.running, stats.queued), (0, 0));
}
