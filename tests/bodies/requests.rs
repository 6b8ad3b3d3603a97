//! Request bodies that arrive while their handler is at work.

use std::io::{BufRead, Read};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use container::handler::Cancellation;
use container::message::{BodyError, BodyReader};
use container::{Body, Handler, Response, blocking, inline, sleep};

use crate::{answer, head, post, seconds, serve};

/// What a connection may take of a live body that nobody reads: 64 KiB for the handler, one read of
/// 64 KiB beyond it, and what came with the last read.
const LIVE_BYTES_MAX: usize = 192 << 10;

/// More than the server and the socket together hold.
const LARGE: usize = 1 << 20;

/// Counts what can be read, and says why no more can.
fn count(mut body: BodyReader) -> String {
    let mut count = 0;
    loop {
        match body.fill_buf() {
            Ok([]) => return format!("{count} bytes"),
            Ok(piece) => {
                let length = piece.len();
                count += length;
                body.consume(length);
            }
            Err(error) => return format!("{count} bytes, then {:?}", error.kind()),
        }
    }
}

/// The same, told to the test, which may have no client any more to hear of it.
fn telling(told: Sender<String>) -> impl Fn(BodyReader) -> String + Send + Sync {
    let told = Mutex::new(told);
    move |body| {
        let counted = count(body);
        told.lock()
            .expect("no panic")
            .send(counted.clone())
            .expect("the test listens");
        counted
    }
}

async fn late(mut body: Body) -> Result<String, BodyError> {
    sleep(seconds(10)).await;
    let mut count = 0;
    while let Some(piece) = body.chunk().await {
        count += piece?.len();
    }
    Ok(format!("{count} bytes"))
}

#[test]
fn a_slow_reader_stops_its_client() {
    let server = serve(late.body_limit(LARGE as u64));
    let mut client = server.connect();
    client.send(post(LARGE));
    let taken = client.send_some(vec![b'x'; LARGE]);
    let in_the_socket = 256 << 10;
    assert!(taken < LIVE_BYTES_MAX + in_the_socket, "{taken} bytes");
    // The pause is the handler's and not the client's: it costs the client nothing.
    server.advance(seconds(10));
    client.send(vec![b'x'; LARGE - taken]);
    assert_eq!(answer(&mut client).body, "1048576 bytes");
    assert!(!client.is_closed());
}

#[test]
fn a_blocking_handler_reads_while_the_body_comes() {
    let server = serve(blocking(count).body_limit(LARGE as u64));
    for chunked in [false, true] {
        let mut client = server.connect();
        if chunked {
            client.send(head("POST", "Transfer-Encoding: chunked\r\n"));
            (0..16).for_each(|_| client.send(format!("10000\r\n{}\r\n", "x".repeat(LARGE / 16))));
            assert_eq!(client.received(), "", "its handler waits for the end");
            client.send("0\r\n\r\n");
        } else {
            client.send(post(LARGE));
            client.send(vec![b'x'; LARGE - 1]);
            assert_eq!(client.received(), "", "its handler waits for the last byte");
            client.send("x");
        }
        assert_eq!(answer(&mut client).body, "1048576 bytes");
        assert!(!client.is_closed());
    }
}

#[test]
fn a_blocking_handler_starts_with_the_head() {
    let (send, received) = channel();
    let send = Mutex::new(send);
    let first_byte = move |mut body: BodyReader| {
        let mut byte = [0];
        body.read_exact(&mut byte).map_err(BodyError::from)?;
        let told = send.lock().expect("no panic").send(byte[0]);
        told.expect("the test listens");
        Ok::<_, BodyError>(count(body))
    };
    let server = serve(blocking(first_byte));
    let mut client = server.connect();
    client.send(post(3) + "a");
    assert_eq!(received.try_recv(), Ok(b'a'));
    client.send("bc");
    assert_eq!(answer(&mut client).body, "2 bytes");
}

#[test]
fn what_ends_a_body_early_ends_its_reader() {
    let too_large = head("POST", "Transfer-Encoding: chunked\r\n") + "b\r\nhello world\r\n";
    let cases = [
        (too_large, "0 bytes, then FileTooLarge"),
        (post(10) + "hello", "5 bytes, then TimedOut"),
        (
            head("POST", "Transfer-Encoding: chunked\r\n") + "x",
            "0 bytes, then ConnectionAborted",
        ),
    ];
    for (request, expected) in cases {
        let (send, received) = channel();
        let server = serve(blocking(telling(send)).body_limit(10));
        let mut client = server.connect();
        client.send(&request);
        server.advance(seconds(40));
        assert_eq!(received.try_recv().as_deref(), Ok(expected), "{request:?}");
        let answer = answer(&mut client);
        assert!(answer.body == expected && answer.closes(), "{answer:?}");
    }
}

#[test]
fn a_client_that_goes_ends_its_reader() {
    for half in [false, true] {
        let (send, received) = channel();
        let server = serve(blocking(telling(send)));
        let mut client = server.connect();
        client.send(post(10) + "hello");
        if half {
            client.finish();
        } else {
            client.reset();
        }
        let told = received.recv().expect("the handler tells");
        assert_eq!(told, "5 bytes, then ConnectionAborted");
    }
}

#[test]
fn a_deadline_ends_a_reader() {
    let (send, received) = channel();
    let server = serve(blocking(telling(send)).deadline(seconds(3)));
    let mut client = server.connect();
    client.send(post(10) + "hello");
    server.advance(seconds(3));
    let told = received.recv().expect("the handler tells");
    assert_eq!(told, "5 bytes, then ConnectionAborted");
    assert_eq!(answer(&mut client).status, 503);
    assert_eq!(server.stats().blocking.timed_out, 1);
}

#[test]
fn the_end_of_the_server_ends_a_reader() {
    let (send, received) = channel();
    let server = serve(blocking(telling(send)));
    let mut client = server.connect();
    client.send(post(10) + "hello");
    server.close();
    let told = received.recv().expect("the handler tells");
    assert_eq!(told, "5 bytes, then ConnectionAborted");
}

#[test]
fn leave_to_send_is_given_at_the_first_read() {
    let server = serve(blocking(count));
    let mut client = server.connect();
    client.send(head(
        "POST",
        "Content-Length: 5\r\nExpect: 100-continue\r\n",
    ));
    assert_eq!(client.received(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    assert_eq!(answer(&mut client).body, "5 bytes");
}

#[test]
fn elsewhere_a_reader_has_the_whole_body() {
    let waiting = async |body: BodyReader| count(body);
    for server in [serve(inline(count)), serve(waiting)] {
        let mut client = server.connect();
        client.send(post(5) + "hel");
        assert_eq!(client.received(), "");
        client.send("lo");
        assert_eq!(answer(&mut client).body, "5 bytes");
    }
}

/// On a worker the wait would be for ever: what is to come has to come through that worker.
#[test]
fn a_worker_does_not_wait_for_a_body() {
    let server = serve(async |body: Body| count(body.into_reader()));
    let mut client = server.connect();
    client.send(post(5));
    assert_eq!(answer(&mut client).body, "0 bytes, then WouldBlock");
}

#[test]
fn a_body_may_be_read_while_its_answer_is_written() {
    let shout = |gone: Cancellation, body: BodyReader| {
        assert!(!gone.is_cancelled());
        Response::ok(
            "text/plain",
            Body::written_by(move |out| {
                for line in body.lines() {
                    out.send(line?.to_uppercase() + "\n")?;
                }
                Ok(())
            }),
        )
    };
    let server = serve(blocking(shout));
    let mut client = server.connect();
    client.send(post(8));
    let head = client.received();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    client.send("one\n");
    assert_eq!(client.received(), "4\r\nONE\n\r\n");
    client.send("two\n");
    assert_eq!(client.received(), "4\r\nTWO\n\r\n0\r\n\r\n");
}
