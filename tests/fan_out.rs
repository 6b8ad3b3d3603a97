//! `/requests/`: it comes back at every count, asks nobody that it may not, and leaves the others
//! their threads.

use std::net::Shutdown;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use container::client::Url;
use container::message::{HeaderMap, HeaderValue, header};
use container::observe::{Format, Traces};
use container::server::Handle;
use container::testing::Server;
use container::{Container, Response, Router, StatusCode, inline};
use handlers::fan_out::{self, CALLS_MAX, Options};
use handlers::probe;
use serde_json::Value;
use tests::log::Lines;
use tests::{Answer, get, last, loopback, read_answers};

/// Both ways to ask.
const WAYS: [&str; 2] = ["/requests/", "/requests/async_to_sync"];

/// A time that only has to pass.
const SHORT: Duration = Duration::from_millis(20);

/// The id of a client's trace.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Far longer than any test takes.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// Sends its clients on: to what the test's query says.
fn redirect(container::extract::Query(target): container::extract::Query<Target>) -> Response {
    let location = HeaderValue::from_str(&target.to).expect("visible ASCII");
    Response::new(StatusCode::FOUND).with_header(header::LOCATION, location)
}

#[derive(serde::Deserialize)]
struct Target {
    to: String,
}

fn router(options: &Options) -> Router {
    Router::new()
        .merge(fan_out::router(options))
        .merge(probe::router())
        .get("/redirect", inline(redirect))
}

/// One worker, and a pool of so many threads.
fn start(options: &Options, threads: usize) -> Container {
    let builder = loopback::builder(1).blocking_threads(threads);
    builder.start(router(options)).expect("it starts")
}

/// A server that nobody is to ask.
fn private() -> (Container, String) {
    let container = loopback::start(Router::new().get("/", inline(|| "secret")));
    let address = loopback::address(&container.handle());
    (container, address.to_string())
}

fn url(handle: &Handle, target: &str) -> String {
    format!("http://{}{target}", loopback::address(handle))
}

/// What asks for `url` so many times.
fn target(way: &str, url: &str, count: u32) -> String {
    let base: Url = "http://a/".parse().expect("a URL");
    let count = count.to_string();
    let query = [("url", url), ("request_num", &count)];
    let url = base.with_query(way, &query).expect("a path");
    url.target().to_owned()
}

fn ask(handle: &Handle, target: &str) -> Answer {
    let client = loopback::connect(handle);
    loopback::send(&client, &last(target));
    let wire = loopback::receive(&client);
    read_answers(&wire, &[]).remove(0)
}

/// A page that says how many calls succeeded and how many failed.
#[track_caller]
fn check(answer: &Answer, what: &str, successes: u32, failures: u32) {
    let all = successes + failures;
    let sum = format!("<p>{all} in all, {successes} succeeded, {failures} failed;");
    assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    assert!(answer.body.contains(&sum), "{what}: {}", answer.body);
    let rows = answer.body.matches("<tr><td>").count();
    assert!(rows >= successes as usize, "{what}: {rows} rows");
    let kind = answer.field("content-type");
    assert_eq!(kind, Some("text/html; charset=utf-8"), "{what}");
}

#[test]
fn asks_itself_at_every_count() {
    let container = start(&Options::default(), 2);
    let handle = container.handle();
    for way in WAYS {
        for count in [1, 2, 100, 101, CALLS_MAX] {
            let answer = ask(&handle, &target(way, &url(&handle, "/bytes/7"), count));
            check(&answer, way, count, 0);
            let row = format!("<td>{count}</td><td>200</td>");
            assert!(answer.body.contains(&row), "{way} {count}");
            assert!(answer.body.contains("<td>7</td></tr>"), "{way} {count}");
        }
    }
    loopback::until("nothing runs", || handle.stats().blocking.running == 0);
    loopback::stop(container);
}

#[test]
fn sleeps_at_every_count() {
    let container = start(&Options::default(), 2);
    let handle = container.handle();
    for sensitive in [true, false] {
        for count in [1, 2, 100, CALLS_MAX] {
            let query = format!("sleep_time=0&num_calls={count}&thread_sensitive={sensitive}");
            let answer = ask(&handle, &format!("/requests/sync_to_async?{query}"));
            check(&answer, &query, count, 0);
        }
    }
    loopback::stop(container);
}

#[test]
fn one_after_another_is_on_one_thread() {
    let container = start(&Options::default(), 8);
    let query = "sleep_time=0.001&num_calls=20&thread_sensitive=True";
    let answer = ask(
        &container.handle(),
        &format!("/requests/sync_to_async?{query}"),
    );
    check(&answer, query, 20, 0);
    let threads = answer.body.split("<td>blocking-").skip(1);
    let mut threads: Vec<_> = threads.map(|rest| rest.split('<').next()).collect();
    assert_eq!(threads.len(), 20);
    threads.dedup();
    assert_eq!(threads.len(), 1);
    loopback::stop(container);
}

/// What is wrong with a query, and what the answer says about it.
const WRONG: &[(&str, &str)] = &[
    ("/requests/", "url"),
    ("/requests/?url=http://127.0.0.1/", "request_num"),
    ("/requests/?request_num=1", "url"),
    ("/requests/?url=http://a/&request_num=0", "from 1 to 1000"),
    (
        "/requests/?url=http://a/&request_num=1001",
        "from 1 to 1000",
    ),
    ("/requests/?url=http://a/&request_num=-1", "the query"),
    ("/requests/?url=http://a/&request_num=x", "the query"),
    ("/requests/?url=&request_num=1", "http://"),
    ("/requests/?url=a&request_num=1", "http://"),
    ("/requests/?url=file:///etc/passwd&request_num=1", "http://"),
    ("/requests/?url=gopher://a/&request_num=1", "http://"),
    (
        "/requests/?url=http://me@127.0.0.1/&request_num=1",
        "user information",
    ),
    (
        "/requests/?url=http://a%5C@127.0.0.1/&request_num=1",
        "user information",
    ),
    (
        "/requests/?url=http://[fe80::1%2525lo]/&request_num=1",
        "host",
    ),
    ("/requests/?url=http://a%20b/&request_num=1", "host"),
    ("/requests/?url=http://a%0D%0Ab/&request_num=1", "host"),
    ("/requests/?url=http://a/%0D%0AX:y&request_num=1", "path"),
    ("/requests/?url=http://a:0/&request_num=1", "port"),
    ("/requests/async_to_sync?url=a&request_num=1", "http://"),
    (
        "/requests/async_to_sync?url=http://a/&request_num=1001",
        "from 1 to 1000",
    ),
    ("/requests/sync_to_async", "sleep_time"),
    (
        "/requests/sync_to_async?sleep_time=1&num_calls=1",
        "thread_sensitive",
    ),
    (
        "/requests/sync_to_async?sleep_time=x&num_calls=1&thread_sensitive=1",
        "the query",
    ),
    (
        "/requests/sync_to_async?sleep_time=-1&num_calls=1&thread_sensitive=1",
        "sleep_time",
    ),
    (
        "/requests/sync_to_async?sleep_time=NaN&num_calls=1&thread_sensitive=1",
        "sleep_time",
    ),
    (
        "/requests/sync_to_async?sleep_time=inf&num_calls=1&thread_sensitive=1",
        "sleep_time",
    ),
    (
        "/requests/sync_to_async?sleep_time=1e300&num_calls=1&thread_sensitive=1",
        "sleep_time",
    ),
    (
        "/requests/sync_to_async?sleep_time=0&num_calls=0&thread_sensitive=1",
        "from 1 to 1000",
    ),
    (
        "/requests/sync_to_async?sleep_time=0&num_calls=1001&thread_sensitive=1",
        "from 1 to 1000",
    ),
    (
        "/requests/sync_to_async?sleep_time=0&num_calls=1&thread_sensitive=2",
        "thread_sensitive",
    ),
    (
        "/requests/sync_to_async?sleep_time=31&num_calls=1&thread_sensitive=0",
        "at most 30 s",
    ),
    (
        "/requests/sync_to_async?sleep_time=0.1&num_calls=301&thread_sensitive=1",
        "at most 30 s",
    ),
    (
        "/requests/sync_to_async?sleep_time=1&num_calls=993&thread_sensitive=0",
        "at most 30 s",
    ),
];

#[test]
fn what_makes_no_sense_is_said() {
    let server = Server::new(router(&Options::default()));
    for (target, detail) in WRONG {
        let answers = read_answers(&server.exchange(&last(target)), &[]);
        let Answer { status, body, .. } = &answers[0];
        assert_eq!(*status, 400, "{target}: {body}");
        assert!(body.contains(detail), "{target}: {body}");
    }
}

/// Spellings of another server of this machine, and of what only this machine may reach.
const HOSTILE: &[&str] = &[
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0X7F.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://[::]:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://public.example:{port}/",
    "http://10.0.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://1.1.1.1/",
    "https://127.0.0.1:{port}/",
];

#[test]
fn asks_nobody_else() {
    let (private, address) = private();
    let port = address.rsplit(':').next().expect("a port");
    let container = start(&Options::default(), 2);
    let handle = container.handle();
    for way in WAYS {
        for url in HOSTILE {
            let url = url.replace("{port}", port);
            let answer = ask(&handle, &target(way, &url, 2));
            assert_eq!(answer.status, 403, "{way} {url}: {}", answer.body);
        }
    }
    assert_eq!(private.handle().stats().accepted, 0);
    loopback::stop(container);
    loopback::stop(private);
}

#[test]
fn follows_nobody_to_others() {
    let (private, address) = private();
    let port = address.rsplit(':').next().expect("a port");
    let container = start(&Options::default(), 2);
    let handle = container.handle();
    let own = url(&handle, "/");
    for way in WAYS {
        for url in HOSTILE {
            let url = url.replace("{port}", port);
            let base: Url = own.parse().expect("a URL");
            let redirect = base.with_query("/redirect", &[("to", &url)]);
            let redirect = redirect.expect("a path").to_string();
            let answer = ask(&handle, &target(way, &redirect, 2));
            check(&answer, &url, 0, 2);
        }
        let here = format!("{own}redirect?to=/json");
        check(&ask(&handle, &target(way, &here, 2)), &here, 2, 0);
    }
    assert_eq!(private.handle().stats().accepted, 0);
    loopback::stop(container);
    loopback::stop(private);
}

#[test]
fn asks_whom_the_operator_lets_it_ask() {
    let (other, address) = private();
    let allow = address.parse().expect("a host");
    let options = Options {
        allow,
        ..Options::default()
    };
    let container = start(&options, 2);
    for way in WAYS {
        let answer = ask(
            &container.handle(),
            &target(way, &format!("http://{address}/"), 3),
        );
        check(&answer, way, 3, 0);
    }
    loopback::stop(container);
    loopback::stop(other);
}

#[test]
fn knows_itself_when_it_listens_everywhere() {
    let builder = Container::builder().bind("0.0.0.0:0").workers(1);
    let container = builder.start(router(&Options::default()));
    let container = container.expect("it starts");
    let handle = container.handle();
    let port = loopback::address(&handle).port();
    for host in ["127.0.0.1", "127.0.0.2", "localhost"] {
        let url = format!("http://{host}:{port}/json");
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        loopback::send(&client, &last(&target("/requests/", &url, 2)));
        let answer = read_answers(&loopback::receive(&client), &[]).remove(0);
        check(&answer, &url, 2, 0);
    }
    loopback::stop(container);
}

/// The `traceparent` that the calls of a page have whose client sends one; and the page's own line of
/// the log.
fn traced(way: &str, traces: Traces) -> (Vec<Option<String>>, Value) {
    let told = Arc::new(Mutex::new(vec![]));
    let tell = told.clone();
    let listen = inline(move |fields: HeaderMap| {
        let parent = fields.get("traceparent").map(|value| value.to_str());
        let parent = parent.map(|text| text.expect("ASCII").to_owned());
        tell.lock().expect("nobody panics with it").push(parent);
    });
    let lines = Lines::default();
    let (log, writer) = lines.access_log(Format::JsonLines);
    let builder = loopback::builder(1).blocking_threads(2).access_log(log);
    let container = builder
        .configure(|config| config.observe.traces = traces)
        .start(router(&Options::default()).get("/told", listen))
        .expect("it starts");
    let page = target(way, &url(&container.handle(), "/told"), 2);
    let field = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01");
    let client = loopback::connect(&container.handle());
    loopback::send(
        &client,
        &format!("GET {page} HTTP/1.1\r\nHost: a\r\n{field}\r\nConnection: close\r\n\r\n"),
    );
    let answers = read_answers(&loopback::receive(&client), &[]);
    check(&answers[0], way, 2, 0);
    loopback::stop(container);
    writer.finish();
    let lines = lines.read();
    let lines = lines.iter().map(|line| serde_json::from_str(line));
    let mut lines = lines.map(|line| line.expect("a line is JSON"));
    let line = lines.find(|line: &Value| line["route"] == way);
    let told = told.lock().expect("nobody panics with it").clone();
    (told, line.expect("the page has a line"))
}

#[test]
fn calls_belong_to_the_trace_of_their_page() {
    for way in WAYS {
        let (told, page) = traced(way, Traces::Carried);
        let span = page["span_id"].as_str().expect("it is carried");
        let expected = Some(format!("00-{TRACE}-{span}-01"));
        assert_eq!(told, [expected.clone(), expected], "{way}");
        let (told, _) = traced(way, Traces::Ignored);
        assert_eq!(told, [None, None], "{way}");
    }
}

#[test]
fn a_page_does_not_ask_for_pages() {
    let container = start(&Options::default(), 2);
    let handle = container.handle();
    for way in WAYS {
        let inner = target(way, &url(&handle, "/json"), 1000);
        let outer = target(way, &url(&handle, &inner), 100);
        let answer = ask(&handle, &outer);
        check(&answer, way, 100, 0);
        let refused = answer.body.matches("<td>508</td>").count();
        assert_eq!(refused, 100, "{way}");
    }
    loopback::stop(container);
}

#[test]
fn a_page_ends_in_its_time() {
    let options = Options {
        time: SHORT,
        ..Options::default()
    };
    let container = start(&options, 2);
    let handle = container.handle();
    for way in WAYS {
        let slow = url(&handle, "/sleep?ms=600000");
        let answer = ask(&handle, &target(way, &slow, 300));
        check(&answer, way, 0, 300);
        assert!(answer.body.contains("no answer came in time"), "{way}");
    }
    loopback::stop(container);
}

#[test]
fn waiting_for_its_own_thread_ends_too() {
    let options = Options {
        time: SHORT,
        ..Options::default()
    };
    let container = start(&options, 1);
    let handle = container.handle();
    // The only thread waits for what would need it.
    let own = url(&handle, "/blocking/sleep?ms=0");
    let answer = ask(&handle, &target("/requests/async_to_sync", &own, 50));
    check(&answer, "its own thread", 0, 50);
    let answer = ask(&handle, "/blocking/sleep?ms=0");
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
    loopback::stop(container);
}

#[test]
fn pages_leave_threads_to_others_and_go_with_their_clients() {
    let options = Options {
        time: FOR_EVER,
        threads: 2,
        ..Options::default()
    };
    let container = start(&options, 4);
    let handle = container.handle();
    let clients: Vec<_> = (0..2).map(|_| loopback::connect(&handle)).collect();
    for client in &clients {
        let query = "sleep_time=1000&num_calls=6&thread_sensitive=false";
        loopback::send(client, &get(&format!("/requests/sync_to_async?{query}")));
    }
    loopback::until("all pages are at work", || {
        handle.stats().r#async.running == 2 && handle.pool().threads == 2
    });
    let answer = ask(&handle, "/blocking/sleep?ms=0");
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
    for client in &clients {
        client.shutdown(Shutdown::Both).expect("it is connected");
    }
    loopback::until_idle(&handle);
    loopback::until("nobody sleeps for nobody", || {
        let pool = handle.pool();
        (pool.idle, pool.queued) == (pool.threads, 0)
    });
    loopback::stop(container);
}

#[test]
fn what_was_asked_for_is_shown_and_not_obeyed() {
    let container = start(&Options::default(), 2);
    let handle = container.handle();
    let hostile = url(&handle, "/json?<script>alert('&')</script>");
    let answer = ask(&handle, &target("/requests/", &hostile, 1));
    check(&answer, "markup", 1, 0);
    assert!(!answer.body.contains("<script"), "{}", answer.body);
    assert!(answer.body.contains("&lt;script&gt;"), "{}", answer.body);
    let policy = answer.field("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    loopback::stop(container);
}
