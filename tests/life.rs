//! The life of a container over real sockets: workers that die, listeners that are handed over,
//! connections that are given away, and stops that lose nothing.

use std::io::{self, ErrorKind, Read, Write};
use std::iter;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use container::net::AnyListener;
use container::observe::Outcome;
use container::scheduler::Phase;
use container::server::Handle;
use container::{Container, Report, Router, blocking, draining, inline, sleep, spawn_local};
use handlers::probe::kill_worker;
use tests::loopback::{
    PATIENCE, address, builder, connect, connect_unix, hold, receive, receive_until, send,
    socket_path, stop, until, wait,
};
use tests::{GET, LAST, get};

fn router() -> Router {
    Router::new()
        .get("/", inline(|| "root"))
        .get("/where", inline(|| format!("{}!", worker())))
        .get("/kill", kill_worker)
}

/// The name of the worker that calls it.
fn worker() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// A connection that worker `name` serves.
fn connect_to(handle: &Handle, name: &str) -> TcpStream {
    served_by(name, || connect(handle))
}

/// The same of those that `connect` makes. The others are kept until it is found, so that the next
/// one goes to somebody else.
fn served_by<S: Read + Write>(name: &str, connect: impl Fn() -> S) -> S {
    let mut others = vec![];
    loop {
        let mut stream = connect();
        if served_where(&mut stream) == name {
            return stream;
        }
        others.push(stream);
    }
}

/// Who serves this connection.
fn served_where(stream: &mut (impl Read + Write)) -> String {
    send(&mut *stream, &get("/where"));
    let answer = receive_until(stream, "!");
    let body = answer.rsplit_once("\n").expect("a head").1;
    body.trim_end_matches('!').to_owned()
}

#[test]
fn a_worker_that_dies_is_replaced() {
    let container = builder(1).start(router()).expect("it starts");
    let handle = container.handle();
    for round in 1..=3 {
        let (idle, fatal) = (connect(&handle), connect(&handle));
        send(&idle, GET);
        receive_until(&idle, "root");
        send(&fatal, &get("/kill"));
        assert_eq!(
            (receive(&fatal), receive(&idle)),
            (String::new(), String::new())
        );
        let stream = connect(&handle);
        send(&stream, LAST);
        assert!(receive(&stream).ends_with("root"), "round {round}");
        assert_eq!(handle.stats().restarts, round);
    }
    let report = stop(container);
    assert_eq!((report.stats.restarts, report.stats.cut), (3, 3));
    assert_eq!(report.stats.connections, 0);
    let count = |outcome: Outcome| {
        let routes = handle.observation().routes();
        let counts = routes.iter().map(|route| route.outcomes[outcome as usize]);
        counts.sum::<u64>()
    };
    // Who sent them had not gone.
    assert_eq!((count(Outcome::Cut), count(Outcome::Gone)), (3, 0));
}

#[test]
fn each_worker_can_die_without_the_others() {
    let container = builder(2).start(router()).expect("it starts");
    let handle = container.handle();
    for name in ["worker-0", "worker-1"] {
        let other = if name == "worker-0" {
            "worker-1"
        } else {
            "worker-0"
        };
        let (fatal, kept) = (connect_to(&handle, name), connect_to(&handle, other));
        send(&fatal, &get("/kill"));
        assert_eq!(receive(&fatal), "");
        send(&kept, GET);
        receive_until(&kept, "root");
    }
    until("both are replaced", || {
        handle.workers().iter().all(|worker| worker.restarts == 1)
    });
    stop(container);
}

/// While a handler holds one of two workers, the other one serves all connections that are made.
fn check_beside_a_held_worker<S>(address: &str, connect: impl Fn(&Handle) -> S)
where
    S: Read + Write,
{
    const LIMIT: Duration = Duration::from_millis(1);
    // Of so many, the kernel gives some to each of two listeners.
    const CONNECTIONS: usize = 32;
    let (hold, held) = hold();
    let container = Container::builder()
        .bind(address)
        .workers(2)
        .configure(|config| config.watchdog.worker = Some(LIMIT))
        .start(router().get("/held", inline(held)))
        .expect("it starts");
    let handle = container.handle();
    let names = ["worker-0", "worker-1"];
    for (name, other) in [(names[0], names[1]), (names[1], names[0])] {
        let mut stream = served_by(name, || connect(&handle));
        send(&mut stream, &get("/held"));
        hold.wait_begun();
        until("it counts as held", || {
            handle.workers().iter().any(|worker| worker.turn >= LIMIT)
        });
        let streams = iter::repeat_with(|| connect(&handle)).take(CONNECTIONS);
        for mut stream in streams.collect::<Vec<S>>() {
            assert_eq!(served_where(&mut stream), other);
        }
        hold.release();
        receive_until(&mut stream, "held");
    }
    stop(container);
}

/// One worker accepted for all from a socket that they share: while a handler held it, nobody was
/// served, and while another was held, that one was given connections.
#[test]
fn a_held_worker_holds_up_no_shared_socket() {
    let path = socket_path("held");
    let address = format!("unix:{}", path.display());
    check_beside_a_held_worker(&address, |_| connect_unix(&path));
    assert!(!path.exists());
}

/// Connections that the kernel gave to a held worker's own listener waited until it was free, health
/// checks among them.
#[test]
fn a_held_worker_holds_up_no_socket_of_its_own() {
    check_beside_a_held_worker("127.0.0.1:0", connect);
}

/// A worker that had no room refused a connection for which another one had.
#[test]
fn nobody_is_refused_while_a_worker_has_room() {
    const EACH: usize = 8;
    let container = builder(2)
        .connections(EACH)
        .start(router())
        .expect("it starts");
    let handle = container.handle();
    let mut streams: Vec<TcpStream> = vec![];
    for _ in 0..2 * EACH {
        let mut stream = connect(&handle);
        served_where(&mut stream);
        streams.push(stream);
    }
    let stats = handle.stats();
    assert_eq!((stats.connections, stats.refused), (2 * EACH as u64, 0));
    stop(container);
}

#[test]
fn a_death_during_the_drain_does_not_keep_it_from_its_end() {
    static STOPPED: AtomicUsize = AtomicUsize::new(0);
    let router = router()
        .get("/later", async || {
            draining().await;
            kill_worker().await
        })
        .on_stop(async |_| {
            STOPPED.fetch_add(1, Ordering::SeqCst);
        });
    let container = builder(2).start(router).expect("it starts");
    let handle = container.handle();
    let streams = ["worker-0", "worker-1"].map(|name| connect_to(&handle, name));
    for stream in &streams {
        send(stream, &get("/later"));
    }
    until("both are at it", || handle.stats().r#async.running == 2);
    let report = stop(container);
    assert_eq!((report.stats.restarts, report.stats.cut), (2, 2));
    assert_eq!(
        (handle.phase(), STOPPED.load(Ordering::SeqCst)),
        (Phase::Drained, 1)
    );
}

#[test]
fn a_panicking_stop_hook_does_not_keep_the_others_from_running() {
    static RUN: AtomicUsize = AtomicUsize::new(0);
    let router = router()
        .on_stop(async |_| -> () { panic!("in the hook") })
        .on_stop(async |_| {
            RUN.fetch_add(1, Ordering::SeqCst);
        });
    let container = builder(2).start(router).expect("it starts");
    let handle = container.handle();
    stop(container);
    assert_eq!(
        (handle.phase(), RUN.load(Ordering::SeqCst)),
        (Phase::Drained, 1)
    );
}

/// The report of a stop that has hardly any time.
fn stop_at_once(router: Router, ask: impl FnOnce(&Handle)) -> Report {
    let container = builder(1).configure(|config| {
        config.drain = Duration::ZERO;
        config.close = Duration::from_millis(1);
    });
    let container = container.start(router).expect("it starts");
    let handle = container.handle();
    ask(&handle);
    handle.stop();
    let report = container.wait();
    assert_eq!(handle.phase(), Phase::Drained);
    report
}

/// The end waited for a handler that did not return, without any limit.
#[test]
fn a_held_worker_is_left_behind_and_named() {
    let (held, handler) = hold();
    let report = stop_at_once(Router::new().get("/held", inline(handler)), |handle| {
        send(connect(handle), &get("/held"));
        held.wait_begun();
    });
    let text = "served 0 requests, cut 1; left behind: worker-0, held by GET /held (inline)";
    assert_eq!(report.to_string(), text);
    let [left] = &*report.left_behind else {
        panic!("{report}");
    };
    assert_eq!((left.worker, left.requests), (0, 1));
    // It ends as soon as it can.
    held.release();
}

#[test]
fn a_shut_down_hook_does_not_hold_the_end() {
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    let (release, released) = mpsc::channel::<()>();
    let (alive, ends) = mpsc::channel::<()>();
    let released = Arc::new(Mutex::new((released, alive)));
    let waits = router().on_stop(async |_| std::future::pending::<()>().await);
    let blocks = router().on_stop(move |_| {
        let released = released.clone();
        async move {
            let released = released.lock().expect("no hook panics");
            released.0.recv().expect_err("nothing is sent");
        }
    });
    for router in [waits, blocks] {
        let router = router.on_stop(async |_| {
            BEGUN.fetch_add(1, Ordering::SeqCst);
        });
        let report = stop_at_once(router, |_| {});
        let left = report.left_behind.iter().map(|left| left.worker);
        assert_eq!(left.collect::<Vec<_>>(), [0], "{report}");
    }
    drop(release);
    assert!(ends.recv().is_err(), "the worker that was left behind ends");
    assert_eq!(BEGUN.load(Ordering::SeqCst), 0);
}

/// The first worker stood still while it waited for the others to drain.
#[test]
fn the_first_worker_goes_on_while_others_drain() {
    static TICKS: AtomicUsize = AtomicUsize::new(0);
    // Far more than it takes to be through with its own drain.
    const ENOUGH: usize = 500;
    let (held, handler) = hold();
    let router = router()
        .get("/held", blocking(handler))
        .on_start(async |_| {
            spawn_local(async {
                draining().await;
                loop {
                    TICKS.fetch_add(1, Ordering::SeqCst);
                    sleep(Duration::from_millis(1)).await;
                }
            });
        });
    let container = builder(2).start(router).expect("it starts");
    let handle = container.handle();
    let busy = connect_to(&handle, "worker-1");
    send(&busy, &get("/held"));
    held.wait_begun();
    handle.stop();
    until("it goes on", || TICKS.load(Ordering::SeqCst) > ENOUGH);
    held.release();
    assert!(receive(&busy).ends_with("held"));
    wait(container);
}

#[test]
fn background_work_begins_anew_with_each_worker_and_is_waited_for() {
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    let router = router().background(async |_| {
        assert_eq!(worker(), "worker-0");
        BEGUN.fetch_add(1, Ordering::SeqCst);
        draining().await;
        sleep(Duration::from_millis(1)).await;
        ENDED.fetch_add(1, Ordering::SeqCst);
    });
    let container = builder(2).start(router).expect("it starts");
    let handle = container.handle();
    for (name, begun) in [("worker-1", 1), ("worker-0", 2)] {
        let fatal = connect_to(&handle, name);
        send(&fatal, &get("/kill"));
        assert_eq!(receive(&fatal), "");
        drop(connect_to(&handle, name));
        until("it is at work", || BEGUN.load(Ordering::SeqCst) == begun);
    }
    stop(container);
    assert_eq!(
        (BEGUN.load(Ordering::SeqCst), ENDED.load(Ordering::SeqCst)),
        (2, 1)
    );
}

#[test]
fn an_overloaded_worker_gives_connections_away() {
    const REQUESTS: usize = 60;
    const CONNECTIONS: usize = 20;
    let router = router().get("/wait", async || {
        draining().await;
        "done"
    });
    let container = builder(2).start(router).expect("it starts");
    let handle = container.handle();
    let busy: Vec<TcpStream> = (0..REQUESTS)
        .map(|_| connect_to(&handle, "worker-0"))
        .collect();
    for stream in &busy {
        send(stream, &get("/wait"));
    }
    until("all wait", || {
        handle.workers()[0].requests == REQUESTS as u64
    });
    until("it notices", || {
        drop(connect(&handle));
        handle.workers()[0].given > 0
    });
    for _ in 0..CONNECTIONS {
        let stream = connect(&handle);
        send(&stream, &get("/where"));
        assert!(receive_until(&stream, "!").ends_with("worker-1!"));
    }
    handle.stop();
    for stream in &busy {
        assert!(receive(stream).ends_with("done"));
    }
    wait(container);
}

/// What a client saw that connects, asks once and reads to the end.
fn ask(address: SocketAddr) -> io::Result<String> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let sent = io::Write::write_all(&mut &stream, LAST.as_bytes());
    let mut text = String::new();
    // Whoever is refused too late has been accepted: that is a loss, and not a refusal.
    let lost = |error: io::Error| io::Error::other(error);
    sent.and_then(|()| io::Read::read_to_string(&mut &stream, &mut text))
        .map_err(lost)?;
    Ok(text)
}

/// The same over a connection that is kept until an answer says that it closes.
fn ask_again(address: SocketAddr, kept: &mut Option<TcpStream>) -> io::Result<String> {
    let stream = match kept.take() {
        Some(stream) => stream,
        None => TcpStream::connect(address)?,
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    send(&stream, GET);
    // This is where a request is lost that comes as its connection is closed.
    let text = receive_until(&stream, "root");
    *kept = Some(stream).filter(|_| !text.contains("connection: close"));
    Ok(text)
}

/// Clients that ask again and again until the address refuses them, every other one over kept
/// connections; each says how often it was answered.
fn storm(address: SocketAddr, over: &Arc<AtomicBool>) -> Vec<JoinHandle<usize>> {
    const CLIENTS: usize = 4;
    let client = move |number: usize, over: Arc<AtomicBool>| {
        let mut answered = 0;
        let mut kept = None;
        while !over.load(Ordering::SeqCst) {
            let asked = if number.is_multiple_of(2) {
                ask(address)
            } else {
                ask_again(address, &mut kept)
            };
            match asked {
                Ok(text) => assert!(text.ends_with("root"), "lost: {text:?}"),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => break,
                Err(error) => panic!("lost: {error}"),
            }
            answered += 1;
        }
        answered
    };
    let client = |number| {
        let over = over.clone();
        thread::spawn(move || client(number, over))
    };
    (0..CLIENTS).map(client).collect()
}

fn calm(clients: Vec<JoinHandle<usize>>) -> u64 {
    let counts = clients
        .into_iter()
        .map(|client| client.join().expect("nothing is lost"));
    counts.sum::<usize>() as u64
}

/// What had come between the last accept and the close of a listener was reset.
#[test]
fn a_stop_amid_a_storm_of_connections_loses_none() {
    for _ in 0..3 {
        let container = builder(2).start(router()).expect("it starts");
        let handle = container.handle();
        let clients = storm(address(&handle), &Arc::default());
        until("they are at it", || handle.stats().served > 200);
        let report = stop(container);
        assert_eq!((calm(clients), report.stats.cut), (report.stats.served, 0));
    }
}

/// Gives what a container listens at to another one.
fn heirs(of: &Handle) -> impl Iterator<Item = AnyListener> {
    let descriptors = of.listeners().expect("there are descriptors");
    let inherit = |descriptor| AnyListener::inherit(descriptor).expect("it listens");
    descriptors.into_iter().map(inherit)
}

/// A successor that was never asked to serve took connections with it, and turned others away.
#[test]
fn a_prepared_container_accepts_nobody_and_can_be_given_up() {
    const CONNECTIONS: usize = 50;
    let container = builder(1).start(router()).expect("it starts");
    let handle = container.handle();
    let answer_all = || {
        for _ in 0..CONNECTIONS {
            let stream = connect(&handle);
            send(&stream, LAST);
            assert!(receive(&stream).ends_with("root"));
        }
    };
    let successor = Container::builder().workers(1);
    let successor = heirs(&handle).fold(successor, container::server::Builder::listener);
    let other = Router::new().get("/", inline(|| "another"));
    let successor = successor.prepare(other).expect("it could serve");
    assert_eq!(successor.handle().phase(), Phase::Starting);
    answer_all();
    let report = stop(successor);
    assert_eq!((report.stats.accepted, report.stats.cut), (0, 0));
    answer_all();
    stop(container);
}

#[test]
fn listeners_that_are_handed_over_lose_nobody() {
    let mut container = builder(2).start(router()).expect("it starts");
    let over = Arc::default();
    let clients = storm(address(&container.handle()), &over);
    let mut served = 0;
    for workers in [1, 2, 3, 2, 1] {
        let old = container.handle();
        until("they are at it", || old.stats().served > 100);
        let successor = Container::builder().workers(workers);
        let successor = heirs(&old).fold(successor, container::server::Builder::listener);
        let successor = successor.start(router()).expect("it starts");
        assert_eq!(successor.handle().local_addrs(), old.local_addrs());
        old.hand_over();
        served += wait(container).stats.served;
        container = successor;
    }
    let last = container.handle();
    until("they are at it", || last.stats().served > 100);
    over.store(true, Ordering::SeqCst);
    let answered = calm(clients);
    served += stop(container).stats.served;
    assert_eq!(answered, served);
}
