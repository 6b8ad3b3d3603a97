//! Server-sent events (HTML, section 9.2).

use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use container::extract::LastEventId;
use container::message::Method;
use container::{Body, Sse, SseEvent, StatusCode, blocking, inline, local_body, sleep};
use futures_core::Stream;

use crate::{answer, head, seconds, serve};

/// An event now, and one after a minute.
fn minute() -> Body {
    local_body(async |out| {
        out.send(SseEvent::new("now").id(0)).await?;
        sleep(seconds(60)).await;
        out.send(SseEvent::new("later").id(1)).await?;
        Ok(())
    })
}

#[test]
fn an_event_stream_says_what_it_is() {
    let server = serve(async || Sse::new(minute()));
    let mut client = server.connect();
    client.send(head("GET", ""));
    let wire = client.received();
    for line in [
        "HTTP/1.1 200 OK",
        "content-type: text/event-stream",
        "cache-control: no-cache",
        "transfer-encoding: chunked",
    ] {
        assert!(wire.contains(&format!("{line}\r\n")), "{line} in {wire}");
    }
    assert!(
        wire.ends_with("\r\n\r\n11\r\nid: 0\ndata: now\n\n\r\n"),
        "{wire}"
    );
    client.reset();
    assert_eq!(server.tasks(), 0);
    let mut client = server.connect();
    client.send(head("HEAD", ""));
    assert!(client.received().ends_with("\r\n\r\n"));
    assert!(!client.is_closed());
    assert_eq!(server.tasks(), 1, "nobody makes events that nobody hears");
}

#[test]
fn pauses_are_filled() {
    let comment = "3\r\n:\n\n\r\n";
    let second = "13\r\nid: 1\ndata: later\n\n\r\n0\r\n\r\n";
    for (keep_alive, comments) in [(15, [14, 29, 44, 59]), (25, [24, 49, 99, 99])] {
        let server =
            serve(move || async move { Sse::new(minute()).keep_alive(seconds(keep_alive)) });
        let mut client = server.connect();
        client.send(head("GET", ""));
        client.received();
        for second in 0..59 {
            server.advance(seconds(1));
            let expected = if comments.contains(&second) {
                comment
            } else {
                ""
            };
            assert_eq!(client.received(), expected, "after {} s", second + 1);
        }
        server.advance(seconds(1));
        let wire = client.received();
        let wire = wire.strip_prefix(comment).unwrap_or(&wire);
        assert_eq!(wire, second);
        server.advance(seconds(60));
        assert_eq!(client.received(), "", "the answer is over");
    }
    let server = serve(async || Sse::new(minute()).keep_alive(None));
    let mut client = server.connect();
    client.send(head("GET", ""));
    client.received();
    server.advance(seconds(60));
    assert_eq!(client.received(), second);
}

/// What comes puts off the comment.
#[test]
fn an_event_begins_the_pause_anew() {
    let events = async || {
        Sse::new(local_body(async |out| {
            for _ in 0..3 {
                sleep(seconds(10)).await;
                out.send(SseEvent::new("x")).await?;
            }
            sleep(seconds(100)).await;
            Ok(())
        }))
    };
    let server = serve(events);
    let mut client = server.connect();
    client.send(head("GET", ""));
    server.advance(seconds(44));
    assert!(!client.received().contains(":\n\n"));
    server.advance(seconds(1));
    assert_eq!(client.received(), "3\r\n:\n\n\r\n");
}

/// A page that is closed takes its connection with it; the next comment finds that out.
#[test]
fn a_client_that_has_gone_is_noticed() {
    let endless = async || {
        Sse::new(local_body(async |_| {
            sleep(seconds(1_000_000)).await;
            Ok(())
        }))
    };
    let server = serve(endless);
    let mut client = server.connect();
    client.send(head("GET", ""));
    client.received();
    client.close();
    assert_eq!(server.tasks(), 2);
    server.advance(seconds(15));
    assert_eq!(server.tasks(), 0);
}

#[test]
fn a_drain_ends_the_stream_between_two_events() {
    let (mut sender, body) = Body::channel(1000);
    let slot = Mutex::new(Some(body));
    let take = move || {
        let body = slot.lock().ok().and_then(|mut slot| slot.take());
        Sse::new(body.unwrap_or_else(Body::empty))
    };
    let server = serve(inline(take));
    let mut client = server.connect();
    client.send(head("GET", ""));
    sender.send_now(SseEvent::new("sent before").into());
    server.drain();
    sender.send_now(SseEvent::new("sent after").into());
    let answer = answer(&mut client);
    assert_eq!(answer.body, "data: sent before\n\n");
    assert!(client.is_closed() && !client.was_reset());
    assert!(sender.is_closed());
    assert_eq!((server.tasks(), server.stats().cut), (0, 0));
}

/// One that begins while the container drains has no time to say anything.
#[test]
fn a_stream_that_begins_in_a_drain_ends_at_once() {
    let server = serve(async || Sse::new(minute()));
    let mut client = server.connect();
    server.drain();
    client.send(head("GET", ""));
    let answer = answer(&mut client);
    assert!(answer.status == 200 && answer.closes());
    assert!(client.is_closed() && !client.was_reset());
    assert_eq!(server.tasks(), 0);
}

#[test]
fn a_blocking_handler_sends_events_too() {
    let events = || {
        Sse::new(Body::written_by(|out| {
            out.send(SseEvent::new("one").retry(seconds(2)))?;
            out.send(SseEvent::new("two\nlines").event("pair"))
        }))
    };
    let server = serve(blocking(events));
    let mut client = server.connect();
    client.send(head("GET", ""));
    let body = "retry: 2000\ndata: one\n\nevent: pair\ndata: two\ndata: lines\n\n";
    assert_eq!(answer(&mut client).body, body);
}

#[test]
fn events_of_a_stream() {
    struct Two(usize);
    impl Stream for Two {
        type Item = io::Result<SseEvent>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.0 += 1;
            let event = (self.0 <= 2).then(|| Ok(SseEvent::new(self.0)));
            Poll::Ready(event)
        }
    }
    let server = serve(inline(|| Sse::stream(Two(0))));
    let mut client = server.connect();
    client.send(head("GET", ""));
    assert_eq!(answer(&mut client).body, "data: 1\n\ndata: 2\n\n");
}

#[test]
fn a_client_says_where_it_was() {
    let echo = |method: Method, LastEventId(last): LastEventId| match last {
        Some(last) => (StatusCode::OK, last),
        None => (StatusCode::OK, format!("{method} from the beginning")),
    };
    let server = serve(inline(echo));
    for (fields, body) in [
        ("", "GET from the beginning"),
        ("Last-Event-ID: \r\n", "GET from the beginning"),
        ("last-event-id: 41\r\n", "41"),
        ("Last-Event-ID: \u{e4} b\r\n", "\u{e4} b"),
    ] {
        let mut client = server.connect();
        client.send(head("GET", fields));
        assert_eq!(answer(&mut client).body, body, "{fields:?}");
    }
}
