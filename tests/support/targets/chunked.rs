//! The chunked coding: what is accepted is what a plain reading of the grammar gives, and it
//! survives being encoded and decoded again.

use container::http1::{ClientConnection, Output, may_be_trailer};
use container::message::{BodyLength, Bytes, HeaderMap, HeaderValue, Method, header};

use super::server::{self, Asked, Habit};
use super::{cut, split_choice};

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Checks one body, which the input is.
pub(super) fn run(input: &[u8]) {
    let (choice, body) = split_choice(input);
    let wire = [HEAD, body].concat();
    let habits = [Habit::Collect];
    let config = server::narrow_limits;
    let (whole, _) = server::converse(&[&wire], config(), &habits);
    let (parts, _) = server::converse(&cut(&wire, choice), config(), &habits);
    super::pieces::check_same(&whole, &parts);
    let Some(first) = whole.heard.first() else {
        panic!("the head is good: {:?}", whole.refused);
    };
    if let Some(trailers) = &first.end {
        let plain = read_plainly(body).expect("what is accepted can be read");
        assert_eq!((&first.body, trailers.len()), (&plain.0, plain.1));
        check_again(first, trailers, choice);
    }
}

/// Body and number of trailer lines, read with nothing checked that does not matter for them.
fn read_plainly(wire: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut rest, mut body) = (wire, vec![]);
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]);
        // Extensions may have bytes that are no text; digits end before.
        let line = line.unwrap_or_else(|error| {
            let valid = &rest[..error.valid_up_to()];
            std::str::from_utf8(valid).unwrap_or_default()
        });
        let digits = line.split([';', ' ', '\t']).next()?;
        let size = usize::from_str_radix(digits, 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            break;
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
    let mut trailers = 0;
    while !rest.starts_with(b"\r\n") {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        rest = &rest[end + 2..];
        trailers += 1;
    }
    Some((body, trailers))
}

/// The same body, sent by our own client in pieces of another size.
fn check_again(heard: &Asked, trailers: &HeaderMap, choice: u8) {
    let mut client = ClientConnection::new(server::narrow_limits().limits);
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("a"));
    let (mut output, mut wire) = (Output::new(), vec![]);
    client
        .request(
            &Method::POST,
            "/",
            &headers,
            BodyLength::Unknown,
            &mut output,
        )
        .expect("a request can be sent");
    for piece in cut(&heard.body, choice.wrapping_add(1)) {
        let piece = Bytes::copy_from_slice(piece);
        client.send_body(piece, &mut output).expect("a body too");
    }
    client
        .finish_body(trailers, &mut output)
        .expect("and its end");
    server::drain(&mut output, &mut wire);
    let mut config = server::narrow_limits();
    // Names and values are written with a blank between them, whether or not there was one.
    config.limits.trailers *= 2;
    let (server, _) = server::converse(&[&wire], config, &[Habit::Collect]);
    assert_eq!(server.heard.len(), 1, "{:?}", server.refused);
    assert_eq!(server.heard[0].body, heard.body);
    let sent = trailers.iter().filter(|(name, _)| may_be_trailer(name));
    let sent = sent.map(|(name, value)| (name.clone(), value.clone()));
    assert_eq!(server.heard[0].end, Some(sent.collect()));
}
