//! A driver of the server's machine that does as `http1` asks of drivers, and all that it hears.
//!
//! What it does depends on the requests alone, never on how their bytes were cut: so what it hears
//! must not depend on that either.

use std::cell::OnceCell;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use container::http1::{
    CloseReason, Config, Connection, DateLine, Event, Output, ProtocolError, SLICES_MAX,
};
use container::message::{
    BodyLength, Bytes, HeaderMap, RequestHead, ResponseFields, StatusCode, Version,
};

/// Any date will do.
pub(super) const DATE: &DateLine = b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

/// The answer of a driver that does not echo.
pub(super) const ANSWER: &str = "answer";

/// Bytes that a request may have for [`Habit::Limited`].
const BODY_LIMIT: u64 = 64;

thread_local! {
    /// The beginning of time: nothing here depends on the clock, and reading it takes long.
    static START: OnceCell<Instant> = const { OnceCell::new() };
}

/// The beginning of time.
pub(super) fn start() -> Instant {
    START.with(|start| *start.get_or_init(Instant::now))
}

/// What a driver does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Answers when the whole of it is here.
    Collect,
    /// The same, and allows few bytes.
    Limited,
    /// The same, and tells who waits for leave to go on.
    Invite,
    /// Answers at once; what else comes is thrown away.
    Ignore,
    /// Answers with what comes, as it comes.
    Echo,
}

/// All habits.
pub(super) const HABITS: [Habit; 5] = [
    Habit::Collect,
    Habit::Limited,
    Habit::Invite,
    Habit::Ignore,
    Habit::Echo,
];

/// One request, as far as it came.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) head: RequestHead,
    pub(super) body: Vec<u8>,
    /// The trailer fields, once the request was complete.
    pub(super) end: Option<HeaderMap>,
}

/// The driver.
pub(super) struct Server<'h> {
    machine: Connection,
    output: Output,
    /// What it does with the requests, in turn.
    habits: &'h [Habit],
    /// Whether the current request has its answer, or the beginning of one.
    is_answered: bool,
    /// What was received and not consumed.
    pending: Vec<u8>,
    /// The requests, in order.
    pub(super) heard: Vec<Asked>,
    /// How the client broke the protocol.
    pub(super) refused: Option<ProtocolError>,
    /// All that was sent.
    pub(super) sent: Vec<u8>,
}

/// Limits low enough for a fuzzer to reach them.
pub(super) fn narrow_limits() -> Config {
    let mut config = Config::default();
    config.limits.request_line = 200;
    config.limits.head = 600;
    config.limits.fields = 12;
    config.limits.chunk_line = 40;
    config.limits.trailers = 120;
    config.limits.unread_body = 50;
    config
}

/// The whole of a connection on which these pieces come and then the end; and why it ended.
pub(super) fn converse<'h>(
    pieces: &[&[u8]],
    config: Config,
    habits: &'h [Habit],
) -> (Server<'h>, CloseReason) {
    let mut server = Server {
        machine: Connection::new(Arc::new(config), start()),
        output: Output::new(),
        habits,
        is_answered: false,
        pending: vec![],
        heard: vec![],
        refused: None,
        sent: vec![],
    };
    for piece in pieces {
        server.pending.extend_from_slice(piece);
        server.take_input();
    }
    if let Some(error) = server.machine.handle_eof() {
        server.refuse(error);
    }
    server.send();
    let reason = server.machine.close_reason();
    assert!(server.machine.is_closed(), "the end of the input is an end");
    (server, reason.expect("an end has a reason"))
}

/// Takes all that waits; for drivers whose peers read fast.
pub(super) fn drain(output: &mut Output, into: &mut Vec<u8>) -> usize {
    let total = output.pending();
    while !output.is_empty() {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let count = output.slices(&mut slices, usize::MAX);
        let sent = slices[..count].iter().map(|slice| slice.len()).sum();
        slices[..count]
            .iter()
            .for_each(|slice| into.extend_from_slice(slice));
        assert!(sent > 0, "what waits can be sent");
        output.advance(sent);
    }
    total
}

impl Server<'_> {
    fn take_input(&mut self) {
        let input = std::mem::take(&mut self.pending);
        let mut consumed = 0;
        while !self.machine.is_closed() {
            let rest = &input[consumed..];
            let step = self.machine.handle_bytes(rest, start());
            consumed += step.consumed;
            match step.event {
                None if step.consumed == 0 => break,
                None => {}
                Some(event) => self.follow(event, rest),
            }
            self.send();
        }
        self.check_timeout();
        self.pending = input[consumed..].to_vec();
    }

    /// Who waits for its peer does not wait for ever.
    fn check_timeout(&self) {
        let machine = &self.machine;
        let waits = machine.wants_input() && !machine.is_body_paused();
        let deadline = machine.poll_timeout();
        let longest = start() + Duration::from_secs(3600);
        assert!(!waits || deadline.is_some_and(|deadline| deadline < longest));
    }

    fn habit(&self) -> Habit {
        self.habits[(self.heard.len() - 1) % self.habits.len()]
    }

    fn follow(&mut self, event: Event, input: &[u8]) {
        match event {
            Event::Request(head, length) => self.begin(head, length),
            Event::Body(range) => {
                let bytes = &input[range];
                assert!(!bytes.is_empty(), "a piece of a body is never empty");
                self.current().body.extend_from_slice(bytes);
                if self.habit() == Habit::Echo {
                    let bytes = Bytes::copy_from_slice(bytes);
                    self.machine.send_body(bytes, &mut self.output);
                }
            }
            Event::EndOfBody(trailers) => {
                if self.habit() == Habit::Echo {
                    let trailers = Some(&trailers);
                    self.machine
                        .finish_body(trailers, &mut self.output, start());
                }
                self.current().end = Some(trailers);
                self.answer(StatusCode::OK);
            }
            // How a body is broken that is thrown away depends on how much of it is looked at.
            Event::Refused(error) if self.is_thrown_away(error) => {}
            Event::Refused(error) => self.refuse(error),
        }
    }

    fn is_thrown_away(&self, error: ProtocolError) -> bool {
        use ProtocolError::{Chunk, Trailer, TrailersTooLarge};
        matches!(error, Chunk | Trailer | TrailersTooLarge) && self.habit() == Habit::Ignore
    }

    fn begin(&mut self, head: RequestHead, length: BodyLength) {
        let previous = self.heard.last();
        assert!(self.refused.is_none() && self.output.is_empty());
        assert!(previous.is_none() || self.is_answered, "one after another");
        self.is_answered = false;
        let is_whole = length == BodyLength::Known(0);
        self.heard.push(Asked {
            head,
            body: vec![],
            end: is_whole.then(HeaderMap::new),
        });
        if is_whole {
            return self.answer(StatusCode::OK);
        }
        match self.habit() {
            Habit::Collect => {}
            Habit::Limited => {
                if let Err(error) = self.machine.limit_body(BODY_LIMIT) {
                    self.refuse(error);
                }
            }
            Habit::Invite => self.machine.send_continue(&mut self.output, start()),
            Habit::Ignore => {
                self.answer(StatusCode::OK);
                self.machine.discard_body(start());
            }
            Habit::Echo => {
                self.respond(StatusCode::OK, BodyLength::Unknown);
            }
        }
    }

    fn current(&mut self) -> &mut Asked {
        self.heard.last_mut().expect("a body belongs to a request")
    }

    /// Answers, unless that has been done.
    fn answer(&mut self, status: StatusCode) {
        if self.is_answered {
            return;
        }
        if self.respond(status, BodyLength::Known(ANSWER.len() as u64)) {
            let body = Bytes::from_static(ANSWER.as_bytes());
            self.machine.send_body(body, &mut self.output);
            self.machine.finish_body(None, &mut self.output, start());
        }
    }

    fn respond(&mut self, status: StatusCode, length: BodyLength) -> bool {
        self.is_answered = true;
        let fields = ResponseFields::MediaType(None);
        self.machine
            .respond(status, &fields, length, DATE, &mut self.output, start())
    }

    fn refuse(&mut self, error: ProtocolError) {
        assert_eq!(self.refused, None, "the first fault is the last");
        self.refused = Some(error);
        let is_over = self
            .heard
            .last()
            .is_none_or(|heard| heard.end.is_some() || self.habit() == Habit::Ignore);
        if is_over {
            // The refusal answers a request that was never heard.
            self.is_answered = false;
        }
        if self.machine.is_answering() {
            self.machine.break_answer();
        }
        self.answer(error.status());
    }

    fn send(&mut self) {
        let count = drain(&mut self.output, &mut self.sent);
        self.machine.handle_sent(count, 0, start());
    }
}

/// What a head says must fit together.
pub(super) fn check_head(head: &RequestHead) {
    let fields: Vec<_> = head.fields().collect();
    assert_eq!(fields.len(), head.headers().len(), "no field is lost");
    for field in &fields {
        let mut values = head.headers().get_all(field.name).iter();
        assert!(
            values.any(|value| value.as_bytes() == field.value),
            "{field:?}"
        );
    }
    assert!(head.target().bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(matches!(
        head.version(),
        Version::HTTP_10 | Version::HTTP_11
    ));
    let query = head
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    if head.target().starts_with('/') {
        assert_eq!(format!("{}{query}", head.path()), head.target());
    }
}
