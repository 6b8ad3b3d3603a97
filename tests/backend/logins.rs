//! Logins: whose they are, when they end, and how often they may be tried.

use std::num::NonZeroU32;
use std::time::Duration;

use container::testing::{Client, Server};
use handlers::backend::{Algorithm, AttemptOptions, Options, PasswordCost, PasswordOptions};
use handlers::mail::Bell;
use handlers::store::{Database, Stores};
use serde_json::json;
use tests::program::Folder;
use tests::{on_worker, read_answers};

use crate::{App, Ask, PASSWORD, ask, check, member, options, tell};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn wrong_credentials_are_all_told_the_same() {
    let app = App::new();
    app.register("ann");
    for (name, password) in [
        ("ann", "Secret13"),
        ("ann", ""),
        ("bob", PASSWORD),
        ("", ""),
    ] {
        check(
            &app.try_login(name, password),
            400,
            "wrong name or password",
        );
    }
    check(
        &app.tell("POST /api/login", &json!({})),
        400,
        "name is missing; password is missing",
    );
    let long = "a".repeat(129);
    check(
        &app.try_login(&long, &long),
        400,
        "name must have at most 128 characters",
    );
}

#[test]
fn a_login_ends_by_itself() {
    for algorithm in [Algorithm::Hs256, Algorithm::EdDsa] {
        let app = App::with(Options {
            algorithm,
            token_lifetime: HOUR,
            ..options()
        });
        app.register("ann");
        let (first, second) = (app.login("ann"), app.login("ann"));
        app.advance(HOUR - Duration::from_secs(10));
        check(&app.logout(&first), 200, "revoked");
        app.advance(Duration::from_secs(20));
        check(&app.logout(&second), 401, "log in again");
        check(&app.logout(&app.login("ann")), 200, "revoked");
    }
}

#[test]
fn a_login_ends_alone() {
    let app = App::new();
    app.register("ann");
    let (first, second) = (app.login("ann"), app.login("ann"));
    check(&app.logout(&first), 200, "revoked");
    check(&app.logout(&second), 200, "revoked");
}

#[test]
fn logins_end_with_the_password_and_with_the_account() {
    let app = App::new();
    app.register("ann");
    let token = app.login("ann");
    let change = json!({ "name": "Ann" });
    check(&app.tell("PATCH /api/user/1", &change), 200, "");
    let other = json!({ "password": "Another12" });
    check(&app.logout(&app.login("Ann")), 200, "revoked");
    check(&app.tell("PATCH /api/user/1", &other), 200, "");
    check(&app.logout(&token), 401, "log in again");
    let again = json!({ "password": PASSWORD });
    check(&app.tell("PATCH /api/user/1", &again), 200, "");
    let token = app.login("Ann");
    check(&app.ask("DELETE /api/user/1"), 200, "");
    check(&app.logout(&token), 401, "log in again");
}

/// A login that was compared with the old password while this was changed was good for the new one,
/// from the next second on.
#[test]
fn a_login_by_the_old_password_is_none_by_the_new_one() {
    let stores = Stores::open(&Database::Memory).expect("it opens");
    let passwords = PasswordOptions {
        concurrency: 2,
        ..options().passwords
    };
    let options = Options {
        passwords,
        ..options()
    };
    let router = handlers::backend::router(stores, Bell::new(), options);
    // Each job is begun by hand, so that the password can be changed in the midst of a login.
    let server = Server::without_threads(router, |_| {});
    let send = |request: &Ask| {
        let mut client = server.connect();
        client.send(request.wire());
        client
    };
    // Runs the jobs that came after so many others.
    let finish = |mut client: Client<'_>, others: usize| {
        while server.held() > others {
            server.run_blocking(others);
        }
        read_answers(&client.received(), &[]).remove(0)
    };
    let user = json!({ "name": "ann", "email": "ann@example.org", "password": PASSWORD });
    check(&finish(send(&tell("POST /api/user", &user)), 0), 201, "");
    let login = send(&tell("POST /api/login", &user));
    server.run_blocking(0);
    let is_compared = server.held();
    assert_eq!(
        is_compared, 1,
        "the account is read, its password not compared"
    );
    let change = json!({ "password": "Another12" });
    let change = send(&tell("PATCH /api/user/1", &change));
    check(&finish(change, is_compared), 200, "");
    server.advance(Duration::from_secs(5));
    let answer = finish(login, 0);
    check(&answer, 200, "welcome");
    let token = member(&answer, "token");
    let token = token.as_str().expect("a text");
    let logout = ask("PUT /api/logout").with_token(token);
    check(&finish(send(&logout), 0), 401, "log in again");
}

#[test]
fn who_brings_no_token_has_not_logged_in() {
    let app = App::new();
    let answer = app.ask("PUT /api/logout");
    check(&answer, 401, "log in first");
    assert_eq!(answer.field("www-authenticate"), Some("Bearer"));
    let wire = ask("PUT /api/logout").wire();
    for field in ["Basic YTpi", "Bearer", "bearer", "token"] {
        let wire = wire.replace("Host: a", &format!("Host: a\r\nAuthorization: {field}"));
        assert!(
            app.server.exchange(&wire).starts_with("HTTP/1.1 401 "),
            "{field}"
        );
    }
}

#[test]
fn attempts_at_one_name_are_limited() {
    let limited = |per_name: u32| {
        App::with(Options {
            attempts: AttemptOptions {
                per_name: NonZeroU32::new(per_name),
                per_peer: None,
            },
            ..options()
        })
    };
    let app = limited(3);
    app.register("ann");
    app.register("bob");
    for _ in 0..3 {
        check(&app.try_login("ann", "Guess123"), 400, "wrong");
    }
    // Not even the right one.
    let answer = app.try_login("ann", PASSWORD);
    check(&answer, 429, "too many attempts");
    assert_eq!(answer.field("retry-after"), Some("20"));
    check(&app.try_login("bob", PASSWORD), 200, "welcome");
    app.advance(Duration::from_secs(20));
    check(&app.try_login("ann", PASSWORD), 200, "welcome");

    let reset = |email: &str| app.tell("POST /api/reset", &json!({ "email": email }));
    for email in ["bob@example.org", "BOB@example.org", "bob@example.org"] {
        check(&reset(email), 202, "");
    }
    check(&reset("Bob@example.org"), 429, "too many attempts");
    check(&reset("nobody@example.org"), 202, "");
}

#[test]
fn a_hash_of_another_cost_is_renewed_at_a_login() {
    let folder = Folder::new("backend-rehash");
    let database = Database::File(folder.path().join("data.db"));
    let at = |passes| {
        let cost = PasswordCost {
            passes,
            ..PasswordCost::CHEAPEST
        };
        let passwords = PasswordOptions {
            cost,
            ..PasswordOptions::default()
        };
        App::on(
            &database,
            Options {
                passwords,
                ..options()
            },
        )
    };
    let hash = |app: &App| {
        let credentials = app.stores.accounts.credentials("ann".to_owned());
        let found = on_worker(credentials).expect("it answers");
        found.expect("it is there").password_hash
    };
    let app = at(1);
    app.register("ann");
    let old = hash(&app);
    let token = app.login("ann");
    assert_eq!(hash(&app), old, "nothing has changed");
    drop(app);

    let app = at(2);
    check(&app.try_login("ann", "Guess123"), 400, "wrong");
    assert_eq!(hash(&app), old, "nobody knows the password yet");
    app.login("ann");
    let new = hash(&app);
    assert!(new.contains("t=2") && !old.contains("t=2"), "{old} {new}");
    app.login("ann");
    assert_eq!(hash(&app), new);
    // Its key is another one, but the login is not void for the hash's sake.
    check(&app.logout(&token), 401, "");
}
