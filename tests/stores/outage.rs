//! The database dies under load and comes back: who asks meanwhile is told so, nobody waits for
//! ever, and nothing that was acknowledged is lost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use container::Router;
use container::extract::State;
use handlers::store::{NewProduct, StoreError, Stores};
use tests::loopback::{PATIENCE, address, builder, stop, until};
use tests::postgres::Postgres;
use tests::{Answer, on_worker, read_answers};

use crate::named;

/// Clients that send one request after another.
const CLIENTS: usize = 16;

/// Answers that count as a load, and as the end of an outage, of each client.
const ENOUGH: usize = 20;

/// What a client got: who it is, and the id of what was added.
type Got = (usize, Result<i64, Answer>);

/// Adds a product and answers its id.
async fn add(State(stores): State<Stores>) -> Result<String, StoreError> {
    let new = NewProduct {
        name: "Lamp".to_owned(),
        brand: 1,
    };
    let added = stores.catalogue.add_product(new).await?;
    Ok(added.id.to_string())
}

/// Sends one request after another until it is told to end, and tells what it gets.
fn load(client: usize, mut stream: TcpStream, ended: &AtomicBool, got: &Sender<Got>) {
    let request = b"POST /add HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    // Whoever hangs is found out by the time limit of the read.
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("it is not 0");
    while !ended.load(Ordering::Relaxed) {
        stream.write_all(request).expect("the connection stays");
        let answer = receive(&mut stream);
        let outcome = match answer.status {
            200 => Ok(answer.body.parse().expect("an id")),
            _ => Err(answer),
        };
        got.send((client, outcome)).expect("the test listens");
    }
}

/// Receives one answer.
fn receive(stream: &mut TcpStream) -> Answer {
    let mut received = vec![];
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).expect("an answer comes in time");
        assert!(count > 0, "the connection stays");
        received.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&received);
        if is_whole(&text) {
            return read_answers(&text, &[]).remove(0);
        }
    }
}

/// Whether a head and the body that it announces are there.
fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = lengths.next().expect("each answer has one");
    body.len() == length.parse::<usize>().expect("a number")
}

/// Waits until each client has got `ENOUGH` of those that are `wanted`; gives all ids on the way.
fn wait_for_each(got: &Receiver<Got>, wanted: impl Fn(&Result<i64, Answer>) -> bool) -> Vec<i64> {
    let mut counts = [0; CLIENTS];
    let mut ids = vec![];
    while counts.iter().any(|count| *count < ENOUGH) {
        let (client, outcome) = got.recv_timeout(PATIENCE).expect("clients go on");
        counts[client] += usize::from(wanted(&outcome));
        match outcome {
            Ok(id) => ids.push(id),
            Err(answer) => check_refusal(&answer),
        }
    }
    ids
}

/// Each refusal says what it is, and when to come again.
fn check_refusal(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(
        answer.field("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.field("retry-after"), Some("1"));
    assert!(
        answer.body.contains("the database is not available"),
        "{answer:?}"
    );
    assert!(!answer.closes());
}

#[test]
fn nothing_acknowledged_is_lost_and_nobody_hangs() {
    let Some(mut server) = Postgres::start("outage") else {
        return;
    };
    let database = named(&server.create("shop"));
    let stores = Stores::open(&database).expect("it opens");
    let router = Router::new().post("/add", add).state(stores);
    let container = builder(2).start(router).expect("it starts");
    let handle = container.handle();
    let ended = AtomicBool::new(false);
    let (sender, got) = mpsc::channel();
    let mut ids = thread::scope(|scope| {
        for client in 0..CLIENTS {
            let stream = TcpStream::connect(address(&handle)).expect("it listens");
            let (ended, sender) = (&ended, sender.clone());
            scope.spawn(move || load(client, stream, ended, &sender));
        }
        let mut ids = wait_for_each(&got, Result::is_ok);
        // All are on their way when it dies, and stay there until then.
        let locked = server.lock("shop", "products");
        until("all wait", || {
            handle.stats().r#async.running == CLIENTS as u64
        });
        server.kill();
        ids.extend(wait_for_each(&got, Result::is_err));
        drop(locked);
        server.restart();
        ids.extend(wait_for_each(&got, Result::is_ok));
        ended.store(true, Ordering::Relaxed);
        ids
    });
    drop(sender);
    ids.extend(got.iter().filter_map(|(_, outcome)| outcome.ok()));
    stop(container);
    let stores = Stores::open(&database).expect("it opens");
    on_worker(async {
        for id in ids {
            let found = stores.catalogue.product(id).await.expect("it answers");
            assert!(found.is_some(), "product {id} was acknowledged");
        }
    });
}
