//! `client load`: counts, connections, and what counts as a failure.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server::{Server, ok};
use crate::{Run, run};

fn load(server: &Server, arguments: &[&str]) -> Run {
    let url = format!("--url={}/hello?x=1", server.url);
    run(&[&["load", &url], arguments].concat())
}

#[test]
fn every_thread_sends_its_requests_over_its_connection() {
    let server = Server::start(|request| {
        assert!(
            request.starts_with("GET /hello?x=1 HTTP/1.1\r\nhost: 127.0.0.1:"),
            "{request}"
        );
        ok("hello")
    });
    let run = load(&server, &["--threads=3", "--requests=50"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!((server.requests(), server.connections()), (150, 3));
    for line in [
        "threads: 3",
        "requests per thread: 50",
        "count: 150",
        "errors: 0",
    ] {
        assert!(
            run.stdout.lines().any(|other| other == line),
            "{line}: {run}"
        );
    }
    for words in [
        "seconds: ",
        "requests per second: ",
        "latency: p50 ",
        " p99.9 ",
        ", max ",
    ] {
        assert!(run.stdout.contains(words), "{words}: {run}");
    }
}

#[test]
fn one_json_object() {
    let server = Server::start(|_| ok(""));
    let flags = ["-t4", "-r5", "--connections=2", "--workers=2", "--json"];
    let run = load(&server, &flags);
    let report = run.json();
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(
        (&report["count"], &report["errors"]),
        (&20.into(), &0.into())
    );
    assert_eq!((&report["connected"], server.connections()), (&2.into(), 2));
    assert!(report["latency_us"]["p99"].as_f64() > Some(0.0), "{run}");
}

#[test]
fn pipelined_requests_are_all_answered() {
    let server = Server::start(|_| ok("some words"));
    let run = load(&server, &["-t2", "-r101", "--pipeline=16", "--json"]);
    assert_eq!((run.code, &run.json()["count"]), (0, &202.into()), "{run}");
    assert_eq!(server.connections(), 2);
}

#[test]
fn bodies_are_sent() {
    let server = Server::start(|request| {
        assert!(
            request.starts_with("PUT /") && request.ends_with("\r\n\r\nhello"),
            "{request}"
        );
        ok("")
    });
    let run = load(&server, &["--method=PUT", "--body=hello", "-t1", "-r3"]);
    assert_eq!((run.code, server.requests()), (0, 3), "{run}");
}

#[test]
fn answers_may_be_chunked_or_end_with_the_connection() {
    const CHUNKED: &str =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let server = Server::start(|_| Some(CHUNKED.to_owned()));
    assert_eq!(load(&server, &["-t1", "-r3"]).code, 0);
    assert_eq!(server.connections(), 1);
    let server = Server::start(|_| Some("HTTP/1.1 200 OK\r\n\r\nabc".to_owned()));
    assert_eq!(load(&server, &["-t1", "-r3", "--keepalive=false"]).code, 0);
    assert_eq!(server.connections(), 3);
}

#[test]
fn without_keepalive_each_request_has_its_connection() {
    let server = Server::start(|request| {
        assert!(request.contains("\r\nconnection: close\r\n"), "{request}");
        ok("x")
    });
    let run = load(&server, &["--keepalive=false", "-t2", "-r4"]);
    assert_eq!((run.code, server.connections()), (0, 8), "{run}");
}

#[test]
fn a_rate_sends_as_many_as_are_due() {
    let server = Server::start(|_| ok("x"));
    let run = load(&server, &["--rate=500", "--duration=20ms", "-t2", "--json"]);
    assert_eq!(run.code, 0, "{run}");
    // 500 a second for 20 ms, the first at once: 0, 2, .. 18 ms, however late they were sent;
    // a machine that stalls for longer than that sends fewer.
    assert!(
        (1..=10).contains(&server.requests()),
        "{}",
        server.requests()
    );
}

#[test]
fn the_warm_up_is_not_counted_but_its_failures_are() {
    let number = AtomicUsize::new(0);
    let server = Server::start(move |_| match number.fetch_add(1, Ordering::SeqCst) {
        0 => Some("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_owned()),
        _ => ok("x"),
    });
    for (warm_up, code, count, errors) in [("1h", 1, 0, 1), ("1ns", 0, 100, 0)] {
        let warm_up = format!("--warm-up={warm_up}");
        let flags = [&warm_up, "--duration=1h", "-t2", "-r50", "--json"];
        let run = load(&server, &flags);
        let report = run.json();
        assert_eq!(run.code, code, "{run}");
        assert_eq!(
            (&report["count"], &report["errors"]),
            (&count.into(), &errors.into()),
            "{run}"
        );
        let per_second = report["requests_per_second"].as_f64();
        assert_eq!(per_second > Some(0.0), count > 0, "{run}");
        assert!(per_second.is_some(), "{run}");
    }
    assert_eq!(server.requests(), 200);
}

#[test]
fn failures_are_counted_by_kind() {
    let number = AtomicUsize::new(0);
    let server = Server::start(move |_| match number.fetch_add(1, Ordering::SeqCst) {
        0 => Some("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_owned()),
        1 => None,
        2 => Some("what?\r\n".to_owned()),
        3 => Some("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".to_owned()),
        _ => ok("x"),
    });
    let flags = ["-t1", "-r6", "--timeout=1s", "--json"];
    let run = load(&server, &flags);
    let report = run.json();
    assert_eq!(run.code, 1, "{run}");
    assert_eq!(
        (&report["count"], &report["errors"]),
        (&2.into(), &4.into())
    );
    for kind in ["status 503", "closed early", "malformed answer", "timeout"] {
        assert_eq!(report["errors_by_kind"][kind], 1, "{kind}: {run}");
    }
}

#[test]
fn requests_behind_the_last_answer_fail() {
    const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(|_| Some(LAST.to_owned()));
    let run = load(&server, &["-t1", "-r6", "--pipeline=3", "--json"]);
    let report = run.json();
    assert_eq!((run.code, &report["count"]), (1, &2.into()), "{run}");
    assert_eq!(report["errors_by_kind"]["closed early"], 4, "{run}");
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_server_that_is_gone_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("--url=http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let run = run(&["load", &url, "-t2", "-r1000", "--json"]);
    let errors = &run.json()["errors_by_kind"];
    assert_eq!(run.code, 1, "{run}");
    assert_eq!(
        (&errors["connect"], &errors["not sent"]),
        (&200.into(), &1800.into())
    );
}

#[test]
fn names_that_cannot_be_resolved_are_said_so() {
    // Too long for a name, so that no resolver is asked.
    let name = "n".repeat(300);
    let run = run(&["load", &format!("--url=http://{name}/")]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains(&name), "{run}");
}
