//! `Case`: what a client sends, and what it has to get; one line of a table.

/// What proves that a connection is still in step: a request, the last, and its answer's body.
pub(super) const PROOF: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
pub(super) const PROVEN: &str = "root";

/// One line of a table.
pub(super) struct Case {
    /// What it shows; no two of an area have the same.
    pub name: String,
    /// RFC and section that decide it.
    pub section: &'static str,
    /// What is sent, in turns.
    pub turns: Vec<Turn>,
    /// How it ends.
    pub end: End,
    /// What else must hold for the last of the answers.
    pub wants: Vec<Want>,
}

/// What is sent at once, and the statuses that answer it, interim ones included.
pub(super) struct Turn {
    pub send: Vec<u8>,
    pub statuses: Vec<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The connection stays: a further request on it is answered.
    Kept,
    /// The server closes it after the last answer.
    Closed,
    /// The client closes its sending side with the last turn; the server closes after its answers.
    HalfClosed,
}

/// What an answer must have, or must not.
#[derive(Debug, Clone)]
pub(super) enum Want {
    /// This body.
    Body(String),
    /// This field with this value.
    Field(&'static str, String),
    /// No field of this name.
    NoField(&'static str),
}

/// Answered like this, and the connection stays.
pub(super) fn kept(
    name: impl Into<String>,
    section: &'static str,
    send: impl AsRef<[u8]>,
    statuses: &[u16],
) -> Case {
    case(name.into(), section, send.as_ref(), statuses, End::Kept)
}

/// Answered like this, and then closed.
pub(super) fn closed(
    name: impl Into<String>,
    section: &'static str,
    send: impl AsRef<[u8]>,
    statuses: &[u16],
) -> Case {
    case(name.into(), section, send.as_ref(), statuses, End::Closed)
}

/// Refused as malformed: 400, and closed.
pub(super) fn refused(
    name: impl Into<String>,
    section: &'static str,
    send: impl AsRef<[u8]>,
) -> Case {
    closed(name, section, send, &[400])
}

/// Answered like this although, or because, the client sends nothing more.
pub(super) fn ended(
    name: impl Into<String>,
    section: &'static str,
    send: impl AsRef<[u8]>,
    statuses: &[u16],
) -> Case {
    let end = End::HalfClosed;
    case(name.into(), section, send.as_ref(), statuses, end)
}

fn case(name: String, section: &'static str, send: &[u8], statuses: &[u16], end: End) -> Case {
    Case {
        name,
        section,
        turns: vec![Turn::new(send, statuses)],
        end,
        wants: vec![],
    }
}

impl Turn {
    fn new(send: &[u8], statuses: &[u16]) -> Turn {
        Turn {
            send: send.to_vec(),
            statuses: statuses.to_vec(),
        }
    }
}

impl Case {
    /// Once that is answered, this is sent.
    pub(super) fn then(mut self, send: impl AsRef<[u8]>, statuses: &[u16]) -> Case {
        self.turns.push(Turn::new(send.as_ref(), statuses));
        self
    }

    /// The last answer has this body.
    pub(super) fn body(self, body: impl Into<String>) -> Case {
        self.want(Want::Body(body.into()))
    }

    /// The last answer has this field.
    pub(super) fn field(self, name: &'static str, value: impl Into<String>) -> Case {
        self.want(Want::Field(name, value.into()))
    }

    /// The last answer has no such field.
    pub(super) fn no_field(self, name: &'static str) -> Case {
        self.want(Want::NoField(name))
    }

    /// All statuses, in order.
    pub(super) fn statuses(&self) -> Vec<u16> {
        let turns = self.turns.iter();
        turns.flat_map(|turn| turn.statuses.clone()).collect()
    }

    /// Places of the answers to HEAD among all final ones; HEAD stands first in its turn.
    pub(super) fn heads(&self) -> Vec<usize> {
        let (mut heads, mut finals) = (vec![], 0);
        for turn in &self.turns {
            if turn.send.starts_with(b"HEAD ") {
                heads.push(finals);
            }
            finals += turn
                .statuses
                .iter()
                .filter(|&&status| status >= 200)
                .count();
        }
        heads
    }

    fn want(mut self, want: Want) -> Case {
        self.wants.push(want);
        self
    }
}

/// `GET /` with these field lines, each with its line end, besides Host.
pub(super) fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// `POST /echo` with these field lines besides Host, and what follows the head.
pub(super) fn post(fields: &str, rest: &str) -> String {
    format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n{rest}")
}

/// `POST /echo` with a body in chunks, as it is on the wire.
pub(super) fn chunked(chunks: &str) -> String {
    post("Transfer-Encoding: chunked\r\n", chunks)
}
