//! A driver of the client's machine, and all that it hears.

use container::http1::{AnswerTo, ClientConnection, ClientEvent, Limits, ResponseError};
use container::message::{BodyLength, HeaderMap};

use super::server::Heard;

/// One answer, as far as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    /// The trailer fields, once the answer was complete.
    pub(super) end: Option<HeaderMap>,
}

/// All that a client hears of its requests' answers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) answers: Vec<Answer>,
    /// Statuses of the interim answers.
    pub(super) interim: Vec<u16>,
    pub(super) fault: Option<ResponseError>,
    /// What is not HTTP any more, or was never looked at.
    pub(super) rest: Vec<u8>,
}

/// What a client hears that has sent requests of these kinds, when these pieces come and then the
/// end.
pub(super) fn listen(pieces: &[&[u8]], asked: &[AnswerTo], limits: Limits) -> Told {
    let mut machine = ClientConnection::new(limits);
    for answers in asked {
        machine.expect_answer(*answers).expect("there is room");
    }
    let mut told = Told::default();
    for piece in pieces {
        told.rest.extend_from_slice(piece);
        let rest = std::mem::take(&mut told.rest);
        match told.take(&mut machine, &rest) {
            Ok(consumed) => told.rest = rest[consumed..].to_vec(),
            Err(fault) => {
                told.fault = Some(fault);
                assert!(machine.is_closed(), "a fault ends the connection");
                return told;
            }
        }
    }
    match machine.handle_eof() {
        Ok(Some(event)) => told.note(event, &[]),
        Ok(None) => {}
        Err(fault) => told.fault = Some(fault),
    }
    told
}

/// Reads what a server has sent in answer to these requests, which it can have refused; interim
/// answers left out. All but the last answer must be whole.
pub(super) fn read(sent: &[u8], heard: &[Heard]) -> Vec<(u16, Vec<u8>)> {
    let mut asked: Vec<AnswerTo> = heard
        .iter()
        .map(|heard| AnswerTo::from(heard.head.method()))
        .collect();
    // One more, for a refusal.
    asked.push(AnswerTo::Other);
    let told = listen(&[sent], &asked, Limits::default());
    assert!(
        matches!(told.fault, None | Some(ResponseError::Incomplete)),
        "{told:?}"
    );
    let whole = told
        .answers
        .into_iter()
        .filter(|answer| answer.end.is_some());
    whole.map(|answer| (answer.status, answer.body)).collect()
}

impl Told {
    /// Offers all of `input`; says how much was taken.
    fn take(
        &mut self,
        machine: &mut ClientConnection,
        input: &[u8],
    ) -> Result<usize, ResponseError> {
        let mut consumed = 0;
        while consumed < input.len() || machine.has_more_to_tell() {
            let rest = &input[consumed..];
            let step = machine.handle_bytes(rest)?;
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
                self.answers.push(Answer {
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

    fn current(&mut self) -> &mut Answer {
        self.answers
            .last_mut()
            .expect("a body belongs to an answer")
    }
}
