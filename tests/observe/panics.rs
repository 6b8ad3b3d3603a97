//! Who panicked is in the log.

use container::testing::Server;
use container::{Body, Next, Request, Response, Router, blocking, inline};
use log::LevelFilter;
use tests::get;
use tests::records::Records;

static RECORDS: Records = Records::of("container::scheduler");

async fn broken(_: Request, _: Next) -> Response {
    panic!("in middleware")
}

#[test]
fn a_panic_is_logged_with_its_route_and_lane() {
    RECORDS.listen(LevelFilter::Error);
    let later = async || -> &str { panic!("later") };
    let writing = || Body::written_by(|_| panic!("while it is written"));
    let guarded = Router::new().get("/guarded", later).layer(broken);
    let router = Router::new()
        .get("/at-once", inline(|| -> &str { panic!("at once") }))
        .get("/later/{id}", later)
        .post("/thread", blocking(|| -> &str { panic!("on a thread") }))
        .get("/written", blocking(writing))
        .nest("/inner", guarded);
    let server = Server::new(router);
    let check = |request: String, line: &str| {
        let mut client = server.connect();
        client.send(request);
        server.run();
        assert!(RECORDS.has(&[&format!("ERROR {line}")]), "{line}");
    };
    check(get("/at-once"), "GET /at-once (inline) panicked: at once");
    check(get("/later/7"), "GET /later/{id} (async) panicked: later");
    let post = "POST /thread HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".to_owned();
    check(post, "POST /thread (blocking) panicked: on a thread");
    let line = "GET /written (blocking) panicked: while it is written";
    check(get("/written"), line);
    let line = "GET /inner/guarded (async) panicked: in middleware";
    check(get("/inner/guarded"), line);
}
