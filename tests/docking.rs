//! The docking API: its data, its filters, its delay, and that both lanes give the same.

use std::time::Duration;

use container::testing::{Client, Server};
use handlers::docking;
use tests::{Answer, read_answers};

const DELAY: Duration = Duration::from_millis(500);

const JOHN: &str = r#"{"id":"1","name":"John Liu","role":"sales"}"#;
const BRUCE: &str = r#"{"id":"2","name":"Bruce Lee","role":"sales"}"#;
const CHUCK: &str = r#"{"id":"3","name":"Chuck Norris","role":"manager"}"#;

const ANDY: &str = r#"{"id":"1","name":"Andy Ziemmer","salesId":"1"}"#;
const MICHAEL: &str = r#"{"id":"2","name":"Michael Jordan","salesId":"1"}"#;
const KOBE: &str = r#"{"id":"3","name":"Kobe Bryant","salesId":"2"}"#;
const NICK: &str = r#"{"id":"4","name":"Nick Kamar","salesId":"2"}"#;
const JACK: &str = r#"{"id":"5","name":"Jack Bledie","salesId":"2"}"#;

/// Queries of lists, and who is in them.
const LISTS: &[(&str, &[&str])] = &[
    ("/users", &[JOHN, BRUCE, CHUCK]),
    ("/users?role=sales", &[JOHN, BRUCE]),
    ("/users?role=ALE", &[JOHN, BRUCE]),
    ("/users?role=manager", &[CHUCK]),
    ("/users?name=lee", &[BRUCE]),
    ("/users?name=L", &[JOHN, BRUCE]),
    ("/users?name=ck%20no", &[CHUCK]),
    ("/users?name=john+liu", &[JOHN]),
    ("/users?name=r&role=Sales", &[BRUCE]),
    ("/users?role=sales&name=chuck", &[]),
    ("/users?name=nobody", &[]),
    ("/users?name=", &[JOHN, BRUCE, CHUCK]),
    ("/users?unknown=1", &[JOHN, BRUCE, CHUCK]),
    ("/customers", &[ANDY, MICHAEL, KOBE, NICK, JACK]),
    ("/customers?salesId=1", &[ANDY, MICHAEL]),
    ("/customers?salesId=2", &[KOBE, NICK, JACK]),
    ("/customers?salesId=3", &[]),
    ("/customers?salesId=12", &[]),
    ("/customers?name=JORDAN", &[MICHAEL]),
    ("/customers?name=k&salesId=2", &[KOBE, NICK, JACK]),
    ("/customers?name=k&salesId=1", &[]),
];

/// Paths of one user or customer, with the answer.
const ONES: &[(&str, u16, &str)] = &[
    ("/users/1", 200, JOHN),
    ("/users/3", 200, CHUCK),
    ("/customers/1", 200, ANDY),
    ("/customers/5", 200, JACK),
    (
        "/users/9",
        404,
        r#"{"type":"ResourceNotFound","message":"User ID 9 not found"}"#,
    ),
    (
        "/users/01",
        404,
        r#"{"type":"ResourceNotFound","message":"User ID 01 not found"}"#,
    ),
    (
        "/customers/9",
        404,
        r#"{"type":"ResourceNotFound","message":"Customer ID 9 not found"}"#,
    ),
    (
        "/customers/a%22b",
        404,
        r#"{"type":"ResourceNotFound","message":"Customer ID a\"b not found"}"#,
    ),
];

/// Sends a request that is the last of its connection.
fn send(client: &mut Client<'_>, target: &str) {
    client.send(format!(
        "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    ));
}

fn answer(client: &mut Client<'_>) -> Answer {
    let wire = client.received();
    let [answer] = &read_answers(&wire, &[])[..] else {
        panic!("not one answer: {wire:?}");
    };
    answer.clone()
}

/// The answer to a request that waits for the database, and does not come before it is there.
fn after_delay(server: &Server, target: &str) -> Answer {
    let mut client = server.connect();
    send(&mut client, target);
    server.advance(DELAY - Duration::from_millis(1));
    assert_eq!(client.received(), "", "{target} came early");
    server.advance(Duration::from_millis(1));
    answer(&mut client)
}

#[track_caller]
fn check(answer: &Answer, target: &str, status: u16, body: &str) {
    assert_eq!((answer.status, &*answer.body), (status, body), "{target}");
    let content_type = answer.field("content-type");
    assert_eq!(content_type, Some("application/json"), "{target}");
}

#[test]
fn lists_are_filtered() {
    let server = Server::new(docking::router(DELAY));
    for (target, members) in LISTS {
        let body = format!("[{}]", members.join(","));
        check(&after_delay(&server, target), target, 200, &body);
    }
}

#[test]
fn one_is_found_or_not() {
    let server = Server::new(docking::router(DELAY));
    for (target, status, body) in ONES {
        check(&after_delay(&server, target), target, *status, body);
    }
}

#[test]
fn the_blocking_routes_give_the_same() {
    let server = Server::new(docking::router(Duration::ZERO));
    let lists = LISTS.iter().map(|(target, _)| *target);
    let ones = ONES.iter().map(|(target, _, _)| *target);
    for target in lists.chain(ones) {
        let [waited, blocked] = [target.to_owned(), format!("/blocking{target}")].map(|target| {
            let mut client = server.connect();
            send(&mut client, &target);
            answer(&mut client)
        });
        assert_eq!(waited, blocked, "{target}");
    }
    let requests = (LISTS.len() + ONES.len()) as u64;
    let stats = server.stats();
    assert_eq!(stats.blocking.finished, requests);
    assert_eq!(stats.r#async.finished, requests);
}

#[test]
fn a_thousand_wait_together() {
    let server = Server::new(docking::router(DELAY));
    let mut clients: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    for client in &mut clients {
        send(client, "/users/2");
    }
    assert_eq!(server.stats().r#async.running, 1000);
    server.advance(DELAY);
    for client in &mut clients {
        check(&answer(client), "/users/2", 200, BRUCE);
    }
}
