//! Uploads that are refused before they are over: the answer reaches a client that reads only once
//! it has sent everything, and the connection that waits for it is bounded.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use container::handler::Problem;
use container::message::StatusCode;
use container::testing::Server;
use container::{Body, Handler, Router, inline};
use tests::loopback::{connect, receive, send, start_lingering, wait};
use tests::{application, read_answers};

/// More than all buffers on the way hold together, and as much as people upload.
const UPLOAD: usize = 50 << 20;

/// A body of this many bytes, by its framing.
type Framing = fn(&mut TcpStream, usize);

fn router() -> Router {
    application()
        .post("/login", inline(unauthorized))
        .post("/login-live", live.body_limit(u64::MAX))
}

async fn live(_body: Body) -> Problem {
    unauthorized()
}

fn unauthorized() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED)
}

fn by_length(stream: &mut TcpStream, length: usize) {
    let head = format!("Content-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it is taken");
    stream.write_all(&vec![b'x'; length]).expect("all is taken");
}

fn by_chunks(stream: &mut TcpStream, length: usize) {
    const CHUNK: usize = 1 << 20;
    stream
        .write_all(b"Transfer-Encoding: chunked\r\n\r\n")
        .expect("it is taken");
    let chunk = [format!("{CHUNK:x}\r\n").into_bytes(), vec![b'x'; CHUNK]].concat();
    for _ in 0..length / CHUNK {
        stream.write_all(&chunk).expect("all is taken");
        stream.write_all(b"\r\n").expect("all is taken");
    }
    stream.write_all(b"0\r\n\r\n").expect("all is taken");
}

/// Sends all of an upload, and then reads: the answer must be there, and behind it the end.
#[track_caller]
fn check(path: &str, send_body: Framing, status: u16) {
    let container = start_lingering(router());
    let mut stream = connect(&container.handle());
    send(&stream, &format!("POST {path} HTTP/1.1\r\nHost: a\r\n"));
    send_body(&mut stream, UPLOAD);
    let answers = read_answers(&receive(&stream), &[]);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [status], "{path}");
    container.handle().close();
    wait(container);
}

#[test]
fn too_large() {
    check("/echo", by_length, 413);
    check("/echo", by_chunks, 413);
}

#[test]
fn without_a_route() {
    check("/nowhere", by_length, 404);
    check("/nowhere", by_chunks, 404);
}

#[test]
fn without_a_permission() {
    for path in ["/login", "/login-live"] {
        check(path, by_length, 401);
        check(path, by_chunks, 401);
    }
}

/// A client that goes on for ever is cut at the limits of bytes and of time, and one that says
/// nothing is not waited for so long.
#[test]
fn waiting_has_its_limits() {
    const HEAD: &str = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n";
    let second = Duration::from_secs(1);
    let server = Server::with_config(router(), |config| {
        config.http1.limits.linger = 100_000;
        config.http1.timeouts.linger = 2 * second;
        config.http1.timeouts.linger_max = 5 * second;
    });
    let refused = || {
        let mut client = server.connect();
        client.send(HEAD);
        assert_eq!(read_answers(&client.received(), &[])[0].status, 413);
        assert_eq!((client.is_closed(), server.tasks()), (true, 1));
        client
    };

    let mut fast = refused();
    fast.send([b'x'; 99_999]);
    assert_eq!(server.tasks(), 1);
    fast.send([b'x'; 2]);
    assert_eq!(server.tasks(), 0, "after the bytes");

    let mut steady = refused();
    for _ in 0..4 {
        server.advance(second);
        steady.send("x");
        assert_eq!(server.tasks(), 1);
    }
    server.advance(second);
    assert_eq!(server.tasks(), 0, "after the time");

    let _silent = refused();
    server.advance(2 * second);
    assert_eq!(server.tasks(), 0, "after a silence");

    let mut drained = refused();
    server.drain();
    server.advance(second);
    drained.send("x");
    server.advance(second);
    assert_eq!(server.tasks(), 0, "a drain is not put off");
}
