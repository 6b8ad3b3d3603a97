//! Answers that are made while they are sent.

use std::io::{self, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use container::message::{BodyError, Bytes};
use container::testing::{Client, Faults, Server};
use container::{Body, Router, blocking, inline, local_body, sleep, spawn_blocking, spawn_local};
use futures_core::Stream;
use tests::get;

use crate::{answer, head, seconds, serve};

/// The ways to make an answer of unknown length out of `one`, `two` and `three`.
fn sources() -> Router {
    let channel = async || {
        let (mut sender, body) = Body::channel(10);
        spawn_local(async move {
            for piece in PIECES {
                if sender.send(piece).await.is_err() {
                    // It was asked for the head only.
                    return;
                }
            }
            sender.finish();
        });
        body
    };
    let local = async || {
        let pieces = Rc::new(PIECES);
        local_body(async move |out| {
            for piece in *pieces {
                out.send(piece).await?;
                sleep(Duration::ZERO).await;
            }
            Ok(())
        })
    };
    let relayed = async || {
        let (sender, mut body) = Body::channel(10);
        spawn_local(spawn_blocking(move || {
            let mut out = sender.into_writer();
            PIECES
                .iter()
                .try_for_each(|piece| out.write_all(piece.as_bytes()))?;
            out.finish()
        }));
        local_body(async move |out| {
            while let Some(piece) = body.chunk().await {
                out.send(piece?).await?;
            }
            Ok(())
        })
    };
    Router::new()
        .any("/channel", channel)
        .any("/local", local)
        .any("/relayed", relayed)
        .any("/written", blocking(|| written(PIECES.len())))
}

const PIECES: [&str; 3] = ["one", "two", "three"];

/// The first of [`PIECES`], sent one by one by a function.
fn written(count: usize) -> Body {
    Body::written_by(move |out| {
        PIECES[..count]
            .iter()
            .try_for_each(|piece| out.send(*piece))
    })
}

#[test]
fn framing_follows_the_request() {
    let server = Server::new(sources());
    for path in ["/channel", "/local", "/relayed", "/written"] {
        let request = get(path);
        let mut client = server.connect();
        for _ in 0..2 {
            client.send(&request);
            let answer = answer(&mut client);
            assert_eq!(answer.body, "onetwothree", "{path}");
            assert_eq!(answer.field("transfer-encoding"), Some("chunked"), "{path}");
        }
        client.send(request.replace("GET", "HEAD"));
        let wire = client.received();
        assert!(
            wire.starts_with("HTTP/1.1 200 OK\r\n") && wire.ends_with("\r\n\r\n"),
            "{wire}"
        );
        assert!(!client.is_closed(), "{path}");
        client.close();

        let mut client = server.connect();
        client.send(format!(
            "GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        ));
        let wire = client.received();
        assert!(wire.contains("\r\nconnection: close\r\n"), "{wire}");
        assert!(!wire.contains("transfer-encoding"), "{wire}");
        assert!(wire.ends_with("\r\n\r\nonetwothree"), "{wire}");
        assert!(client.is_closed() && !client.was_reset(), "{path}");
    }
    assert_eq!(server.tasks(), 0);
}

/// The ways in which an answer can fail after its first five bytes.
fn broken(way: usize) -> Body {
    let five = || Bytes::from_static(b"12345");
    match way {
        0 => Body::stream(Failing::with_an_error()),
        1 => Body::sized_stream(10, Failing::with_an_error()),
        2 => Body::stream(Failing::with_a_panic()),
        3 => local_body(async move |out| {
            out.send(five()).await?;
            Err(BodyError::source("no more"))
        }),
        4 => local_body(async move |out| {
            out.send(five()).await?;
            panic!("asked to, in a body's task")
        }),
        _ => {
            let (mut sender, body) = Body::sized_channel(100, 10);
            sender.send_now(five());
            sender.finish();
            body
        }
    }
}

/// The same by a function that writes.
fn broken_writing(panics: bool) -> Body {
    Body::written_by(move |out| {
        out.send("12345")?;
        assert!(!panics, "asked to, while a body is written");
        Err(io::Error::other("no more"))
    })
}

/// Half an answer must never pass for all of it, in whatever way its end is told.
#[track_caller]
fn check_broken(server: &Server) {
    for version in ["1.1", "1.0"] {
        let mut client = server.connect();
        client.send(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n"));
        let wire = client.received();
        assert!(!wire.ends_with("0\r\n\r\n"), "{wire}");
        assert!(client.was_reset(), "HTTP/{version}: {wire}");
        assert_eq!(server.tasks(), 0);
    }
}

#[test]
fn what_fails_half_way_is_never_an_end() {
    for way in 0..6 {
        check_broken(&serve(move || async move { broken(way) }));
    }
    for panics in [false, true] {
        let server = serve(blocking(move || broken_writing(panics)).concurrency(1));
        check_broken(&server);
        // Its permits are back, and its panics are counted.
        let panicked = if panics { 2 } else { 0 };
        assert_eq!(server.stats().blocking.panicked, panicked);
    }
    // A function that writes has no thread but its own handler's.
    check_broken(&serve(inline(|| written(1))));
    check_broken(&serve(async || written(1)));
}

/// Five bytes, then an error or a panic.
struct Failing {
    sent: bool,
    panics: bool,
}

impl Failing {
    fn with_an_error() -> Self {
        Failing {
            sent: false,
            panics: false,
        }
    }

    fn with_a_panic() -> Self {
        Failing {
            sent: false,
            panics: true,
        }
    }
}

impl Stream for Failing {
    type Item = io::Result<&'static [u8]>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let sent = std::mem::replace(&mut self.sent, true);
        assert!(!(sent && self.panics), "asked to, in a stream");
        let item = if sent {
            Err(io::Error::other("no more"))
        } else {
            Ok(&b"12345"[..])
        };
        Poll::Ready(Some(item))
    }
}

#[test]
fn a_function_writes_no_faster_than_its_client_reads() {
    let mut faults = Faults::default();
    faults.capacity = 1000;
    let written = Arc::new(Mutex::new(0));
    let counter = written.clone();
    let handler = move || {
        let counter = counter.clone();
        Body::written_by(move |out| {
            for _ in 0..1000 {
                out.write_all(&[b'x'; 1000])?;
                *counter.lock().expect("no panic") += 1000;
            }
            Ok(())
        })
    };
    let server = serve(blocking(handler).concurrency(1));
    let mut client = server.connect_with(faults);
    client.send(head("GET", ""));
    let ahead = *written.lock().expect("no panic");
    assert!(ahead < 128 << 10, "{ahead} bytes");
    // It holds its thread and its permit until the last byte.
    let mut next = server.connect();
    next.send(head("GET", ""));
    assert_eq!(answer(&mut next).status, 503);
    assert_eq!(answer(&mut client).body.len(), 1_000_000);
    assert!(!client.is_closed());
    next.send(head("GET", ""));
    assert_eq!(answer(&mut next).body.len(), 1_000_000);
}

/// What the handler of a client that goes is told, by the error of its writing.
#[test]
fn a_function_hears_that_its_client_has_gone() {
    type Leave = fn(&Server, &mut Client<'_>);
    let leave: [Leave; 4] = [
        |_, client| client.reset(),
        |_, client| client.close(),
        |server, _| server.advance(seconds(31)),
        |server, _| server.close(),
    ];
    for leave in leave {
        let (send, told) = channel();
        let send = Mutex::new(send);
        let handler = move || {
            let send = send.lock().expect("no panic").clone();
            Body::written_by(move |out| {
                let error = loop {
                    if let Err(error) = out.write_all(&[0; 1000]) {
                        break error;
                    }
                };
                assert!(out.is_closed());
                send.send(error.kind()).expect("the test listens");
                Err(error)
            })
        };
        let mut faults = Faults::default();
        faults.capacity = 1000;
        let server = serve(blocking(handler));
        let mut client = server.connect_with(faults);
        client.send(head("GET", ""));
        leave(&server, &mut client);
        assert_eq!(told.recv(), Ok(io::ErrorKind::BrokenPipe));
        assert_eq!(server.tasks(), 0);
        assert_eq!(server.stats().blocking.panicked, 0);
    }
}

#[test]
fn nothing_is_written_for_a_head_request() {
    let handler = || Body::written_by(|_| panic!("nobody wants this body"));
    let server = serve(blocking(handler).concurrency(1));
    let mut client = server.connect();
    client.send(head("HEAD", ""));
    assert!(client.received().starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(server.stats().blocking.panicked, 0);
}

#[test]
fn a_task_that_writes_ends_with_its_client() {
    let held = Arc::new(Mutex::new(0));
    let counter = held.clone();
    let server = serve(move || {
        let counter = counter.clone();
        async move {
            local_body(async move |out| {
                let _held = Held::new(counter);
                out.send("one").await?;
                sleep(seconds(3600)).await;
                Ok(())
            })
        }
    });
    let mut client = server.connect();
    client.send(head("GET", ""));
    assert!(client.received().ends_with("3\r\none\r\n"));
    assert_eq!((*held.lock().expect("no panic"), server.tasks()), (1, 2));
    client.reset();
    assert_eq!((*held.lock().expect("no panic"), server.tasks()), (0, 0));
}

/// Counts itself while it lives.
struct Held(Arc<Mutex<usize>>);

impl Held {
    fn new(count: Arc<Mutex<usize>>) -> Self {
        *count.lock().expect("no panic") += 1;
        Held(count)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *self.0.lock().expect("no panic") -= 1;
    }
}

#[test]
fn a_drain_waits_for_a_written_answer_but_not_for_a_feed() {
    let feed = async || {
        let (mut sender, body) = Body::channel(100);
        sender.send_now("first".into());
        spawn_local(async move {
            sleep(seconds(5)).await;
            // The container has drained: nobody wants it.
            assert!(sender.is_closed());
        });
        body.until_drain()
    };
    let slow = async || {
        local_body(async |out| {
            sleep(seconds(5)).await;
            Ok(out.send("last").await?)
        })
    };
    let server = Server::new(Router::new().get("/feed", feed).get("/slow", slow));
    let mut clients = [server.connect(), server.connect()];
    clients[0].send(get("/feed"));
    clients[1].send(get("/slow"));
    server.drain();
    assert_eq!(answer(&mut clients[0]).body, "first");
    assert!(clients[0].is_closed() && !clients[0].was_reset());
    assert!(!clients[1].is_closed());
    server.advance(seconds(5));
    assert_eq!(answer(&mut clients[1]).body, "last");
    assert!(clients[1].is_closed());
    assert_eq!((server.tasks(), server.stats().cut), (0, 0));
}
