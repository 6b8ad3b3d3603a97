//! Answer heads: bytes to [`ResponseHead`], which borrows them.
//!
//! A client that asks for no field (a load client does not) pays for none.

use std::fmt;
use std::mem::MaybeUninit;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};

use super::error::ResponseError;
use super::framing::{self, AnswerTo, Follows};
use crate::http1::parse::{check_line_ends, is_version};
use crate::http1::{FIELDS_MAX, Limits, ProtocolError};
use crate::message::Fields;

/// The status line and the fields of an answer, as received.
#[derive(Clone, Copy)]
pub struct ResponseHead<'a> {
    /// The status code.
    status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1.
    version: Version,
    /// The field lines, validated, with the empty line that ends them.
    fields: &'a [u8],
}

/// What a parse came to.
pub(super) enum Parsed<'a> {
    /// The head is not complete.
    Partial,
    /// The head, what follows it, and how many bytes it took.
    Head {
        head: ResponseHead<'a>,
        follows: Follows,
        length: usize,
    },
}

/// Parses a head that `input` begins with.
pub(super) fn parse<'a>(
    input: &'a [u8],
    limits: &Limits,
    answers: AnswerTo,
) -> Result<Parsed<'a>, ResponseError> {
    // Seen at the first byte, and empty lines, which httparse would skip, are no answer either.
    if input.first().is_some_and(|&byte| byte != b'H') {
        return Err(ResponseError::StatusLine);
    }
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let room = limits.fields.min(FIELDS_MAX);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        input,
        &mut fields[..room],
    );
    let length = match parsed {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return check_partial(input, limits),
        Err(error) => return Err(classify(error, input)),
    };
    if length > limits.head {
        return Err(ResponseError::HeadTooLarge);
    }
    check_line_ends(&input[..length])?;
    let status = response
        .code
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or(ResponseError::StatusLine)?;
    let version = if response.version == Some(0) {
        Version::HTTP_10
    } else {
        Version::HTTP_11
    };
    let follows = framing::judge(answers, version, status, response.headers)?;
    let first_line = input.iter().position(|&byte| byte == b'\n');
    let fields = &input[first_line.map_or(0, |end| end + 1)..length];
    let head = ResponseHead {
        status,
        version,
        fields,
    };
    Ok(Parsed::Head {
        head,
        follows,
        length,
    })
}

/// Checks the limit on a head that is still arriving.
pub(super) fn check_partial<'a>(
    input: &[u8],
    limits: &Limits,
) -> Result<Parsed<'a>, ResponseError> {
    if input.len() > limits.head {
        return Err(ResponseError::HeadTooLarge);
    }
    Ok(Parsed::Partial)
}

fn classify(error: httparse::Error, input: &[u8]) -> ResponseError {
    match error {
        httparse::Error::TooManyHeaders => ResponseError::HeadTooLarge,
        httparse::Error::HeaderName | httparse::Error::HeaderValue => {
            ResponseError::Message(ProtocolError::Field)
        }
        httparse::Error::NewLine if input.contains(&b'\n') => {
            ResponseError::Message(ProtocolError::Field)
        }
        httparse::Error::Version if input.get(..8).is_some_and(is_version) => {
            ResponseError::Message(ProtocolError::Version)
        }
        _ => ResponseError::StatusLine,
    }
}

impl<'a> ResponseHead<'a> {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The fields as received: in order, repeated ones too, names in the server's case.
    pub fn fields(&self) -> Fields<'a> {
        Fields::new(self.fields)
    }

    /// The first value of the field `name`, in whatever case the server wrote it.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.fields()
            .find(|field| field.is(name))
            .map(|field| field.value)
    }

    /// The fields as a map, built now.
    pub fn to_headers(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for field in self.fields() {
            let name = HeaderName::from_bytes(field.name.as_bytes());
            let value = HeaderValue::from_bytes(field.value);
            if let (Ok(name), Ok(value)) = (name, value) {
                map.append(name, value);
            }
        }
        map
    }
}

impl fmt::Debug for ResponseHead<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResponseHead")
            .field("status", &self.status)
            .field("version", &self.version)
            .field("headers", &self.to_headers())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_all(input: &str) -> Result<(u16, usize), ResponseError> {
        match parse(input.as_bytes(), &Limits::default(), AnswerTo::Other)? {
            Parsed::Head { head, length, .. } => {
                assert_eq!(length, input.len());
                Ok((head.status().as_u16(), head.fields().count()))
            }
            Parsed::Partial => panic!("partial: {input:?}"),
        }
    }

    #[track_caller]
    fn check(input: &str, expected: Result<(u16, usize), ResponseError>) {
        assert_eq!(parse_all(input), expected, "{input:?}");
    }

    #[test]
    fn heads() {
        check("HTTP/1.1 200 OK\r\n\r\n", Ok((200, 0)));
        check("HTTP/1.1 200 \r\na: 1\r\nA:2\r\n\r\n", Ok((200, 2)));
        check("HTTP/1.0 404 Not Found\r\nx:\r\n\r\n", Ok((404, 1)));
        check("HTTP/1.1 799 What\r\n\r\n", Ok((799, 0)));
    }

    #[test]
    fn faults() {
        let field = ResponseError::Message(ProtocolError::Field);
        check("SSH-2.0-x\r\n", Err(ResponseError::StatusLine));
        check(
            "\r\nHTTP/1.1 200 OK\r\n\r\n",
            Err(ResponseError::StatusLine),
        );
        check("HTTP/1.1 2x0 OK\r\n\r\n", Err(ResponseError::StatusLine));
        check("HTTP/1.1 099 No\r\n\r\n", Err(ResponseError::StatusLine));
        let version = ResponseError::Message(ProtocolError::Version);
        check("HTTP/3.0 200 OK\r\n\r\n", Err(version));
        check("HTTP/1.1 200 OK\na: 1\r\n\r\n", Err(field));
        check("HTTP/1.1 200 OK\r\na : 1\r\n\r\n", Err(field));
        check("HTTP/1.1 200 OK\r\na: 1\r\n b\r\n\r\n", Err(field));
    }

    #[test]
    fn limits() {
        let wide = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(40_000));
        check(&wide, Err(ResponseError::HeadTooLarge));
        check(&wide[..38_000], Err(ResponseError::HeadTooLarge));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: 1\r\n".repeat(129));
        check(&many, Err(ResponseError::HeadTooLarge));
    }
}
