//! `RequestId`: what one request is called in logs, in answers and by those who ask for help.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use super::unique::unique;

/// Characters of a given id: a UUID, a ULID and a trace id fit, and a line of a log stays one.
const LENGTH_MAX: usize = 64;

/// Each byte in two lower-case digits.
const PAIRS: [[u8; 2]; 256] = pairs();

/// The field that carries an id, in requests and in answers.
pub const X_REQUEST_ID: &str = "x-request-id";

/// What one request is called: made here, or taken from its `X-Request-Id`.
///
/// Never has a character that a log line, a JSON string or a field value would have to escape.
///
/// ```
/// use container::message::RequestId;
/// assert_eq!(RequestId::parse(b"a1-b2").unwrap().to_string(), "a1-b2");
/// assert!(RequestId::parse(b"two words").is_none());
/// assert_eq!(RequestId::unique().to_string().len(), 16);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    /// Made here; shown as 16 hexadecimal digits.
    Made(u64),
    /// Given by the client.
    Given(Arc<[u8]>),
}

impl RequestId {
    /// A new one.
    pub fn unique() -> Self {
        RequestId(Kind::Made(unique()))
    }

    /// One that a client gives; `None` unless it is 1 to 64 letters, digits or characters of
    /// `-_.:+/=`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let is_fine = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(byte);
        if text.is_empty() || text.len() > LENGTH_MAX || !text.iter().all(is_fine) {
            return None;
        }
        Some(RequestId(Kind::Given(text.into())))
    }

    /// Puts its characters behind `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Kind::Made(number) => out.extend_from_slice(&hexadecimal(*number)),
            Kind::Given(characters) => out.extend_from_slice(characters),
        }
    }
}

impl From<&RequestId> for HeaderValue {
    fn from(id: &RequestId) -> Self {
        HeaderValue::try_from(id.to_string()).expect("an id has only characters of a field value")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text);
        formatter.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RequestId({self})")
    }
}

/// 16 lower-case digits.
fn hexadecimal(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (pair, byte) in digits
        .as_chunks_mut()
        .0
        .iter_mut()
        .zip(number.to_be_bytes())
    {
        *pair = PAIRS[usize::from(byte)];
    }
    digits
}

const fn pairs() -> [[u8; 2]; 256] {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_ids_are_taken() {
        let check = |text: &str, taken: bool| {
            let id = RequestId::parse(text.as_bytes());
            assert_eq!(id.map(|id| id.to_string()), taken.then(|| text.to_owned()));
        };
        check("7f3c9d8e-54b1-4bb0-a0ab-6e1d8a9b3f10", true);
        check("Root=1-67891233-abcdef012345678912345678", true);
        check(&"a".repeat(64), true);
        for text in [
            "", "a b", "a\"b", "a\\b", "a\nb", "a\tb", "ä", "a,b", "a;b", "<a>",
        ] {
            check(text, false);
        }
        check(&"a".repeat(65), false);
    }

    #[test]
    fn made_ids_are_sixteen_digits() {
        let id = RequestId(Kind::Made(0xfedc_ba98_0765_4321));
        assert_eq!(id.to_string(), "fedcba9807654321");
        assert_eq!(HeaderValue::from(&id), "fedcba9807654321");
        assert_ne!(RequestId::unique(), RequestId::unique());
    }
}
