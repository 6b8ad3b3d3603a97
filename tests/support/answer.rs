//! Reads answers off the wire, strictly and by other means than the container's own parser.

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: String,
}

impl Answer {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether this answer says that it is the last.
    pub fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }
}

/// Reads all answers in `wire`, of which those to the requests at `heads` have no body; fails on
/// anything that is not an answer from the first byte to the last.
///
/// # Panics
/// When `wire` is not a sequence of whole answers.
pub fn read_answers(wire: &str, heads: &[usize]) -> Vec<Answer> {
    let mut answers = vec![];
    let mut rest = wire;
    let mut finals = 0;
    while !rest.is_empty() {
        let (head, after) = rest
            .split_once("\r\n\r\n")
            .expect("an answer has a whole head");
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .expect("a status line");
        let status: u16 = status[..3].parse().expect("a status code");
        let fields: Vec<(String, String)> = lines
            .map(|line| {
                let (name, value) = line.split_once(": ").expect("a field line");
                (name.to_lowercase(), value.to_owned())
            })
            .collect();
        let mut answer = Answer {
            status,
            fields,
            body: String::new(),
        };
        let bodyless = status < 200 || status == 204 || status == 304 || heads.contains(&finals);
        rest = if bodyless {
            after
        } else {
            read_body(&mut answer, after)
        };
        if status >= 200 {
            finals += 1;
        }
        answers.push(answer);
    }
    answers
}

fn read_body<'a>(answer: &mut Answer, wire: &'a str) -> &'a str {
    if answer.field("transfer-encoding") == Some("chunked") {
        return read_chunks(answer, wire);
    }
    let length = match answer.field("content-length") {
        Some(length) => length.parse().expect("a length"),
        None => wire.len(),
    };
    assert!(
        wire.len() >= length,
        "the body is whole: {answer:?} {wire:?}"
    );
    answer.body = wire[..length].to_owned();
    &wire[length..]
}

fn read_chunks<'a>(answer: &mut Answer, mut wire: &'a str) -> &'a str {
    loop {
        let (size, after) = wire.split_once("\r\n").expect("a chunk size");
        let size = usize::from_str_radix(size, 16).expect("a hexadecimal size");
        if size == 0 {
            let end = after.find("\r\n").expect("the end of the trailers");
            if end == 0 {
                return &after[2..];
            }
            let end = after.find("\r\n\r\n").expect("the end of the trailers");
            for line in after[..end].split("\r\n") {
                let (name, value) = line.split_once(": ").expect("a trailer field");
                answer.fields.push((name.to_lowercase(), value.to_owned()));
            }
            return &after[end + 4..];
        }
        answer.body.push_str(&after[..size]);
        wire = after[size..]
            .strip_prefix("\r\n")
            .expect("the end of a chunk");
    }
}
