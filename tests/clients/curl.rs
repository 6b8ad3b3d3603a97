//! curl.

use std::io::Write;

use container::message::{HeaderValue, header};
use container::scheduler::Stats;
use container::server::Handle;
use container::{Container, Response, Router, StatusCode, inline};
use tests::application;
use tests::loopback::{socket_path, start, start_lingering, stop, until, until_idle};
use tests::program::{Program, Running, run};

/// What curl adds after each answer: its status, and how many connections it had to open for it.
const WRITE_OUT: &str = "[%{http_code} %{num_connects}]";

/// Throws the first answer's body away.
const DROP: &str = "-o/dev/null";

/// Arguments of curl, in which `{}` is the server's URL, and what it says; what it sends, if it asks
/// for its input, is `hello`.
type Case<'a> = (&'a [&'a str], &'a str);

fn moved(status: StatusCode, to: &'static str) -> Response {
    Response::new(status).with_header(header::LOCATION, HeaderValue::from_static(to))
}

fn router() -> Router {
    application()
        .get("/moved", inline(|| moved(StatusCode::FOUND, "/")))
        .post(
            "/moved",
            inline(|| moved(StatusCode::TEMPORARY_REDIRECT, "/echo")),
        )
}

/// Runs the cases, which must all succeed, and then looks whether the server is still well.
#[track_caller]
fn check(cases: &[Case<'_>]) {
    check_input(cases, b"hello");
}

/// The same with another input.
#[track_caller]
fn check_input(cases: &[Case<'_>], input: &[u8]) {
    let Some(curl) = Program::find("curl") else {
        return;
    };
    serve(start_lingering(router()), |handle| {
        for (args, said) in cases {
            assert_eq!(curl_says(&curl, handle, args, input), *said, "{args:.99?}");
        }
    });
}

/// Runs curl on a server and then looks whether the server is still well.
#[track_caller]
fn serve(container: Container, test: impl FnOnce(&Handle)) {
    let handle = container.handle();
    test(&handle);
    until_idle(&handle);
    stop(container);
}

/// Runs curl, which must succeed, and hands back what it says.
#[track_caller]
fn curl_says(curl: &Program, handle: &Handle, args: &[&str], input: &[u8]) -> String {
    let finished = run(curl.command().args(arguments(handle, args)), input);
    assert_eq!(
        finished.code,
        Some(0),
        "{args:.99?}: {}",
        finished.complained
    );
    finished.said
}

fn arguments(handle: &Handle, args: &[&str]) -> Vec<String> {
    let url = match handle.local_addr().as_tcp() {
        Some(address) => format!("http://{address}"),
        None => "http://localhost".to_owned(),
    };
    let common = ["-q", "--silent", "--show-error", "--write-out", WRITE_OUT];
    let args = common.iter().chain(args);
    args.map(|arg| arg.replace("{}", &url)).collect()
}

#[test]
fn versions_and_reuse() {
    check(&[
        (&["--http1.0", "{}/"], "root[200 1]"),
        (&["--http1.0", "{}/", "{}/"], "root[200 1]root[200 1]"),
        (
            &["--http1.0", "-HConnection: keep-alive", "{}/", "{}/"],
            "root[200 1]root[200 0]",
        ),
        (&["--http1.1", "{}/", "{}/method"], "root[200 1]GET[200 0]"),
        (
            &["-HConnection: close", "{}/", "{}/"],
            "root[200 1]root[200 1]",
        ),
        // The server does not upgrade, and answers the request.
        (&["--http2", "{}/", "{}/"], "root[200 1]root[200 0]"),
    ]);
}

#[test]
fn uploads() {
    let chunked = "-HTransfer-Encoding: chunked";
    let waits = "-HExpect: 100-continue";
    check(&[
        (&[chunked, "-T-", "{}/echo"], "hello[200 1]"),
        (&[DROP, chunked, "-T-", "{}/live"], "[405 1]"),
        (&[chunked, "-T-", "-XPOST", "{}/live"], "5 bytes[200 1]"),
        (&[chunked, waits, "-T-", "{}/echo"], "hello[200 1]"),
        (&["-d@-", waits, "{}/blocking-echo"], "hello[200 1]"),
        (&["-d@-", "--http1.0", "{}/echo"], "hello[200 1]"),
        (&["-d@-", "-HContent-Type:", "{}/live"], "5 bytes[200 1]"),
        (
            &[
                DROP,
                "-d@-",
                "-HTransfer-Encoding: gzip, chunked",
                "{}/echo",
            ],
            "[501 1]",
        ),
        (&[DROP, "-d@-", "-HExpect: a miracle", "{}/echo"], "[417 1]"),
    ]);
}

#[test]
fn methods() {
    check(&[
        (
            &["-XPURGE", "{}/method", "{}/method"],
            "PURGE[200 1]PURGE[200 0]",
        ),
        (&["-Xget", "{}/method"], "get[200 1]"),
        (
            &["-X!#$%&'*+-.^_`|~", "{}/method"],
            "!#$%&'*+-.^_`|~[200 1]",
        ),
        (&["-XOPTIONS", "--request-target", "*", "{}/"], "[204 1]"),
        (&["-XOPTIONS", "{}/"], "[204 1]"),
        (
            &[DROP, "-XCONNECT", "--request-target", "a:1", "{}/"],
            "[501 1]",
        ),
        (&[DROP, "-XPRI", "--request-target", "*", "{}/"], "[400 1]"),
        (
            &["-XDELETE", "-o/dev/null", "{}/", "-o/dev/null", "{}/"],
            "[405 1][405 0]",
        ),
    ]);
}

#[test]
fn what_is_not_served_is_passed_over() {
    check(&[
        (&["--compressed", "{}/"], "root[200 1]"),
        (&["--range", "0-1", "{}/bytes/4"], "xxxx[200 1]"),
        (
            &["--proxy", "{}", "http://elsewhere.invalid/"],
            "root[200 1]",
        ),
        (&[DROP, "--path-as-is", "{}/../"], "[404 1]"),
        (&[DROP, "--haproxy-protocol", "{}/"], "[400 1]"),
    ]);
}

#[test]
fn redirects_are_followed_on_one_connection() {
    check(&[
        (&["--location", "{}/moved"], "root[200 1]"),
        (&["--location", "-d@-", "{}/moved"], "hello[200 1]"),
    ]);
}

#[test]
fn heads_beyond_the_limits() {
    let path = format!("{{}}/{}", "a".repeat(9000));
    let cookie = format!("-HCookie: {}", "a".repeat(33_000));
    let fields: Vec<String> = (0..200).map(|i| format!("-HX-{i}: {i}")).collect();
    let mut many: Vec<&str> = fields.iter().map(String::as_str).collect();
    many.extend([DROP, "{}/"]);
    check(&[
        (&[DROP, &path], "[414 1]"),
        (&[DROP, &cookie, "{}/"], "[431 1]"),
        (&many, "[431 1]"),
    ]);
}

/// More than 1 MiB, for which curl asks for leave by itself.
#[test]
fn large_uploads() {
    let chunked = "-HTransfer-Encoding: chunked";
    let at_once = "-HExpect:";
    let post = "--data-binary";
    let input = vec![b'x'; 2_000_000];
    check_input(
        &[
            (
                &[post, "@-", "{}/live", "{}/live"],
                "2000000 bytes[200 1]2000000 bytes[200 0]",
            ),
            (&[post, "@-", at_once, "{}/live"], "2000000 bytes[200 1]"),
            (&[post, "@-", chunked, "{}/live"], "2000000 bytes[200 1]"),
            (
                &[post, "@-", "--http1.0", "{}/live"],
                "2000000 bytes[200 1]",
            ),
            (&[post, "@-", at_once, "{}/ignore"], "ignored[200 1]"),
        ],
        &input,
    );
}

/// The answer that refuses a body arrives while curl still sends it.
#[test]
fn uploads_beyond_the_limit() {
    let chunked = "-HTransfer-Encoding: chunked";
    let at_once = "-HExpect:";
    let post = "--data-binary";
    check_input(
        &[
            (&[DROP, post, "@-", "{}/echo"], "[413 1]"),
            (&[DROP, post, "@-", at_once, "{}/echo"], "[413 1]"),
            (&[DROP, post, "@-", at_once, chunked, "{}/echo"], "[413 1]"),
            (&[DROP, post, "@-", "--http1.0", "{}/echo"], "[413 1]"),
            (&[DROP, "-T-", at_once, "{}/echo"], "[413 1]"),
        ],
        &vec![b'x'; 10_000_000],
    );
}

/// What heads have in them.
#[test]
fn heads() {
    let Some(curl) = Program::find("curl") else {
        return;
    };
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["--head", "{}/bytes/9"],
            &["content-length: 9\r\n", "\r\n\r\n[200 1]"],
        ),
        (
            &[
                "--include",
                "-XPUT",
                "-HTransfer-Encoding: chunked",
                "-HExpect: 100-continue",
                "-T-",
                "{}/echo",
            ],
            &[
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
                "\r\n\r\nhello[200 1]",
            ],
        ),
        (
            &["--include", "{}/stream/2"],
            &["transfer-encoding: chunked\r\n", "abcabcx-count: 2\r\n"],
        ),
        (
            &[
                "--include",
                "--http1.0",
                "-HConnection: keep-alive",
                "{}/stream/2",
            ],
            &["connection: close\r\n", "\r\n\r\nabcabc[200 1]"],
        ),
    ];
    serve(start(router()), |handle| {
        for (args, parts) in cases {
            let said = curl_says(&curl, handle, args, b"hello");
            for part in *parts {
                assert!(said.contains(part), "{args:?}: {part:?} is not in {said:?}");
            }
        }
    });
}

#[test]
fn other_sockets() {
    let Some(curl) = Program::find("curl") else {
        return;
    };
    let path = socket_path("curl");
    let path = path.to_str().expect("text");
    let unix = Container::builder().bind(format!("unix:{path}"));
    serve(unix.start(router()).expect("it starts"), |handle| {
        let args = ["--unix-socket", path, "{}/", "{}/"];
        assert_eq!(
            curl_says(&curl, handle, &args, b""),
            "root[200 1]root[200 0]"
        );
    });
    // Some machines have no IPv6.
    if let Ok(container) = Container::builder().bind("[::1]:0").start(router()) {
        serve(container, |handle| {
            assert_eq!(curl_says(&curl, handle, &["{}/"], b""), "root[200 1]");
        });
    }
}

#[test]
fn many_at_once() {
    const MANY: usize = 50;
    let Some(curl) = Program::find("curl") else {
        return;
    };
    serve(start(router()), |handle| {
        let args = [
            "--parallel",
            "--parallel-immediate",
            "--parallel-max",
            "50",
            "{}/slow?[1-50]",
        ];
        let said = curl_says(&curl, handle, &args, b"");
        assert_eq!(said.matches("slow").count(), MANY, "{said}");
        assert_eq!(said.matches("[200 1]").count(), MANY, "{said}");
    });
}

/// Who speaks another protocol is told so, and leaves nothing behind.
#[test]
fn other_protocols() {
    let Some(curl) = Program::find("curl") else {
        return;
    };
    serve(start(router()), |handle| {
        let url = arguments(handle, &["{}/"]).pop().expect("just given");
        let tls = url.replace("http:", "https:");
        for args in [["--insecure", &tls], ["--http2-prior-knowledge", &url]] {
            let finished = run(curl.command().args(arguments(handle, &args)), b"");
            assert_ne!(finished.code, Some(0), "{args:?}");
        }
        until("both are refused", || handle.stats().served == 2);
    });
}

/// A client that is killed in the middle leaves nothing behind.
#[test]
fn killed() {
    let Some(curl) = Program::find("curl") else {
        return;
    };
    let upload = |path| {
        [
            "-XPOST",
            "-T-",
            "-HTransfer-Encoding:",
            "-HContent-Length: 1000000",
            path,
        ]
    };
    let begun: [(&[&str], fn(&Stats) -> bool); 4] = [
        (&upload("{}/live"), |stats| stats.r#async.running == 1),
        (&upload("{}/echo"), |stats| stats.connections == 1),
        (&["{}/deadline"], |stats| stats.r#async.running == 1),
        (&["--limit-rate", "1", "{}/stream/1000000"], |stats| {
            stats.r#async.finished == 1
        }),
    ];
    for (args, has_begun) in begun {
        serve(start(router()), |handle| {
            let mut command = curl.server();
            let mut curl = Running::start(command.args(arguments(handle, args)));
            let stdin = curl.child.stdin.as_mut().expect("it is a pipe");
            stdin.write_all(b"no million").expect("it is taken");
            until("it has begun", || has_begun(&handle.stats()));
        });
    }
}
