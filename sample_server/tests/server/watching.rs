//! What is seen of a server from outside: its log as JSON, and the address for those who watch.

use std::io::Write;

use serde_json::Value;

use crate::process::{Server, get, read_to_end};

#[test]
fn metrics_have_an_address_of_their_own() {
    let mut server = Server::start(&["--admin=127.0.0.1:0"]);
    let line = server.wait_for("dashboard at http://");
    let (_, rest) = line.split_once("http://").expect("just seen");
    let admin = rest.trim_end_matches('/').to_owned();
    assert!(server.get("/plaintext").ends_with("Hello, World!"));
    for hidden in ["/-/metrics", "/-/stats", "/-/events", "/-/dashboard"] {
        assert!(server.get(hidden).starts_with("HTTP/1.1 404 "), "{hidden}");
    }
    assert!(server.get("/-/ready").starts_with("HTTP/1.1 200 "));
    let metrics = get(&admin, "/-/metrics");
    let sample = "container_requests_total{route=\"/plaintext\",method=\"GET\",lane=\"inline\",status=\"2xx\"} 1\n";
    assert!(metrics.contains(sample), "{metrics}");
    assert!(get(&admin, "/-/dashboard").contains("</html>"));
    let mut held = server.begin_echo();
    server.signal("TERM");
    server.wait_for("SIGTERM: draining");
    // Who watches sees the drain.
    assert!(get(&admin, "/-/ready").starts_with("HTTP/1.1 503 "));
    held.write_all(b"hello").expect("it reads on");
    let end = server.wait();
    assert_eq!(end.code, Some(0), "{}", end.log);
}

#[test]
fn without_being_asked_it_has_none() {
    let server = Server::start(&[]);
    assert!(server.get("/-/live").ends_with("alive\n"));
    let end = server.stop();
    assert!(!end.log.contains("dashboard"), "{}", end.log);
}

/// Start and end were told plainly at levels that hide them.
#[test]
fn a_log_of_json_is_json_at_every_level() {
    let server = Server::start(&["--log-format=json", "--log-level=error"]);
    let end = server.stop();
    let last = end.log.lines().last().expect("the end is told");
    let last: Value = serde_json::from_str(last).expect("it is JSON");
    assert_eq!(last["message"], "served 0 requests");
}

#[test]
fn a_log_of_json_is_json_from_its_first_line_to_its_last() {
    let flags = [
        "--log-format=json",
        "--request-ids=accepted",
        "--traces",
        "--debug",
    ];
    let server = Server::start(&flags);
    let request = "GET /users/1?name=\"x\" HTTP/1.1\r\nHost: a\r\nX-Request-Id: r-7\r\n\
                   User-Agent: \"\\\r\nConnection: close\r\n\r\n";
    let answer = read_to_end(server.send(request));
    assert!(answer.contains("\r\nx-request-id: r-7\r\n"), "{answer}");
    assert!(server.get("/panic/inline").contains("request_id"));
    let end = server.stop();
    let lines: Vec<Value> = end
        .log
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let of = |path: &str| {
        let mut lines = lines
            .iter()
            .filter(|line| line["target"] == "container::access");
        lines
            .find(|line| line["path"] == path)
            .expect("it has a line")
    };
    let line = of("/users/1");
    assert_eq!(
        (&line["id"], &line["route"]),
        (&"r-7".into(), &"/users/{id}".into())
    );
    assert_eq!(
        (&line["lane"], &line["user_agent"]),
        (&"async".into(), &"\"\\".into())
    );
    assert_eq!(line["peer"], "127.0.0.1");
    assert!(
        line["ran_us"].as_u64() >= Some(400_000),
        "the database takes 500 ms, by a clock that is read once a turn: {line}"
    );
    assert_eq!(of("/panic/inline")["status"], 500);
    let panic = |line: &&Value| {
        line["level"] == "ERROR" && line["message"].to_string().contains("asked to")
    };
    assert!(lines.iter().any(|line| panic(&line)), "{}", end.log);
}
