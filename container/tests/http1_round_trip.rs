//! Both machines of `http1` talk to each other, over wires that deliver in pieces of any size.

use std::sync::Arc;
use std::time::Instant;

use container::http1::{
    ClientConnection, ClientEvent, Config, Connection, DateLine, Event, Limits, Output,
};
use container::message::{BodyLength, Bytes, HeaderMap, HeaderValue, Method, StatusCode, header};

const DATE: &DateLine = b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

/// A client and an echoing server.
struct Pair {
    client: ClientConnection,
    server: Connection,
    /// What each has received and not consumed.
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// The answers' bodies, joined, and how many answers are complete.
    echoed: Vec<u8>,
    complete: usize,
    now: Instant,
}

impl Pair {
    fn new() -> Pair {
        let now = Instant::now();
        Pair {
            client: ClientConnection::new(Limits::default()),
            server: Connection::new(Arc::new(Config::default()), now),
            to_server: vec![],
            to_client: vec![],
            echoed: vec![],
            complete: 0,
            now,
        }
    }

    /// What the client sends for one request.
    fn request(&mut self, method: &Method, body: &str, length: BodyLength) -> Vec<u8> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("h"));
        let mut output = Output::new();
        let (client, output) = (&mut self.client, &mut output);
        client
            .request(method, "/", &headers, length, output)
            .unwrap();
        for part in body.as_bytes().chunks(3) {
            let part = Bytes::copy_from_slice(part);
            client.send_body(part, output).unwrap();
        }
        client.finish_body(&HeaderMap::new(), output).unwrap();
        output.single().unwrap().to_vec()
    }

    /// The server takes all it can, and echoes each body with this framing.
    fn serve(&mut self, length: BodyLength) {
        let mut output = Output::new();
        loop {
            let input = std::mem::take(&mut self.to_server);
            let step = self.server.handle_bytes(&input, self.now);
            self.to_server = input[step.consumed..].to_vec();
            match step.event {
                Some(Event::Request(_, announced)) => {
                    let length = if announced == BodyLength::Known(0) {
                        announced
                    } else {
                        length
                    };
                    let (fields, now) = (
                        container::message::ResponseFields::MediaType(None),
                        self.now,
                    );
                    let status = StatusCode::OK;
                    self.server
                        .respond(status, &fields, length, DATE, &mut output, now);
                }
                Some(Event::Body(range)) => {
                    let bytes = Bytes::copy_from_slice(&input[range]);
                    self.server.send_body(bytes, &mut output);
                }
                Some(Event::EndOfBody(_)) => {
                    self.server.finish_body(None, &mut output, self.now);
                }
                Some(Event::Refused(error)) => panic!("{error}"),
                None if step.consumed == 0 => break,
                None => {}
            }
        }
        self.to_client.extend_from_slice(output.single().unwrap());
    }

    /// The client takes all it can.
    fn receive(&mut self) {
        loop {
            let input = std::mem::take(&mut self.to_client);
            let step = self.client.handle_bytes(&input).unwrap();
            match &step.event {
                Some(ClientEvent::Response(head, length)) => {
                    assert_eq!(head.status(), StatusCode::OK);
                    self.complete += usize::from(*length == BodyLength::Known(0));
                }
                Some(ClientEvent::Body(range)) => {
                    self.echoed.extend_from_slice(&input[range.clone()]);
                }
                Some(ClientEvent::EndOfBody(_)) => self.complete += 1,
                Some(ClientEvent::Interim(_)) => panic!("nobody waits for one"),
                None => {}
            }
            let idle = step.consumed == 0 && step.event.is_none();
            self.to_client = input[step.consumed..].to_vec();
            if idle {
                return;
            }
        }
    }
}

#[test]
fn pipelined_requests_are_echoed_whatever_the_framing_and_the_cut() {
    let body = "what is said here comes back";
    let known = BodyLength::Known(body.len() as u64);
    for request_length in [known, BodyLength::Unknown] {
        for answer_length in [known, BodyLength::Unknown] {
            for piece in [1, 2, 7, 64, 4096] {
                let mut pair = Pair::new();
                let mut wire = pair.request(&Method::PUT, body, request_length);
                wire.extend(pair.request(&Method::GET, "", BodyLength::Known(0)));
                wire.extend(pair.request(&Method::POST, body, request_length));
                for part in wire.chunks(piece) {
                    pair.to_server.extend_from_slice(part);
                    pair.serve(answer_length);
                    pair.receive();
                }
                assert_eq!((pair.complete, pair.client.answers_due()), (3, 0));
                assert_eq!(pair.echoed, [body, body].concat().as_bytes());
                assert!(pair.client.is_reusable() && pair.server.is_idle());
            }
        }
    }
}
