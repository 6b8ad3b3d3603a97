//! The shape of every error below `/api`, and of none beside it.

use std::time::Duration;

use tests::read_answers;

use crate::{App, Ask, PASSWORD, ask, check, json_of};

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
fn the_character_nul_is_a_bad_request_wherever_it_is() {
    let app = App::new();
    app.register("ann");
    let cases: &[(&str, &str, &str)] = &[
        ("GET /api/simple_data?key=a%00", "", "control characters"),
        ("PUT /api/simple_data?key=a%00", "", "control characters"),
        ("DELETE /api/simple_data?key=a%00", "", "control characters"),
        ("POST /api/simple_data", r#"{"a": "NUL"}"#, "character NUL"),
        (
            "PATCH /api/simple_data?key=editor",
            r#"{"value": "NUL"}"#,
            "character NUL",
        ),
        (
            "POST /api/user",
            r#"{"name": "NUL"}"#,
            "name must not have control",
        ),
        (
            "PATCH /api/user/1",
            r#"{"name": "NUL"}"#,
            "name must not have control",
        ),
        (
            "PATCH /api/user/1",
            r#"{"email": "aNUL@example.org"}"#,
            "email must be",
        ),
        (
            "PATCH /api/user/1",
            r#"{"email": "\"aNUL\"@example.org"}"#,
            "email must be",
        ),
        (
            "POST /api/register",
            r#"{"name": "NUL"}"#,
            "name must not have control",
        ),
        (
            "POST /api/reset",
            r#"{"email": "a@exampleNUL.org"}"#,
            "email must be",
        ),
        (
            "POST /api/reset/NUL",
            r#"{"new_password": "Secret12NUL"}"#,
            "this link",
        ),
        ("GET /api/register/confirm/a%00", "", "this link"),
        // Compared with what the store has: no rule but the store's is asked.
        (
            "POST /api/login",
            r#"{"name": "NUL", "password": "Secret12"}"#,
            "character NUL",
        ),
        (
            "POST /api/login",
            r#"{"name": "ann", "password": "NUL"}"#,
            "wrong name",
        ),
    ];
    for (line, body, said) in cases {
        let request = match body.replace("NUL", r"\u0000") {
            empty if empty.is_empty() => ask(line),
            body => ask(line).with_body(&body),
        };
        check(&app.send(&request), 400, said);
    }
    check(&app.try_login("ann", PASSWORD), 200, "welcome");
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
