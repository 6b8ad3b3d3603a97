//! nginx and HAProxy in front of the container, with connections to it that are kept.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;

use container::scheduler::{Phase, Stats};
use container::server::Handle;
use container::{Container, Router, blocking, inline};
use tests::loopback::{PATIENCE, address, hold, receive, send, start, stop, until, until_idle};
use tests::program::{Folder, Program, Running};
use tests::{Answer, application, read_answers};

/// Clients of the proxy at a time.
const CLIENTS: usize = 4;

/// A proxy: how it is called and what it is told.
struct Kind {
    program: &'static str,
    /// What stands before the path of its configuration.
    flags: &'static [&'static str],
    configuration: &'static str,
    /// One back end.
    server: fn(usize, &Handle) -> String,
    /// Its sockets that keep their connections to the back end.
    kept: &'static [&'static str],
    /// Its sockets that do not.
    unkept: &'static [&'static str],
}

const NGINX: Kind = Kind {
    program: "nginx",
    flags: &["-e", "stderr", "-c"],
    configuration: include_str!("nginx.conf"),
    server: |_, handle| format!("server {};", address(handle)),
    kept: &["buffered", "streamed"],
    unkept: &["older"],
};

const HAPROXY: Kind = Kind {
    program: "haproxy",
    flags: &["-db", "-f"],
    configuration: include_str!("haproxy.cfg"),
    server: |number, handle| format!("server back-{number} {}", address(handle)),
    kept: &["streamed"],
    unkept: &["closing"],
};

/// A proxy that runs.
struct Proxy {
    running: Running,
    folder: Folder,
}

impl Proxy {
    /// Starts it in front of these, and waits until it listens.
    fn start(kind: &Kind, program: &Program, test: &str, back: &[&Handle]) -> Proxy {
        let folder = Folder::new(&format!("{}-{test}", kind.program));
        let servers = back.iter().enumerate();
        let servers: Vec<String> = servers
            .map(|(number, handle)| (kind.server)(number, handle))
            .collect();
        let configuration = kind
            .configuration
            .replace("{folder}", folder.path().to_str().expect("text"))
            .replace("{servers}", &servers.join("\n"));
        let path = folder.path().join("configuration");
        fs::write(&path, configuration).expect("the folder is ours");
        let mut command = program.server();
        command.args(kind.flags).arg(path);
        let running = Running::serve(&mut command, &folder.path().join("log"));
        let mut proxy = Proxy { running, folder };
        for socket in kind.kept.iter().chain(kind.unkept) {
            let path = proxy.socket(socket);
            until("the proxy listens", || {
                let ended = proxy.running.child.try_wait().expect("it is our child");
                assert!(ended.is_none(), "{}", proxy.log());
                UnixStream::connect(&path).is_ok()
            });
        }
        proxy
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Sends requests, of which the last one closes, and reads all answers.
    fn exchange(&self, socket: &str, requests: &str, heads: &[usize]) -> Vec<Answer> {
        let stream = UnixStream::connect(self.socket(socket)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("possible");
        let received = thread::scope(|scope| {
            scope.spawn(|| send(&stream, requests));
            receive(&stream)
        });
        read_answers(&received, heads)
    }
}

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
        assert!(stats.accepted <= CLIENTS as u64, "{socket}: {stats:?}");
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

/// One of two back ends drains under load: every request is answered, and answered once.
fn check_drain(kind: &Kind) {
    const REQUESTS: usize = 500;
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
    let close = "Host: a\r\nConnection: close\r\n";
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let gets = get.repeat(REQUESTS - 1) + &format!("GET / HTTP/1.1\r\n{close}\r\n");
    let held = format!("POST /held HTTP/1.1\r\n{close}Content-Length: 0\r\n\r\n");
    thread::scope(|scope| {
        let in_flight = scope.spawn(|| proxy.exchange("streamed", &held, &[]));
        hold.wait_begun();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| proxy.exchange("streamed", &gets, &[])))
            .collect();
        let has_it = |handle: &&Handle| handle.stats().blocking.running == 1;
        until("it is counted", || {
            handles.iter().any(|handle| has_it(&handle))
        });
        let draining = handles.iter().find(has_it).expect("just seen");
        until("it is under load", || draining.stats().served > 10);
        draining.stop();
        hold.release();
        let held = in_flight.join().expect("no panic");
        assert!(held[0].body == "held", "{held:?} {}", proxy.log());
        until("it ends", || draining.phase() == Phase::Drained);
        for client in clients {
            let answers = client.join().expect("no panic");
            assert_eq!(answers.len(), REQUESTS);
            let failed = answers.iter().find(|answer| answer.status != 200);
            assert!(failed.is_none(), "{failed:?} {}", proxy.log());
        }
    });
    drop(proxy);
    let reports = containers.map(stop);
    let served = reports.iter().map(|report| report.stats.served);
    assert_eq!(served.sum::<u64>(), (CLIENTS * REQUESTS + 1) as u64);
    assert!(reports.iter().all(|report| report.stats.cut == 0));
}

#[test]
fn a_drain_behind_nginx_is_not_seen() {
    check_drain(&NGINX);
}

#[test]
fn a_drain_behind_haproxy_is_not_seen() {
    check_drain(&HAPROXY);
}

/// A client that goes takes its handler along, although it is the proxy's client.
fn check_departure(kind: &Kind) {
    let Some(program) = Program::find(kind.program) else {
        return;
    };
    let container = start(application());
    let handle = container.handle();
    let proxy = Proxy::start(kind, &program, "departure", &[&handle]);
    let stream = UnixStream::connect(proxy.socket("streamed")).expect("it listens");
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
