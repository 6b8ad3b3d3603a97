//! Each request of a lane is counted once: it waits, it runs, it has ended, or it was turned away.

use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use container::handler::{Cancellation, Endpoint, Priority};
use container::message::HeaderName;
use container::scheduler::{LaneStats, ShedReason, Stage};
use container::testing::{Client, Server};
use container::{Handler, Router, blocking, inline, sleep};
use tests::get;

const SECOND: Duration = Duration::from_secs(1);

async fn slow() {
    sleep(SECOND).await;
}

fn lanes(server: &Server) -> [LaneStats; 3] {
    let stats = server.stats();
    [stats.inline, stats.r#async, stats.blocking]
}

/// How many wait, run, have ended, and were turned away, in all lanes.
fn places(server: &Server) -> [u64; 4] {
    lanes(server).iter().fold([0; 4], |sum, lane| {
        let own = [
            lane.queued,
            lane.running,
            lane.finished,
            lane.turned_away.all(),
        ];
        assert_eq!(own.iter().sum::<u64>(), lane.received());
        std::array::from_fn(|place| sum[place] + own[place])
    })
}

fn ask<'a>(server: &'a Server, paths: &[&str]) -> Vec<Client<'a>> {
    let ask = |path: &&str| {
        let mut client = server.connect();
        client.send_only(get(path));
        client
    };
    let clients = paths.iter().map(ask).collect();
    server.turn();
    clients
}

/// One request by itself ends or is turned away, whatever it comes to.
#[test]
fn whatever_a_request_comes_to() {
    /// One that has to be made by a call that fails.
    async fn broken() {
        panic!("as asked");
    }
    let router = || {
        Router::new()
            .get("/inline", inline(|| "at once"))
            .get("/inline/panics", inline(|| -> &str { panic!("as asked") }))
            .get("/inline/limited", inline(|| "at once").concurrency(1))
            .get("/async", async || "later")
            .get("/async/slow", slow)
            .get("/async/limited", slow.concurrency(1))
            .get("/async/panics", broken)
            .get("/async/too-slow", slow.deadline(SECOND / 2))
            .get("/blocking", blocking(|| "at once"))
            .get(
                "/blocking/panics",
                blocking(|| -> &str { panic!("as asked") }),
            )
            .get("/blocking/limited", blocking(|| "at once").concurrency(1))
    };
    let check = |path: &str, field: &str, [ended, turned_away]: [u64; 2], others: [u64; 3]| {
        let server = Server::with_config(router(), |config| {
            config.deadline_field = Some(HeaderName::from_static("request-timeout"));
        });
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{field}\r\n"));
        server.advance(SECOND * 2);
        assert_ne!(client.received(), "", "{path}");
        assert_eq!(
            places(&server),
            [0, 0, ended, turned_away],
            "{path} {field}"
        );
        let seen = lanes(&server)
            .iter()
            .fold([0; 3], |[late, gone, broken], lane| {
                [
                    late + lane.timed_out,
                    gone + lane.cancelled,
                    broken + lane.panicked,
                ]
            });
        assert_eq!(seen, others, "{path} {field}");
    };
    for lane in ["inline", "async", "blocking"] {
        check(&format!("/{lane}"), "", [1, 0], [0, 0, 0]);
        check(&format!("/{lane}/limited"), "", [1, 0], [0, 0, 0]);
        check(&format!("/{lane}/panics"), "", [1, 0], [0, 0, 1]);
        let no_time = "Request-Timeout: 0\r\n";
        check(&format!("/{lane}"), no_time, [0, 1], [1, 0, 0]);
        check(&format!("/{lane}/limited"), no_time, [0, 1], [1, 0, 0]);
    }
    check("/async/too-slow", "", [1, 0], [1, 0, 0]);
    check("/async/slow", "", [1, 0], [0, 0, 0]);
}

/// A blocking handler that says that it has begun, and runs until it is told to stop.
fn stuck() -> (Endpoint, Receiver<()>) {
    let (begun, begins) = mpsc::channel();
    let begun = Mutex::new(begun);
    let stuck = blocking(move |cancellation: Cancellation| {
        begun.lock().unwrap().send(()).unwrap();
        cancellation.wait_timeout(SECOND * 3600);
    });
    (stuck, begins)
}

/// Who waits for a thread does not count as running, nor who got none as finished.
#[test]
fn who_waits_for_a_thread_does_not_run() {
    let (stuck, begins) = stuck();
    let router = Router::new()
        .get("/stuck", stuck)
        .get("/next", blocking(|| "done"));
    let server = Server::with_config(router, |config| {
        (config.blocking.threads, config.blocking.queue) = (1, 2);
    });
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    clients[0].send_only(get("/stuck"));
    server.turn();
    assert_eq!(begins.recv(), Ok(()));
    for client in &mut clients[1..] {
        client.send_only(get("/next"));
    }
    server.turn();
    assert_eq!(places(&server), [2, 1, 0, 1]);
    let lane = server.stats().blocking;
    assert_eq!((lane.shed, lane.waited), (1, 2));
    assert_eq!(lane.turned_away.count(Stage::Pool, ShedReason::Full), 1);
    clients[2].cut();
    server.turn();
    assert_eq!(places(&server), [1, 1, 0, 2]);
    clients[0].cut();
    server.run();
    assert_eq!(places(&server), [0, 0, 2, 2]);
    let lane = server.stats().blocking;
    assert_eq!((lane.cancelled, lane.received()), (2, 4));
}

/// A thread goes on with a handler that is told to stop and does not: so it still runs.
#[test]
fn who_does_not_stop_still_runs() {
    let (begun, begins) = mpsc::channel();
    let (end, ends) = mpsc::channel();
    let (begun, ends) = (Mutex::new(begun), Mutex::new(ends));
    let deaf = blocking(move || {
        begun.lock().unwrap().send(()).unwrap();
        ends.lock().unwrap().recv().unwrap();
    });
    let server = Server::new(Router::new().get("/", deaf));
    let clients = ask(&server, &["/"]);
    assert_eq!(begins.recv(), Ok(()));
    clients[0].cut();
    server.turn();
    assert_eq!(server.stats().blocking.cancelled, 1);
    assert_eq!(places(&server), [0, 1, 0, 0]);
    end.send(()).expect("it waits for that");
    server.run();
    assert_eq!(places(&server), [0, 0, 1, 0]);
}

/// All the ways out of the queue for threads.
#[test]
fn who_leaves_the_queue_for_threads_is_turned_away_once() {
    let job = || blocking(|| "done");
    let router = Router::new()
        .get("/normal", job())
        .get("/hurried", job().deadline(SECOND))
        .get("/background", job().priority(Priority::Background));
    let server = Server::without_threads(router, |config| {
        (config.blocking.threads, config.blocking.queue) = (1, 3);
        config.blocking.patience.longest = SECOND * 3;
    });
    let count = |reason| {
        let turned_away = server.stats().blocking.turned_away;
        turned_away.count(Stage::Pool, reason)
    };
    let clients = ask(&server, &["/hurried", "/hurried", "/normal", "/background"]);
    assert_eq!(places(&server), [4, 0, 0, 0]);
    let _displaces = ask(&server, &["/normal"]);
    assert_eq!(places(&server), [4, 0, 0, 1]);
    assert_eq!(count(ShedReason::Displaced), 1);
    let _too_many = ask(&server, &["/normal"]);
    assert_eq!(places(&server), [4, 0, 0, 2]);
    assert_eq!(count(ShedReason::Full), 1);
    server.advance(SECOND);
    assert_eq!(places(&server), [2, 0, 0, 4]);
    assert_eq!(
        (count(ShedReason::Expired), count(ShedReason::Hopeless)),
        (1, 1)
    );
    clients[2].cut();
    server.turn();
    assert_eq!(places(&server), [1, 0, 0, 5]);
    assert_eq!(count(ShedReason::Gone), 1);
    let _runs = ask(&server, &["/normal"]);
    server.run_blocking(0);
    assert_eq!(places(&server), [1, 0, 1, 5]);
    server.advance(SECOND * 3);
    assert_eq!(places(&server), [0, 0, 1, 6]);
    assert_eq!(count(ShedReason::Waited), 1);
    assert_eq!(server.stats().blocking.received(), 7);
}

/// What a pool that stops does not begin.
#[test]
fn a_pool_that_stops_turns_away_who_waits() {
    let server = Server::without_threads(Router::new().get("/", blocking(|| "done")), |_| {});
    let _clients = ask(&server, &["/", "/"]);
    server.close();
    let lane = server.stats().blocking;
    assert_eq!((lane.received(), lane.turned_away.all()), (2, 2));
}
