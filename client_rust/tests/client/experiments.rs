//! `client compare` and `client slow` against servers that know who waits for whom.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use crate::run;
use crate::server::{Server, ok};

const SALESPEOPLE: &str = r#"[{"id": "1", "name": "John Liu"}, {"id": "2", "name": "Bruce Lee"}]"#;

/// Answers as the docking API does; `customers` is what both salespeople have.
fn docking_api(request: &str, customers: &str) -> Option<String> {
    let target = request.split(' ').nth(1).unwrap();
    match target {
        "/api/users?role=sales" => ok(SALESPEOPLE),
        "/api/users?name=John%20Liu" => ok(r#"[{"id": "1"}]"#),
        "/api/users?name=Bruce%20Lee" => ok(r#"[{"id": "2"}]"#),
        "/api/customers?salesId=1" | "/api/customers?salesId=2" => ok(customers),
        other => panic!("nobody should ask for {other}"),
    }
}

#[test]
fn both_ways_give_the_same_result() {
    let server = Server::start(|request| docking_api(request, r#"[{"id": "3"}]"#));
    let url = format!("--url={}/api/", server.url);
    let text = run(&["compare", &url]);
    assert_eq!(text.code, 0, "{text}");
    for words in ["Synchronous: ", "Asynchronous: ", " s\n", "identical"] {
        assert!(text.stdout.contains(words), "{words}: {text}");
    }
    // The list of names, and two requests for each of ten, twice.
    assert_eq!(server.requests(), 41);
    let json = run(&["compare", &url, "--json", "--seed=3"]).json();
    assert_eq!(json["identical"], true);
    assert_eq!(json["names"].as_array().unwrap().len(), 10);
    let again = run(&["compare", &url, "--json", "--seed=3"]).json();
    assert_eq!(json["names"], again["names"]);
}

#[test]
fn different_results_are_a_failure() {
    let number = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        let customers = format!(r#"[{{"id": "{}"}}]"#, number.fetch_add(1, Ordering::SeqCst));
        docking_api(request, &customers)
    });
    let run = run(&["compare", &format!("--url={}/api", server.url)]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("DIFFER"), "{run}");
}

#[test]
fn salespeople_without_customers_are_an_error() {
    let server = Server::start(|request| docking_api(request, "[]"));
    let run = run(&["compare", &format!("--url={}/api", server.url)]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("has no customers"), "{run}");
}

#[test]
fn slow_requests_all_wait_at_the_same_time() {
    const REQUESTS: usize = 20;
    // Nobody is answered before all have asked.
    let all_here = Arc::new(Barrier::new(REQUESTS));
    let server = Server::start(move |_| {
        all_here.wait();
        ok("done")
    });
    let plot = std::env::temp_dir().join(format!("client-slow-{}.svg", std::process::id()));
    let url = format!("--url={}/sleep", server.url);
    let plot_flag = format!("--plot={}", plot.display());
    let run = run(&["slow", &url, "--requests=20", "--json", &plot_flag]);
    let svg = fs::read_to_string(&plot);
    let _ = fs::remove_file(&plot);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(svg.unwrap().matches("<circle").count(), REQUESTS);
    assert_eq!(server.connections(), REQUESTS);
    let report = run.json();
    let times = report["completion_seconds"].as_array().unwrap();
    assert!(times.len() == REQUESTS && times.iter().all(|time| time.as_f64() > Some(0.0)));
    let done = report["done_after_seconds"].as_array().unwrap();
    assert_eq!(done.last(), Some(&REQUESTS.into()));
}

#[test]
fn a_slow_request_that_fails_is_a_failure() {
    let number = AtomicUsize::new(0);
    let server = Server::start(move |_| match number.fetch_add(1, Ordering::SeqCst) {
        0 => None,
        1 => Some("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned()),
        _ => ok(""),
    });
    let run = run(&["slow", &format!("--url={}", server.url), "--requests=5"]);
    assert_eq!(run.code, 1, "{run}");
    for line in [
        "requests: 5",
        "errors: 2",
        "  closed early: 1",
        "  status 500: 1",
    ] {
        assert!(
            run.stdout.lines().any(|other| other == line),
            "{line}: {run}"
        );
    }
}
