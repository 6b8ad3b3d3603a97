//! Connections that the server ends, between two queries and under one: whoever asks does not see
//! it, but for a write that may have been executed, and nothing is executed twice.

use std::net::TcpStream;
use std::rc::Rc;

use container::extract::State;
use container::{Container, Router, spawn_local, yield_now};
use handlers::store::{NewProduct, StoreError, Stores};
use tests::loopback::{builder, connect, receive, send, stop, until};
use tests::postgres::Postgres;
use tests::{Answer, Certificate, on_worker, read_answers};

use crate::named;

/// How often the server ends all connections.
const ROUNDS: usize = 5;

/// Requests at once: so many that a worker can need all of its connections, and nobody waits for one.
const AT_ONCE: usize = Stores::CONNECTIONS;

/// The process that waits for the lock of a table.
const WAITING: &str = "SELECT pid FROM pg_stat_activity \
                       WHERE datname = 'shop' AND wait_event_type = 'Lock'";

/// How many the shop has at the start.
const FIRST: usize = 300;

/// A server with a database `shop`, and its stores.
fn shop(name: &str) -> Option<(Postgres, Stores)> {
    let server = Postgres::start(name)?;
    let stores = open(&server);
    Some((server, stores))
}

/// Makes the database `shop`.
fn open(server: &Postgres) -> Stores {
    Stores::open(&named(&server.create("shop"))).expect("it opens")
}

async fn read(State(stores): State<Stores>) -> Result<String, StoreError> {
    let found = stores.catalogue.product(1).await?;
    Ok(found.map_or_else(String::new, |product| product.name))
}

async fn add(State(stores): State<Stores>) -> Result<String, StoreError> {
    let added = stores.catalogue.add_product(lamp()).await?;
    Ok(added.id.to_string())
}

fn lamp() -> NewProduct {
    NewProduct {
        name: "Lamp".to_owned(),
        brand: 1,
    }
}

fn serve(stores: Stores, workers: usize) -> Container {
    let router = Router::new().get("/read", read).post("/add", add);
    let container = builder(workers).start(router.state(stores));
    container.expect("it starts")
}

/// Sends a request over a connection of its own.
fn begin(container: &Container, line: &str) -> TcpStream {
    let stream = connect(&container.handle());
    let fields = "Host: a\r\nConnection: close\r\nContent-Length: 0";
    send(&stream, &format!("{line} HTTP/1.1\r\n{fields}\r\n\r\n"));
    stream
}

/// The answer to it.
fn end(stream: TcpStream) -> Answer {
    read_answers(&receive(stream), &[]).remove(0)
}

/// The process of the server that waits for a lock, and is not that of `before`.
fn waiter(server: &Postgres, before: &str) -> String {
    let mut process = String::new();
    until("one waits for the lock", || {
        process = server.sql("shop", WAITING);
        !process.is_empty() && process != before
    });
    process
}

fn products(server: &Postgres) -> usize {
    let count = server.sql("shop", "SELECT count(*) FROM products");
    count.parse().expect("a number")
}

#[test]
fn nobody_sees_that_connections_ended_while_they_lay_idle() {
    if let Some(server) = Postgres::start("lost-idle") {
        check_unseen(server);
    }
}

#[test]
fn nobody_sees_that_encrypted_connections_ended_while_they_lay_idle() {
    let certificate = Certificate::self_signed("127.0.0.1");
    if let Some(server) = Postgres::start_with_tls("lost-idle-tls", &certificate) {
        check_unseen(server);
    }
}

fn check_unseen(mut server: Postgres) {
    let stores = open(&server);
    let container = serve(stores, 2);
    for round in 0..ROUNDS {
        let lines = ["GET /read", "POST /add"].into_iter().cycle();
        let streams: Vec<_> = lines
            .take(AT_ONCE)
            .map(|line| begin(&container, line))
            .collect();
        for stream in streams {
            let answer = end(stream);
            assert_eq!(answer.status, 200, "round {round}: {answer:?}");
        }
        match round % 2 {
            0 => server.terminate("shop"),
            _ => {
                server.kill();
                server.restart();
            }
        }
    }
    assert_eq!(products(&server), FIRST + ROUNDS * AT_ONCE / 2);
    stop(container);
}

#[test]
fn an_end_that_the_worker_had_no_time_to_see_is_not_seen_by_others() {
    let Some((server, stores)) = shop("lost-unseen") else {
        return;
    };
    let server = Rc::new(server);
    let of_task = Rc::clone(&server);
    on_worker(async {
        let task = spawn_local(async move {
            for round in 0..ROUNDS {
                // A new turn of the reactor, in which it cannot be seen any more.
                yield_now().await;
                of_task.terminate("shop");
                let added = stores.catalogue.add_product(lamp()).await;
                assert!(added.is_ok(), "round {round}: {added:?}");
            }
        });
        task.await.expect("no panic");
    });
    assert_eq!(products(&server), FIRST + ROUNDS);
}

/// Sends a request whose query waits for a lock, ends its connection, and gives the lock back when
/// the query waits for it on another one.
fn check_run_again(name: &str, line: &str, first: &str, added: usize) {
    let Some((server, stores)) = shop(name) else {
        return;
    };
    let container = serve(stores, 1);
    // There is a connection, and on it `line` was prepared or not.
    assert_eq!(end(begin(&container, first)).status, 200);
    let before = products(&server);
    let locked = server.lock_out("shop", "products");
    let asking = begin(&container, line);
    let lost = waiter(&server, "");
    server.sql("shop", &format!("SELECT pg_terminate_backend({lost})"));
    waiter(&server, &lost);
    drop(locked);
    let answer = end(asking);
    assert_eq!(answer.status, 200, "{line}: {answer:?}");
    assert_eq!(products(&server), before + added, "{line}");
    stop(container);
}

#[test]
fn a_query_that_only_reads_is_run_again() {
    check_run_again("lost-reading", "GET /read", "GET /read", 0);
}

#[test]
fn a_query_that_writes_is_run_again_while_it_is_only_prepared() {
    check_run_again("lost-preparing", "POST /add", "GET /read", 1);
}

#[test]
fn a_query_that_writes_is_not_run_again_once_it_was_sent() {
    let Some((server, stores)) = shop("lost-writing") else {
        return;
    };
    let container = serve(stores, 1);
    assert_eq!(end(begin(&container, "POST /add")).status, 200);
    let locked = server.lock("shop", "products");
    let adding = begin(&container, "POST /add");
    let writer = waiter(&server, "");
    server.sql("shop", &format!("SELECT pg_terminate_backend({writer})"));
    let answer = end(adding);
    assert_eq!(answer.status, 503, "{answer:?}");
    drop(locked);
    // The next one is not harmed.
    assert_eq!(end(begin(&container, "POST /add")).status, 200);
    assert_eq!(products(&server), FIRST + 2);
    stop(container);
}
