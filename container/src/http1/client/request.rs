//! Request heads: parts to bytes.
//!
//! The fields that say how the body is framed are written here and nowhere else; all others,
//! Host and Connection among them, are the caller's.

use bytes::BufMut;
use http::{HeaderMap, Method, header};

use super::error::RequestError;
use crate::http1::encode::encode_content_length;
use crate::http1::framing::Framing;
use crate::message::BodyLength;

/// How a request body of this length is framed. Whoever talks HTTP/1.1 understands chunks.
pub(super) fn framing(length: BodyLength) -> Framing {
    match length {
        BodyLength::Known(0) => Framing::None,
        BodyLength::Known(length) => Framing::Length(length),
        BodyLength::Unknown => Framing::Chunked,
    }
}

/// Writes the head of an HTTP/1.1 request.
pub(super) fn encode_head(
    method: &Method,
    target: &str,
    headers: &HeaderMap,
    length: BodyLength,
    output: &mut Vec<u8>,
) -> Result<(), RequestError> {
    if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(RequestError::Target);
    }
    if !headers.contains_key(header::HOST) {
        return Err(RequestError::MissingHost);
    }
    output.put_slice(method.as_str().as_bytes());
    output.put_u8(b' ');
    output.put_slice(target.as_bytes());
    output.put_slice(b" HTTP/1.1\r\n");
    for (name, value) in headers {
        if name == header::CONTENT_LENGTH || name == header::TRANSFER_ENCODING {
            continue;
        }
        output.put_slice(name.as_str().as_bytes());
        output.put_slice(b": ");
        output.put_slice(value.as_bytes());
        output.put_slice(b"\r\n");
    }
    match length {
        // Said only where a body would have a meaning (RFC 9110, section 8.6).
        BodyLength::Known(0) if !expects_body(method) => {}
        BodyLength::Known(length) => encode_content_length(length, output),
        BodyLength::Unknown => output.put_slice(b"transfer-encoding: chunked\r\n"),
    }
    output.put_slice(b"\r\n");
    Ok(())
}

fn expects_body(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

/// Whether the fields say that this request is the last of its connection.
pub(super) fn asks_to_close(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
    })
}
