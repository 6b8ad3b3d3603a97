//! Health, metrics and stats: for those who restart, send traffic, and collect.

use std::time::Duration;

use container::handler::Lane;
use container::router::Found;
use container::scheduler::{ShedReason, Stage};
use container::testing::Server;
use container::{Handler, Router, admin, blocking, inline, sleep};
use serde_json::{Value, json};
use tests::exposition::Metrics;
use tests::loopback::{address, builder, connect, receive, send, start, stop, until};
use tests::{get, read_answers};

fn router() -> Router {
    applications().merge(admin::health())
}

fn applications() -> Router {
    let nested = Router::new().fallback(inline(|| "below"));
    Router::new()
        .get("/quick", inline(|| "quick"))
        .get("/slow", slow)
        .get("/one", slow.concurrency(1).queue(1))
        .get("/blocking", blocking(|| "blocking"))
        .any("/any", inline(|| "any"))
        .get("/quotes\"{id}\\", inline(|| "quoted"))
        .nest("/below", nested)
}

async fn slow() -> &'static str {
    sleep(Duration::from_secs(1)).await;
    "slow"
}

/// The body of the admin's answer about `watched`.
#[track_caller]
fn ask(watched: &Server, path: &str) -> String {
    let admin = Server::new(admin::routes(watched.handle()));
    let mut answers = read_answers(&admin.exchange(&get(path)), &[]);
    let answer = answers.remove(0);
    assert_eq!(
        (answer.status, answer.field("cache-control")),
        (200, Some("no-store"))
    );
    answer.body
}

/// Sends these requests, each over a connection of its own, and lets them end.
fn serve(paths: &[&str]) -> Server {
    let server = Server::new(router());
    let mut clients: Vec<_> = paths.iter().map(|_| server.connect()).collect();
    for (client, path) in clients.iter_mut().zip(paths) {
        client.send(get(path));
    }
    server.advance(Duration::from_secs(5));
    drop(clients);
    server.run();
    server
}

#[test]
fn metrics_are_what_collectors_read() {
    let server = serve(&[
        "/quick",
        "/quick",
        "/slow",
        "/one",
        "/one",
        "/one",
        "/blocking",
        "/nowhere",
    ]);
    let metrics = Metrics::read(&ask(&server, "/-/metrics"));
    let value = |name: &str, labels: &[(&str, &str)]| metrics.value(name, labels);
    let requests = |route, status| {
        value(
            "container_requests_total",
            &[("route", route), ("status", status)],
        )
    };
    assert_eq!(requests("/quick", "2xx"), 2.0);
    assert_eq!(
        (requests("/one", "2xx"), requests("/one", "5xx")),
        (2.0, 1.0)
    );
    assert_eq!(requests("-", "4xx"), 1.0);
    let ran = |suffix: &str, labels: &[(&str, &str)]| {
        value(&format!("container_request_ran_seconds{suffix}"), labels)
    };
    assert_eq!(
        ran(
            "_sum",
            &[("route", "/slow"), ("method", "GET"), ("lane", "async")]
        ),
        1.0
    );
    assert_eq!(ran("_bucket", &[("route", "/slow"), ("le", "0.5")]), 0.0);
    assert_eq!(ran("_bucket", &[("route", "/slow"), ("le", "1")]), 1.0);
    let waited = |suffix: &str| {
        value(
            &format!("container_request_waited_seconds{suffix}"),
            &[("route", "/one")],
        )
    };
    assert_eq!((waited("_sum"), waited("_count")), (1.0, 3.0));
    // One was refused: how quickly says nothing of how long handlers run.
    assert_eq!(ran("_count", &[("route", "/one")]), 2.0);
    assert_eq!(
        value("container_answer_bytes_total", &[("route", "/quick")]),
        10.0
    );
    assert_eq!(
        value("container_requests_shed_total", &[("lane", "async")]),
        1.0
    );
    assert_eq!(value("container_answers_total", &[]), 8.0);
    assert_eq!(value("container_phase", &[("phase", "running")]), 1.0);
    assert_eq!(value("container_phase", &[("phase", "draining")]), 0.0);
    assert_eq!(value("container_log_lines_dropped_total", &[]), 0.0);
    assert_eq!(value("container_connections_accepted_total", &[]), 8.0);
    assert_eq!(
        value("container_connections_refused_total", &[("by", "peer")]),
        0.0
    );
    for (route, thread) in [
        ("/quick", "worker"),
        ("/blocking", "blocking"),
        ("-", "worker"),
    ] {
        let labels = [("route", route), ("thread", thread)];
        assert_eq!(value("container_holds_total", &labels), 0.0);
    }
    assert_eq!(
        value("container_longest_hold_seconds", &[("thread", "worker")]),
        0.0
    );
    assert_eq!(value("container_worker_load_skew", &[("worker", "0")]), 0.0);
    assert_eq!(value("container_blocking_overloaded", &[]), 0.0);
    assert_eq!(
        value("container_worker_answers_total", &[("worker", "0")]),
        8.0
    );
}

#[test]
fn work_that_outlives_its_answer_is_told() {
    let leave = async || {
        let left = container::detach(sleep(Duration::from_secs(9)));
        assert!(left.is_ok(), "there is room");
        "left"
    };
    let server = Server::new(Router::new().get("/leave", leave));
    let running = || {
        let metrics = Metrics::read(&ask(&server, "/-/metrics"));
        metrics.value("container_detached_running", &[])
    };
    let mut client = server.connect();
    client.send(get("/leave"));
    assert!(client.received().ends_with("left"));
    assert_eq!(running(), 1.0);
    server.advance(Duration::from_secs(9));
    assert_eq!(running(), 0.0);
}

#[test]
fn metrics_say_who_was_turned_away_and_by_which_budget() {
    let server = Server::with_config(router(), |config| {
        config.budgets.container.limit(3);
        config.connections_per_peer = Some(9);
    });
    let mut clients: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for (client, path) in clients
        .iter_mut()
        .zip(["/one", "/one", "/one", "/slow", "/slow"])
    {
        client.send(get(path));
    }
    let metrics = Metrics::read(&ask(&server, "/-/metrics"));
    let budget = |name: &str, of: &str| {
        metrics.value(&format!("container_budget_{name}"), &[("budget", of)])
    };
    for (of, expected) in [
        ("container", [3.0, 3.0, 0.0, 0.0]),
        ("GET /one", [1.0, 1.0, 1.0, 0.0]),
    ] {
        let told = ["limit", "inside", "waiting", "overloaded"].map(|name| budget(name, of));
        assert_eq!(told, expected, "{of}");
    }
    let away = |stage, reason| {
        let labels = [("lane", "async"), ("stage", stage), ("reason", reason)];
        metrics.value("container_requests_turned_away_total", &labels)
    };
    for stage in Stage::ALL {
        for reason in ShedReason::ALL {
            let is_one = stage == Stage::Route && reason == ShedReason::Full;
            let expected = f64::from(u8::from(is_one));
            assert_eq!(away(stage.name(), reason.name()), expected);
        }
    }
    let stats: Value = serde_json::from_str(&ask(&server, "/-/stats")).expect("JSON");
    let one = json!([{ "stage": "route", "reason": "full", "count": 1 }]);
    assert_eq!(stats["lanes"][1]["turned_away"], one);
    let container = json!({
        "stage": "container", "budget": "container",
        "limit": 3, "inside": 3, "waiting": 0, "overloaded": false,
    });
    assert_eq!(stats["budgets"][0], container);
}

#[test]
fn every_route_has_a_series_of_its_own() {
    let server = serve(&["/any", "/below/x", "/quotes%22"]);
    let metrics = Metrics::read(&ask(&server, "/-/metrics"));
    let routes = router().build().expect("the table is valid");
    for route in &routes {
        let method = route.method.as_ref().map_or("*", |method| method.as_str());
        let lane = if route.endpoint.policy().lane == Lane::Inline {
            "inline"
        } else {
            "async"
        };
        let labels = [
            ("route", &*route.template),
            ("method", method),
            ("status", "2xx"),
        ];
        metrics.value("container_requests_total", &labels);
        assert!(lane == "inline" || !route.template.starts_with("/any"));
    }
    let value = |route| {
        metrics.value(
            "container_requests_total",
            &[("route", route), ("status", "2xx")],
        )
    };
    assert_eq!((value("/any"), value("fallback:/below")), (1.0, 1.0));
    assert_eq!(value("/quotes\"{id}\\"), 0.0);
    let Found::Route(found) = routes.find(&container::message::Method::PUT, "/any") else {
        panic!("it takes any method");
    };
    assert_eq!(
        (&*found.route.template, &found.route.method),
        ("/any", &None)
    );
}

#[test]
fn stats_are_json_and_say_what_happens_now() {
    let server = Server::new(router());
    let mut clients = [
        server.connect(),
        server.connect(),
        server.connect(),
        server.connect(),
    ];
    clients[0].send(get("/slow"));
    clients[1].send(get("/one"));
    clients[2].send(get("/one"));
    clients[3].send(get("/quick"));
    let stats: Value = serde_json::from_str(&ask(&server, "/-/stats")).expect("JSON");
    let connections = &stats["connections"];
    assert_eq!(
        (&connections["open"], &connections["idle"]),
        (&4.into(), &1.into())
    );
    assert_eq!(
        (&connections["handling"], &connections["transferring"]),
        (&3.into(), &0.into())
    );
    let lane = &stats["lanes"][1];
    assert_eq!(
        (&lane["lane"], &lane["running"], &lane["queued"]),
        (&"async".into(), &2.into(), &1.into())
    );
    assert_eq!(
        (&stats["phase"], &stats["served"]),
        (&"running".into(), &1.into())
    );
    assert_eq!(stats["workers"][0]["in_flight"], 3);
    assert_eq!(stats["slow"], Value::Array(vec![]));
    server.advance(Duration::from_secs(3));
    let stats: Value = serde_json::from_str(&ask(&server, "/-/stats")).expect("JSON");
    let routes = stats["routes"].as_array().expect("routes");
    let slow = routes
        .iter()
        .find(|route| route["route"] == "/slow")
        .expect("it is there");
    assert_eq!(
        (&slow["outcomes"]["2xx"], &slow["ran"]["count"]),
        (&1.into(), &1.into())
    );
    assert_eq!(
        (&slow["ran"]["sum_us"], &slow["ran"]["p99_us"]),
        (&1_000_000.into(), &995_000.into())
    );
}

#[test]
fn nothing_is_counted_where_nothing_is_to_be() {
    let server = Server::with_config(router(), |config| {
        config.observe.metrics = container::observe::Metrics::Off;
    });
    server.exchange(&get("/quick"));
    let stats: Value = serde_json::from_str(&ask(&server, "/-/stats")).expect("JSON");
    assert_eq!(
        (&stats["served"], &stats["ran"]["count"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn who_drains_lives_but_is_not_ready() {
    let server = Server::with_config(router(), |config| {
        config.drain_delay = Duration::from_secs(5);
    });
    let check = |ready: &str, phase: &str| {
        let answer = server.exchange(&get("/-/ready"));
        assert!(
            answer.starts_with(ready) && answer.ends_with(phase),
            "{answer}"
        );
        assert!(
            server
                .exchange(&get("/-/live"))
                .starts_with("HTTP/1.1 200 ")
        );
    };
    check("HTTP/1.1 200 ", "running\n");
    server.drain();
    check("HTTP/1.1 503 ", "leaving\n");
    let admin = Server::new(admin::routes(server.handle()));
    assert!(
        admin
            .exchange(&get("/-/ready"))
            .starts_with("HTTP/1.1 503 ")
    );
    server.advance(Duration::from_secs(5));
    assert!(
        admin
            .exchange(&get("/-/ready"))
            .starts_with("HTTP/1.1 503 ")
    );
}

#[test]
fn events_come_each_second_until_the_drain() {
    let watched = Server::new(router());
    let admin = Server::new(admin::routes(watched.handle()));
    let mut client = admin.connect();
    client.send(get("/-/events"));
    let snapshots = |text: &str| {
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let values = data.map(|data| serde_json::from_str::<Value>(data).expect("JSON"));
        values
            .map(|value| value["served"].as_u64().expect("a number"))
            .collect::<Vec<_>>()
    };
    let head = client.received();
    assert!(
        head.contains("\r\ncontent-type: text/event-stream\r\n"),
        "{head}"
    );
    assert_eq!(snapshots(&head), [0]);
    watched.exchange(&get("/quick"));
    admin.advance(Duration::from_secs(2));
    assert_eq!(snapshots(&client.received()), [1, 1]);
    admin.drain();
    client.received();
    assert!(client.is_closed(), "a dashboard does not hold up the end");
}

/// 64 open dashboards took all connections of the sample server's admin address.
#[test]
fn open_dashboards_leave_room_for_others() {
    let watched = Server::new(Router::new());
    let admin = Server::new(admin::routes(watched.handle()));
    let read = || {
        let mut client = admin.connect();
        client.send(get("/-/events"));
        (client.received(), client)
    };
    let mut readers: Vec<_> = (0..33).map(|_| read()).collect();
    let (refused, _) = readers.pop().expect("the last");
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("\r\nretry-after: 1\r\n"), "{refused}");
    for (answer, _) in &readers {
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let (_, mut gone) = readers.pop().expect("a reader");
    gone.reset();
    admin.run();
    assert!(read().0.starts_with("HTTP/1.1 200 "), "a place is free");
}

#[test]
fn a_busy_container_is_watched_from_beside_it() {
    let (hold, held) = tests::loopback::hold();
    let container = start(Router::new().get("/held", inline(held)));
    let admin = builder(1)
        .start(admin::routes(container.handle()))
        .expect("it starts");
    let busy = connect(&container.handle());
    send(
        &busy,
        "GET /held HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    hold.wait_begun();
    // Its only worker cannot answer anybody now.
    let watcher = connect(&admin.handle());
    send(
        &watcher,
        "GET /-/metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    let answer = receive(&watcher);
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let metrics = Metrics::read(body);
    assert_eq!(
        metrics.value("container_handlers_running", &[("lane", "inline")]),
        1.0
    );
    let is = |path: &str, status: &str, text: &str| {
        let watcher = connect(&admin.handle());
        send(
            &watcher,
            &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        );
        let answer = receive(&watcher);
        answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with(text)
    };
    until("who sends traffic is told", || {
        is("/-/ready", "503", "\r\n\r\nall workers are held\n")
    });
    hold.release();
    assert!(receive(&busy).ends_with("held"));
    until("it is over", || is("/-/ready", "200", "\r\n\r\nrunning\n"));
    assert!(is("/-/live", "200", "\r\n\r\nalive\n"));
    stop(container);
    assert!(is("/-/ready", "503", "\r\n\r\ndrained\n"));
    assert!(is("/-/live", "503", "\r\n\r\nno worker lives\n"));
    assert!(address(&admin.handle()).ip().is_loopback());
    stop(admin);
}

#[test]
fn workers_add_up() {
    let container = builder(2).start(router()).expect("it starts");
    let handle = container.handle();
    for _ in 0..20 {
        let client = connect(&handle);
        send(
            &client,
            "GET /quick HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        );
        assert!(receive(&client).ends_with("quick"));
    }
    tests::loopback::until_idle(&handle);
    let routes = handle.observation().routes();
    let quick = routes
        .iter()
        .find(|route| &*route.name.template == "/quick");
    assert_eq!(quick.expect("it is there").requests(), 20);
    let workers = handle.observation().workers();
    let ended: u64 = workers.iter().map(|worker| worker.ended.read()).sum();
    assert_eq!((workers.len(), ended), (2, 20));
    stop(container);
}

#[test]
fn who_watches_is_answered_when_nobody_else_is() {
    let watched = Server::new(Router::new());
    let router = applications().merge(admin::routes(watched.handle()));
    let server = Server::with_config(router, |config| {
        config.budgets.container.limit(1);
        config.budgets.r#async.limit(1);
    });
    let mut busy = server.connect();
    busy.send(get("/slow"));
    let check = |path: &str, expected: &str| {
        let mut client = server.connect();
        client.send(get(path));
        let answer = client.received();
        assert!(answer.starts_with(expected), "{path}: {answer}");
    };
    for path in ["/quick", "/slow", "/blocking"] {
        check(path, "HTTP/1.1 503 ");
    }
    for path in ["live", "ready", "metrics", "stats", "events", "dashboard"] {
        check(&format!("/-/{path}"), "HTTP/1.1 200 ");
    }
    assert_eq!(busy.received(), "");
    server.advance(Duration::from_secs(1));
    assert!(busy.received().ends_with("slow"));
}
