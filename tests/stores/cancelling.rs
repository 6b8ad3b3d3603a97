//! Queries that nobody waits for any more are cancelled at the server, and nothing else is.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use container::extract::State;
use container::handler::Handler;
use container::{Router, spawn_local, yield_now};
use handlers::store::{NewProduct, OpenOptions, Product, StoreError, Stores};
use tests::loopback::{PATIENCE, builder, connect, receive_until, send, start, stop, until};
use tests::postgres::Postgres;
use tests::{Certificate, get, on_worker};

use crate::named;

/// Those that wait for the lock of a table, besides whoever asks.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
                       WHERE datname = 'shop' AND wait_event_type = 'Lock'";

fn lamp() -> NewProduct {
    NewProduct {
        name: "Lamp".to_owned(),
        brand: 1,
    }
}

/// A server with a database `shop`, and its stores on so many connections.
fn shop(name: &str, connections: usize) -> Option<(Postgres, Stores)> {
    let server = Postgres::start(name)?;
    let stores = open(&server, connections);
    Some((server, stores))
}

/// Makes the database `shop`, for stores on so many connections.
fn open(server: &Postgres, connections: usize) -> Stores {
    let options = OpenOptions {
        connections,
        ..OpenOptions::default()
    };
    let database = named(&server.create("shop"));
    Stores::open_with(&database, &options).expect("it opens")
}

/// Adds a product, which takes as long as somebody else has the table locked.
async fn add(State(stores): State<Stores>) -> Result<String, StoreError> {
    let added = stores.catalogue.add_product(lamp()).await?;
    Ok(added.id.to_string())
}

/// A product, which nobody has locked; asked for until there is a connection to ask with.
async fn when_free(stores: &Stores) -> Result<Option<Product>, StoreError> {
    let start = Instant::now();
    loop {
        let found = stores.catalogue.product(1).await;
        match &found {
            Err(StoreError::Unavailable(reason)) if reason.contains("in use for too long") => {
                assert!(
                    start.elapsed() < PATIENCE,
                    "the connection never comes back"
                );
            }
            _ => return found,
        }
    }
}

#[test]
fn a_connection_is_used_again_after_its_query_was_cancelled() {
    if let Some(server) = Postgres::start("cancelling-again") {
        check_used_again(&server);
    }
}

#[test]
fn an_encrypted_connection_is_used_again_after_its_query_was_cancelled() {
    let certificate = Certificate::self_signed("127.0.0.1");
    if let Some(server) = Postgres::start_with_tls("cancelling-tls", &certificate) {
        check_used_again(&server);
    }
}

#[track_caller]
fn check_used_again(server: &Postgres) {
    const ROUNDS: usize = 20;
    let ours = "SELECT pid FROM pg_stat_activity \
                WHERE datname = 'shop' AND application_name = 'handlers'";
    let stores = open(server, 1);
    let locked = server.lock("shop", "products");
    on_worker(async {
        let found = stores.catalogue.product(1).await;
        assert!(matches!(found, Ok(Some(_))), "{found:?}");
        let process = server.sql("shop", ours);
        for round in 0..ROUNDS {
            let mut adding = pin!(stores.catalogue.add_product(lamp()));
            // Begun, and left again after a while that is another in each round.
            for _ in 0..=round * 3 {
                let poll = poll_fn(|cx| Poll::Ready(adding.as_mut().poll(cx))).await;
                assert!(poll.is_pending(), "somebody else has the table locked");
                yield_now().await;
            }
            adding.set(Box::pin(async { Err(StoreError::NoSuchBrand) }));
            // There is one connection: it was not cut off, and this query not hit.
            let found = when_free(&stores).await;
            assert!(matches!(found, Ok(Some(_))), "round {round}: {found:?}");
        }
        assert_eq!(server.sql("shop", ours), process, "it is still the same");
    });
    drop(locked);
    let products = server.sql("shop", "SELECT count(*) FROM products");
    assert_eq!(products, "300", "none of those that were cancelled");
}

#[test]
fn a_deadline_cancels_the_query() {
    let Some((server, stores)) = shop("cancelling-deadline", 2) else {
        return;
    };
    let locked = server.lock("shop", "products");
    let hurried = add.deadline(Duration::from_millis(100));
    let router = Router::new().post("/add", hurried).state(stores);
    let container = start(router);
    let stream = connect(&container.handle());
    send(
        &stream,
        "POST /add HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    );
    let answer = receive_until(&stream, "}");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    until("the server has cancelled it", || {
        server.sql("shop", WAITING) == "0"
    });
    drop(locked);
    stop(container);
}

#[test]
fn a_client_that_goes_cancels_the_query() {
    let Some((server, stores)) = shop("cancelling-gone", 2) else {
        return;
    };
    let locked = server.lock("shop", "products");
    // A GET, which is cancelled when its client goes.
    let router = Router::new().get("/add", add).get("/", async || "root");
    let container = builder(1).start(router.state(stores)).expect("it starts");
    let stream = connect(&container.handle());
    // Closing with an answer unread resets.
    send(&stream, &(get("/") + &get("/add")));
    until("it waits for the lock", || {
        server.sql("shop", WAITING) == "1"
    });
    drop(stream);
    until("the server has cancelled it", || {
        server.sql("shop", WAITING) == "0"
    });
    drop(locked);
    stop(container);
}

#[test]
fn many_that_go_at_once_leave_the_pool_whole() {
    let Some((server, stores)) = shop("cancelling-many", 3) else {
        return;
    };
    let locked = server.lock("shop", "products");
    on_worker(async {
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let stores = stores.clone();
                spawn_local(async move { stores.catalogue.add_product(lamp()).await })
            })
            .collect();
        for _ in 0..100 {
            yield_now().await;
        }
        for task in &tasks {
            task.abort();
        }
        // More than there are connections: each of them is there again.
        let asking: Vec<_> = (0..30)
            .map(|_| {
                let stores = stores.clone();
                spawn_local(async move { when_free(&stores).await })
            })
            .collect();
        for task in asking {
            let found = task.await.expect("no panic");
            assert!(matches!(found, Ok(Some(_))), "{found:?}");
        }
    });
    drop(locked);
}
