//! A driver of the client's machine, and all that it hears.

use std::fmt;

use container::http1::{AnswerTo, ClientConnection, ClientEvent, Limits, ResponseError};
use container::message::{BodyLength, HeaderMap};

/// One answer, as far as it came.
#[derive(PartialEq, Eq)]
pub struct Heard {
    /// The status code.
    pub status: u16,
    /// The fields, as sent.
    pub fields: Vec<(String, Vec<u8>)>,
    /// The body, as far as it came.
    pub body: Vec<u8>,
    /// The trailer fields, once the answer was complete.
    pub end: Option<HeaderMap>,
}

/// Reads the answers to the requests of one connection as they come, in pieces of any size.
#[derive(Debug)]
pub struct Listener {
    machine: ClientConnection,
    /// The answers, in order; all but the last are complete.
    pub answers: Vec<Heard>,
    /// Statuses of the interim answers.
    pub interim: Vec<u16>,
    /// How the server broke the protocol, or broke off.
    pub fault: Option<ResponseError>,
    /// What came and was not consumed: the beginning of something, or not HTTP any more.
    pub rest: Vec<u8>,
}

impl Listener {
    /// Has heard nothing yet.
    pub fn new(limits: Limits) -> Listener {
        Listener {
            machine: ClientConnection::new(limits),
            answers: vec![],
            interim: vec![],
            fault: None,
            rest: vec![],
        }
    }

    /// A request of this kind was sent, or begun.
    pub fn expect(&mut self, answers: AnswerTo) {
        // Who has closed hears nothing; that shows when the answers are counted.
        let _ = self.machine.expect_answer(answers);
    }

    /// Bytes have come.
    pub fn hear(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        if self.fault.is_some() {
            return;
        }
        let input = std::mem::take(&mut self.rest);
        match self.take(&input) {
            Ok(consumed) => self.rest = input[consumed..].to_vec(),
            Err(fault) => {
                assert!(self.machine.is_closed(), "a fault ends the connection");
                self.fault = Some(fault);
            }
        }
    }

    /// The end of the connection has come.
    pub fn end(&mut self) {
        if self.fault.is_some() {
            return;
        }
        match self.machine.handle_eof() {
            Ok(Some(event)) => self.note(event, &[]),
            Ok(None) => {}
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// How many answers are complete.
    pub fn complete(&self) -> usize {
        let complete = self.answers.iter().filter(|answer| answer.end.is_some());
        complete.count()
    }

    /// Offers all of `input`; says how much was taken.
    fn take(&mut self, input: &[u8]) -> Result<usize, ResponseError> {
        let mut consumed = 0;
        while consumed < input.len() || self.machine.has_more_to_tell() {
            let rest = &input[consumed..];
            let step = self.machine.handle_bytes(rest)?;
            consumed += step.consumed;
            match step.event {
                Some(event) => self.note(event, rest),
                None if step.consumed == 0 => break,
                None => {}
            }
        }
        Ok(consumed)
    }

    fn note(&mut self, event: ClientEvent<'_>, input: &[u8]) {
        match event {
            ClientEvent::Interim(head) => self.interim.push(head.status().as_u16()),
            ClientEvent::Response(head, length) => {
                let fields: Vec<_> = head
                    .fields()
                    .map(|field| (field.name.to_owned(), field.value.to_vec()))
                    .collect();
                assert_eq!(fields.len(), head.to_headers().len(), "no field is lost");
                self.answers.push(Heard {
                    status: head.status().as_u16(),
                    fields,
                    body: vec![],
                    end: (length == BodyLength::Known(0)).then(HeaderMap::new),
                });
            }
            ClientEvent::Body(range) => {
                let bytes = &input[range];
                assert!(!bytes.is_empty(), "a piece of a body is never empty");
                self.current().body.extend_from_slice(bytes);
            }
            ClientEvent::EndOfBody(trailers) => {
                let end = &mut self.current().end;
                assert_eq!(*end, None, "a body ends once");
                *end = Some(trailers);
            }
        }
    }

    fn current(&mut self) -> &mut Heard {
        self.answers
            .last_mut()
            .expect("a body belongs to an answer")
    }
}

impl Heard {
    /// Whether this answer says that it is the last.
    pub fn closes(&self) -> bool {
        let says = |name: &str, value: &[u8]| {
            name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case(b"close")
        };
        self.fields.iter().any(|(name, value)| says(name, value))
    }
}

impl fmt::Debug for Heard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = &self.body[..self.body.len().min(40)];
        let fields = self.fields.iter();
        let lines: Vec<String> = fields
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
            .collect();
        formatter
            .debug_struct("Heard")
            .field("status", &self.status)
            .field("fields", &lines)
            .field("length", &self.body.len())
            .field("body", &String::from_utf8_lossy(begin))
            .field("end", &self.end)
            .finish()
    }
}
