//! Resets that were asked for are mailed, whatever happens in between; and nothing is promised without
//! a database.

use std::time::Duration;

use handlers::mail::Bell;
use handlers::store::{Stores, UnixTime};
use serde_json::json;
use tests::loopback::{self, until};
use tests::postgres::Postgres;
use tests::{Answer, on_worker, read_answers};

use crate::{App, PASSWORD, check, options, tell};

#[test]
fn what_was_asked_for_before_the_start_is_mailed() {
    let app = App::new();
    app.register("ann");
    let accounts = app.stores.accounts.clone();
    // As by a process that has died since.
    let asked = on_worker(async move {
        for email in ["nobody@example.org", "ann@example.org"] {
            let asked = accounts.ask_reset(email.to_owned(), UnixTime::now());
            asked.await.expect("it is kept");
        }
        accounts.asked_reset().await
    });
    assert!(asked.is_ok_and(|asked| asked.is_some()));
    let before = app.mail().len();
    app.advance(Duration::from_secs(60));
    assert_eq!(app.mail().len(), before + 1);
    let new = json!({ "new_password": "Another12" });
    let link = app.mailed_path();
    check(&app.tell(&format!("POST {link}"), &new), 200, "changed");
    let accounts = app.stores.accounts.clone();
    let left = on_worker(async move { accounts.asked_reset().await });
    assert_eq!(left, Ok(None));
}

/// Without a database the answer was that a mail is on its way, and it never came.
#[test]
fn without_a_database_no_reset_is_promised() {
    let Some(mut postgres) = Postgres::start("backend-resets") else {
        return;
    };
    let database = postgres.create("shop").parse().expect("it names one");
    let stores = Stores::open(&database).expect("it opens");
    let router = handlers::backend::router(stores, Bell::new(), options());
    let container = loopback::start(router);
    let send = |line: &str, body: serde_json::Value| -> Answer {
        let stream = loopback::connect(&container.handle());
        loopback::send(&stream, &tell(line, &body).wire());
        read_answers(&loopback::receive(&stream), &[]).remove(0)
    };
    let ask = |email: &str| send("POST /api/reset", json!({ "email": email }));
    let user = json!({ "name": "ann", "email": "ann@example.org", "password": PASSWORD });
    check(&send("POST /api/user", user), 201, "");
    postgres.kill();
    for email in ["ann@example.org", "nobody@example.org"] {
        let refused = ask(email);
        check(&refused, 503, "the database is not available");
        assert_eq!(refused.field("retry-after"), Some("1"));
    }
    postgres.restart();
    until("it is kept", || ask("ann@example.org").status == 202);
    until("it is mailed", || {
        postgres
            .sql("shop", "SELECT count(*) FROM mail_queue")
            .trim()
            == "1"
    });
    loopback::stop(container);
}
