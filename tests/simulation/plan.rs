//! What a seed stands for: the clients, what they ask, and how they behave.

use std::fmt;

use container::http1::AnswerTo;
use container::testing::Faults;
use tests::{Heard, Random};

use super::world::BODY_LIMIT;

/// Connections of one simulation.
pub(crate) const CONNECTIONS_MAX: usize = 5;

/// Requests of one connection.
const REQUESTS_MAX: usize = 6;

/// Bytes of an unread body that are read away. Beyond it the connection may end after an answer
/// that did not say so, because it was not known then.
pub(crate) const UNREAD_BODY: u64 = 3000;

/// What a broken answer announces; it never comes.
pub(crate) const BROKEN_LENGTH: u64 = 5000;

/// Routes, with what is special about them.
const GETS: [(&str, Special); 14] = [
    ("inline", Special::None),
    ("inline", Special::None),
    ("async", Special::None),
    ("async", Special::None),
    ("gate", Special::MayBeShed),
    ("gate", Special::MayBeShed),
    ("late", Special::Always(503)),
    ("blocking", Special::MayBeShed),
    ("blocking-gate", Special::MayBeShed),
    ("stream", Special::None),
    ("stream", Special::None),
    ("broken", Special::Broken),
    ("panic", Special::Panics),
    ("nowhere", Special::Always(404)),
];
const GATES: [(&str, Special); 3] = [
    ("gate", Special::MayBeShed),
    ("gate", Special::MayBeShed),
    ("blocking-gate", Special::MayBeShed),
];
const PANICS: [&str; 3] = ["panic", "panic-inline", "panic-blocking"];
const POSTS: [(&str, Special); 7] = [
    ("ignore", Special::None),
    ("ignore-slow", Special::None),
    ("echo", Special::Echo),
    ("blocking-echo", Special::BlockingEcho),
    ("live", Special::Live),
    ("half", Special::None),
    ("unread", Special::None),
];

/// What is special about a route's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// 200 with a body of the length asked for.
    None,
    /// That, or 503 at once.
    MayBeShed,
    /// 500, or 503 at once.
    Panics,
    /// Always this status.
    Always(u16),
    /// 200, and then not all of it.
    Broken,
    /// The body that was sent, up to [`BODY_LIMIT`].
    Echo,
    /// The body that was sent, or 503 at once.
    BlockingEcho,
    /// The length of the body that was sent.
    Live,
}

/// How a request's body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    None,
    Length,
    Chunked,
}

/// One request.
pub(crate) struct Ask {
    /// Connection times 100, plus the place on it.
    pub(crate) id: u32,
    pub(crate) special: Special,
    pub(crate) kind: AnswerTo,
    /// The head, and where it waits for leave to go on.
    pub(crate) head: Vec<u8>,
    pub(crate) waits_for_leave: bool,
    /// The body, framed.
    pub(crate) body: Vec<u8>,
    /// The body, unframed.
    content: Vec<u8>,
    /// Bytes of the answer asked for.
    length: usize,
    /// Whether it says that it is the last.
    pub(crate) closes: bool,
}

/// How a client ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It stays until the server closes.
    Stay,
    /// It closes its sending side when all is sent, or after so many bytes.
    Finish(usize),
    /// It closes after so many bytes.
    Leave(usize),
    /// It resets after so many bytes.
    Cut(usize),
    /// It stops reading after so many bytes.
    Stall(usize),
}

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) asks: Vec<Ask>,
    pub(crate) ending: Ending,
    /// Requests that it sends ahead of their answers.
    pub(crate) ahead: usize,
    /// Most bytes that it sends, and reads, at once.
    pub(crate) piece: usize,
    pub(crate) faults: Faults,
}

/// The beginning of every answer, and filling.
pub(crate) fn answer(id: u32, length: usize) -> Vec<u8> {
    let mut bytes = format!("{id}:").into_bytes();
    bytes.resize(bytes.len() + length, b'x');
    bytes
}

impl Client {
    /// The client number `index`.
    pub(crate) fn new(index: usize, is_crowded: bool, random: &mut Random) -> Client {
        let count = 1 + random.below(REQUESTS_MAX);
        let mut asks: Vec<Ask> = (0..count)
            .map(|place| Ask::new((index * 100 + place) as u32, is_crowded, random))
            .collect();
        // Whoever says that a request is the last sends no other (RFC 9112, section 9.6).
        if let Some(last) = asks.iter().position(|ask| ask.closes) {
            asks.truncate(last + 1);
        }
        let total: usize = asks.iter().map(|ask| ask.head.len() + ask.body.len()).sum();
        let mut faults = Faults::default();
        faults.capacity = random.pick(&[64, 500, 5000, 100_000]);
        // A byte at a time, of many, would take all the time there is.
        let heard: usize = asks.iter().map(|ask| ask.length).sum();
        let least = (total + heard) / 200;
        faults.read_max = random
            .pick(&[1, 30, 1000, usize::MAX, usize::MAX])
            .max(least);
        faults.write_max = random.pick(&[10, 1000, usize::MAX, usize::MAX]).max(least);
        Client {
            ending: Ending::new(total, random),
            ahead: random.pick(&[1, 1, 2, count]),
            piece: random.pick(&[1, 10, 200, 5000, 100_000]).max(total / 200),
            asks,
            faults,
        }
    }
}

impl Ending {
    fn new(total: usize, random: &mut Random) -> Ending {
        match random.below(16) {
            0..7 => Ending::Stay,
            7..10 => Ending::Finish(usize::MAX),
            10 => Ending::Finish(random.below(total)),
            11 | 12 => Ending::Leave(random.below(total + 1)),
            13 | 14 => Ending::Cut(random.below(total + 1)),
            _ => Ending::Stall(random.below(3000)),
        }
    }
}

impl Ask {
    fn new(id: u32, is_crowded: bool, random: &mut Random) -> Ask {
        let is_post = random.once_in(3);
        let (mut route, special) = match (is_post, is_crowded) {
            (true, _) => random.pick(&POSTS),
            (_, true) => random.pick(&GATES),
            _ => random.pick(&GETS),
        };
        if route == "panic" {
            route = random.pick(&PANICS);
        }
        let length = match random.below(40) {
            0 => 40_000,
            1..5 => random.below(5000),
            _ => random.below(40),
        };
        let millis = random.pick(&[0, 1, 5, 30]);
        let framing = match (is_post, random.below(3)) {
            (false, _) => Framing::None,
            (true, 0) => Framing::Chunked,
            (true, _) => Framing::Length,
        };
        let content = match (framing, random.below(30)) {
            (Framing::None, _) => vec![],
            // What is echoed is given in one piece, and counts towards what may be held.
            (_, 0) if special != Special::BlockingEcho => vec![b'y'; 150_000],
            (_, 1..4) => vec![b'y'; random.below(2000)],
            _ => vec![b'y'; random.below(30)],
        };
        let is_head = !is_post && special != Special::Broken && random.once_in(8);
        let method = match (is_post, is_head) {
            (true, _) => "POST",
            (_, true) => "HEAD",
            _ => "GET",
        };
        let closes = random.once_in(15);
        let waits_for_leave = !content.is_empty() && random.once_in(6);
        let mut head = format!("{method} /{route}/{id}/{length}/{millis} HTTP/1.1\r\nHost: a\r\n");
        match framing {
            Framing::None => {}
            Framing::Length => head += &format!("Content-Length: {}\r\n", content.len()),
            Framing::Chunked => head += "Transfer-Encoding: chunked\r\n",
        }
        if waits_for_leave {
            head += "Expect: 100-continue\r\n";
        }
        if closes {
            head += "Connection: close\r\n";
        }
        Ask {
            id,
            special,
            kind: if is_head {
                AnswerTo::Head
            } else {
                AnswerTo::Other
            },
            head: (head + "\r\n").into_bytes(),
            waits_for_leave,
            body: frame(&content, framing, random),
            content,
            length,
            closes,
        }
    }

    /// Whether a whole request can have this answer; the answer may have broken off.
    pub(crate) fn allows(&self, answer: &Heard) -> bool {
        let (status, body) = (answer.status, self.expected());
        match self.special {
            Special::Always(only) => return status == only,
            Special::Panics => return [500, 503].contains(&status),
            Special::MayBeShed | Special::BlockingEcho if status == 503 => return true,
            Special::Echo if self.content.len() as u64 > BODY_LIMIT => return status == 413,
            _ => {}
        }
        let is_head = self.kind == AnswerTo::Head;
        let is_whole = answer.end.is_some() && !is_head;
        status == 200
            && body.starts_with(&answer.body)
            && (!is_whole || answer.body == body)
            && (!is_head || answer.body.is_empty())
            && !(is_whole && self.special == Special::Broken)
    }

    /// The body of a 200.
    fn expected(&self) -> Vec<u8> {
        let mut body = answer(self.id, 0);
        match self.special {
            Special::Echo | Special::BlockingEcho => body.extend_from_slice(&self.content),
            Special::Live => body.extend(self.content.len().to_string().into_bytes()),
            _ => body = answer(self.id, self.length),
        }
        body
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = String::from_utf8_lossy(&self.head);
        write!(formatter, "{head:?} with {} bytes", self.content.len())
    }
}

/// Puts a body on the wire; chunks have sizes of their own, and may be followed by a trailer.
fn frame(content: &[u8], framing: Framing, random: &mut Random) -> Vec<u8> {
    if framing != Framing::Chunked {
        return content.to_vec();
    }
    let size = random.pick(&[1, 7, 4000]).max(content.len() / 50);
    let mut wire = vec![];
    for chunk in content.chunks(size) {
        wire.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(
        random
            .pick(&["0\r\n\r\n", "0\r\nx-trailer: 1\r\n\r\n"])
            .as_bytes(),
    );
    wire
}
