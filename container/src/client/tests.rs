//! The client against scripted servers, on one reactor with real sockets.
//!
//! Nothing here depends on how long something takes: short times only ever have to pass.

use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http::{Method, StatusCode};

use super::{Client, ClientRequest, Error, Guard, PublicOnly, Url};
use crate::message::Response;
use crate::net::{TcpListener, TcpStream};
use crate::reactor::{self, Clock, Reactor};

/// A time that only has to pass.
const SHORT: Duration = Duration::from_millis(1);

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What a scripted server saw.
#[derive(Default)]
struct Seen {
    /// The requests of each connection, in order of accept.
    connections: Rc<RefCell<Vec<Vec<String>>>>,
}

impl Seen {
    /// How many requests came on each connection.
    fn counts(&self) -> Vec<usize> {
        self.connections.borrow().iter().map(Vec::len).collect()
    }

    fn request(&self, connection: usize, number: usize) -> String {
        self.connections.borrow()[connection][number].clone()
    }
}

/// A server whose `n`-th connection gives the answers of the `n`-th script, each to one request,
/// and then closes when the next request comes. Gives its base URL.
fn serve(scripts: &[&[&str]]) -> (String, Seen) {
    let texts = |script: &&[&str]| script.iter().map(ToString::to_string).collect();
    serve_texts(scripts.iter().map(texts).collect())
}

/// The same with answers that are made in the test.
fn serve_texts(scripts: Vec<Vec<String>>) -> (String, Seen) {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let connections = Rc::clone(&seen.connections);
    drop(reactor::spawn_local(async move {
        for script in scripts {
            let stream = listener.accept().await.unwrap();
            let index = connections.borrow().len();
            connections.borrow_mut().push(vec![]);
            let connections = Rc::clone(&connections);
            drop(reactor::spawn_local(async move {
                answer(stream, script, |request| {
                    connections.borrow_mut()[index].push(request);
                })
                .await;
            }));
        }
    }));
    (url, seen)
}

async fn answer(mut stream: TcpStream, script: Vec<String>, mut tell: impl FnMut(String)) {
    let mut answers = script.iter();
    while let Some(request) = read_request(&mut stream).await {
        tell(request);
        match answers.next() {
            Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
            None => return,
        }
    }
}

/// One request with its body; `None` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = String::new();
    let mut byte = [0];
    while !request.ends_with("\r\n\r\n") {
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        request.push(char::from(byte[0]));
    }
    let length = request.split("content-length: ").nth(1);
    let length = length.map_or(0, |rest| {
        rest.split("\r\n").next().unwrap().parse().unwrap()
    });
    for _ in 0..length {
        stream.read_exact(&mut byte).await.ok()?;
        request.push(char::from(byte[0]));
    }
    Some(request)
}

fn run<F: Future>(future: F) -> F::Output {
    Reactor::new(Clock::real())
        .unwrap()
        .block_on(future)
        .unwrap()
}

async fn text(response: Result<Response, Error>) -> String {
    let body = response.unwrap().into_body().bytes(1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn connections_are_used_again() {
    run(async {
        let (url, seen) = serve(&[&[OK, OK]]);
        let client = Client::new();
        for path in ["/a", "/b?c"] {
            assert_eq!(text(client.get(&(url.clone() + path)).await).await, "ok");
        }
        assert_eq!(seen.counts(), [2]);
        let host = url.strip_prefix("http://").unwrap();
        let request = seen.request(0, 1);
        assert!(request.starts_with("GET /b?c HTTP/1.1\r\n"), "{request}");
        assert!(
            request.contains(&format!("\r\nhost: {host}\r\n")),
            "{request}"
        );
    });
}

#[test]
fn an_idempotent_request_survives_a_stale_connection() {
    run(async {
        let (url, seen) = serve(&[&[OK], &[OK]]);
        let client = Client::new();
        for _ in 0..2 {
            assert_eq!(text(client.get(&url).await).await, "ok");
        }
        assert_eq!(seen.counts(), [2, 1]);
    });
}

#[test]
fn a_post_is_never_sent_twice() {
    run(async {
        let (url, seen) = serve(&[&[OK], &[OK]]);
        let client = Client::new();
        client.get(&url).await.unwrap();
        let post = ClientRequest::new(Method::POST, url.parse().unwrap());
        let error = client
            .request(post.with_body("text/plain", "hi"))
            .await
            .unwrap_err();
        assert!(error.is_protocol(), "{error}");
        assert_eq!(seen.counts(), [2]);
        assert!(seen.request(0, 1).ends_with("content-length: 2\r\n\r\nhi"));
    });
}

#[test]
fn an_early_answer_is_read_although_the_body_is_not() {
    const REFUSED: &[u8] = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
    run(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = reactor::spawn_local(async move {
            let mut stream = listener.accept().await.unwrap();
            stream.write_all(REFUSED).await.unwrap();
            // Alive, and not reading: far more than the kernel's buffers is on its way.
            stream
        });
        let post = ClientRequest::new(Method::POST, url.parse().unwrap());
        let post = post.with_body("text/plain", vec![b'x'; 32 << 20]);
        let response = Client::new().request(post).await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        drop(server.await.unwrap());
    });
}

#[test]
fn redirects_are_followed_and_bounded() {
    const MOVED: &str = "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n";
    run(async {
        let (url, seen) = serve(&[&[MOVED, MOVED, OK, MOVED, MOVED, MOVED], &[MOVED]]);
        let client = Client::builder().redirects(2).build();
        let response = client.get(&url).await.unwrap();
        let last = response.extensions().get::<Url>().unwrap();
        assert_eq!(last.to_string(), format!("{url}/next"));
        let error = client.get(&url).await.unwrap_err();
        assert!(error.is_redirect(), "{error}");
        assert_eq!(seen.counts(), [6]);
        let indifferent = Client::builder().redirects(0).build();
        let response = indifferent.get(&url).await.unwrap();
        assert_eq!(response.status(), StatusCode::FOUND);
    });
}

#[test]
fn bodies_are_bounded() {
    const CHUNKED: &str =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    const LONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde";
    const SCRIPTS: [&[&[&str]]; 2] = [&[&[CHUNKED], &[CHUNKED]], &[&[LONG], &[LONG]]];
    run(async {
        for answer in SCRIPTS {
            let (url, _) = serve(answer);
            let client = |limit| Client::builder().response_body(limit).build();
            assert_eq!(text(client(5).get(&url).await).await, "abcde");
            let error = client(4).get(&url).await.unwrap_err();
            assert!(error.is_body_too_large(), "{error}");
        }
    });
}

#[test]
fn a_silent_server_is_a_timeout() {
    run(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let client = Client::builder().request_timeout(SHORT).build();
        let error = client.get(&url).await.unwrap_err();
        assert!(error.is_timeout() && !error.is_connect(), "{error}");
    });
}

#[test]
fn failures_have_their_kinds() {
    run(async {
        let client = Client::new();
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let refused = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert!(client.get(&refused).await.unwrap_err().is_connect());
        assert!(
            client
                .get("ftp://localhost/")
                .await
                .unwrap_err()
                .is_request()
        );
        let (url, _) = serve(&[&["SSH-2.0-dropbear\r\n"]]);
        assert!(client.get(&url).await.unwrap_err().is_protocol());
        let (url, _) = serve(&[&["HTTP/1.1 101 Switching Protocols\r\n\r\n"]]);
        assert!(client.get(&url).await.unwrap_err().is_protocol());
    });
}

#[test]
fn connections_and_waiting_requests_are_bounded() {
    run(async {
        let (url, seen) = serve(&[&[OK, OK], &[OK]]);
        let client = Client::builder()
            .connections_per_host(1)
            .waiting_per_host(1)
            .build();
        let get = || {
            let (client, url) = (client.clone(), url.clone());
            reactor::spawn_local(async move { client.get(&url).await })
        };
        let (first, second, third) = (get(), get(), get());
        assert!(third.await.unwrap().unwrap_err().is_busy());
        assert_eq!(text(first.await.unwrap()).await, "ok");
        assert_eq!(text(second.await.unwrap()).await, "ok");
        assert_eq!(seen.counts(), [2]);
    });
}

#[test]
fn a_cancelled_request_gives_its_place_to_the_next() {
    run(async {
        let (url, seen) = serve(&[&[""], &[OK]]);
        let client = Client::builder().connections_per_host(1).build();
        let silent = client.get(&url);
        assert!(reactor::timeout(SHORT, silent).await.is_err());
        assert_eq!(text(client.get(&url).await).await, "ok");
        assert_eq!(seen.counts().last(), Some(&1));
    });
}

#[test]
fn idle_connections_are_closed_in_time() {
    run(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = reactor::spawn_local(async move {
            let mut stream = listener.accept().await.unwrap();
            read_request(&mut stream).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
            read_request(&mut stream).await
        });
        let client = Client::builder().idle_time(SHORT).build();
        client.get(&url).await.unwrap();
        assert_eq!(server.await.unwrap(), None);
    });
}

#[test]
fn the_longest_idle_connection_goes_first() {
    run(async {
        let (one, seen_one) = serve(&[&[OK], &[OK]]);
        let (other, seen_other) = serve(&[&[OK, OK], &[OK]]);
        let client = Client::builder().idle_connections(1).build();
        for url in [&one, &other, &other, &one] {
            client.get(url).await.unwrap();
        }
        assert_eq!(
            (seen_one.counts(), seen_other.counts()),
            (vec![1, 1], vec![2])
        );
    });
}

/// Spellings of this machine and of its networks. Whatever the parser or the system's resolver
/// makes of one: no connection comes of it.
const HOSTILE: &[&str] = &[
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7F.0.0.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::]:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::FFFF:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://public.example@127.0.0.1:{port}/",
    "http://public.example:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@public.example/",
    "http://public.example\\@127.0.0.1:{port}/",
    "http://127。0。0。1:{port}/",
    "http://127.0.0.1%2e:{port}/",
    "http://169.254.169.254:{port}/latest/meta-data/",
    "http://[fd00:ec2::254]:{port}/latest/meta-data/",
];

#[test]
fn hostile_spellings_reach_nobody() {
    run(async {
        let (base, seen) = serve(&[&[OK]]);
        let port = base.rsplit(':').next().unwrap();
        let client = Client::builder().guard(PublicOnly).build();
        for url in HOSTILE {
            let url = url.replace("{port}", port);
            let error = client.get(&url).await.expect_err(&url);
            // What the system's resolver does not take for an address has none.
            let is_refused = error.forbidden().is_some() || error.is_request();
            let is_unknown = error.is_connect() && url.parse::<Url>().is_ok();
            assert!(is_refused || is_unknown, "{url}: {error:?}");
        }
        assert_eq!(seen.counts(), [0; 0], "nobody has connected");
        assert_eq!(text(Client::new().get(&base).await).await, "ok");
    });
}

/// Permits one server of this machine, whatever stands for it.
struct OnlyPort(u16);

impl Guard for OnlyPort {
    fn permits(&self, url: &Url) -> bool {
        url.host() != "unmentionable"
    }

    fn permits_address(&self, _: &Url, address: SocketAddr) -> bool {
        address.port() == self.0
    }
}

#[test]
fn the_guard_is_asked_for_every_redirect() {
    run(async {
        let (inner, seen) = serve(&[&[OK]]);
        let answers = ["http://unmentionable/", &*inner, "//0x7f.1:1/"].map(|location| {
            format!("HTTP/1.1 307 Over there\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
        });
        let (outer, _) = serve_texts(vec![answers.to_vec()]);
        let port = outer.rsplit(':').next().unwrap().parse().unwrap();
        let client = Client::builder().guard(OnlyPort(port)).build();
        for target in ["http://unmentionable/", &*inner, "http://0x7f.1:1/"] {
            let error = client.get(&outer).await.unwrap_err();
            let forbidden = error.forbidden().map(ToString::to_string);
            let forbidden = forbidden.as_deref().map(|url| url.trim_end_matches('/'));
            assert_eq!(forbidden, Some(target.trim_end_matches('/')));
        }
        assert_eq!(seen.counts(), [0; 0], "nobody has connected");
    });
}

#[test]
fn only_addresses_that_were_judged_are_connected_to() {
    /// Refuses this machine's address of version 4, of whatever name it is one.
    struct NotV4;
    impl Guard for NotV4 {
        fn permits(&self, _: &Url) -> bool {
            true
        }
        fn permits_address(&self, _: &Url, address: SocketAddr) -> bool {
            address.is_ipv6()
        }
    }
    run(async {
        let (base, seen) = serve(&[&[OK]]);
        let port = base.rsplit(':').next().unwrap();
        let client = Client::builder().guard(NotV4).build();
        let error = client.get(&format!("http://localhost:{port}/")).await;
        // Where the name has an address of version 6 too, nobody listens at that.
        let error = error.unwrap_err();
        assert!(error.forbidden().is_some() || error.is_connect(), "{error}");
        assert_eq!(seen.counts(), [0; 0], "nobody has connected");
    });
}
