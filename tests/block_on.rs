//! Async code called from blocking handlers: it lives as long as its request and no longer, and
//! what its thread keeps for the next one is of use.

use std::future::pending;
use std::net::Shutdown;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use container::client::Client;
use container::extract::State;
use container::scheduler::Interrupted;
use container::{PerWorker, Router, StatusCode, block_on, blocking, inline};
use tests::{get, last, loopback, read_answers};

/// The deadline of `/hurried`.
const HURRIED: Duration = Duration::from_millis(20);

/// What calls to `block_on` came to.
type Outcomes = Arc<Mutex<mpsc::Sender<Result<(), Interrupted>>>>;

/// Waits for what never comes, and tells the test how that ended. Its answer is that of the server
/// to a deadline: either may be the first.
fn wait_for_ever(State(outcomes): State<Outcomes>) -> StatusCode {
    let outcome = block_on(pending());
    let outcomes = outcomes.lock().expect("no panic");
    outcomes.send(outcome).expect("the test listens");
    StatusCode::SERVICE_UNAVAILABLE
}

/// A container with that handler, and where it tells.
fn waiting() -> (
    container::Container,
    mpsc::Receiver<Result<(), Interrupted>>,
) {
    let (sender, outcomes) = mpsc::channel();
    let router = Router::new()
        .get("/", blocking(wait_for_ever))
        .get("/hurried", blocking(wait_for_ever).deadline(HURRIED))
        .state(Arc::new(Mutex::new(sender)) as Outcomes);
    (loopback::start(router), outcomes)
}

#[test]
fn a_client_that_goes_ends_the_wait() {
    let (container, outcomes) = waiting();
    let handle = container.handle();
    let client = loopback::connect(&handle);
    loopback::send(&client, &get("/"));
    loopback::until("the handler runs", || handle.stats().blocking.running == 1);
    client.shutdown(Shutdown::Both).expect("it is connected");
    let outcome = outcomes.recv_timeout(loopback::PATIENCE);
    assert!(matches!(outcome, Ok(Err(Interrupted::Cancelled))));
    loopback::until_idle(&handle);
    loopback::stop(container);
}

#[test]
fn a_deadline_ends_the_wait() {
    let (container, outcomes) = waiting();
    let mut outcome = None;
    // A deadline that passes before a thread is free ends the request before its handler begins.
    loopback::until("a handler begins in time", || {
        let client = loopback::connect(&container.handle());
        loopback::send(&client, &last("/hurried"));
        let answers = read_answers(&loopback::receive(&client), &[]);
        assert_eq!(answers[0].status, 503);
        outcome = outcomes.recv_timeout(HURRIED).ok();
        outcome.is_some()
    });
    assert!(matches!(outcome, Some(Err(Interrupted::Deadline))));
    loopback::stop(container);
}

#[test]
fn a_thread_keeps_its_connections_for_the_next_request() {
    let other = loopback::start(Router::new().get("/", inline(|| "other")));
    let url = format!("http://{}/", loopback::address(&other.handle()));
    let relay = move |State(client): State<PerWorker<Client>>| {
        let url = url.clone();
        let answer = block_on(async move { client.get().get(&url).await });
        let response = answer.expect("nobody goes").expect("it answers");
        response.into_body()
    };
    let router = Router::new()
        .get("/", blocking(relay))
        .state(PerWorker::new(Client::new));
    let container = loopback::builder(2).blocking_threads(1).start(router);
    let container = container.expect("it starts");
    for _ in 0..3 {
        let client = loopback::connect(&container.handle());
        loopback::send(&client, &last("/"));
        let answers = read_answers(&loopback::receive(&client), &[]);
        assert_eq!((answers[0].status, &*answers[0].body), (200, "other"));
    }
    assert_eq!(other.handle().stats().accepted, 1);
    loopback::stop(container);
    loopback::stop(other);
}

#[test]
fn a_worker_is_not_held() {
    let held = || async { block_on(pending::<()>()).map(|()| "never") };
    let router = Router::new().get("/async", held).get(
        "/inline",
        inline(|| block_on(pending::<()>()).map(|()| "never")),
    );
    let server = container::testing::Server::new(router);
    for path in ["/async", "/inline"] {
        let answers = read_answers(&server.exchange(&last(path)), &[]);
        assert_eq!(answers[0].status, 500, "{path}");
    }
    let stats = server.stats();
    assert_eq!((stats.r#async.panicked, stats.inline.panicked), (1, 1));
}
