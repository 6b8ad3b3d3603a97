//! What is worth nothing any more is forgotten, by itself and in time; and nothing else is.

use std::time::{Duration, Instant};

use handlers::backend::Options;
use handlers::store::{NewAccount, UnixTime};
use serde_json::json;
use tests::loopback::PATIENCE;
use tests::on_worker;
use tests::postgres::Postgres;

use crate::{App, PASSWORD, check, json_of, options};

const HOUR: Duration = Duration::from_secs(3600);

/// Registers somebody who does not follow the link; gives its path.
fn begin(app: &App, name: &str) -> String {
    let email = format!("{name}@example.org");
    let body = json!({ "name": name, "email": email, "password": PASSWORD });
    check(&app.tell("POST /api/register", &body), 201, "on its way");
    app.mailed_path()
}

/// The names of all accounts.
fn names(app: &App) -> Vec<String> {
    let users = json_of(&app.ask("GET /api/user"));
    let users = users.as_array().expect("a list").iter();
    users
        .map(|user| user["name"].as_str().expect("a text").to_owned())
        .collect()
}

/// An account is kept for as long as `expected` hours, where these many are chosen for its link and
/// for itself; and the link works to its last hour.
#[track_caller]
fn check_kept(link_hours: u32, account_hours: u32, expected: u32) {
    let app = App::with(Options {
        activation_lifetime: HOUR * link_hours,
        unconfirmed_lifetime: HOUR * account_hours,
        ..options()
    });
    app.register("ann");
    begin(&app, "bob");
    let late = begin(&app, "cid");
    app.advance(HOUR * (link_hours - 1));
    check(&app.ask(&format!("GET {late}")), 200, "active");
    app.advance(HOUR * (expected + 1 - link_hours) - HOUR / 2);
    assert_eq!(names(&app), ["ann", "bob", "cid"]);
    app.advance(HOUR + HOUR / 2);
    assert_eq!(names(&app), ["ann", "cid"]);
    // Name and address are free again.
    let path = begin(&app, "bob");
    check(&app.ask(&format!("GET {path}")), 200, "active");
    app.advance(HOUR * 1000);
    assert_eq!(names(&app), ["ann", "cid", "bob"]);
}

#[test]
fn accounts_that_nobody_confirms_are_forgotten_in_time() {
    check_kept(24, 48, 48);
    check_kept(24, 1, 24);
}

#[test]
fn tokens_and_revocations_are_forgotten_when_they_have_expired() {
    let app = App::new();
    app.register("ann");
    check(&app.logout(&app.login("ann")), 200, "revoked");
    let body = json!({ "email": "ann@example.org" });
    check(&app.tell("POST /api/reset", &body), 202, "on its way");
    begin(&app, "bob");
    // Longer than each of them is good.
    app.advance(HOUR * (5 * 24 + 2));
    let stores = app.stores.clone();
    let left = on_worker(async move {
        let end = UnixTime(i64::MAX);
        let tokens = stores.accounts.forget_tokens(end, 9).await;
        [tokens, stores.sessions.forget_expired(end, 9).await]
    });
    assert_eq!(left, [Ok(0), Ok(0)]);
}

/// An account that was added long ago and never confirmed.
fn old(name: &str) -> NewAccount {
    NewAccount {
        name: name.to_owned(),
        email: format!("{name}@example.org"),
        password_hash: String::new(),
        active: false,
        created: UnixTime(0),
    }
}

#[test]
fn postgresql_forgets_them_too() {
    let Some(postgres) = Postgres::start("backend-tidying") else {
        return;
    };
    let url = postgres.create("shop");
    let app = App::on(&url.parse().expect("it names one"), options());
    let count = || postgres.sql("shop", "SELECT count(*) FROM accounts");
    let confirmed = NewAccount {
        active: true,
        ..old("bob")
    };
    let stores = app.stores.clone();
    on_worker(async move {
        for account in [old("ann"), confirmed] {
            stores.accounts.add(account).await.expect("it is added");
        }
    });
    assert_eq!(count().trim(), "2");
    // The job begins in virtual time, and is answered in real time: no more of the former may pass, or
    // the database counts as too slow.
    app.advance(HOUR / 60);
    let begun = Instant::now();
    while count().trim() == "2" {
        assert!(begun.elapsed() < PATIENCE, "nothing was forgotten");
        app.server.turn();
    }
    let name = postgres.sql("shop", "SELECT name FROM accounts");
    assert_eq!(name.trim(), "bob");
}

#[test]
fn many_are_forgotten_one_piece_after_another() {
    const COUNT: u32 = 1234;
    let app = App::new();
    let stores = app.stores.clone();
    on_worker(async move {
        for number in 0..COUNT {
            let added = stores.accounts.add(old(&number.to_string()));
            added.await.expect("it is added");
        }
    });
    assert_eq!(names(&app).len(), 100, "a page of them");
    // A restart an hour would not keep it from it.
    app.advance(HOUR / 30);
    assert_eq!(names(&app), [""; 0]);
}
