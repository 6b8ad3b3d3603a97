//! `/api/user`: pages, one user after five seconds, changes, and who may make them.

use std::time::Duration;

use handlers::backend::Options;
use serde_json::json;
use tests::{Answer, read_answers};

use crate::{App, PASSWORD, ask, check, json_of, options, tell};

const SECOND: Duration = Duration::from_secs(1);

/// Users that are answered at once.
fn quick() -> Options {
    Options {
        user_delay: Duration::ZERO,
        ..options()
    }
}

fn add(app: &App, name: &str) -> Answer {
    let email = format!("{name}@example.org");
    app.tell(
        "POST /api/user",
        &json!({ "name": name, "email": email, "password": PASSWORD }),
    )
}

#[test]
fn users_are_added_found_changed_and_removed() {
    let app = App::with(quick());
    let added = add(&app, "ann");
    check(&added, 201, "ann@example.org");
    assert_eq!(added.field("location"), Some("/api/user/1"));
    let user = json_of(&added);
    assert_eq!((&user["id"], &user["active"]), (&json!(1), &json!(true)));
    let created = user["created"].as_str().expect("a text");
    assert!(
        created.starts_with("20") && created.ends_with('Z'),
        "{created}"
    );
    assert_eq!(json_of(&app.ask("GET /api/user/1")), user);
    check(&app.try_login("ann", PASSWORD), 200, "welcome");

    let patch = |body| app.tell("PATCH /api/user/1", &body);
    check(
        &patch(json!({ "name": "Ann Lee" })),
        200,
        r#""name":"Ann Lee""#,
    );
    check(
        &patch(json!({ "email": "lee@example.org" })),
        200,
        r#""name":"Ann Lee""#,
    );
    check(
        &patch(json!({ "password": "Another12" })),
        200,
        "lee@example.org",
    );
    check(&app.try_login("Ann Lee", "Another12"), 200, "welcome");
    check(&app.try_login("Ann Lee", PASSWORD), 400, "wrong");

    check(&app.ask("DELETE /api/user/1"), 200, "user 1 is removed");
    check(&app.ask("GET /api/user/1"), 404, "there is no user 1");
    check(&app.ask("DELETE /api/user/1"), 404, "there is no user 1");
    check(&patch(json!({ "name": "ann" })), 404, "there is no user 1");
    check(&app.try_login("Ann Lee", "Another12"), 400, "wrong");
}

#[test]
fn what_is_wrong_is_told() {
    let app = App::with(quick());
    check(&add(&app, "ann"), 201, "");
    check(&add(&app, "bob"), 201, "");
    check(&add(&app, "ann"), 400, "is taken");
    let patch = |body| app.tell("PATCH /api/user/1", &body);
    check(&patch(json!({})), 400, "one of name, email and password");
    check(
        &patch(json!({ "name": null, "email": "x", "password": "x" })),
        400,
        "name must be a text; email must be an address such as ann@example.org; \
         password must have at least 8 characters",
    );
    check(&patch(json!({ "name": "bob" })), 400, "name is taken");
    check(
        &patch(json!({ "email": "BOB@example.org" })),
        400,
        "email is taken",
    );
    check(
        &app.tell("POST /api/user", &json!({ "name": "carl" })),
        400,
        "email is missing",
    );
    check(&app.ask("GET /api/user/ann"), 400, "id");
    check(&app.ask("GET /api/user/0"), 404, "there is no user 0");
    check(&app.ask("GET /api/user/99999999999999999999"), 400, "id");
    check(&app.ask("GET /api/user/-1"), 404, "there is no user -1");
}

#[test]
fn nobody_sees_a_password() {
    let app = App::with(quick());
    let answers = [
        add(&app, "ann"),
        app.ask("GET /api/user"),
        app.ask("GET /api/user/1"),
        app.tell("PATCH /api/user/1", &json!({ "password": "Another12" })),
        app.try_login("ann", "Another12"),
    ];
    for answer in answers {
        assert!(answer.status < 300, "{}", answer.body);
        for secret in ["password", "argon2", PASSWORD, "Another12"] {
            assert!(!answer.body.contains(secret), "{}", answer.body);
        }
    }
}

#[test]
fn users_come_in_pages() {
    let app = App::with(quick());
    for number in 1..=5 {
        check(&add(&app, &format!("user{number}")), 201, "");
    }
    let page = |query: &str| {
        let answer = app.ask(&format!("GET /api/user{query}"));
        let users = json_of(&answer);
        let users = users.as_array().expect("an array").iter();
        let ids: Vec<i64> = users.filter_map(|user| user["id"].as_i64()).collect();
        (ids, answer.field("link").map(str::to_owned))
    };
    let next = |link: &str| Some(format!("</api/user?{link}>; rel=\"next\""));
    assert_eq!(page(""), (vec![1, 2, 3, 4, 5], None));
    assert_eq!(page("?limit=2"), (vec![1, 2], next("after=2&limit=2")));
    assert_eq!(
        page("?after=2&limit=2"),
        (vec![3, 4], next("after=4&limit=2"))
    );
    assert_eq!(page("?after=4&limit=2"), (vec![5], None));
    assert_eq!(page("?after=5"), (vec![], None));
    for query in [
        "?limit=0",
        "?limit=1001",
        "?limit=-1",
        "?limit=many",
        "?after=b",
    ] {
        check(&app.ask(&format!("GET /api/user{query}")), 400, "");
    }
    check(&app.ask("DELETE /api/user"), 200, "5");
    assert_eq!(page(""), (vec![], None));
}

#[test]
fn a_thousand_users_take_five_seconds_together() {
    let app = App::new();
    check(&add(&app, "ann"), 201, "");
    let mut clients: Vec<_> = (0..1000).map(|_| app.server.connect()).collect();
    for client in &mut clients {
        client.send(ask("GET /api/user/1").wire());
    }
    app.advance(5 * SECOND - Duration::from_millis(1));
    assert!(
        clients
            .iter_mut()
            .all(|client| client.received().is_empty())
    );
    app.advance(Duration::from_millis(1));
    for client in &mut clients {
        let answers = read_answers(&client.received(), &[]);
        assert_eq!(answers[0].status, 200);
    }
}

#[test]
fn who_protects_users_lets_them_change_nobody_but_themselves() {
    let app = App::with(Options {
        protect_users: true,
        ..quick()
    });
    app.register("ann");
    app.register("bob");
    let (ann, bob) = (app.login("ann"), app.login("bob"));
    let name = json!({ "name": "ann" });
    let everything = [
        ask("GET /api/user"),
        ask("GET /api/user/1"),
        tell("POST /api/user", &name),
        tell("PATCH /api/user/1", &name),
        ask("DELETE /api/user/1"),
        ask("DELETE /api/user"),
    ];
    for request in &everything {
        let answer = app.send(request);
        check(&answer, 401, "log in first");
        assert_eq!(answer.field("www-authenticate"), Some("Bearer"));
        check(
            &app.send(&request.clone().with_token("x.y.z")),
            401,
            "log in again",
        );
    }
    for (request, statuses) in everything.into_iter().zip([
        [200, 200],
        [200, 200],
        [403, 403],
        [403, 200],
        [403, 200],
        [403, 401],
    ]) {
        for (token, status) in [&bob, &ann].into_iter().zip(statuses) {
            check(&app.send(&request.clone().with_token(token)), status, "");
        }
    }
    check(
        &app.send(&ask("GET /api/user/1").with_token(&bob)),
        404,
        "there is no user 1",
    );
    // The rest is open: nobody has to log in to log in.
    check(&app.ask("GET /api/simple_data?key=editor"), 200, "vscode");
}
