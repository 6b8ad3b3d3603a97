//! Bodies between the threads of the pool and clients behind real sockets.

use std::io::{BufRead, Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::channel;

use container::message::BodyReader;
use container::{Body, Router, blocking};
use tests::loopback::{PATIENCE, connect, hold, receive, receive_until, send, start, stop, wait};

/// More than all buffers on the way hold together.
const LENGTH: usize = 32 << 20;

/// The head of a request that is its connection's last.
fn post(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
}

/// Sends a large body back as it comes: the client has to read to be able to write on.
#[test]
fn both_ways_at_once() {
    let echo =
        |mut body: BodyReader| Body::written_by(move |out| std::io::copy(&mut body, out).map(drop));
    let route = blocking(echo).body_limit(LENGTH as u64);
    let container = start(Router::new().post("/", route));
    let stream = connect(&container.handle());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = &stream;
            send(stream, &post(LENGTH));
            let digits: Vec<u8> = (0..=255).cycle().take(1 << 16).collect();
            (0..LENGTH >> 16).for_each(|_| stream.write_all(&digits).expect("it is taken"));
        });
        let head = receive_until(&stream, "\r\n\r\n");
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        let (mut reader, mut seen) = (std::io::BufReader::new(&stream), 0_usize);
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).expect("a size line");
            let size = usize::from_str_radix(size.trim_end(), 16).expect("a size");
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).expect("a whole chunk");
            let expected = |(at, &byte): (usize, &u8)| byte == ((seen + at) % 256) as u8;
            assert!(chunk[..size].iter().enumerate().all(expected), "at {seen}");
            seen += size;
            if size == 0 {
                break;
            }
        }
        assert_eq!(seen, LENGTH);
    });
    assert_eq!(stop(container).stats.served, 1);
}

/// A thread that waits for its client, to read or to write, does not outlive it.
#[test]
fn a_client_that_goes_frees_its_thread() {
    let (send_kind, kinds) = channel();
    let send_kind = Mutex::new(send_kind);
    let handler = move |mut body: BodyReader| {
        let send_kind = send_kind.lock().expect("no panic").clone();
        Body::written_by(move |out| {
            let read = std::io::copy(&mut body, &mut std::io::sink());
            send_kind
                .send(read.map_err(|error| error.kind()))
                .expect("the test listens");
            let error = loop {
                if let Err(error) = out.write_all(&[0; 1000]) {
                    break error;
                }
            };
            send_kind.send(Err(error.kind())).expect("the test listens");
            Err(error)
        })
    };
    let container = start(Router::new().post("/", blocking(handler)));
    let handle = container.handle();
    // This one goes while its body is read.
    let stream = connect(&handle);
    send(&stream, &(post(10) + "hello"));
    receive_until(&stream, "\r\n\r\n");
    drop(stream);
    assert_eq!(
        kinds.recv_timeout(PATIENCE),
        Ok(Err(std::io::ErrorKind::ConnectionAborted))
    );
    assert_eq!(
        kinds.recv_timeout(PATIENCE),
        Ok(Err(std::io::ErrorKind::BrokenPipe))
    );
    // And this one while its answer is written.
    let stream = connect(&handle);
    send(&stream, &(post(5) + "hello"));
    assert_eq!(kinds.recv_timeout(PATIENCE), Ok(Ok(5)));
    receive_until(&stream, "\r\n\r\n");
    drop(stream);
    assert_eq!(
        kinds.recv_timeout(PATIENCE),
        Ok(Err(std::io::ErrorKind::BrokenPipe))
    );
    assert_eq!(stop(container).stats.cut, 0);
}

#[test]
fn a_stopped_container_waits_for_what_is_written() {
    let (hold, held) = hold();
    let handler = move || {
        let held = held.clone();
        Body::written_by(move |out| out.write_all(held().as_bytes()))
    };
    let container = start(Router::new().post("/", blocking(handler)));
    let stream = connect(&container.handle());
    send(&stream, &post(0));
    hold.wait_begun();
    container.handle().stop();
    hold.release();
    let answer = receive(&stream);
    assert!(
        answer.ends_with("\r\n\r\n4\r\nheld\r\n0\r\n\r\n"),
        "{answer}"
    );
    let stats = wait(container).stats;
    assert_eq!((stats.served, stats.cut), (1, 0));
}
