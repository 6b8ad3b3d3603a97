//! The shape of every error below `/api`, and of none beside it.

use std::time::Duration;

use tests::read_answers;

use crate::{App, Ask, ask, check, json_of};

#[test]
fn the_containers_errors_have_the_shape_too() {
    let app = App::new();
    let big = format!("{{\"a\": \"{}\"}}", "a".repeat(3 << 20));
    let cases: &[(Ask, u16, &str)] = &[
        (ask("GET /api"), 404, "no route"),
        (ask("GET /api/nothing"), 404, "no route"),
        (ask("GET /api/user/1/2"), 404, "no route"),
        (ask("PUT /api/login"), 405, "no route for this method"),
        (ask("PURGE /api/login"), 501, "no route has this method"),
        (ask("POST /api/login"), 400, "application/json"),
        (ask("POST /api/login").with_body("{"), 400, "not JSON"),
        (ask("POST /api/login").with_body(""), 400, "not JSON"),
        (ask("POST /api/login").with_body("1"), 400, "invalid type"),
        (
            ask("POST /api/simple_data").with_body(&big),
            413,
            "larger than allowed",
        ),
        (ask("GET /api/user/%FF"), 400, "percent-encoded"),
    ];
    for (request, status, said) in cases {
        let answer = app.send(request);
        check(&answer, *status, said);
        let name = json_of(&answer)["name"].clone();
        assert!(name.as_str().is_some_and(|name| !name.is_empty()), "{name}");
    }
    let answer = app.ask("PUT /api/login");
    assert_eq!(answer.field("allow"), Some("POST, OPTIONS"));
}

#[test]
fn a_body_that_does_not_come_is_told_in_the_shape() {
    let app = App::new();
    let mut client = app.server.connect();
    let wire = ask("POST /api/login").with_body("{}").wire();
    client.send(&wire[..wire.len() - 1]);
    app.advance(Duration::from_secs(60));
    let answers = read_answers(&client.received(), &[]);
    check(&answers[0], 408, "did not arrive in time");
}

#[test]
fn other_applications_keep_their_own() {
    let app = App::new();
    for (line, status) in [
        ("GET /nothing", 404),
        ("PUT /plain", 405),
        ("GET /apis", 404),
    ] {
        let answer = app.ask(line);
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.field("content-type"),
            Some("application/problem+json")
        );
    }
}
