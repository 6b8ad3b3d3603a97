//! A line for each request, whatever becomes of it, in each of the formats.

use std::time::Duration;

use container::extract::Path;
use container::observe::{Format, Traces};
use container::testing::{Faults, Server};
use container::{Router, inline};
use serde_json::Value;
use tests::log::Lines;
use tests::loopback::{builder, connect, receive_until, send, stop};
use tests::{GET, application, get};

/// The lines of what `act` does with a server.
fn lines(format: Format, act: impl FnOnce(&Server)) -> Vec<String> {
    lines_of(application(), format, act)
}

/// The same with a server of these routes.
fn lines_of(router: Router, format: Format, act: impl FnOnce(&Server)) -> Vec<String> {
    let lines = Lines::default();
    let (log, writer) = lines.access_log(format);
    let server = Server::with_access_log(router, log, |config| {
        config.observe.traces = Traces::Carried;
    });
    act(&server);
    drop(server);
    writer.finish();
    lines.read()
}

/// The only line, as JSON.
#[track_caller]
fn json(act: impl FnOnce(&Server)) -> Value {
    let lines = lines(Format::JsonLines, act);
    assert_eq!(lines.len(), 1, "{lines:?}");
    serde_json::from_str(&lines[0]).expect("a line is JSON")
}

/// Runs a request to its end in virtual time.
fn request(text: &str) -> impl FnOnce(&Server) {
    move |server| {
        let mut client = server.connect();
        client.send(text);
        server.advance(Duration::from_secs(10));
        client.received();
    }
}

#[test]
fn a_json_line_says_all_there_is() {
    let line = json(request(
        "GET /bytes/12?q=1 HTTP/1.1\r\nHost: a\r\nUser-Agent: \"b\\cä\"\r\nReferer: d\r\n\r\n",
    ));
    for (name, value) in [
        ("level", "INFO"),
        ("target", "container::access"),
        ("method", "GET"),
        ("path", "/bytes/12"),
        ("version", "HTTP/1.1"),
        ("user_agent", "\"b\\cä\""),
        ("referer", "d"),
        ("lane", "inline"),
        ("route", "/bytes/{n}"),
    ] {
        assert_eq!(line[name], value, "{name}");
    }
    assert_eq!((&line["status"], &line["bytes"]), (&200.into(), &12.into()));
    for name in ["total_us", "waited_us", "ran_us", "written_us"] {
        assert_eq!(line[name], 0, "time stands still: {name}");
    }
    for (name, digits) in [("id", 16), ("span_id", 16), ("trace_id", 32)] {
        assert_eq!(line[name].as_str().map(str::len), Some(digits), "{name}");
    }
    let time = line["time"].as_str().expect("a time");
    assert_eq!((time.len(), &time[10..11], &time[23..]), (24, "T", "Z"));
    assert_eq!(line.get("peer"), None, "in memory there are no addresses");
}

#[test]
fn waiting_running_and_writing_are_told_apart() {
    let check = |line: &Value, expected: [u64; 4]| {
        let names = ["total_us", "waited_us", "ran_us", "written_us"];
        let times = names.map(|name| line[name].as_u64().expect("a time"));
        assert_eq!(times, expected, "{line}");
    };
    check(&json(request(&get("/slow"))), [1_000_000, 0, 1_000_000, 0]);
    check(
        &json(request(&get("/hurried"))),
        [2_000_000, 0, 2_000_000, 0],
    );
    let queued = lines(Format::JsonLines, |server| {
        let mut clients = [server.connect(), server.connect()];
        clients
            .iter_mut()
            .for_each(|client| client.send(get("/one-at-a-time")));
        server.advance(Duration::from_secs(2));
        let mut third = server.connect();
        third.send(get("/blocking"));
    });
    let queued: Vec<Value> = queued
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    check(&queued[0], [1_000_000, 0, 1_000_000, 0]);
    check(&queued[1], [2_000_000, 1_000_000, 1_000_000, 0]);
    check(&queued[2], [0, 0, 0, 0]);
    assert_eq!(queued[2]["lane"], "blocking");
}

#[test]
fn an_answer_that_is_read_slowly_is_seen() {
    let line = json(|server| {
        let mut faults = Faults::default();
        faults.capacity = 1 << 10;
        let mut client = server.connect_with(faults);
        client.send_only(get("/bytes/100000"));
        server.run();
        server.advance(Duration::from_secs(3));
        assert!(client.received().len() > 100_000);
    });
    assert_eq!(
        (&line["bytes"], &line["written_us"]),
        (&100_000.into(), &3_000_000.into())
    );
}

#[test]
fn whatever_becomes_of_a_request_it_has_one_line() {
    let check = |text: &str, status: u16, route: &str| {
        let line = json(request(text));
        assert_eq!(
            (&line["status"], &line["route"]),
            (&status.into(), &route.into()),
            "{text}"
        );
    };
    check(&get("/nowhere"), 404, "-");
    check("DELETE /echo HTTP/1.1\r\nHost: a\r\n\r\n", 405, "-");
    check("GET / HTTP/1.1\r\n\r\n", 400, "-");
    check("nonsense\r\n\r\n", 400, "-");
    check("GET / HT", 408, "-");
    check(&get("/panic/inline"), 500, "/panic/inline");
    check(&get("/panic/async"), 500, "/panic/async");
    check(&get("/panic/blocking"), 500, "/panic/blocking");
    check(&get("/hurried"), 503, "/hurried");
    check(&get("/broken"), 200, "/broken");
    check(&get("/stream/3"), 200, "/stream/{n}");
    check(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
        408,
        "/echo",
    );
    check(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n",
        413,
        "/echo",
    );
}

#[test]
fn who_goes_or_is_cut_has_his_line_too() {
    let check = |status: u16, act: fn(&Server)| {
        let line = json(act);
        assert_eq!(
            (&line["status"], &line["ran_us"]),
            (&status.into(), &500_000.into())
        );
    };
    check(499, |server| {
        let mut client = server.connect();
        client.send(get("/slow"));
        server.advance(Duration::from_millis(500));
        client.reset();
    });
    check(444, |server| {
        let mut client = server.connect();
        client.send(get("/slow"));
        server.advance(Duration::from_millis(500));
        // The end of the drain cuts it.
        server.close();
    });
}

#[test]
fn pipelined_requests_have_a_line_each_in_their_order() {
    let all = lines(Format::Short, |server| {
        let mut client = server.connect();
        let requests: String = (0..100).map(|n| get(&format!("/bytes/{n}"))).collect();
        client.send(requests);
        client.received();
    });
    assert_eq!(all.len(), 100);
    for (number, line) in all.iter().enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        let [
            time,
            level,
            target,
            method,
            path,
            status,
            bytes,
            total,
            parts,
            lane,
            route,
            id,
            trace,
        ] = words[..]
        else {
            panic!("{line}");
        };
        assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
        assert_eq!(
            (level, target, method),
            ("INFO", "container::access", "GET")
        );
        assert_eq!((path, status), (format!("/bytes/{number}").as_str(), "200"));
        assert_eq!(
            (bytes, total, parts),
            (number.to_string().as_str(), "0", "0+0+0")
        );
        assert_eq!((lane, route, id.len()), ("inline", "/bytes/{n}", 16));
        assert!(trace.starts_with("00-") && trace.len() == 55, "{line}");
    }
}

/// What a strict reader finds in a line of Apache's `combined`, and in what follows it.
fn read_combined(line: &str) -> (Vec<String>, Vec<(String, String)>) {
    let mut fields = vec![];
    let mut rest = line;
    while fields.len() < 9 {
        let (field, after) = match rest.as_bytes()[0] {
            b'"' => read_quoted(&rest[1..]),
            b'[' => {
                let (field, after) = rest[1..].split_once(']').expect("a time ends");
                (field.to_owned(), after)
            }
            _ => {
                let end = rest.find(' ').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        assert!(!field.is_empty(), "{line}");
        fields.push(field);
        rest = after.strip_prefix(' ').expect("one blank between fields");
    }
    let more = rest.split(' ').map(|pair| {
        let (name, value) = pair.split_once('=').expect("a name and a value");
        (name.to_owned(), value.to_owned())
    });
    (fields, more.collect())
}

/// Up to the closing quote, escapes left as they are.
fn read_quoted(text: &str) -> (String, &str) {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        assert!((' '..='~').contains(&character), "{text}");
        match character {
            '"' if !escaped => return (text[..at].to_owned(), &text[at + 1..]),
            _ => escaped = character == '\\' && !escaped,
        }
    }
    panic!("a field ends: {text}")
}

#[test]
fn combined_lines_are_apaches() {
    let lines = lines(
        Format::Combined,
        request(
            "GET /bytes/0?a=\"b HTTP/1.0\r\nReferer: http://a/\r\nUser-Agent: x \"y\\ÿ\t\r\n\r\n",
        ),
    );
    let (fields, more) = read_combined(&lines[0]);
    let [
        host,
        identity,
        user,
        time,
        line,
        status,
        bytes,
        referer,
        agent,
    ] = &fields[..]
    else {
        panic!("{fields:?}");
    };
    assert_eq!([host, identity, user], ["-", "-", "-"]);
    assert_eq!((time.len(), &time[2..3], &time[20..]), (26, "/", " +0000"));
    assert_eq!(line, r#"GET /bytes/0?a=\"b HTTP/1.0"#);
    assert_eq!((status.as_str(), bytes.as_str()), ("200", "-"));
    assert_eq!(referer, "http://a/");
    assert_eq!(agent, r#"x \"y\\\xc3\xbf"#);
    let names: Vec<&str> = more.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "waited", "ran", "written", "total", "lane", "route", "id", "trace_id", "span_id"
        ]
    );
    assert_eq!(more[5].1, "/bytes/{n}");
}

/// Requests that cannot be read, and the status of each.
const UNREADABLE: [(&str, &str); 3] = [
    ("G\"T /a HTTP/1.1\r\n\r\n", "400"),
    ("nonsense\r\n\r\n", "400"),
    ("GET / HT", "408"),
];

/// Their lines began with the status, wherever that belonged, and did not say who had sent them.
#[test]
fn what_could_not_be_read_leaves_the_fields_where_they_are() {
    for (text, status) in UNREADABLE {
        let short = lines(Format::Short, request(text)).remove(0);
        let words: Vec<&str> = short.split(' ').collect();
        assert_eq!((words.len(), &words[3..6]), (13, &["-", "-", status][..]));
        let combined = lines(Format::Combined, request(text)).remove(0);
        let (fields, more) = read_combined(&combined);
        assert_eq!([&*fields[4], &fields[5]], ["-", status]);
        assert_eq!(([&*fields[7], &fields[8]], more.len()), (["-", "-"], 9));
        let line = json(request(text));
        assert_eq!(line["status"].to_string(), status);
        for name in ["method", "path", "version", "referer", "user_agent"] {
            assert_eq!(line.get(name), None, "{name}");
        }
        assert_eq!(line["trace_id"].as_str().map(str::len), Some(32));
    }
}

#[test]
fn who_sent_it_is_said_whatever_it_was() {
    let check = |format: Format, expected: &str| {
        let lines = Lines::default();
        let (log, writer) = lines.access_log(format);
        let container = builder(1).access_log(log).start(application());
        let container = container.expect("it starts");
        for text in [GET, UNREADABLE[0].0] {
            let client = connect(&container.handle());
            send(&client, text);
            receive_until(&client, "HTTP/1.1 ");
        }
        stop(container);
        writer.finish();
        let lines = lines.read();
        assert_eq!(lines.len(), 2, "{lines:?}");
        for line in lines {
            assert!(line.contains(expected), "{line}");
        }
    };
    check(Format::Combined, "127.0.0.1 - - [");
    check(Format::JsonLines, ",\"peer\":\"127.0.0.1\",");
}

#[test]
fn no_client_writes_lines_of_its_own() {
    // What a parser lets through: quotes, backslashes, tabs, bytes above 0x7F, and C1 controls.
    let hostile =
        "GET /\"\\`{} HTTP/1.1\r\nHost: a\r\nUser-Agent: a\t\u{85}\u{9b}1m\" - \"\\\r\n\r\n";
    for format in [Format::Short, Format::Combined, Format::JsonLines] {
        let lines = lines(format, request(hostile));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].chars().all(|c| !c.is_control()), "{lines:?}");
        match format {
            Format::Combined => assert_eq!(read_combined(&lines[0]).0.len(), 9),
            Format::JsonLines => {
                let line: Value = serde_json::from_str(&lines[0]).expect("JSON");
                assert_eq!(line["path"], "/\"\\`{}");
                assert_eq!(line["user_agent"], "a\t\u{85}\u{9b}1m\" - \"\\");
            }
            Format::Short => assert_eq!(lines[0].split(' ').count(), 13),
        }
    }
}

#[test]
fn a_path_with_a_secret_in_it_is_not_logged() {
    let router = || {
        let take = |Path(token): Path<String>| token;
        let below = Router::new().fallback(inline(|| "below").secret_path());
        Router::new()
            .post("/reset/{token}", inline(take).secret_path())
            .get("/reset/{token}/form", inline(take))
            .put("/reset/{token}", inline(take))
            .nest("/files", below)
    };
    let check = |line: &str, status: u16, path: &str| {
        let (method, _) = line.split_once(' ').expect("a method and a target");
        let wire = format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let logged = |format| lines_of(router(), format, request(&wire)).remove(0);
        let short = logged(Format::Short);
        assert!(
            short.contains(&format!(" {method} {path} {status} ")),
            "{short}"
        );
        let (fields, _) = read_combined(&logged(Format::Combined));
        let shown = match path.ends_with("/form") {
            // What follows a path that begins as one with a secret does may be one.
            true => format!("{path}?***"),
            false => path.to_owned(),
        };
        assert_eq!(fields[4], format!("{method} {shown} HTTP/1.1"));
        let json: Value = serde_json::from_str(&logged(Format::JsonLines)).expect("JSON");
        assert_eq!(
            (&json["path"], &json["status"]),
            (&path.into(), &status.into())
        );
    };
    let template = "/reset/{token}";
    check("POST /reset/s3cret?token=s3cret", 200, template);
    // The same path by other methods: with a route that is not marked, with none, with none at all.
    check("PUT /reset/s3cret", 200, template);
    check("GET /reset/s3cret", 405, template);
    check("OPTIONS /reset/s3cret", 204, template);
    check("PURGE /reset/s3cret", 501, template);
    check("POST /reset/s3cret%FF", 400, template);
    check("GET /files/s3cret", 200, "fallback:/files");
    // What is not marked is logged as it was sent.
    check("GET /reset/plain/form?a=1", 200, "/reset/plain/form");
}

/// Whether what was sent as `s3cret` is in a line of any format.
#[track_caller]
fn check_secret(head: &str, shown: bool) {
    let take = |Path(token): Path<String>| token;
    let router = || {
        let api = Router::new()
            .post("/reset", inline(|| "asked"))
            .post("/reset/{token}", inline(take).secret_path())
            .get("/user/{name}", inline(take));
        Router::new()
            .nest("/api", api)
            .nest("/pages", Router::new().get("/{*page}", inline(|| "page")))
            .nest("/other", Router::new().fallback(inline(|| "fallback")))
    };
    let wire = format!("{head}\r\nHost: a\r\nConnection: close\r\n\r\n");
    for format in [Format::Short, Format::Combined, Format::JsonLines] {
        let line = lines_of(router(), format, request(&wire)).remove(0);
        // Not all formats have what is shown.
        assert!(shown || !line.contains("s3cret"), "{head}: {line}");
        let in_combined = matches!(format, Format::Combined);
        assert!(
            !shown || !in_combined || line.contains("s3cret"),
            "{head}: {line}"
        );
    }
}

#[test]
fn what_resembles_a_path_with_a_secret_is_not_logged_either() {
    for target in [
        "/api/reset/s3cret/",
        "/api/reset/s3cret/more?a=1",
        "/api/reset//s3cret",
        "//api/reset/s3cret",
        "/api//reset/s3cret",
        "/API/Reset/s3cret",
        "/api/%72eset/s3cret",
        "/api%2Freset%2Fs3cret",
        "/api%252Freset%252Fs3cret",
        "/api/./reset/s3cret",
        "/api/resets3cret",
        "/app/api/reset/s3cret",
        "/pages/api/reset/s3cret",
        "/other/api/reset/s3cret",
        "http://a/api/reset/s3cret/",
        "/api/reset?token=s3cret",
        "/api/user/ann?next=/api/reset/s3cret",
        "/api/user/ann?next=%2Fapi%2Freset%2Fs3cret",
    ] {
        check_secret(&format!("GET {target} HTTP/1.1"), false);
    }
    for target in [
        "/s3cret",
        "/reset/s3cret",
        "/api/s3cret",
        "/api/user/s3cret",
        "/api/user/s3cret/",
        "/api/user/ann?s3cret",
        "/pages/s3cret",
        "/other/s3cret",
    ] {
        check_secret(&format!("GET {target} HTTP/1.1"), true);
    }
}

#[test]
fn who_comes_from_a_path_with_a_secret_does_not_tell_it() {
    let check = |referer: &str, shown: bool| {
        check_secret(
            &format!("GET /favicon.ico HTTP/1.1\r\nReferer: {referer}"),
            shown,
        );
    };
    check("http://a/api/reset/s3cret", false);
    check("http://a/api/reset/s3cret/?a=1", false);
    check("/API/reset/s3cret", false);
    check("http://a/login?next=%2Fapi%2Freset%2Fs3cret", false);
    check("http://a/s3cret", true);
}

#[test]
fn nobody_waits_for_a_log_that_nobody_reads() {
    /// A sink that is stuck until its sender goes.
    struct Stuck(std::sync::mpsc::Receiver<()>);
    impl std::io::Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // Nothing is ever sent.
            let _ = self.0.recv();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    const REQUESTS: u64 = 40_000;
    let (release, stuck) = std::sync::mpsc::channel();
    let (log, writer) =
        container::observe::AccessLog::start(Format::JsonLines, Stuck(stuck)).expect("a thread");
    let server = Server::with_access_log(application(), log.clone(), |_| {});
    let mut client = server.connect();
    let thousand = get("/").repeat(1000);
    let mut answers = 0;
    for _ in 0..REQUESTS / 1000 {
        client.send(&thousand);
        answers += client.received().matches("HTTP/1.1 200 ").count() as u64;
    }
    assert_eq!(answers, REQUESTS, "all are answered");
    let dropped = log.dropped();
    assert!(
        dropped > 0 && dropped < REQUESTS,
        "{dropped} lines are dropped"
    );
    assert_eq!(server.handle().observation().dropped_lines(), dropped);
    drop(release);
    writer.finish();
}
