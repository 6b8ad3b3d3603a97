//! Request heads: bytes to `RequestHead`, with every rule that httparse leaves to its user.
//!
//! Says only what a head is; how its body ends is `framing`'s question.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{Method, Version};

use super::config::{FIELDS_MAX, Limits};
use super::error::ProtocolError;
use super::framing::Facts;
use crate::message::RequestHead;

/// A version; `d` stands for a digit.
const VERSION_FORM: &[u8] = b"HTTP/d.d";

/// What a parse came to.
pub(super) enum Parsed {
    /// The head is not complete.
    Partial,
    /// The head, the facts its framing is decided by, and how many bytes it took.
    Head {
        head: RequestHead,
        facts: Facts,
        length: usize,
    },
}

/// How many empty lines before a request are passed over: RFC 9112, section 2.2, asks for at least
/// one, and old clients send one after a body.
const EMPTY_LINES_MAX: usize = 4;

/// The bytes of request line that are neither method nor target: two spaces and `HTTP/1.1`.
const REQUEST_LINE_REST: usize = 10;

/// Counts the bytes of empty lines that `input` begins with; `lines` is how many came before.
///
/// # Errors
/// When there are more of them than a broken client would send.
pub(super) fn skip_empty_lines(input: &[u8], lines: &mut usize) -> Result<usize, ProtocolError> {
    let mut skipped = 0;
    while input[skipped..].starts_with(b"\r\n") {
        skipped += 2;
        *lines += 1;
        if *lines > EMPTY_LINES_MAX {
            return Err(ProtocolError::RequestLine);
        }
    }
    Ok(skipped)
}

/// Parses a head that `input` begins with.
pub(super) fn parse(input: &[u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
    // The parser would pass over it, and nothing after it would stand where it is looked for.
    if input.first() == Some(&b'\n') {
        return Err(ProtocolError::RequestLine);
    }
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let room = limits.fields.min(FIELDS_MAX);
    let status = request.parse_with_uninit_headers(input, &mut fields[..room]);
    let length = match status {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return check_partial(input, limits),
        // Which version it is cannot be told before it is here.
        Err(httparse::Error::Version) if breaks_off_in_version(input) => {
            return check_partial(input, limits);
        }
        Err(error) => return Err(classify(error, input)),
    };
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(ProtocolError::RequestLine);
    };
    if method.len() + target.len() + REQUEST_LINE_REST > limits.request_line {
        return Err(ProtocolError::RequestLineTooLong);
    }
    if length > limits.head {
        return Err(ProtocolError::HeadTooLarge);
    }
    check_head_ends(&input[..length], request.headers)?;
    let version = if minor == 0 {
        Version::HTTP_10
    } else {
        Version::HTTP_11
    };
    let facts = Facts::collect(version, method, request.headers)?;
    let start = method.len() + 1;
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| ProtocolError::RequestLine)?;
    check_target(&method, target.as_bytes())?;
    let target = start..start + target.len();
    let fields_start = target.end + REQUEST_LINE_REST - 1 + 2;
    let raw = Bytes::copy_from_slice(&input[..length]);
    let head = RequestHead::from_raw(method, version, raw, target, fields_start);
    Ok(Parsed::Head {
        head,
        facts,
        length,
    })
}

/// Checks the limits on a head that is still arriving.
pub(super) fn check_partial(input: &[u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
    // The line's own end is not part of it.
    let most = limits.request_line + 2;
    if input.len() >= most && !input[..most].contains(&b'\n') {
        return Err(ProtocolError::RequestLineTooLong);
    }
    if input.len() > limits.head {
        return Err(ProtocolError::HeadTooLarge);
    }
    Ok(Parsed::Partial)
}

/// The same as [`check_line_ends`] for a head that is parsed: a line ends right before the name of
/// the next field, and nowhere else can a LF be.
fn check_head_ends(head: &[u8], fields: &[httparse::Header<'_>]) -> Result<(), ProtocolError> {
    let base = head.as_ptr().addr();
    let well_ended = fields.iter().all(|field| {
        let start = field.name.as_ptr().addr() - base;
        head[..start].ends_with(b"\r\n")
    });
    // The line of the last field, or the request line, and the empty line.
    let ends = well_ended && head.ends_with(b"\r\n\r\n");
    if ends {
        Ok(())
    } else {
        Err(ProtocolError::Field)
    }
}

/// Refuses a LF without its CR. RFC 9112, section 2.2, leaves the choice; a proxy that chooses
/// otherwise would see other lines than we do.
pub(super) fn check_line_ends(head: &[u8]) -> Result<(), ProtocolError> {
    // Folded rather than searched, so that the loop is vectorised.
    let bad = head
        .iter()
        .zip(&head[1..])
        .fold(0, |bad, (&before, &byte)| {
            bad | (u8::from(byte == b'\n') & u8::from(before != b'\r'))
        });
    if bad == 0 {
        Ok(())
    } else {
        Err(ProtocolError::Field)
    }
}

/// The four forms of RFC 9112, section 3.2.
fn check_target(method: &Method, target: &[u8]) -> Result<(), ProtocolError> {
    let bad = target.iter().fold(0, |bad, &byte| {
        bad | u8::from(byte <= b' ') | u8::from(byte >= 0x7f) | u8::from(byte == b'#')
    });
    let graphic = bad == 0;
    let form = match target {
        [b'/', ..] => *method != Method::CONNECT,
        b"*" => *method == Method::OPTIONS,
        _ if *method == Method::CONNECT => super::framing::is_host(target),
        _ => is_absolute(target),
    };
    if graphic && form {
        Ok(())
    } else {
        Err(ProtocolError::Target)
    }
}

/// `http://host..` or `https://host..`: an origin server has no business with other schemes.
fn is_absolute(target: &[u8]) -> bool {
    let Some(at) = target.windows(3).position(|window| window == b"://") else {
        return false;
    };
    let (scheme, rest) = (&target[..at], &target[at + 3..]);
    let is_end = |&byte: &u8| byte == b'/' || byte == b'?';
    let authority = &rest[..rest.iter().position(is_end).unwrap_or(rest.len())];
    let known = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
    known && super::framing::is_host(authority)
}

fn classify(error: httparse::Error, input: &[u8]) -> ProtocolError {
    match error {
        httparse::Error::TooManyHeaders => ProtocolError::HeadTooLarge,
        httparse::Error::Version if has_version(version_part(input)) => ProtocolError::Version,
        httparse::Error::HeaderName | httparse::Error::HeaderValue => ProtocolError::Field,
        // A field section that ends in a bare CR, or the like.
        httparse::Error::NewLine if input.contains(&b'\n') => ProtocolError::Field,
        _ => ProtocolError::RequestLine,
    }
}

/// What follows the second space of a request line, up to its end or as far as it has come.
fn version_part(input: &[u8]) -> &[u8] {
    let line = input.split(|&byte| byte == b'\n').next();
    let mut parts = line.unwrap_or_default().splitn(3, |&byte| byte == b' ');
    parts.nth(2).unwrap_or_default()
}

/// Whether this begins with `HTTP/d.d`: a version, only perhaps not one of ours.
pub(super) fn has_version(text: &[u8]) -> bool {
    text.len() >= VERSION_FORM.len() && agrees_with_version(text)
}

/// Whether this request line has come as far as into its version, which could still be any.
fn breaks_off_in_version(input: &[u8]) -> bool {
    let version = version_part(input);
    !input.contains(&b'\n') && version.len() < VERSION_FORM.len() && agrees_with_version(version)
}

/// Whether this begins with a version, or with as much of one as there is room for.
fn agrees_with_version(text: &[u8]) -> bool {
    let mut pairs = VERSION_FORM.iter().zip(text);
    pairs.all(|(&form, &byte)| form == byte || (form == b'd' && byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Result<(&str, &str), ProtocolError>) {
        let parsed = parse(input.as_bytes(), &Limits::default());
        let seen = match &parsed {
            Ok(Parsed::Head { head, length, .. }) => {
                assert_eq!(*length, input.len());
                Ok((head.method().as_str(), head.target()))
            }
            Ok(Parsed::Partial) => panic!("partial: {input:?}"),
            Err(error) => Err(*error),
        };
        assert_eq!(seen, expected, "{input:?}");
    }

    #[test]
    fn request_lines() {
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Ok(("GET", "/")));
        check("BREW /pot?x HTTP/1.0\r\n\r\n", Ok(("BREW", "/pot?x")));
        check(
            "GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n",
            Ok(("GET", "http://a/b")),
        );
        check(
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
            Ok(("OPTIONS", "*")),
        );
        check(
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            Err(ProtocolError::Target),
        );
        check(
            "GET users HTTP/1.1\r\nHost: a\r\n\r\n",
            Err(ProtocolError::Target),
        );
        check(
            "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
            Err(ProtocolError::Target),
        );
        check(
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            Err(ProtocolError::Version),
        );
        check(
            "GET / HTP/1.1\r\nHost: a\r\n\r\n",
            Err(ProtocolError::RequestLine),
        );
        check("GET /\r\n\r\n", Err(ProtocolError::RequestLine));
        check("\x16\x03\x01\x02\r\n\r\n", Err(ProtocolError::RequestLine));
    }

    #[test]
    fn field_lines() {
        check(
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            Err(ProtocolError::Field),
        );
        check(
            "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            Err(ProtocolError::Field),
        );
        check("GET / HTTP/1.1\nHost: a\r\n\r\n", Err(ProtocolError::Field));
        check("GET / HTTP/1.1\r\nHost: a\n\r\n", Err(ProtocolError::Field));
        check(
            "GET / HTTP/1.1\r\nHost: a\r\nx: a\0b\r\n\r\n",
            Err(ProtocolError::Field),
        );
    }

    #[test]
    fn limits() {
        let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9000));
        check(&long, Err(ProtocolError::RequestLineTooLong));
        let wide = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n",
            "a".repeat(40_000)
        );
        check(&wide, Err(ProtocolError::HeadTooLarge));
        let many = format!(
            "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
            "x: 1\r\n".repeat(128)
        );
        check(&many, Err(ProtocolError::HeadTooLarge));
    }
}
