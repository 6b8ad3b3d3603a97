//! Each budget by itself: what it counts, whom it refuses, and who stands above it.

use std::time::Duration;

use container::extract::{Path, State};
use container::handler::{Patience, Priority};
use container::message::HeaderName;
use container::scheduler::{SharedGate, ShedReason, Stage};
use container::testing::{Client, Server};
use container::{Config, Handler, Problem, Router, blocking, sleep};
use tests::get;

use crate::status;

const SECOND: Duration = Duration::from_secs(1);

async fn slow() -> &'static str {
    sleep(SECOND).await;
    "slow"
}

fn router() -> Router {
    Router::new()
        .get("/a", slow)
        .get("/b", slow)
        .get("/critical", slow.priority(Priority::Critical))
        .get("/background", slow.priority(Priority::Background))
}

/// Asks for each path over a connection of its own; the statuses of those answered by the second.
fn check(change: impl FnOnce(&mut Config), paths: &[(&str, &[u16])]) -> Server {
    let server = Server::with_config(router(), change);
    let mut clients: Vec<Client<'_>> = paths
        .iter()
        .map(|(path, _)| {
            let mut client = server.connect();
            client.send(get(path));
            client
        })
        .collect();
    let mut seen = vec![vec![]; paths.len()];
    for _ in 0..4 {
        for (client, seen) in clients.iter_mut().zip(&mut seen) {
            let answer = client.received();
            if !answer.is_empty() {
                assert!(!client.is_closed(), "the connection stays");
                seen.push(status(&answer));
            }
            // Nothing yet: 0.
            if seen.is_empty() || answer.is_empty() && *seen.last().unwrap_or(&0) == 0 {
                seen.push(0);
            }
        }
        server.advance(SECOND);
    }
    for ((path, expected), seen) in paths.iter().zip(&seen) {
        assert_eq!(seen, expected, "{path}");
    }
    drop(clients);
    server
}

#[test]
fn the_container_has_a_budget_of_its_own() {
    let server = check(
        |config| config.budgets.container.limit(2),
        &[
            ("/a", &[0, 200]),
            ("/b", &[0, 200]),
            ("/a", &[503]),
            ("/critical", &[0, 200]),
        ],
    );
    let turned_away = server.stats().r#async.turned_away;
    assert_eq!(turned_away.count(Stage::Container, ShedReason::Full), 1);
    let budget = server.budgets().container.expect("it has one");
    assert_eq!((budget.limit, budget.inside), (2, 0));
}

#[test]
fn a_lane_has_a_budget_and_a_queue() {
    let server = check(
        |config| {
            config.budgets.r#async.limit(1);
            config.budgets.r#async.queue = 1;
        },
        &[("/a", &[0, 200]), ("/b", &[0, 0, 200]), ("/a", &[503])],
    );
    let stats = server.stats().r#async;
    assert_eq!(
        (stats.shed, stats.waited, stats.waited_us),
        (1, 1, 1_000_000)
    );
    assert_eq!(stats.turned_away.count(Stage::Lane, ShedReason::Full), 1);
}

#[test]
fn background_gives_its_place_in_the_queue_to_others() {
    let server = check(
        |config| {
            config.budgets.r#async.limit(1);
            config.budgets.r#async.queue = 1;
        },
        &[
            ("/a", &[0, 200]),
            ("/background", &[503]),
            ("/b", &[0, 0, 200]),
        ],
    );
    let turned_away = server.stats().r#async.turned_away;
    assert_eq!(turned_away.count(Stage::Lane, ShedReason::Displaced), 1);
}

#[test]
fn nobody_waits_longer_than_the_longest_wait() {
    let server = check(
        |config| {
            config.budgets.r#async.limit(1);
            config.budgets.r#async.queue = 1;
            config.budgets.patience.longest = SECOND / 2;
        },
        &[("/a", &[0, 200]), ("/b", &[0, 503])],
    );
    let turned_away = server.stats().r#async.turned_away;
    assert_eq!(turned_away.count(Stage::Lane, ShedReason::Waited), 1);
}

/// Whoever waits at his route's gate takes nothing from the other routes of the lane.
#[test]
fn who_waits_for_a_narrow_budget_holds_nothing_of_a_wide_one() {
    let router = Router::new()
        .get("/narrow", slow.concurrency(1).queue(5))
        .get("/other", slow);
    let server = Server::with_config(router, |config| config.budgets.container.limit(2));
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for (client, path) in clients
        .iter_mut()
        .zip(["/narrow", "/narrow", "/narrow", "/other"])
    {
        client.send(get(path));
    }
    let (narrow, wide) = (server.route_budget(0), server.budgets().container);
    assert_eq!(narrow.map(|gate| (gate.inside, gate.waiting)), Some((1, 2)));
    assert_eq!(wide.map(|gate| (gate.inside, gate.waiting)), Some((2, 0)));
}

#[test]
fn idle_connections_are_no_load() {
    let server = Server::with_config(router(), |config| config.budgets.container.limit(1));
    let mut clients: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(get("/a"));
        server.advance(SECOND);
        assert_eq!(status(&client.received()), 200);
    }
    assert_eq!(server.stats().connections, 50);
}

/// The limit finds itself: a handler that slows down with more than four at once ends up with about
/// that many.
#[test]
fn an_adaptive_route_finds_its_capacity() {
    use std::cell::Cell;
    thread_local! { static INSIDE: Cell<u32> = const { Cell::new(0) } }
    async fn crowded() {
        INSIDE.set(INSIDE.get() + 1);
        let crowd = INSIDE.get().max(4);
        sleep(Duration::from_millis(10) * crowd / 4).await;
        INSIDE.set(INSIDE.get() - 1);
    }
    let route = crowded.adaptive().queue(100);
    let server = Server::new(Router::new().get("/crowded", route));
    let mut clients: Vec<_> = (0..30).map(|_| server.connect()).collect();
    for _ in 0..2000 {
        for client in &mut clients {
            // Each asks again as soon as it is answered; at first, at once.
            if !client.received().is_empty() || server.stats().served == 0 {
                client.send_only(get("/crowded"));
            }
        }
        server.advance(Duration::from_millis(5));
    }
    let limit = server.route_budget(0).map(|gate| gate.limit);
    assert!(
        limit.is_some_and(|limit| (4..=8).contains(&limit)),
        "{limit:?}"
    );
}

/// Requests that run out of time shrink an adaptive limit, also those that had waited for it.
#[test]
fn requests_that_run_out_of_time_shrink_an_adaptive_limit() {
    async fn stuck() {
        sleep(SECOND * 3600).await;
    }
    let route = stuck.adaptive().queue(100).deadline(SECOND);
    let server = Server::new(Router::new().get("/stuck", route));
    let limit = || server.route_budget(0).map(|gate| gate.limit);
    assert_eq!(limit(), Some(4));
    let mut clients: Vec<_> = (0..40).map(|_| server.connect()).collect();
    for _ in 0..20 {
        for client in &mut clients {
            client.received();
            client.send_only(get("/stuck"));
            server.advance(SECOND / 20);
        }
    }
    assert_eq!(limit(), Some(1));
}

/// Requests that run out of the time that their clients gave them shrink nothing: a client may ask for
/// less than any answer takes.
#[test]
fn a_clients_own_deadline_teaches_an_adaptive_limit_nothing() {
    let check = |timeout: &str, expected: usize| {
        let route = slow.adaptive().deadline(SECOND / 2);
        let server = Server::with_config(Router::new().get("/slow", route), |config| {
            config.deadline_field = Some(HeaderName::from_static("request-timeout"));
        });
        let mut client = server.connect();
        for _ in 0..4 {
            client.send(format!(
                "GET /slow HTTP/1.1\r\nHost: a\r\nRequest-Timeout: {timeout}\r\n\r\n"
            ));
            server.advance(SECOND);
            assert_eq!(status(&client.received()), 503);
        }
        let limit = server.route_budget(0).map(|gate| gate.limit);
        assert_eq!(limit, Some(expected), "{timeout} s");
    };
    check("0.4", 4);
    check("0.5", 2);
    check("9", 2);
    check("none", 2);
}

/// Requests whose arguments cannot be made are over at once: the work would seem to take no time, and
/// whatever it takes too long.
#[test]
fn rejected_requests_teach_an_adaptive_limit_nothing() {
    let work = async |Path(ms): Path<u64>| sleep(Duration::from_millis(ms)).await;
    let server = Server::new(Router::new().get("/work/{ms}", work.adaptive().queue(100)));
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    let mut ask = |path: &str, expected: u16| {
        for _ in 0..20 {
            for client in &mut clients {
                client.send(get(path));
            }
            server.advance(Duration::from_millis(20));
            for client in &mut clients {
                assert_eq!(status(&client.received()), expected);
            }
        }
        server.route_budget(0).map_or(0, |gate| gate.limit)
    };
    assert_eq!(ask("/work/none", 400), 4);
    assert!(ask("/work/20", 200) >= 4);
}

#[test]
fn routes_share_a_gate_for_a_part_of_what_they_do() {
    let gate = SharedGate::new(1, 1, Patience::of(2 * SECOND));
    let handler = async |State(gate): State<SharedGate>| {
        let permit = gate.enter().await?;
        sleep(SECOND).await;
        drop(permit);
        // What comes after it is in nobody's way.
        sleep(9 * SECOND).await;
        Ok::<_, Problem>("done")
    };
    let router = Router::new().get("/a", handler).get("/b", handler);
    let server = Server::new(router.state(gate.clone()));
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    let paths = ["/a", "/b", "/a", "/b"];
    for (client, path) in clients.iter_mut().zip(paths) {
        client.send(get(path));
    }
    let inside = || gate.stats().map(|stats| (stats.inside, stats.waiting));
    assert_eq!(inside(), Some((1, 1)));
    for client in &mut clients[2..] {
        assert_eq!(status(&client.received()), 503);
    }
    // Who goes leaves the queue, and who gives up inside gives the place back.
    clients[1].reset();
    assert_eq!(inside(), Some((1, 0)));
    clients[0].reset();
    assert_eq!(inside(), Some((0, 0)));
    clients[2].send(get("/a"));
    clients[3].send(get("/b"));
    for (client, seconds) in clients[2..].iter_mut().zip([10, 1]) {
        server.advance(seconds * SECOND);
        assert!(client.received().ends_with("done"));
    }
}

/// A blocking job that waits for a thread leaves with its client, and its permit with it.
#[test]
fn a_job_without_a_client_holds_no_permit() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let busy = move || {
        held.lock()
            .map(|held| held.recv().is_ok())
            .is_ok()
            .to_string()
    };
    let router = Router::new()
        .get("/busy", blocking(busy))
        .get("/limited", blocking(|| "limited").concurrency(1));
    let server = Server::with_config(router, |config| config.blocking.threads = 1);
    let (mut first, second) = (server.connect(), server.connect());
    first.send_only(get("/busy"));
    server.turn();
    let mut second = second;
    second.send_only(get("/limited"));
    server.turn();
    let inside = || server.route_budget(1).map(|gate| gate.inside);
    assert_eq!((inside(), server.pool().queued), (Some(1), 1));
    second.cut();
    server.turn();
    server.turn();
    assert_eq!((inside(), server.pool().queued), (Some(0), 0));
    let stats = server.stats().blocking;
    let gone = stats.turned_away.count(Stage::Pool, ShedReason::Gone);
    assert_eq!((gone, stats.cancelled, stats.shed), (1, 1, 0));
    hold.send(()).expect("it waits");
    assert_eq!(status(&first.received()), 200);
}
