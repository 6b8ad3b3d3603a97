//! A server's run, from its start line to its exit line.

use std::io::Write;
use std::os::unix::net::UnixStream;

use crate::process::{Server, command, read_to_end, temporary};

#[test]
fn starts_answers_logs_and_stops() {
    let server = Server::start(&["--delay=0"]);
    assert!(
        server.start.starts_with("http://127.0.0.1:"),
        "{}",
        server.start
    );
    assert!(server.start.contains(" (workers "), "{}", server.start);
    assert!(server.get("/").ends_with("\r\n\r\nDocking API"));
    assert!(server.get("/users/9?x").starts_with("HTTP/1.1 404 "));
    let end = server.stop();
    assert_eq!(end.code, Some(0), "{}", end.log);
    for words in [
        " INFO container::access GET / 200 11 ",
        " INFO container::access GET /users/9 404 59 ",
        " INFO sample_server served 2 requests\n",
    ] {
        assert!(end.log.contains(words), "{words}: {}", end.log);
    }
}

#[test]
fn no_line_of_the_log_is_lost_at_the_end() {
    const REQUESTS: usize = 1000;
    let server = Server::start(&["--workers=1"]);
    let one = "GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n";
    let last = "GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answers = read_to_end(server.send(&(one.repeat(REQUESTS - 1) + last)));
    assert_eq!(answers.matches("Hello, World!").count(), REQUESTS);
    let end = server.stop();
    assert_eq!(
        end.log.matches("access GET /plaintext 200 13 ").count(),
        REQUESTS
    );
    let last = end.log.lines().last().expect("there is an exit line");
    assert!(last.ends_with("served 1000 requests"), "{last}");
    // Time, level, target, message: every line is whole.
    for line in end.log.lines() {
        assert!(
            line.split(' ').count() >= 4 && line.starts_with("20"),
            "{line}"
        );
    }
}

/// Errors waited for room in a full log, and with them their worker, for ever.
#[test]
fn a_log_that_nobody_reads_holds_up_no_worker() {
    // More lines than log and pipe have room for: 2 MiB, and 64 KiB more.
    const ROUNDS: usize = 12;
    const REQUESTS: usize = 1000;
    let server = Server::start(&["--workers=1", "--debug", "--log-level=info"]);
    let one = "GET /panic/inline HTTP/1.1\r\nHost: a\r\n\r\n";
    let last = "GET /panic/inline HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for _ in 0..ROUNDS {
        let answers = read_to_end(server.send(&(one.repeat(REQUESTS - 1) + last)));
        assert_eq!(answers.matches("HTTP/1.1 500 ").count(), REQUESTS);
    }
    assert!(server.get("/plaintext").ends_with("Hello, World!"));
    let end = server.stop();
    assert_eq!(end.code, Some(0), "{}", end.log);
    // Some were lost, each panic has two, and it is said.
    let errors = end.log.matches(" ERROR ").count();
    assert!((1..2 * ROUNDS * REQUESTS).contains(&errors), "{errors}");
    assert!(end.log.contains(" lines dropped: not taken in time\n"));
    let served = format!(" served {} requests\n", ROUNDS * REQUESTS + 1);
    assert!(end.log.ends_with(&served), "{:?}", end.log.lines().last());
}

#[test]
fn a_signal_lets_requests_finish() {
    for (name, line) in [("INT", "SIGINT: draining"), ("TERM", "SIGTERM: draining")] {
        let mut server = Server::start(&[]);
        let mut request = server.begin_echo();
        server.signal(name);
        server.wait_for(line);
        request.write_all(b"hello").expect("it reads on");
        let answer = read_to_end(request);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
        let end = server.wait();
        assert_eq!(end.code, Some(0), "{}", end.log);
        assert!(end.log.ends_with(" served 1 requests\n"), "{}", end.log);
    }
}

#[test]
fn a_second_signal_cuts_them() {
    let mut server = Server::start(&[]);
    let request = server.begin_echo();
    server.signal("TERM");
    server.wait_for("SIGTERM: draining");
    server.signal("INT");
    let end = server.wait();
    drop(request);
    assert_eq!(end.code, Some(3), "{}", end.log);
    assert!(
        end.log
            .contains(" WARN container::server::signal SIGINT: closing now\n")
    );
    assert!(
        end.log.ends_with(" served 0 requests, cut 1\n"),
        "{}",
        end.log
    );
}

/// The end waited for the handler, whatever its deadline and however many signals came.
#[test]
fn a_handler_that_holds_its_worker_does_not_hold_the_end() {
    let path = temporary("held.sock");
    let mut server = Server::start(&[
        "--debug",
        "--workers=1",
        &format!("--unix={}", path.display()),
        "--watchdog-limit=1ms",
        "--drain-timeout=0",
        "--close-timeout=1ms",
    ]);
    let request = server.send("GET /stall/inline?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
    server.wait_for(" held for 1ms or more by GET /stall/inline (inline)");
    let end = server.stop();
    drop(request);
    assert_eq!(end.code, Some(3), "{}", end.log);
    let last =
        "served 0 requests, cut 1; left behind: worker-0, held by GET /stall/inline (inline)\n";
    assert!(end.log.ends_with(last), "{}", end.log);
    assert!(!path.exists(), "the socket's file is left");
}

#[test]
fn a_unix_socket_stands_in_for_tcp() {
    let path = temporary("only.sock");
    let server = Server::spawn(&mut command(&[
        "--unix",
        path.to_str().expect("it is text"),
    ]));
    let start = format!("unix:{} (", path.display());
    assert!(server.start.starts_with(&start), "{}", server.start);
    let mut stream = UnixStream::connect(&path).expect("it listens");
    stream
        .write_all(b"GET /plaintext HTTP/1.0\r\n\r\n")
        .expect("it reads");
    assert!(read_to_end(stream).ends_with("\r\n\r\nHello, World!"));
    let end = server.stop();
    assert_eq!(end.code, Some(0), "{}", end.log);
    assert!(!end.log.contains("http://"), "{}", end.log);
    assert!(!path.exists(), "the socket's file is left");
}

#[test]
fn a_unix_socket_and_tcp_when_both_are_asked_for() {
    let path = temporary("both.sock");
    let mut server = Server::start(&["--unix", path.to_str().expect("it is text")]);
    server.wait_for(&format!("listening on unix:{} (", path.display()));
    assert!(server.get("/").ends_with("Docking API"));
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn flags_may_come_from_the_environment() {
    let mut command = command(&["--workers=2"]);
    command.envs([
        ("PORT", "0"),
        ("WORKERS", "7"),
        ("BLOCKING_THREADS", "3"),
        ("DELAY", "0"),
        ("BODY_LIMIT", "4"),
        ("LOG_LEVEL", "error"),
        ("DEBUG", "0"),
    ]);
    let server = Server::spawn(&mut command);
    // A flag wins over its variable.
    assert!(server.start.contains("(workers 2, "), "{}", server.start);
    assert!(
        server.start.contains(", blocking threads 3, delay 0s"),
        "{}",
        server.start
    );
    assert!(server.get("/users/1").contains("John Liu"));
    assert!(server.get("/panic/inline").starts_with("HTTP/1.1 404 "));
    let echo = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let answer = read_to_end(server.send(echo));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // Start and end are told at every level, and nothing else is.
    let log = server.stop().log;
    let told: Vec<_> = log.lines().collect();
    assert!(
        told.len() == 2 && told[0].contains(" stopped: leaving "),
        "{log}"
    );
    assert!(told[1].ends_with(" served 3 requests"), "{log}");
}

#[test]
fn debug_shows_more() {
    let mut server = Server::start(&["--debug", "--log-level=warn"]);
    assert!(server.get("/panic/async").starts_with("HTTP/1.1 500 "));
    server.wait_for(" ERROR ");
    server.wait_for(" DEBUG ");
    assert_eq!(server.stop().code, Some(0));
}
