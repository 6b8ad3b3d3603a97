//! What the routes say about themselves.

use serde_json::json as value;

use super::{Code, Count, Feed, Message, Sleep, Stall};
use crate::openapi::{
    Application, Content, Operation, binary, events as event_stream, json as json_of, nothing,
    problem, text,
};

const PROBE: Application = Application {
    name: "Probe",
    about: "Small routes for load tests, which show one at a time what the container does.",
};

pub(super) fn echo() -> Operation {
    let same = || binary("*/*").example("hello");
    Operation::new(PROBE, "Send a body back")
        .about("Under its content type; without one, as `application/octet-stream`.")
        .body(same())
        .answer(200, "the same body", same())
}

pub(super) fn count() -> Operation {
    Operation::new(PROBE, "Count the bytes of a body")
        .about("They are counted as they come, and nothing of them is kept.")
        .body(binary("*/*").example("hello"))
        .answer(200, "how many bytes the body has", text().example("5"))
}

pub(super) fn plaintext() -> Operation {
    let greeting = text().example("Hello, World!");
    Operation::new(PROBE, "Greet in plain text").answer(200, "the greeting", greeting)
}

pub(super) fn json() -> Operation {
    let greeting = json_of::<Message>();
    Operation::new(PROBE, "Greet in JSON")
        .about("The answer is serialised each time.")
        .answer(200, "the greeting", greeting)
}

pub(super) fn sleep() -> Operation {
    Operation::new(PROBE, "Wait")
        .about(
            "Answers after as many milliseconds as were asked for, and holds no thread meanwhile.",
        )
        .query::<Sleep>()
        .answer(200, "the time has passed", ok())
        .slow()
}

pub(super) fn blocking_sleep() -> Operation {
    Operation::new(PROBE, "Wait on a thread")
        .about("The same on a thread of the pool, which can do nothing else meanwhile.")
        .query::<Sleep>()
        .answer(200, "the time has passed", ok())
        .slow()
}

pub(super) fn limited() -> Operation {
    Operation::new(PROBE, "Wait in a queue")
        .about("Takes 10 ms; 16 at once, and a queue that sheds by the time waited.")
        .answer(200, "its turn has come", ok())
}

pub(super) fn route() -> Operation {
    Operation::new(PROBE, "Name a path's parameter")
        .path::<String>("id", "anything", "a b")
        .answer(200, "the parameter, decoded", text().example("a b"))
}

pub(super) fn headers() -> Operation {
    let lines = text().example("Host: 127.0.0.1:8888\nAccept: */*\n");
    Operation::new(PROBE, "Show the request's fields")
        .about("In the order, case and bytes in which they came, one a line.")
        .answer(200, "the fields", lines)
}

pub(super) fn status() -> Operation {
    let number = || text().example("204");
    let wrong = "it was asked for; or the status is not from 200 to 599";
    Operation::new(PROBE, "Answer with a status")
        .path::<Code>("code", "the status, 200 to 599", 204)
        .answer(204, "it was asked for", nothing())
        .answer(205, "it was asked for", nothing())
        .answer_class(2, "it was asked for", number())
        .answer(304, "it was asked for", nothing())
        .answer_class(3, "it was asked for", number())
        .answer(400, wrong, number().or(problem()))
        .answer_class(4, "it was asked for", number())
        .answer_class(5, "it was asked for", number())
}

pub(super) fn bytes() -> Operation {
    let meaning = "the bytes; the one at offset i is the hexadecimal digit of i modulo 16";
    Operation::new(PROBE, "Stream bytes")
        .about("How many there are is not announced, so that they are sent as chunks.")
        .path::<Count>("count", "how many, at most 1 GiB", 16)
        .answer(200, meaning, binary("application/octet-stream"))
        .slow()
}

pub(super) fn written() -> Operation {
    Operation::new(PROBE, "Write bytes")
        .about("The same bytes, written to the client as to a file by a thread of the pool.")
        .path::<Count>("count", "how many, at most 1 GiB", 16)
        .answer(200, "the bytes", binary("application/octet-stream"))
        .slow()
}

pub(super) fn events() -> Operation {
    let stream = event_stream().example("id: 1\ndata: 1\n\n");
    Operation::new(PROBE, "Send events")
        .about("Their numbers, one after another. A client that comes back goes on after its last.")
        .query::<Feed>()
        .header::<u64>("Last-Event-ID", "the last event that the client has got", 1)
        .answer(200, "the events", stream)
        .answer(204, "the client has got all of them", nothing())
        .slow()
}

pub(super) fn panic() -> Operation {
    let failure = problem().example(value!({
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "request_id": "8f1c2d3e4f5a6b7c",
    }));
    Operation::new(PROBE, "Panic")
        .about("The handler panics, on the lane that the path says. Nobody else notices.")
        .answer(500, "the handler has panicked", failure)
        .slow()
}

pub(super) fn worker_panic() -> Operation {
    Operation::new(PROBE, "Kill a worker")
        .about(
            "Panics where no handler can be blamed: the worker dies with its connections, and is \
                replaced. There is no answer.",
        )
        .answer(200, "never", text())
        .slow()
}

pub(super) fn stall() -> Operation {
    Operation::new(PROBE, "Hold a thread")
        .about("The thread sleeps, on the lane that the path says. Only one of the pool may.")
        .query::<Stall>()
        .answer(200, "the time has passed", ok())
        .slow()
}

fn ok() -> Content {
    text().example("ok")
}
