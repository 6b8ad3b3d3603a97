//! The chunked coding (RFC 9112, section 7.1), both ways.
//!
//! The decoder takes input cut anywhere and keeps none of it but trailers; every line has a limit.

use std::ops::Range;

use bytes::BufMut;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::config::Limits;
use super::error::ProtocolError;

/// Fields that are refused in a trailer section: whoever merged them into the head would frame or
/// route the message in another way (RFC 9110, section 6.5.1).
const MISPLACED: [HeaderName; 3] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::HOST,
];

/// Decodes one chunked body.
#[derive(Debug, Default)]
pub(super) struct ChunkedDecoder {
    place: Place,
    /// Data bytes left in the current chunk; while the size line is read, the size so far.
    size: u64,
    /// Bytes of the current size line so far.
    line: usize,
    /// The trailer section so far.
    trailers: Vec<u8>,
}

/// Where in the grammar the next byte belongs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The first digit of a size.
    #[default]
    FirstDigit,
    /// A further digit, an extension, or the end of the line.
    Digit,
    /// White space before the semicolon of an extension (BWS in the grammar, as below).
    Blank,
    /// White space before an extension's name, or its first byte.
    NameStart,
    /// Within that name.
    Name,
    /// White space behind it.
    NameEnd,
    /// White space before an extension's value, or its first byte.
    ValueStart,
    /// Within a value that is a token.
    Value,
    /// Within one in quotes.
    Quoted,
    /// After a backslash there.
    Escaped,
    /// After the closing quote.
    QuotedEnd,
    /// The LF of the size line.
    SizeEnd,
    /// Chunk data.
    Data,
    /// The CR after the data.
    DataCr,
    /// The LF after the data.
    DataLf,
    /// The trailer section and the empty line that ends it.
    Trailers,
}

/// What a call came to.
#[derive(Debug)]
pub(super) enum Decoded {
    /// More input is needed.
    More,
    /// This range of the input is data.
    Data(Range<usize>),
    /// The body is complete.
    End(HeaderMap),
}

impl ChunkedDecoder {
    /// Decodes up to the next run of data; says how much of the input is done with.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Decoded), ProtocolError> {
        let mut at = 0;
        while at < input.len() {
            match self.place {
                Place::Data => {
                    let left = usize::try_from(self.size).unwrap_or(usize::MAX);
                    let end = at + left.min(input.len() - at);
                    self.size -= (end - at) as u64;
                    if self.size == 0 {
                        self.place = Place::DataCr;
                    }
                    return Ok((end, Decoded::Data(at..end)));
                }
                Place::Trailers => {
                    self.push_trailer(input[at])?;
                    at += 1;
                    if let Some(trailers) = self.trailers_end(limits)? {
                        return Ok((at, Decoded::End(trailers)));
                    }
                }
                _ => {
                    self.line += 1;
                    if self.line > limits.chunk_line {
                        return Err(ProtocolError::Chunk);
                    }
                    self.place = self.step(input[at])?;
                    at += 1;
                }
            }
        }
        Ok((at, Decoded::More))
    }

    /// The place after `byte`.
    fn step(&mut self, byte: u8) -> Result<Place, ProtocolError> {
        match (self.place, byte) {
            (Place::FirstDigit | Place::Digit, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.push_digit(byte)
            }
            (Place::SizeEnd, b'\n') => {
                self.line = 0;
                Ok(if self.size == 0 {
                    Place::Trailers
                } else {
                    Place::Data
                })
            }
            (Place::DataCr, b'\r') => Ok(Place::DataLf),
            (Place::DataLf, b'\n') => {
                self.line = 0;
                Ok(Place::FirstDigit)
            }
            (place, byte) => step_extension(place, byte).ok_or(ProtocolError::Chunk),
        }
    }

    fn push_digit(&mut self, byte: u8) -> Result<Place, ProtocolError> {
        let digit = (byte as char).to_digit(16).map_or(0, u64::from);
        // A size is kept below 2^59, so that sums of sizes cannot overflow either.
        if self.size >> 55 != 0 {
            return Err(ProtocolError::Chunk);
        }
        self.size = self.size << 4 | digit;
        Ok(Place::Digit)
    }

    /// Takes one more byte of the trailer section. A lone LF is told at once: what follows it may be
    /// meant to look like the next request.
    fn push_trailer(&mut self, byte: u8) -> Result<(), ProtocolError> {
        if byte == b'\n' && self.trailers.last() != Some(&b'\r') {
            return Err(ProtocolError::Trailer);
        }
        self.trailers.push(byte);
        Ok(())
    }

    /// The trailers, once their last line is here.
    fn trailers_end(&mut self, limits: &Limits) -> Result<Option<HeaderMap>, ProtocolError> {
        if self.trailers.len() > limits.trailers {
            return Err(ProtocolError::TrailersTooLarge);
        }
        if self.trailers == b"\r\n" {
            return Ok(Some(HeaderMap::new()));
        }
        if !self.trailers.ends_with(b"\r\n\r\n") {
            return Ok(None);
        }
        parse_trailers(&self.trailers, limits).map(Some)
    }
}

fn parse_trailers(section: &[u8], limits: &Limits) -> Result<HeaderMap, ProtocolError> {
    let mut fields = vec![httparse::EMPTY_HEADER; limits.fields];
    let fields = match httparse::parse_headers(section, &mut fields) {
        Ok(httparse::Status::Complete((length, fields))) if length == section.len() => fields,
        Err(httparse::Error::TooManyHeaders) => return Err(ProtocolError::TrailersTooLarge),
        _ => return Err(ProtocolError::Trailer),
    };
    let mut map = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_bytes(field.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(ProtocolError::Trailer);
        };
        if MISPLACED.contains(&name) {
            return Err(ProtocolError::Trailer);
        }
        map.append(name, value);
    }
    Ok(map)
}

/// The place within a size line after `byte`, where that may have extensions (RFC 9112, section
/// 7.1.1); `None` when the grammar has none.
fn step_extension(place: Place, byte: u8) -> Option<Place> {
    let after = match (place, byte) {
        (Place::Digit | Place::Blank | Place::Value | Place::QuotedEnd, b' ' | b'\t') => {
            Place::Blank
        }
        (Place::Name | Place::NameEnd, b' ' | b'\t') => Place::NameEnd,
        (Place::NameStart | Place::ValueStart, b' ' | b'\t') => place,
        (Place::Digit | Place::Blank, b';') => Place::NameStart,
        (Place::Name | Place::NameEnd | Place::Value | Place::QuotedEnd, b';') => Place::NameStart,
        (Place::Digit | Place::Name | Place::Value | Place::QuotedEnd, b'\r') => Place::SizeEnd,
        (Place::NameStart | Place::Name, byte) if is_token(byte) => Place::Name,
        (Place::Name | Place::NameEnd, b'=') => Place::ValueStart,
        (Place::ValueStart | Place::Value, byte) if is_token(byte) => Place::Value,
        (Place::ValueStart, b'"') => Place::Quoted,
        (Place::Quoted, b'"') => Place::QuotedEnd,
        (Place::Quoted, b'\\') => Place::Escaped,
        (Place::Quoted | Place::Escaped, byte) if is_text(byte) => Place::Quoted,
        _ => return None,
    };
    Some(after)
}

/// A byte of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A byte of a quoted string.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Writes the size line of a chunk of `size` bytes.
pub(super) fn encode_size(size: usize, output: &mut Vec<u8>) {
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        output.put_u8(b"0123456789abcdef"[size >> (4 * place) & 15]);
    }
    output.put_slice(b"\r\n");
}

/// Fields that must not come behind a body (RFC 9110, section 6.5.1): they say where it ends, who
/// it is for or from, whether it may be kept, or how to read what has been read by then.
const NEVER_TRAILERS: [HeaderName; 20] = [
    header::AGE,
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::DATE,
    header::EXPECT,
    header::EXPIRES,
    header::HOST,
    header::LOCATION,
    header::MAX_FORWARDS,
    header::SET_COOKIE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::VARY,
    header::WWW_AUTHENTICATE,
];

/// Whether a field may come behind a body. Those that may not are left out when they are sent.
pub fn may_be_trailer(name: &HeaderName) -> bool {
    !NEVER_TRAILERS.contains(name)
}

/// Writes the last chunk and the trailers, without those that must not be any.
pub(super) fn encode_end(trailers: Option<&HeaderMap>, output: &mut Vec<u8>) {
    output.put_slice(b"0\r\n");
    let fields = trailers.into_iter().flatten();
    for (name, value) in fields.filter(|(name, _)| may_be_trailer(name)) {
        output.put_slice(name.as_str().as_bytes());
        output.put_slice(b": ");
        output.put_slice(value.as_bytes());
        output.put_slice(b"\r\n");
    }
    output.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `input` given in pieces of `piece` bytes.
    fn decode(input: &[u8], piece: usize) -> Result<(Vec<u8>, Option<HeaderMap>), ProtocolError> {
        let (mut decoder, mut body, limits) =
            (ChunkedDecoder::default(), vec![], Limits::default());
        for mut part in input.chunks(piece) {
            while !part.is_empty() {
                let (consumed, decoded) = decoder.decode(part, &limits)?;
                match decoded {
                    Decoded::More => assert_eq!(consumed, part.len()),
                    Decoded::Data(range) => body.extend_from_slice(&part[range]),
                    Decoded::End(trailers) => return Ok((body, Some(trailers))),
                }
                part = &part[consumed..];
            }
        }
        Ok((body, None))
    }

    #[track_caller]
    fn check(input: &str, expected: Result<&str, ProtocolError>) {
        for piece in [1, 2, 3, 7, input.len()] {
            let seen = decode(input.as_bytes(), piece).map(|(body, end)| {
                assert!(end.is_some(), "{input:?} has no end");
                String::from_utf8(body).unwrap()
            });
            assert_eq!(
                seen.as_deref(),
                expected.as_deref(),
                "{input:?} in pieces of {piece}"
            );
        }
    }

    #[test]
    fn bodies() {
        check("0\r\n\r\n", Ok(""));
        check("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", Ok("hello world"));
        check(
            "00000005;a=b;c=\"d;\\\"\r\"\r\nhello\r\n0\r\n\r\n",
            Err(ProtocolError::Chunk),
        );
        check(
            "5 ; a = \"x;\\\"y\" ;b;c=d;e \t;f\r\nhello\r\n0\r\nx: y\r\n\r\n",
            Ok("hello"),
        );
        check("A\r\n0123456789\r\n0\r\n\r\n", Ok("0123456789"));
        for bad in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "0x5\r\n",
            "5\nhello",
            "5 \r\nhello",
            "5;\r\nhello",
            "5;;a\r\nhello",
            "5;a=\r\nhello",
            "5;a \r\nhello",
            "5;[\r\nhello",
            "5;a=\"b\"c\r\nhello",
            "5;a\rb\r\nhello",
            "5\r\nhelloX",
        ] {
            check(bad, Err(ProtocolError::Chunk));
        }
        check("ffffffffffffffff\r\n", Err(ProtocolError::Chunk));
        check(
            "10000000000000005\r\nhello\r\n0\r\n\r\n",
            Err(ProtocolError::Chunk),
        );
        check("0\r\nbad name: x\r\n\r\n", Err(ProtocolError::Trailer));
        check("0\r\nx: 1\ny: 2\r\n\r\n", Err(ProtocolError::Trailer));
        check("0\r\n\n", Err(ProtocolError::Trailer));
        for misplaced in ["Content-Length: 1", "transfer-encoding: chunked", "HOST: a"] {
            let body = format!("0\r\n{misplaced}\r\n\r\n");
            check(&body, Err(ProtocolError::Trailer));
        }
    }

    #[test]
    fn limits() {
        check(
            &format!("5;{}", "a".repeat(2000)),
            Err(ProtocolError::Chunk),
        );
        let large = format!("0\r\nx: {}\r\n\r\n", "a".repeat(9000));
        check(&large, Err(ProtocolError::TrailersTooLarge));
    }

    #[test]
    fn trailers_are_kept() {
        let (_, end) = decode(b"0\r\nx-a: 1\r\nX-A: 2\r\n\r\n", 1).unwrap();
        assert_eq!(end.unwrap().get_all("x-a").iter().count(), 2);
    }

    #[test]
    fn encoded_sizes_decode() {
        for size in [1, 9, 10, 15, 16, 255, 256, 65_535, 1 << 20] {
            let mut line = vec![];
            encode_size(size, &mut line);
            assert_eq!(line, format!("{size:x}\r\n").into_bytes());
        }
    }
}
