//! An application's errors have the shape that its router gives them, and lose nothing by it.

use std::time::Duration;

use container::extract::{Json, Path};
use container::message::{HeaderValue, header};
use container::middleware::set_header;
use container::testing::{Client, Server};
use container::{Handler, Problem, Router, StatusCode, blocking, inline, sleep};
use tests::loopback::{builder, connect, receive, send, stop};
use tests::{Answer, last, read_answers};

/// The longest body of the application's routes.
const BODY_MAX: u64 = 8;

/// How long a request may take where it may not take long.
const LIMIT: Duration = Duration::from_secs(1);

/// A shape: its name, the status and the detail, as text.
fn shape(name: &'static str) -> impl Fn(&Problem) -> String + Send + Sync + 'static {
    move |problem| format!("{name} {}: {}", problem.status().as_u16(), problem.detail())
}

async fn panics_later() {
    sleep(Duration::ZERO).await;
    panic!("asked to");
}

/// Every kind of error that a handler can have.
fn failing() -> Router {
    Router::new()
        .get("/handler", async || {
            Problem::new(StatusCode::PAYMENT_REQUIRED).with_detail("pay")
        })
        .get("/status", inline(|| StatusCode::GONE))
        .get("/number/{n}", inline(|Path(n): Path<u8>| n.to_string()))
        .post(
            "/json",
            inline(|Json(n): Json<u8>| n.to_string()).body_limit(BODY_MAX),
        )
        .get("/late", sleep_for_ever.deadline(LIMIT))
        .get("/busy", sleep_for_ever.concurrency(1))
        .get("/panic/inline", inline(|| -> () { panic!("asked to") }))
        .get("/panic/async", panics_later)
        .get("/panic/blocking", blocking(|| -> () { panic!("asked to") }))
        .get("/fine", inline(|| "fine"))
}

async fn sleep_for_ever() {
    std::future::pending::<()>().await;
}

/// Shapes inside each other and beside each other, and routes without one.
fn nested() -> Router {
    let inner = Router::new().get("/a", inline(|| StatusCode::GONE));
    let v2 = Router::new()
        .nest("/deep", inner)
        .get("/b", inline(|| StatusCode::GONE))
        .on_error(shape("v2"));
    let api = Router::new()
        .on_error(shape("api"))
        .nest("/v2", v2)
        .merge(failing())
        .merge(
            Router::new()
                .get("/merged", inline(|| StatusCode::GONE))
                .on_error(shape("merged")),
        );
    let caught = Router::new()
        .fallback(inline(|| StatusCode::GONE))
        .on_error(shape("caught"));
    Router::new()
        .nest("/api", api)
        .nest("/caught", caught)
        .nest("/t/{tenant}", Router::new().on_error(shape("tenant")))
        .get("/plain", inline(|| StatusCode::GONE))
        .layer(set_header(header::SERVER, HeaderValue::from_static("test")))
}

/// A request without a body, that is not the last of its connection.
fn ask(line: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn post(path: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

fn last_answer(client: &mut Client<'_>) -> Answer {
    read_answers(&client.received(), &[])
        .pop()
        .expect("an answer")
}

/// Sends a request, lets an hour pass and compares what is answered. A document is expected as
/// `document`.
#[track_caller]
fn check(server: &Server, request: &str, status: u16, body: &str) -> Answer {
    let mut client = server.connect();
    client.send(request);
    server.advance(Duration::from_secs(3600));
    let answer = last_answer(&mut client);
    let is_document = answer.field("content-type") == Some("application/problem+json");
    let said = if is_document {
        "document"
    } else {
        &answer.body
    };
    assert_eq!((answer.status, said), (status, body), "{request}");
    answer
}

#[test]
fn the_innermost_router_with_a_shape_wins() {
    let cases = [
        ("GET /api/handler", 402, "api 402: pay"),
        ("GET /api/v2/b", 410, "v2 410: "),
        ("GET /api/v2/deep/a", 410, "v2 410: "),
        ("GET /api/merged", 410, "merged 410: "),
        (
            "PUT /api/merged",
            405,
            "merged 405: this path has no route for this method",
        ),
        (
            "PUT /api/handler",
            405,
            "api 405: this path has no route for this method",
        ),
        (
            "PUT /api/v2/b",
            405,
            "v2 405: this path has no route for this method",
        ),
        ("GET /api", 404, "api 404: no route matches this path"),
        ("GET /api/", 404, "api 404: no route matches this path"),
        (
            "GET /api/nothing/at/all",
            404,
            "api 404: no route matches this path",
        ),
        (
            "GET /api/v2/nothing",
            404,
            "v2 404: no route matches this path",
        ),
        ("GET /api/v2", 404, "v2 404: no route matches this path"),
        (
            "GET /api/v2nothing",
            404,
            "api 404: no route matches this path",
        ),
        (
            "PURGE /api/handler",
            501,
            "api 501: no route has this method",
        ),
        ("GET /caught/anything", 410, "caught 410: "),
        (
            "GET /t/one/nothing",
            404,
            "tenant 404: no route matches this path",
        ),
        ("GET /apis", 404, "document"),
        ("GET /nothing", 404, "document"),
        ("GET /plain", 410, "document"),
        ("PUT /plain", 405, "document"),
        ("GET /api/fine", 200, "fine"),
    ];
    let server = Server::new(nested());
    for (line, status, body) in cases {
        check(&server, &ask(line), status, body);
    }
    // A shape of the outermost router is for all that have none.
    let server = Server::new(nested().on_error(shape("root")));
    for (line, status, body) in cases {
        let said = body.to_owned();
        let detail = match status {
            404 => "no route matches this path",
            405 => "this path has no route for this method",
            _ => "",
        };
        let said = match body {
            "document" => format!("root {status}: {detail}"),
            _ => said,
        };
        check(&server, &ask(line), status, &said);
    }
}

#[test]
fn every_error_of_a_route_has_its_shape() {
    let server = Server::new(nested());
    let expect = |request: &str, status: u16, body: &str| {
        check(&server, request, status, body);
    };
    expect(&ask("GET /api/status"), 410, "api 410: ");
    expect(
        &ask("GET /api/number/300"),
        400,
        "api 400: the path parameter `n`: not a valid u8",
    );
    expect(
        &ask("GET /api/number/%ff"),
        400,
        "api 400: the path parameter `n` is not percent-encoded UTF-8",
    );
    expect(
        &post("/api/json", "text/plain", "1"),
        415,
        "api 415: the content type must be application/json",
    );
    expect(
        &post("/api/json", "application/json", "1x"),
        400,
        "api 400: the body is not JSON: trailing characters at line 1 column 2",
    );
    expect(
        &post("/api/json", "application/json", "[]"),
        422,
        "api 422: the body: invalid type: sequence, expected u8 at line 1 column 0",
    );
    let long = post("/api/json", "application/json", "123456789");
    expect(
        &long,
        413,
        "api 413: the request body is larger than allowed here",
    );
    expect(
        &long
            .replace("Content-Length: 9", "Transfer-Encoding: chunked")
            .replace("123456789", "x"),
        400,
        "api 400: the chunked body is malformed",
    );
    expect(
        &long
            .replace("Content-Length: 9", "Content-Length: 8")
            .replace("123456789", "1"),
        408,
        "api 408: the request body did not arrive in time",
    );
    for lane in ["inline", "async", "blocking"] {
        let line = format!("GET /api/panic/{lane}");
        expect(&ask(&line), 500, "api 500: the handler failed");
    }
    expect(
        &ask("GET /api/late"),
        503,
        "api 503: the handler did not answer within its deadline",
    );
}

#[test]
fn status_and_fields_survive() {
    let server = Server::new(nested());
    let answer = check(
        &server,
        &ask("PUT /api/fine"),
        405,
        "api 405: this path has no route for this method",
    );
    assert_eq!(answer.field("allow"), Some("GET, HEAD, OPTIONS"));
    // Also the fields that a middleware has put on it.
    assert_eq!(answer.field("server"), Some("test"));
    assert_eq!(
        answer.field("content-type"),
        Some("text/plain; charset=utf-8")
    );

    let mut first = server.connect();
    first.send(ask("GET /api/busy"));
    let mut second = server.connect();
    second.send(ask("GET /api/busy"));
    let answer = last_answer(&mut second);
    assert_eq!(
        (answer.status, answer.field("retry-after")),
        (503, Some("1"))
    );
    assert!(answer.body.starts_with("api 503: "), "{}", answer.body);
}

#[test]
fn what_cannot_be_read_is_nobodys() {
    let server = Server::new(nested());
    let broken = "GET /api/fine HTTP/1.1\r\nHost : a\r\n\r\n";
    check(&server, broken, 400, "document");
    // Nor is it the router's whose route has answered before.
    let after = format!("{}{broken}", ask("GET /api/status"));
    check(&server, &after, 400, "document");
}

#[test]
fn two_shapes_for_one_prefix_are_a_mistake() {
    let one = || Router::new().on_error(shape("one"));
    let error = Router::new().nest("/a", one()).nest("/a", one()).build();
    let error = error.expect_err("nobody could say which one").to_string();
    assert_eq!(
        error,
        "errors below /a: there are two `.on_error(..)` for them"
    );
}

#[test]
fn the_containers_shape_is_for_the_rest() {
    let container = builder(1).on_error(shape("container")).start(nested());
    let container = container.expect("it starts");
    let handle = container.handle();
    let expect = |target: &str, body: &str| {
        let stream = connect(&handle);
        send(&stream, &last(target));
        let answers = read_answers(&receive(&stream), &[]);
        assert_eq!(answers[0].body, body, "{target}");
    };
    expect("/nothing", "container 404: no route matches this path");
    expect("/plain", "container 410: ");
    expect("/api/status", "api 410: ");
    stop(container);
}
