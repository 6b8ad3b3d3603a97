//! What requests are called: their ids and their place in traces; and answers that say how long
//! they took.

use std::time::Duration;

use container::handler::IntoResponse;
use container::message::{RequestId, TraceContext};
use container::observe::{Format, RequestIds, ServerTiming, Traces, server_timing};
use container::testing::Server;
use container::{Router, blocking, inline, sleep};
use serde_json::Value;
use tests::log::Lines;
use tests::{Answer, read_answers};

fn router() -> Router {
    let timed = Router::new().get("/timed", async || sleep(Duration::from_millis(1500)).await);
    Router::new()
        .get("/id", inline(|id: RequestId| id.to_string()))
        .get("/blocking-id", blocking(|id: RequestId| id.to_string()))
        .get("/trace", inline(|trace: TraceContext| trace.to_string()))
        .get(
            "/two",
            inline(|one: TraceContext, two: TraceContext| (one == two).to_string()),
        )
        .get("/panic", inline(|| -> &'static str { panic!("asked to") }))
        .get("/plain", inline(|| "plain"))
        .merge(timed.layer(server_timing))
}

/// The answer to a request with this field, and the line of the log.
fn ask(
    path: &str,
    field: &str,
    change: impl FnOnce(&mut container::observe::Config),
) -> (Answer, Value) {
    let lines = Lines::default();
    let (log, writer) = lines.access_log(Format::JsonLines);
    let server = Server::with_access_log(router(), log, |config| change(&mut config.observe));
    let mut client = server.connect();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"));
    server.advance(Duration::from_secs(2));
    let answers = read_answers(&client.received(), &[]);
    drop(client);
    drop(server);
    writer.finish();
    let line = serde_json::from_str(&lines.read()[0]).expect("a line is JSON");
    (answers.into_iter().next().expect("an answer"), line)
}

#[test]
fn an_id_is_the_same_for_log_handler_and_client() {
    let given = "X-Request-Id: client-7";
    let check = |path: &str, ids: RequestIds, answered: bool, accepted: bool| {
        let (answer, line) = ask(path, given, |config| config.request_ids = ids);
        let id = line["id"].as_str().expect("an id");
        assert_eq!(answer.body, id, "{ids:?}");
        assert_eq!(
            answer.field("x-request-id"),
            answered.then_some(id),
            "{ids:?}"
        );
        assert_eq!(id == "client-7", accepted, "{ids:?}: {id}");
    };
    for path in ["/id", "/blocking-id"] {
        check(path, RequestIds::Internal, false, false);
        check(path, RequestIds::Answered, true, false);
        check(path, RequestIds::Accepted, true, true);
    }
}

#[test]
fn an_id_that_is_not_well_formed_is_not_accepted() {
    for value in ["two words", "\"quoted\"", "", &"x".repeat(65), "a,b"] {
        let field = format!("X-Request-Id: {value}");
        let (answer, line) = ask("/id", &field, |config| {
            config.request_ids = RequestIds::Accepted;
        });
        assert_eq!(
            (answer.body.len(), line["id"].as_str()),
            (16, Some(&*answer.body)),
            "{value}"
        );
    }
}

#[test]
fn a_failure_says_what_its_request_is_called() {
    let (answer, line) = ask("/panic", "A: b", |_| {});
    let document: Value = serde_json::from_str(&answer.body).expect("a problem document");
    assert_eq!((answer.status, &document["request_id"]), (500, &line["id"]));
    let quiet = Server::new(router()).exchange("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(
        !quiet.contains("request_id"),
        "nobody could look it up: {quiet}"
    );
}

#[test]
fn an_application_may_render_the_id_itself() {
    let problem = container::Problem::new(container::StatusCode::INTERNAL_SERVER_ERROR);
    let id = RequestId::parse(b"a-1").expect("it is well-formed");
    let problem = problem.with_request_id(id.clone());
    assert_eq!(problem.request_id(), Some(&id));
    assert_eq!(problem.into_response().status(), 500);
}

#[test]
fn traces_are_carried_from_the_caller_to_handler_and_log() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let field = format!("Traceparent: 00-{TRACE}-b7ad6b7169203331-01");
    let carried = |config: &mut container::observe::Config| config.traces = Traces::Carried;
    let (answer, line) = ask("/trace", &field, carried);
    let span = line["span_id"].as_str().expect("a span");
    assert_eq!(answer.body, format!("00-{TRACE}-{span}-01"));
    assert_eq!(
        (&line["trace_id"], &line["parent_id"]),
        (&TRACE.into(), &"b7ad6b7169203331".into())
    );
    let (answer, line) = ask("/trace", "Traceparent: 00-0-0-0", carried);
    let trace = line["trace_id"].as_str().expect("a new trace");
    assert_eq!(&answer.body[3..35], trace);
    assert_eq!(line.get("parent_id"), None);
    assert_eq!(
        ask("/two", "A: b", carried).0.body,
        "true",
        "one request has one place"
    );
}

#[test]
fn without_being_carried_a_trace_is_there_for_who_asks() {
    let (answer, line) = ask(
        "/trace",
        "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        |_| {},
    );
    assert!(
        answer
            .body
            .starts_with("00-0af7651916cd43dd8448eb211c80319c-"),
        "{answer:?}"
    );
    assert_eq!(line.get("trace_id"), None);
}

#[test]
fn answers_say_how_long_they_took_where_it_is_wanted() {
    let timing = |path: &str, change: ServerTiming| {
        let (answer, _) = ask(path, "A: b", |config| config.server_timing = change);
        answer.field("server-timing").map(str::to_owned)
    };
    let slow = Some("waited;dur=0, ran;dur=1500".to_owned());
    assert_eq!(timing("/timed", ServerTiming::Marked), slow);
    assert_eq!(timing("/timed", ServerTiming::Always), slow);
    assert_eq!(timing("/plain", ServerTiming::Marked), None);
    let quick = Some("waited;dur=0, ran;dur=0".to_owned());
    assert_eq!(timing("/plain", ServerTiming::Always), quick);
}
