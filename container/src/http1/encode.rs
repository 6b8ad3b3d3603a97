//! Answers: head and body to bytes.
//!
//! Decides how an answer is framed; the fields that say so are written here and nowhere else.

use bytes::{BufMut, Bytes};
use http::{HeaderMap, StatusCode, Version, header};

use super::chunked;
use super::framing::{Facts, Framing, Persistence};
use super::output::Output;
use crate::message::{BodyLength, ResponseFields};

/// A whole Date line: `date: `, an IMF-fixdate (RFC 9110, section 5.6.7), CRLF.
pub type DateLine = [u8; 37];

/// What is left to be written of an answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoder {
    /// This many bytes.
    Length(u64),
    /// Chunks, until the last one is written.
    Chunked,
    /// Whatever comes until the connection closes.
    UntilClose,
}

/// A body did not keep to its announced length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LengthMismatch;

/// How an answer of this length to this request is framed; `None` when it must have no body.
pub(super) fn framing(facts: &Facts, status: StatusCode, length: BodyLength) -> Framing {
    if facts.is_head || !allows_body(status) {
        return Framing::None;
    }
    match length {
        BodyLength::Known(0) => Framing::None,
        BodyLength::Known(length) => Framing::Length(length),
        BodyLength::Unknown if facts.version == Version::HTTP_11 => Framing::Chunked,
        BodyLength::Unknown => Framing::UntilClose,
    }
}

/// Statuses whose answers have no body: by definition (RFC 9112, section 6.3, step 1), or because
/// there is nothing to show (RFC 9110, section 15.3.6).
fn allows_body(status: StatusCode) -> bool {
    allows_framing(status) && status != StatusCode::RESET_CONTENT
}

/// Statuses whose answers may say how long their body is.
fn allows_framing(status: StatusCode) -> bool {
    !status.is_informational()
        && status != StatusCode::NO_CONTENT
        && status != StatusCode::NOT_MODIFIED
}

/// Writes the head of an answer.
pub(super) fn encode_head(
    facts: &Facts,
    status: StatusCode,
    fields: &ResponseFields,
    length: BodyLength,
    persistence: Persistence,
    date: &DateLine,
    output: &mut Vec<u8>,
) {
    encode_status_line(status, output);
    if !encode_fields(fields, output) {
        output.put_slice(date);
    }
    encode_framing(facts, status, length, output);
    match (persistence, facts.version) {
        (Persistence::Close, _) => output.put_slice(b"connection: close\r\n"),
        (Persistence::KeepAlive, Version::HTTP_10) => {
            output.put_slice(b"connection: keep-alive\r\n");
        }
        (Persistence::KeepAlive, _) => {}
    }
    output.put_slice(b"\r\n");
}

fn encode_status_line(status: StatusCode, output: &mut Vec<u8>) {
    if status == StatusCode::OK {
        output.put_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    output.put_slice(b"HTTP/1.1 ");
    output.put_slice(status.as_str().as_bytes());
    output.put_u8(b' ');
    // The reason may be empty, the space before it may not (RFC 9112, section 4).
    output.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    output.put_slice(b"\r\n");
}

/// Writes the handler's fields, without those that are the server's; whether a Date was among them.
fn encode_fields(fields: &ResponseFields, output: &mut Vec<u8>) -> bool {
    let headers = match fields {
        ResponseFields::MediaType(None) => return false,
        ResponseFields::MediaType(Some(media_type)) => {
            output.put_slice(b"content-type: ");
            output.put_slice(media_type.as_bytes());
            output.put_slice(b"\r\n");
            return false;
        }
        ResponseFields::Map(map) => map,
    };
    let mut has_date = false;
    for (name, value) in headers.iter() {
        if name == header::CONTENT_LENGTH
            || name == header::TRANSFER_ENCODING
            || name == header::CONNECTION
        {
            continue;
        }
        if name == header::DATE && std::mem::replace(&mut has_date, true) {
            continue;
        }
        output.put_slice(name.as_str().as_bytes());
        output.put_slice(b": ");
        output.put_slice(value.as_bytes());
        output.put_slice(b"\r\n");
    }
    has_date
}

fn encode_framing(facts: &Facts, status: StatusCode, length: BodyLength, output: &mut Vec<u8>) {
    if !allows_framing(status) {
        return;
    }
    match length {
        // 205 must say that it is empty, or a client waits for what never comes.
        _ if !allows_body(status) => encode_content_length(0, output),
        // To HEAD a length of zero is as likely unknown as true (RFC 9110, section 8.6).
        BodyLength::Known(0) if facts.is_head => {}
        BodyLength::Known(length) => {
            encode_content_length(length, output);
        }
        BodyLength::Unknown if facts.version == Version::HTTP_11 => {
            output.put_slice(b"transfer-encoding: chunked\r\n");
        }
        BodyLength::Unknown => {}
    }
}

/// Writes a whole Content-Length line, in one piece.
pub(super) fn encode_content_length(mut length: u64, output: &mut Vec<u8>) {
    const NAME: &[u8] = b"content-length: ";
    // 2^64 has 20 digits.
    let mut line = *b"content-length: 00000000000000000000\r\n";
    let mut start = line.len() - 2;
    loop {
        start -= 1;
        line[start] = b'0' + (length % 10) as u8;
        length /= 10;
        if length == 0 {
            break;
        }
    }
    // The name moves up to the first digit.
    start -= NAME.len();
    line[start..start + NAME.len()].copy_from_slice(NAME);
    output.put_slice(&line[start..]);
}

impl Encoder {
    /// The encoder for a framing; `None` when there is no body.
    pub(super) fn new(framing: Framing) -> Option<Encoder> {
        match framing {
            Framing::None => None,
            Framing::Length(length) => Some(Encoder::Length(length)),
            Framing::Chunked => Some(Encoder::Chunked),
            Framing::UntilClose => Some(Encoder::UntilClose),
        }
    }

    /// Writes a piece of the body.
    pub(super) fn encode(
        &mut self,
        bytes: Bytes,
        output: &mut Output,
    ) -> Result<(), LengthMismatch> {
        if bytes.is_empty() {
            return Ok(());
        }
        match self {
            Encoder::Length(left) => {
                *left = left.checked_sub(bytes.len() as u64).ok_or(LengthMismatch)?;
                output.push(bytes);
            }
            Encoder::Chunked => {
                chunked::encode_size(bytes.len(), output.tail());
                output.push(bytes);
                output.tail().put_slice(b"\r\n");
            }
            Encoder::UntilClose => output.push(bytes),
        }
        Ok(())
    }

    /// Writes the end of the body. Trailers can only be sent in chunks; elsewhere they are dropped.
    pub(super) fn finish(
        self,
        trailers: Option<&HeaderMap>,
        output: &mut Output,
    ) -> Result<(), LengthMismatch> {
        match self {
            Encoder::Length(0) | Encoder::UntilClose => Ok(()),
            Encoder::Length(_) => Err(LengthMismatch),
            Encoder::Chunked => {
                chunked::encode_end(trailers, output.tail());
                Ok(())
            }
        }
    }
}
