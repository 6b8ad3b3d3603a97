//! How a message body ends: RFC 9112, section 6.3, decided once, in its numbered order.
//!
//! Whatever could be read in two ways is refused: a proxy in front may read it the other way.

use http::Version;

use super::error::ProtocolError;
use super::target;

/// How the body of a message is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// This many bytes, more than none.
    Length(u64),
    /// In chunks, up to the last one.
    Chunked,
    /// Up to the end of the connection; answers only.
    UntilClose,
}

/// What a request head says about its own handling.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) version: Version,
    pub(super) is_head: bool,
    pub(super) framing: Framing,
    pub(super) persistence: Persistence,
    pub(super) expects_continue: bool,
}

/// What the Connection field and the version say about the time after the answer (section 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Persistence {
    KeepAlive,
    Close,
}

/// The fields that say how a message ends, and whether another may follow it; of requests and of
/// answers alike.
#[derive(Default)]
pub(super) struct Delimiters<'a> {
    /// The last Content-Length.
    content_length: Option<&'a [u8]>,
    /// How many there were.
    content_lengths: usize,
    /// What all Transfer-Encoding lines came to.
    transfer_encoding: Coding,
    /// Connection says `close`.
    close: bool,
    /// Connection says `keep-alive`.
    keep_alive: bool,
}

/// What the Transfer-Encoding lines came to.
#[derive(Default, PartialEq, Eq, Clone, Copy)]
enum Coding {
    /// There is no such field.
    #[default]
    Absent,
    /// `chunked`, once and last.
    Chunked,
    /// Something else, or more than that.
    Other(ProtocolError),
}

impl Facts {
    /// What a refusal goes by while the head is not understood: which method `head` begins with, for
    /// even then an answer to HEAD has no body (RFC 9110, section 9.3.2).
    pub(super) fn presumed(head: &[u8]) -> Facts {
        Facts {
            version: Version::HTTP_11,
            is_head: head.starts_with(b"HEAD "),
            framing: Framing::None,
            persistence: Persistence::KeepAlive,
            expects_continue: false,
        }
    }

    /// Collects and judges the facts of a request head.
    pub(super) fn collect(
        version: Version,
        method: &str,
        target: &str,
        fields: &[httparse::Header<'_>],
    ) -> Result<Facts, ProtocolError> {
        let mut delimiters = Delimiters::default();
        let (mut hosts, mut expects_continue) = (0, false);
        for field in fields {
            match field.name.len() {
                4 if field.name.eq_ignore_ascii_case("host") => {
                    hosts += 1;
                    check_host(field.value, target)?;
                }
                // Nothing that HTTP/1.0 knows (RFC 9110, section 10.1.1).
                6 if version == Version::HTTP_11 && field.name.eq_ignore_ascii_case("expect") => {
                    check_expectation(field.value)?;
                    expects_continue = true;
                }
                _ => delimiters.field(field.name, field.value),
            }
        }
        // RFC 9112, section 3.2: HTTP/1.1 needs one Host; two are one too many in any version.
        if hosts > 1 || (hosts == 0 && version == Version::HTTP_11) {
            return Err(ProtocolError::Host);
        }
        Ok(Facts {
            version,
            is_head: method == "HEAD",
            // Step 7: a request without either field has no body.
            framing: delimiters.framing(version, Framing::None)?,
            persistence: delimiters.persistence(version),
            expects_continue,
        })
    }
}

/// A host, or nothing where the target says it: an `http` URI without a host is to be rejected (RFC
/// 9110, section 4.2.1), and no default is configured.
fn check_host(value: &[u8], target: &str) -> Result<(), ProtocolError> {
    if target::is_host(value) || (value.is_empty() && target::has_authority(target)) {
        Ok(())
    } else {
        Err(ProtocolError::Host)
    }
}

fn check_expectation(value: &[u8]) -> Result<(), ProtocolError> {
    if value.eq_ignore_ascii_case(b"100-continue") {
        Ok(())
    } else {
        Err(ProtocolError::Expectation)
    }
}

impl<'a> Delimiters<'a> {
    /// Takes note of one field; told apart by length first, since most fields are none of these.
    pub(super) fn field(&mut self, name: &str, value: &'a [u8]) {
        match name.len() {
            10 if name.eq_ignore_ascii_case("connection") => {
                for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if name.eq_ignore_ascii_case("content-length") => {
                self.content_lengths += 1;
                self.content_length = Some(value);
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                self.transfer_encoding = self.transfer_encoding.and(value);
            }
            _ => {}
        }
    }

    /// Steps 3 to 6 of section 6.3; `neither` is what a message without either field has, which is
    /// step 7 for requests and step 8 for answers.
    pub(super) fn framing(
        &self,
        version: Version,
        neither: Framing,
    ) -> Result<Framing, ProtocolError> {
        match self.transfer_encoding {
            Coding::Absent => {}
            // Step 3: both fields, the classic smuggling form; and section 6.1 for HTTP/1.0.
            _ if self.content_lengths > 0 || version == Version::HTTP_10 => {
                return Err(ProtocolError::TransferEncoding);
            }
            // Step 4.
            Coding::Chunked => return Ok(Framing::Chunked),
            Coding::Other(error) => return Err(error),
        }
        match (self.content_lengths, self.content_length) {
            (0, _) => Ok(neither),
            // Step 6.
            (1, Some(value)) => match parse_length(value) {
                Some(0) => Ok(Framing::None),
                Some(length) => Ok(Framing::Length(length)),
                None => Err(ProtocolError::ContentLength),
            },
            // Step 5, and equal repetitions too, which a recipient may refuse.
            _ => Err(ProtocolError::ContentLength),
        }
    }

    /// Section 9.3.
    pub(super) fn persistence(&self, version: Version) -> Persistence {
        let keep = !self.close && (version == Version::HTTP_11 || self.keep_alive);
        if keep {
            Persistence::KeepAlive
        } else {
            Persistence::Close
        }
    }
}

impl Coding {
    /// What the field lines come to with one more line.
    pub(super) fn and(self, value: &[u8]) -> Coding {
        match self {
            Coding::Absent if value.eq_ignore_ascii_case(b"chunked") => Coding::Chunked,
            // After `chunked` nothing may come, not even `chunked`.
            Coding::Chunked => Coding::Other(ProtocolError::TransferEncoding),
            _ => Coding::Other(judge_codings(value)),
        }
    }
}

/// Why a list of codings that is not just `chunked` is refused.
fn judge_codings(value: &[u8]) -> ProtocolError {
    let mut codings = value
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .rev();
    let last_is_chunked = codings
        .next()
        .is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
    let other = |name: &[u8]| !name.is_empty() && !name.eq_ignore_ascii_case(b"chunked");
    if last_is_chunked && codings.all(other) {
        ProtocolError::TransferCoding
    } else {
        ProtocolError::TransferEncoding
    }
}

/// A Content-Length value: digits only, no sign, no blank, no list, within 63 bits.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    let length = value.iter().try_fold(0_u64, |length, &byte| {
        let digit = byte
            .is_ascii_digit()
            .then_some(u64::from(byte.wrapping_sub(b'0')))?;
        length.checked_mul(10)?.checked_add(digit)
    })?;
    (length <= i64::MAX as u64).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: Version, lines: &[(&str, &str)], expected: Result<Framing, ProtocolError>) {
        let mut fields = vec![httparse::Header {
            name: "Host",
            value: b"a",
        }];
        for (name, value) in lines {
            fields.push(httparse::Header {
                name,
                value: value.as_bytes(),
            });
        }
        let framing = Facts::collect(version, "POST", "/", &fields).map(|facts| facts.framing);
        assert_eq!(framing, expected, "{lines:?}");
    }

    #[test]
    fn length_by_section_6_3() {
        use ProtocolError::{ContentLength, TransferCoding, TransferEncoding};
        let v11 = |lines: &[(&str, &str)], expected| check(Version::HTTP_11, lines, expected);
        let (length, coding) = ("Content-Length", "transfer-encoding");
        v11(&[], Ok(Framing::None));
        v11(&[(length, "0")], Ok(Framing::None));
        v11(&[(length, "12")], Ok(Framing::Length(12)));
        for bad in [
            "+1",
            "-1",
            "1 2",
            "1,1",
            "0x1",
            "",
            "1.0",
            "99999999999999999999",
        ] {
            v11(&[(length, bad)], Err(ContentLength));
        }
        v11(&[(length, "1"), (length, "2")], Err(ContentLength));
        v11(&[(length, "1"), (length, "1")], Err(ContentLength));
        v11(&[(coding, "Chunked")], Ok(Framing::Chunked));
        v11(&[(coding, "chunked"), (length, "1")], Err(TransferEncoding));
        v11(
            &[(coding, "chunked"), (coding, "chunked")],
            Err(TransferEncoding),
        );
        v11(&[(coding, "chunked, chunked")], Err(TransferEncoding));
        v11(&[(coding, "chunked, gzip")], Err(TransferEncoding));
        v11(&[(coding, "gzip")], Err(TransferEncoding));
        v11(&[(coding, "gzip, chunked")], Err(TransferCoding));
        v11(
            &[(coding, "gzip"), (coding, "chunked")],
            Err(TransferCoding),
        );
        v11(&[(coding, "\x0bchunked")], Err(TransferEncoding));
        v11(&[(coding, "")], Err(TransferEncoding));
        check(
            Version::HTTP_10,
            &[(coding, "chunked")],
            Err(TransferEncoding),
        );
    }
}
