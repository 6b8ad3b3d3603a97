//! Logins in masses: the others are served beside them, and what is too much is told so.

use std::num::NonZeroU32;

use container::testing::{Client, Server};
use container::{Router, blocking};
use handlers::backend::{AttemptOptions, Options, PasswordOptions};
use handlers::mail::Bell;
use handlers::store::{Database, Stores};
use serde_json::{Value, json};
use tests::{loopback, on_worker, read_answers};

use crate::{PASSWORD, ask, check, options, tell};

/// Logins at once.
const FLOOD: usize = 200;

/// Of which so many wait for their turn to be compared.
const QUEUE: usize = 20;

#[test]
fn a_flood_of_logins_holds_up_nobody_else() {
    let stores = Stores::open(&Database::Memory).expect("it opens");
    let options = Options {
        passwords: PasswordOptions {
            concurrency: 1,
            queue: QUEUE,
            ..options().passwords
        },
        ..options()
    };
    let router = Router::new()
        .get("/plain", async || "plain")
        .get("/blocking", blocking(|| "blocking"));
    let router = router.merge(handlers::backend::router(stores, Bell::new(), options));
    // Each job is begun by hand, so that at each moment it can be asked what it holds up.
    let server = Server::without_threads(router, |_| {});
    let login = tell(
        "POST /api/login",
        &json!({ "name": "ann", "password": PASSWORD }),
    );
    let begin = |count: usize| -> Vec<_> {
        let mut clients: Vec<_> = (0..count).map(|_| server.connect()).collect();
        let send = |client: &mut Client<'_>| client.send(login.wire());
        clients.iter_mut().for_each(send);
        clients
    };
    // One is looked for and about to be compared: its job keeps the first place.
    let mut flood = begin(1);
    server.run_blocking(0);
    assert_eq!(server.held(), 1);
    flood.extend(begin(FLOOD - 1));
    while server.held() > 1 {
        server.run_blocking(1);
    }
    assert_eq!(server.held(), 1, "one thread of the pool is all they take");
    let quick = server.exchange(&ask("GET /plain").wire());
    assert!(quick.ends_with("plain"), "{quick}");
    let mut blocking = server.connect();
    blocking.send(ask("GET /blocking").wire());
    server.run_blocking(1);
    assert!(blocking.received().ends_with("blocking"));
    while server.held() > 0 {
        server.run_blocking(0);
    }
    let (mut compared, mut refused) = (0, 0);
    for client in &mut flood {
        let answers = read_answers(&client.received(), &[]);
        let answer = &answers[0];
        if answer.status == 400 {
            check(answer, 400, "wrong name or password");
            compared += 1;
        } else {
            check(answer, 503, "");
            assert_eq!(answer.field("retry-after"), Some("1"));
            refused += 1;
        }
    }
    assert_eq!((compared, refused), (QUEUE + 1, FLOOD - QUEUE - 1));
}

/// The statuses of these requests, one after another by one client of the network, who may do one
/// thing a minute; and how much mail there is then. Nothing here takes so long.
#[track_caller]
fn check_limited(requests: &[(&str, Value)], expected: &[u16], mails: u64) {
    let stores = Stores::open(&Database::Memory).expect("it opens");
    let options = Options {
        attempts: AttemptOptions {
            per_name: None,
            per_peer: NonZeroU32::new(1),
        },
        ..options()
    };
    let router = handlers::backend::router(stores.clone(), Bell::new(), options);
    let container = loopback::start(router);
    for ((line, body), expected) in requests.iter().zip(expected) {
        let stream = loopback::connect(&container.handle());
        loopback::send(&stream, &tell(line, body).wire());
        let answer = read_answers(&loopback::receive(&stream), &[]).remove(0);
        check(&answer, *expected, "");
        if *expected == 429 {
            check(&answer, 429, "too many attempts");
            let wait: u32 = answer
                .field("retry-after")
                .expect("when")
                .parse()
                .expect("seconds");
            assert!((1..=60).contains(&wait), "{wait}");
        }
    }
    loopback::stop(container);
    let count = on_worker(async move { stores.mail_queue.count().await });
    assert_eq!(count, Ok(mails));
}

/// An account of this name.
fn account(name: &str) -> Value {
    json!({ "name": name, "email": format!("{name}@example.org"), "password": PASSWORD })
}

#[test]
fn nobody_has_mail_sent_to_as_many_strangers_as_he_likes() {
    let register = |name| ("POST /api/register", account(name));
    check_limited(&[register("ann"), register("bob")], &[201, 429], 1);
}

#[test]
fn nobody_has_as_many_passwords_hashed_as_he_likes() {
    let add = |name| ("POST /api/user", account(name));
    let change = |change| ("PATCH /api/user/1", change);
    let reset = format!("POST /api/reset/{}", "0".repeat(64));
    check_limited(
        &[
            add("ann"),
            add("bob"),
            ("POST /api/register", account("bob")),
            change(json!({ "password": "Another12" })),
            (&reset, json!({ "new_password": PASSWORD })),
            // What is malformed is told so, and what has no password costs none.
            ("POST /api/user", json!({})),
            change(json!({ "name": "anna" })),
        ],
        &[201, 429, 429, 429, 429, 400, 200],
        0,
    );
}
