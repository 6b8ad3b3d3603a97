//! Runs cases: in memory, cut in every way, and over a socket. Waits for events, never for time.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use container::testing::{Client, Server};
use tests::loopback::{connect, start, wait};
use tests::{Answer, read_begun};

use super::application::application;
use super::case::{Case, End, PROOF, PROVEN, Want};

/// Cuts of one case: all there are, unless it is longer than this.
const CUTS_MAX: usize = 256;

/// Bytes that all cuts of one case send together, about: of long ones there are fewer.
const BYTES_MAX: usize = 1 << 20;

/// Longer cases are not sent byte by byte.
const BYTEWISE_MAX: usize = 10_000;

/// Runs all cases of an area, and fails with all that do not hold.
#[track_caller]
pub(super) fn check(cases: &[Case]) {
    let mut faults = vec![];
    let mut names = HashSet::new();
    for case in cases {
        if !names.insert(&case.name) {
            faults.push(format!("{}: a second case of this name", case.name));
        }
        faults.extend(in_memory(case));
    }
    faults.extend(over_sockets(cases));
    let count = faults.len();
    assert!(
        faults.is_empty(),
        "{count} do not hold:\n{}\n",
        faults.join("\n")
    );
}

/// How a turn is cut before it is sent.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Whole,
    Bytes,
    /// In two, at so many parts of so many.
    At(usize, usize),
}

/// The client's end of a connection.
trait Wire {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String>;

    /// Closes the sending side.
    fn finish(&mut self);

    /// Adds what has come to `received`; whether more can come.
    fn receive(&mut self, received: &mut Vec<u8>) -> More;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Possible,
    /// Nothing has come, and nothing will without further input.
    Silent,
    Ended,
}

/// The first way of cutting it in which a case does not hold.
fn in_memory(case: &Case) -> Option<String> {
    let server = Server::new(application());
    let longest = case.turns.iter().map(|turn| turn.send.len()).max();
    let length = longest.unwrap_or(0);
    let parts = length.min(CUTS_MAX).min(BYTES_MAX / length.max(1));
    let bytewise = (length <= BYTEWISE_MAX).then_some(Cut::Bytes);
    let halves = (1..parts).map(|at| Cut::At(at, parts));
    let mut cuts = [Cut::Whole].into_iter().chain(bytewise).chain(halves);
    cuts.find_map(|cut| converse(case, &mut server.connect(), cut).err())
}

/// All cases over connections to one server.
fn over_sockets(cases: &[Case]) -> Vec<String> {
    let container = start(application());
    let handle = container.handle();
    let run = |case| converse(case, &mut connect(&handle), Cut::Whole).err();
    let faults = cases.iter().filter_map(run).collect();
    handle.close();
    wait(container);
    faults
}

/// Plays a case through, and judges what came back.
fn converse(case: &Case, wire: &mut dyn Wire, cut: Cut) -> Result<(), String> {
    let mut received = vec![];
    let told = talk(case, wire, cut, &mut received);
    let fault = |what: String| {
        let (name, section) = (&case.name, case.section);
        let received = String::from_utf8_lossy(&received);
        format!("{name} (RFC {section}), {cut:?}: {what}, of {received:?}")
    };
    let end = told.map_err(fault)?;
    let (answers, length) = read_begun(&received, &case.heads(), end == More::Ended);
    if end != More::Ended {
        return Err(fault("not closed".to_owned()));
    }
    if length != received.len() {
        return Err(fault("more than whole answers".to_owned()));
    }
    judge(case, answers).map_err(fault)
}

/// Sends what is to be sent, each turn once the one before is answered; how the connection ended.
fn talk(
    case: &Case,
    wire: &mut dyn Wire,
    cut: Cut,
    received: &mut Vec<u8>,
) -> Result<More, String> {
    let mut expected = 0;
    for (place, turn) in case.turns.iter().enumerate() {
        for (number, piece) in pieces(&turn.send, cut).into_iter().enumerate() {
            if number > 0 {
                // Else a server that closes meanwhile would take back its answer by a reset.
                wire.receive(received);
            }
            wire.send(piece)?;
        }
        if case.end == End::HalfClosed && place + 1 == case.turns.len() {
            wire.finish();
        }
        expected += turn.statuses.len();
        while read_begun(received, &case.heads(), false).0.len() < expected {
            match wire.receive(received) {
                More::Possible => {}
                More::Silent => return Ok(More::Silent),
                More::Ended => return Ok(More::Ended),
            }
        }
    }
    if case.end == End::Kept {
        wire.send(PROOF.as_bytes())?;
    }
    loop {
        match wire.receive(received) {
            More::Possible => {}
            end => return Ok(end),
        }
    }
}

fn pieces(bytes: &[u8], cut: Cut) -> Vec<&[u8]> {
    match cut {
        Cut::Whole => vec![bytes],
        Cut::Bytes => bytes.chunks(1).collect(),
        Cut::At(at, parts) => {
            let (before, after) = bytes.split_at(bytes.len() * at / parts);
            vec![before, after]
        }
    }
}

/// Whether the answers are those that the case wants.
fn judge(case: &Case, mut answers: Vec<Answer>) -> Result<(), String> {
    if case.end == End::Kept {
        match answers.pop() {
            Some(proof) if proof.status == 200 && proof.body == PROVEN => {}
            other => return Err(format!("not kept, but {other:?}")),
        }
    }
    let found: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    if found != case.statuses() {
        return Err(format!("{found:?} instead of {:?}", case.statuses()));
    }
    let holds = |want: &&Want| !answers.last().is_some_and(|last| has(last, want));
    match case.wants.iter().find(holds) {
        Some(want) => Err(format!("not {want:?}")),
        None => Ok(()),
    }
}

fn has(answer: &Answer, want: &Want) -> bool {
    match want {
        Want::Body(body) => answer.body == *body,
        Want::Field(name, value) => answer.field(name) == Some(value),
        Want::NoField(name) => answer.field(name).is_none(),
    }
}

impl Wire for Client<'_> {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        Client::send(self, bytes);
        Ok(())
    }

    fn finish(&mut self) {
        Client::finish(self);
    }

    fn receive(&mut self, received: &mut Vec<u8>) -> More {
        let bytes = self.received_bytes();
        received.extend_from_slice(&bytes);
        if self.is_closed() {
            More::Ended
        } else if bytes.is_empty() {
            More::Silent
        } else {
            More::Possible
        }
    }
}

impl Wire for TcpStream {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.write_all(bytes)
            .map_err(|error| format!("not taken: {error}"))
    }

    fn finish(&mut self) {
        self.shutdown(Shutdown::Write).expect("it is open");
    }

    fn receive(&mut self, received: &mut Vec<u8>) -> More {
        let mut buffer = [0; 16 << 10];
        match self.read(&mut buffer) {
            Ok(0) => More::Ended,
            Ok(count) => {
                received.extend_from_slice(&buffer[..count]);
                More::Possible
            }
            Err(_) => More::Silent,
        }
    }
}
