//! How an answer ends: RFC 9112, section 6.3, in its numbered order, for the client's side.
//!
//! As strict as the server's side: what could be read in two ways is refused, since on a
//! connection that is used again the rest would be taken for the next answer.

use http::{Method, StatusCode, Version};

use crate::http1::ProtocolError;
use crate::http1::framing::{Delimiters, Framing, Persistence};

/// What an answer's framing depends on of the request it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerTo {
    /// HEAD: the answer announces a body and has none.
    Head,
    /// CONNECT: after a success the connection is a tunnel.
    Connect,
    /// Any other method.
    Other,
}

impl From<&Method> for AnswerTo {
    fn from(method: &Method) -> Self {
        match *method {
            Method::HEAD => AnswerTo::Head,
            Method::CONNECT => AnswerTo::Connect,
            _ => AnswerTo::Other,
        }
    }
}

/// What follows an answer's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// The final answer, or another interim one.
    Answer,
    /// The body, framed so, and then the next answer or the end.
    Body(Framing, Persistence),
    /// Bytes of another protocol.
    Tunnel,
}

/// Judges an answer's head.
pub(super) fn judge(
    answers: AnswerTo,
    version: Version,
    status: StatusCode,
    fields: &[httparse::Header<'_>],
) -> Result<Follows, ProtocolError> {
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Follows::Tunnel);
    }
    if status.is_informational() {
        return Ok(Follows::Answer);
    }
    // Step 2.
    if answers == AnswerTo::Connect && status.is_success() {
        return Ok(Follows::Tunnel);
    }
    let mut delimiters = Delimiters::default();
    for field in fields {
        delimiters.field(field.name, field.value);
    }
    let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    // Step 1: whatever the fields say.
    let framing = if bodiless || answers == AnswerTo::Head {
        Framing::None
    } else {
        // Step 8: without either field it goes on to the end of the connection.
        delimiters.framing(version, Framing::UntilClose)?
    };
    let persistence = match framing {
        Framing::UntilClose => Persistence::Close,
        _ => delimiters.persistence(version),
    };
    Ok(Follows::Body(framing, persistence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answers: AnswerTo, status: u16, fields: &[(&str, &str)], expected: Follows) {
        let seen = judged(answers, Version::HTTP_11, status, fields);
        assert_eq!(seen, Ok(expected), "{status} {fields:?}");
    }

    fn judged(
        answers: AnswerTo,
        version: Version,
        status: u16,
        fields: &[(&str, &str)],
    ) -> Result<Follows, ProtocolError> {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| httparse::Header {
                name,
                value: value.as_bytes(),
            })
            .collect();
        judge(
            answers,
            version,
            StatusCode::from_u16(status).unwrap(),
            &fields,
        )
    }

    #[test]
    fn the_numbered_steps() {
        use AnswerTo::{Connect, Head, Other};
        let length = [("Content-Length", "5")];
        let chunked = [("transfer-encoding", "Chunked")];
        let close = [("Content-Length", "5"), ("Connection", "x, Close")];
        let body = |framing| Follows::Body(framing, Persistence::KeepAlive);
        check(Head, 200, &length, body(Framing::None));
        check(Head, 200, &chunked, body(Framing::None));
        check(Other, 204, &length, body(Framing::None));
        check(Other, 304, &length, body(Framing::None));
        check(Other, 103, &length, Follows::Answer);
        check(Other, 101, &[], Follows::Tunnel);
        check(Connect, 200, &length, Follows::Tunnel);
        check(Connect, 407, &length, body(Framing::Length(5)));
        check(Other, 200, &chunked, body(Framing::Chunked));
        check(Other, 200, &length, body(Framing::Length(5)));
        check(Other, 200, &[("content-length", "0")], body(Framing::None));
        check(
            Other,
            200,
            &close,
            Follows::Body(Framing::Length(5), Persistence::Close),
        );
        check(
            Other,
            200,
            &[],
            Follows::Body(Framing::UntilClose, Persistence::Close),
        );
    }

    #[test]
    fn doubtful_lengths_are_refused() {
        let refused = |fields: &[(&str, &str)], expected| {
            let seen = judged(AnswerTo::Other, Version::HTTP_11, 200, fields);
            assert_eq!(seen, Err(expected), "{fields:?}");
        };
        let both = [("content-length", "5"), ("transfer-encoding", "chunked")];
        refused(&both, ProtocolError::TransferEncoding);
        refused(&[("content-length", "+5")], ProtocolError::ContentLength);
        refused(&[("content-length", "5"); 2], ProtocolError::ContentLength);
        let gzip = [("transfer-encoding", "gzip, chunked")];
        refused(&gzip, ProtocolError::TransferCoding);
    }

    #[test]
    fn the_old_version_closes_unless_it_says_otherwise() {
        let judged = |fields: &[_]| judged(AnswerTo::Other, Version::HTTP_10, 200, fields);
        let length = ("content-length", "5");
        assert_eq!(
            judged(&[length]),
            Ok(Follows::Body(Framing::Length(5), Persistence::Close))
        );
        assert_eq!(
            judged(&[length, ("connection", "keep-alive")]),
            Ok(Follows::Body(Framing::Length(5), Persistence::KeepAlive))
        );
        assert!(judged(&[("transfer-encoding", "chunked")]).is_err());
    }
}
