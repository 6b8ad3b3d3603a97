//! Reads answers off the wire, strictly and by other means than the container's own parser: every
//! answer that any test reads is checked for its grammar.

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The fields, names in lower case, trailers behind those of the head.
    pub fields: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: String,
}

impl Answer {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Whether this answer says that it is the last.
    pub fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }

    /// Whether it is not the last word on its request (RFC 9110, section 15.2).
    pub fn is_interim(&self) -> bool {
        self.status < 200
    }

    /// All values of a field.
    fn all(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// Reads all answers in `wire`, of which those to the requests at `heads` have no body; fails on
/// anything that is not an answer from the first byte to the last.
///
/// # Panics
/// When `wire` is not a sequence of whole answers.
pub fn read_answers(wire: &str, heads: &[usize]) -> Vec<Answer> {
    let (answers, length) = read_begun(wire.as_bytes(), heads, true);
    assert_eq!(length, wire.len(), "all is answers: {wire:?}");
    answers
}

/// Reads the answers that `wire` begins with, as far as they are whole; with the bytes they took.
/// `ended` says that nothing follows, which is how some bodies end.
///
/// # Panics
/// When what is there breaks the grammar of answers.
pub fn read_begun(wire: &[u8], heads: &[usize], ended: bool) -> (Vec<Answer>, usize) {
    let (mut answers, mut finals, mut at) = (vec![], 0, 0);
    while let Some((answer, length)) = read_one(&wire[at..], heads.contains(&finals), ended) {
        at += length;
        finals += usize::from(!answer.is_interim());
        answers.push(answer);
    }
    (answers, at)
}

/// The answer that `wire` begins with, and its length; `None` while it is not whole.
fn read_one(wire: &[u8], to_head: bool, ended: bool) -> Option<(Answer, usize)> {
    let head_length = position(wire, b"\r\n\r\n")?;
    let mut answer = read_head(text(&wire[..head_length]));
    check_fields(&answer);
    let body = &wire[head_length + 4..];
    let bodyless = to_head || answer.is_interim() || matches!(answer.status, 204 | 304);
    let body_length = if bodyless {
        0
    } else if answer.field("transfer-encoding").is_some() {
        read_chunks(&mut answer, body)?
    } else {
        let length = match answer.field("content-length") {
            Some(length) => length.parse().expect("a length"),
            None if ended => body.len(),
            None => return None,
        };
        answer.body = String::from_utf8_lossy(body.get(..length)?).into_owned();
        length
    };
    Some((answer, head_length + 4 + body_length))
}

/// Status line and field lines (RFC 9112, sections 4 and 5).
fn read_head(head: &str) -> Answer {
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status = status_line.strip_prefix("HTTP/1.1 ").expect("a version");
    let (code, reason) = status
        .split_once(' ')
        .expect("a space even before no reason");
    assert!(
        code.len() == 3 && is_text(reason),
        "status line {status_line:?}"
    );
    Answer {
        status: code.parse().expect("a status code"),
        fields: lines.map(read_field).collect(),
        body: String::new(),
    }
}

fn read_field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(": ").expect("a field line");
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    assert!(!name.is_empty() && name.bytes().all(token), "name {name:?}");
    assert!(is_text(value) && value.trim() == value, "value {value:?}");
    (name.to_lowercase(), value.to_owned())
}

/// What must hold between the fields of any answer, whatever it answers.
fn check_fields(answer: &Answer) {
    let count = |name| answer.all(name).len();
    let framing = count("content-length") + count("transfer-encoding");
    let allowed = usize::from(!(answer.is_interim() || answer.status == 204));
    assert!(framing <= allowed, "framed twice, or in vain: {answer:?}");
    for length in answer.all("content-length") {
        assert!(
            length.bytes().all(|byte| byte.is_ascii_digit()),
            "{answer:?}"
        );
    }
    for coding in answer.all("transfer-encoding") {
        assert_eq!(coding, "chunked", "{answer:?}");
    }
    if !answer.is_interim() {
        let dates = answer.all("date");
        // RFC 9110, section 6.6.1, leaves it out where there is no time for it.
        let excused = answer.status >= 500 && dates.is_empty();
        assert!(
            excused || matches!(dates[..], [date] if is_date(date)),
            "{answer:?}"
        );
    }
}

/// Reads a chunked body into the answer; how long it was, once it is whole.
fn read_chunks(answer: &mut Answer, wire: &[u8]) -> Option<usize> {
    let (mut body, mut at) = (vec![], 0);
    loop {
        let line = position(&wire[at..], b"\r\n")?;
        let size = usize::from_str_radix(text(&wire[at..at + line]), 16).expect("a chunk size");
        at += line + 2;
        if size == 0 {
            break;
        }
        body.extend_from_slice(wire.get(at..at + size)?);
        let end = wire.get(at + size..at + size + 2)?;
        assert_eq!(end, b"\r\n", "the end of a chunk");
        at += size + 2;
    }
    loop {
        let line = position(&wire[at..], b"\r\n")?;
        let trailer = text(&wire[at..at + line]);
        at += line + 2;
        if trailer.is_empty() {
            answer.body = String::from_utf8_lossy(&body).into_owned();
            return Some(at);
        }
        answer.fields.push(read_field(trailer));
    }
}

/// Whether this is an IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
fn is_date(date: &str) -> bool {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let shape: String = date
        .chars()
        .map(|letter| match letter {
            '0'..='9' => '0',
            'a'..='z' | 'A'..='Z' => 'a',
            other => other,
        })
        .collect();
    shape == "aaa, 00 aaa 0000 00:00:00 aaa"
        && DAYS.contains(&&date[..3])
        && MONTHS.contains(&&date[8..11])
        && date.ends_with(" GMT")
}

fn is_text(value: &str) -> bool {
    value.bytes().all(|byte| (b' '..0x7f).contains(&byte))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("ASCII")
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|here| here == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

    #[track_caller]
    fn refuses(wire: &str) {
        let read = std::panic::catch_unwind(|| read_begun(wire.as_bytes(), &[], true));
        assert!(read.is_err(), "{wire:?} passes");
    }

    /// A reader that lets everything pass would make every test here worthless.
    #[test]
    fn broken_answers_do_not_pass() {
        let sound = format!("HTTP/1.1 200 OK\r\n{DATE}content-length: 2\r\n\r\nhi");
        assert_eq!(read_answers(&sound, &[])[0].body, "hi");
        for (from, to) in [
            ("HTTP/1.1 ", "HTTP/1.0 "),
            ("200 OK", "200"),
            ("200", "20"),
            ("date", "da te"),
            ("date", ""),
            ("date: ", "date:"),
            ("Sun", "Sin"),
            ("06", "6"),
            ("GMT", "UTC"),
            (DATE, ""),
            (DATE, &DATE.repeat(2)),
            ("length: 2", "length: +2"),
            (
                "content-length",
                "transfer-encoding: chunked\r\ncontent-length",
            ),
            ("length: 2", "length: 2\r\ncontent-length: 2"),
            ("200", "204"),
            ("length: 2", "length: 2\r\nx: \x01"),
        ] {
            refuses(&sound.replacen(from, to, 1));
        }
    }

    #[test]
    fn unfinished_answers_are_waited_for() {
        let chunked = format!(
            "HTTP/1.1 200 OK\r\n{DATE}transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx: y\r\n\r\n"
        );
        for cut in 0..chunked.len() {
            let (answers, length) = read_begun(&chunked.as_bytes()[..cut], &[], false);
            assert_eq!((answers.len(), length), (0, 0), "cut at {cut}");
        }
        assert_eq!(read_answers(&chunked, &[])[0].field("x"), Some("y"));
    }
}
