//! nginx and HAProxy in front of the container, with connections to it that are kept.

use std::thread;

use container::scheduler::{Phase, Stats};
use container::server::Handle;
use container::{Container, Router, blocking, inline};
use tests::application;
use tests::loopback::{
    PATIENCE, builder, connect_unix, hold, receive_until, send, start, start_lingering, stop,
    until, until_idle, wait,
};
use tests::program::{Program, run};

use crate::one_event;
use crate::proxy::{HAPROXY, Kind, NGINX, Proxy};

/// Clients of the proxy at a time.
const CLIENTS: usize = 4;

/// Requests that each of them sends as a load.
const LOAD: usize = 500;

/// Requests for one connection, and what comes back.
#[derive(Default)]
struct Script {
    requests: String,
    /// Which of the requests are for heads.
    heads: Vec<usize>,
    /// The bodies that are to come.
    bodies: Vec<String>,
}

impl Script {
    fn add(&mut self, start: &str, fields: &str, sent: &str, body: &str) {
        if start.starts_with("HEAD") {
            self.heads.push(self.bodies.len());
        }
        let head = format!("{start} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        self.requests.extend([&head, sent]);
        self.bodies.push(body.to_owned());
    }

    fn add_post(&mut self, path: &str, sent: &str, body: &str) {
        let length = format!("Content-Length: {}\r\n", sent.len());
        self.add(&format!("POST {path}"), &length, sent, body);
    }

    /// Requests of all kinds, many times over.
    fn mixed() -> Script {
        let large = "0123456789abcdef".repeat(20_000);
        let mut script = Script::default();
        for _ in 0..10 {
            for _ in 0..5 {
                script.add("GET /", "", "", "root");
                script.add("HEAD /bytes/1000", "", "", "");
                script.add_post("/echo", "hello", "hello");
                let chunks = "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
                let chunked = "Transfer-Encoding: chunked\r\n";
                script.add("POST /live", chunked, chunks, "5 bytes");
                script.add("GET /stream/100", "", "", &"abc".repeat(100));
                script.add("PURGE /method", "", "", "PURGE");
            }
            script.add_post("/echo", &large, &large);
            script.add_post("/blocking-echo", &large, &large);
            script.add("GET /bytes/1000000", "", "", &"x".repeat(1_000_000));
        }
        script.add("GET /", "Connection: close\r\n", "", "root");
        script
    }
}

/// Several clients with requests of all kinds.
fn check_traffic(kind: &Kind) {
    let Some(program) = Program::find(kind.program) else {
        return;
    };
    for socket in kind.kept {
        let stats = traffic(kind, &program, socket);
        // A proxy opens another one now and then, when its idle ones are in another thread's hands.
        assert!(stats.accepted < stats.served / 50, "{socket}: {stats:?}");
    }
    for socket in kind.unkept {
        let stats = traffic(kind, &program, socket);
        assert_eq!(stats.accepted, stats.served, "{socket}");
    }
}

/// Sends it, and hands back what the back end counted.
fn traffic(kind: &Kind, program: &Program, socket: &str) -> Stats {
    let container = start(application());
    let handle = container.handle();
    let proxy = Proxy::start(kind, program, "traffic", &[&handle]);
    let script = Script::mixed();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let answers = proxy.exchange(socket, &script.requests, &script.heads);
                assert_eq!(answers.len(), script.bodies.len(), "{}", proxy.log());
                for (answer, body) in answers.iter().zip(&script.bodies) {
                    assert_eq!(answer.status, 200, "{}", proxy.log());
                    assert!(answer.body == *body, "{:.99}", answer.body);
                }
            });
        }
    });
    drop(proxy);
    until_idle(&handle);
    let stats = stop(container).stats;
    assert_eq!(stats.served, (CLIENTS * script.bodies.len()) as u64);
    stats
}

#[test]
fn all_arrives_through_nginx() {
    check_traffic(&NGINX);
}

#[test]
fn all_arrives_through_haproxy() {
    check_traffic(&HAPROXY);
}

/// Sends the same request again and again, on several connections, while something happens; each
/// one must be answered 200.
fn load(proxy: &Proxy, start: &str, happens: impl FnOnce()) {
    let again = format!("{start} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    let last = again.replace("Host", "Connection: close\r\nHost");
    let requests = again.repeat(LOAD - 1) + &last;
    thread::scope(|scope| {
        let client = || proxy.exchange("streamed", &requests, &[]);
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        happens();
        for client in clients {
            let answers = client.join().expect("no panic");
            assert_eq!(answers.len(), LOAD, "{}", proxy.log());
            let failed = answers.iter().find(|answer| answer.status != 200);
            assert!(failed.is_none(), "{failed:?} {}", proxy.log());
        }
    });
}

/// One of two back ends drains under load: every request is answered, and answered once.
fn check_drain(kind: &Kind) {
    let Some(program) = Program::find(kind.program) else {
        return;
    };
    let (hold, held) = hold();
    let router = || {
        let router = Router::new().get("/", inline(|| "root"));
        router.post("/held", blocking(held.clone()))
    };
    let containers = [start(router()), start(router())];
    let handles = containers.each_ref().map(Container::handle);
    let proxy = Proxy::start(kind, &program, "drain", &[&handles[0], &handles[1]]);
    let held = "POST /held HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    thread::scope(|scope| {
        let in_flight = scope.spawn(|| proxy.exchange("streamed", held, &[]));
        hold.wait_begun();
        let has_it = |handle: &&Handle| handle.stats().blocking.running == 1;
        until("it is counted", || {
            handles.iter().any(|handle| has_it(&handle))
        });
        let draining = handles.iter().find(has_it).expect("just seen");
        load(&proxy, "GET /", || {
            until("it is under load", || draining.stats().served > 10);
            draining.stop();
            hold.release();
        });
        let answers = in_flight.join().expect("no panic");
        assert!(answers[0].body == "held", "{answers:?} {}", proxy.log());
        until("it ends", || draining.phase() == Phase::Drained);
    });
    drop(proxy);
    let reports = containers.map(stop);
    let served = reports.iter().map(|report| report.stats.served);
    assert_eq!(served.sum::<u64>(), (CLIENTS * LOAD + 1) as u64);
    assert!(reports.iter().all(|report| report.stats.cut == 0));
}

/// A back end that leaves says so in each answer, and no request is lost on the connections that
/// end by this; not even those that a proxy must not send twice.
fn check_leaving(kind: &Kind) {
    let Some(program) = Program::find(kind.program) else {
        return;
    };
    let leaves_slowly = builder(1).configure(|config| config.drain_delay = PATIENCE);
    let container = leaves_slowly.start(application()).expect("it starts");
    let handle = container.handle();
    let proxy = Proxy::start(kind, &program, "leaving", &[&handle]);
    load(&proxy, "POST /ignore", || {
        until("it is under load", || handle.stats().served > 10);
        handle.stop();
    });
    let (phase, stats) = (handle.phase(), handle.stats());
    assert_eq!(
        (phase, stats.served),
        (Phase::Leaving, (CLIENTS * LOAD) as u64)
    );
    drop(proxy);
    handle.close();
    assert_eq!(wait(container).stats.cut, 0);
}

#[test]
fn a_drain_behind_nginx_is_not_seen() {
    check_drain(&NGINX);
}

#[test]
fn a_drain_behind_haproxy_is_not_seen() {
    check_drain(&HAPROXY);
}

#[test]
fn no_request_is_lost_by_a_container_that_leaves() {
    check_leaving(&NGINX);
    check_leaving(&HAPROXY);
}

/// A client that goes takes its handler along, although it is the proxy's client.
fn check_departure(kind: &Kind) {
    let Some(program) = Program::find(kind.program) else {
        return;
    };
    let container = start(application());
    let handle = container.handle();
    let proxy = Proxy::start(kind, &program, "departure", &[&handle]);
    let stream = connect_unix(&proxy.socket("streamed"));
    send(&stream, "GET /deadline HTTP/1.1\r\nHost: a\r\n\r\n");
    until("it runs", || handle.stats().r#async.running == 1);
    drop(stream);
    until("it is cancelled", || handle.stats().r#async.cancelled == 1);
    until_idle(&handle);
    stop(container);
}

#[test]
fn a_departure_is_seen_behind_nginx() {
    check_departure(&NGINX);
}

#[test]
fn a_departure_is_seen_behind_haproxy() {
    check_departure(&HAPROXY);
}

/// The answer that refuses a body arrives although the proxy has not sent all of it yet.
fn check_refusal(kind: &Kind) {
    let programs = Program::find(kind.program).zip(Program::find("curl"));
    let Some((program, curl)) = programs else {
        return;
    };
    let container = start_lingering(application());
    let handle = container.handle();
    let proxy = Proxy::start(kind, &program, "refusal", &[&handle]);
    for socket in kind.kept.iter().chain(kind.unkept) {
        for framing in ["Accept: any", "Transfer-Encoding: chunked"] {
            let mut command = curl.command();
            command.args(["-q", "-sS", "-o/dev/null", "-w%{http_code}", "-HExpect:"]);
            command.args([
                "-H",
                framing,
                "--data-binary",
                "@-",
                "http://localhost/echo",
            ]);
            command.arg("--unix-socket").arg(proxy.socket(socket));
            let finished = run(&mut command, &vec![b'x'; 5_000_000]);
            assert_eq!(
                finished.said,
                "413",
                "{socket}: {finished:?} {}",
                proxy.log()
            );
        }
    }
    drop(proxy);
    until_idle(&handle);
    stop(container);
}

#[test]
fn refusals_arrive_through_nginx() {
    check_refusal(&NGINX);
}

#[test]
fn refusals_arrive_through_haproxy() {
    check_refusal(&HAPROXY);
}

/// nginx holds small answers back, unless it is asked not to.
#[test]
fn events_come_through_nginx_at_once() {
    let Some(nginx) = Program::find("nginx") else {
        return;
    };
    let container = start(application().get("/events", async || one_event()));
    let handle = container.handle();
    let proxy = Proxy::start(&NGINX, &nginx, "events", &[&handle]);
    let stream = connect_unix(&proxy.socket("buffered"));
    send(&stream, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    receive_until(&stream, "data: something happened\n\n");
    drop(stream);
    until_idle(&handle);
    stop(container);
}
