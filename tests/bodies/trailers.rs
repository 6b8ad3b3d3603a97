//! Trailer fields, both ways (RFC 9110, section 6.5; RFC 9112, section 7.1.2).

use std::io::Read;

use container::message::{BodyReader, BodySender, HeaderMap, HeaderName, HeaderValue, header};
use container::testing::Server;
use container::{Body, Request, Response, Router, blocking, inline};

use crate::{answer, head, serve};

/// A chunked body of five bytes with these trailer fields.
fn chunked(trailers: &str) -> String {
    head("POST", "Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n" + trailers + "\r\n"
}

fn sum(trailers: Option<&HeaderMap>) -> String {
    let sum = trailers.and_then(|trailers| trailers.get("x-sum"));
    sum.map_or("none", |sum| sum.to_str().unwrap_or("not ASCII"))
        .to_owned()
}

#[test]
fn a_handler_gets_the_trailers_of_a_request() {
    let whole = |request: Request| {
        assert!(
            !request.headers().contains_key("x-sum"),
            "never merged into the fields"
        );
        sum(request.trailers())
    };
    let live = async |mut request: Request| {
        assert!(request.trailers().is_none());
        while let Some(Ok(_)) = request.body_mut().chunk().await {}
        sum(request.trailers())
    };
    let read = |mut body: BodyReader| {
        let read = body.read_to_end(&mut Vec::new());
        assert_eq!(read.ok(), Some(5));
        sum(body.trailers())
    };
    let servers = [
        serve(inline(whole)),
        serve(blocking(whole)),
        serve(live),
        serve(blocking(read)),
    ];
    for (place, server) in servers.iter().enumerate() {
        let mut client = server.connect();
        for (trailers, expected) in [("X-Sum: 7\r\nX-Other: 8\r\n", "7"), ("", "none")] {
            client.send(chunked(trailers));
            assert_eq!(answer(&mut client).body, expected, "handler {place}");
        }
    }
}

/// What a trailer section must not have: it frames the message, routes it, or says how to read what
/// has been read by then.
const FORBIDDEN: [HeaderName; 6] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::CONTENT_TYPE,
    header::SET_COOKIE,
    header::AUTHORIZATION,
];

fn trailers() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from(7));
    for name in FORBIDDEN {
        trailers.insert(name, HeaderValue::from(0));
    }
    trailers
}

/// Answers that end with trailers, of unknown and of known length.
fn answers() -> Server {
    let announced = |body: Body| {
        Response::ok("text/plain", body)
            .with_header(header::TRAILER, HeaderValue::from_static("x-sum"))
    };
    let fed = |(mut sender, body): (BodySender, Body)| {
        sender.send_now("hello".into());
        sender.finish_with(trailers());
        body
    };
    let written = move || {
        announced(Body::written_by(|out| {
            out.set_trailers(trailers());
            out.send("hello")
        }))
    };
    let router = Router::new()
        .any(
            "/channel",
            inline(move || announced(fed(Body::channel(100)))),
        )
        .any(
            "/sized",
            inline(move || announced(fed(Body::sized_channel(100, 5)))),
        )
        .any("/written", blocking(written));
    Server::new(router)
}

#[test]
fn trailers_are_sent_in_chunks_only() {
    let server = answers();
    for path in ["/channel", "/written"] {
        let mut client = server.connect();
        client.send(format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n"
        ));
        let wire = client.received();
        assert!(wire.contains("\r\ntrailer: x-sum\r\n"), "{wire}");
        assert!(
            wire.ends_with("\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 7\r\n\r\n"),
            "{wire}"
        );
        client.send(format!(
            "HEAD {path} HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n"
        ));
        let wire = client.received();
        assert!(
            wire.ends_with("\r\n\r\n") && !wire.contains("x-sum: 7"),
            "{wire}"
        );
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.0\r\nTE: trailers\r\n\r\n"));
        assert!(client.received().ends_with("\r\n\r\nhello"));
    }
    let mut client = server.connect();
    client.send("GET /sized HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
    assert!(client.received().ends_with("\r\n\r\nhello"));
    assert!(!client.is_closed());
}
