//! The three formats of the access log: what each keeps of a head, and what its lines look like.
//!
//! Whatever a client sends, a line stays one line and its fields stay where they are: what could not
//! be read is `-`, or in JSON not there.

use std::net::SocketAddr;

use super::entry::{Asked, Asking, Entry, Readable};
use super::text::{NONE, push_json, push_number, push_quoted, push_word};
use super::timestamp::Timestamps;
use crate::message::{TraceContext, Version};

/// `GET /users/7`.
pub(super) fn ask_short(asking: &Asking<'_>, asked: &mut Asked) {
    let text = &mut asked.text;
    let Some(request) = asking.request else {
        text.extend_from_slice(b"- -");
        return;
    };
    // A method is a token: nothing in it could be escaped (RFC 9110, section 9.1).
    text.extend_from_slice(request.head.method().as_str().as_bytes());
    text.push(b' ');
    push_word(text, request.path());
}

/// `TIME INFO container::access GET /users/7 200 46 50174 0+50170+4 async /users/{id} ID`, and
/// where traces are carried the `traceparent` that is handed on.
pub(super) fn short(entry: &Entry<'_>, timestamps: &mut Timestamps, out: &mut Vec<u8>) {
    timestamps.rfc3339(entry.ended, out);
    out.extend_from_slice(b" INFO container::access ");
    out.extend_from_slice(&entry.asked.text);
    let spans = &entry.spans;
    for (before, number) in [
        (b' ', u64::from(entry.status)),
        (b' ', entry.bytes),
        (b' ', spans.total),
        (b' ', spans.waited),
        (b'+', spans.ran),
        (b'+', spans.written),
    ] {
        out.push(before);
        push_number(out, number);
    }
    for word in [entry.route.lane().as_bytes(), &entry.route.word] {
        out.push(b' ');
        out.extend_from_slice(word);
    }
    out.push(b' ');
    entry.id.write(out);
    if let Some(trace) = entry.trace {
        out.push(b' ');
        out.extend_from_slice(trace.to_string().as_bytes());
    }
    out.push(b'\n');
}

/// The client's address; the request line; who referred the client and what it is.
pub(super) fn ask_combined(asking: &Asking<'_>, asked: &mut Asked) {
    let text = &mut asked.text;
    push_peer(text, asking.peer);
    let first = text.len();
    text.push(b'"');
    match asking.request {
        Some(request) => push_request_line(text, request),
        None => text.extend_from_slice(NONE),
    }
    text.push(b'"');
    asked.cuts = [first, text.len()];
    for value in [asking.referer(), asking.user_agent()] {
        text.extend_from_slice(b" \"");
        push_quoted(text, value.unwrap_or(NONE));
        text.push(b'"');
    }
}

fn push_request_line(text: &mut Vec<u8>, request: Readable<'_>) {
    push_quoted(text, request.head.method().as_str().as_bytes());
    text.push(b' ');
    for part in request.target() {
        push_quoted(text, part);
    }
    text.push(b' ');
    text.extend_from_slice(version(request.head.version()).as_bytes());
}

/// Apache's `combined`, with the time at which the request was received; then, where Apache's ends:
/// `waited=0 ran=50170 written=4 total=50174 lane=async route=/users/{id} id=ID`, and where traces are
/// carried `trace_id=ID span_id=ID parent_id=ID`.
pub(super) fn combined(entry: &Entry<'_>, timestamps: &mut Timestamps, out: &mut Vec<u8>) {
    let [peer, line, client] = entry.asked.parts();
    out.extend_from_slice(peer);
    out.extend_from_slice(b" - - [");
    timestamps.common(entry.received, out);
    out.extend_from_slice(b"] ");
    out.extend_from_slice(line);
    out.push(b' ');
    push_number(out, u64::from(entry.status));
    out.push(b' ');
    match entry.bytes {
        0 => out.extend_from_slice(NONE),
        bytes => push_number(out, bytes),
    }
    out.extend_from_slice(client);
    let spans = &entry.spans;
    for (name, micros) in [
        (" waited=", spans.waited),
        (" ran=", spans.ran),
        (" written=", spans.written),
        (" total=", spans.total),
    ] {
        out.extend_from_slice(name.as_bytes());
        push_number(out, micros);
    }
    out.extend_from_slice(b" lane=");
    out.extend_from_slice(entry.route.lane().as_bytes());
    out.extend_from_slice(b" route=");
    out.extend_from_slice(&entry.route.word);
    out.extend_from_slice(b" id=");
    entry.id.write(out);
    for (name, id) in entry.trace.into_iter().flat_map(trace_ids) {
        for part in [" ", name, "=", &id] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.push(b'\n');
}

/// The members that the head tells, and who asks.
pub(super) fn ask_json(asking: &Asking<'_>, asked: &mut Asked) {
    let text = &mut asked.text;
    if let Some(request) = asking.request {
        push_member(text, "method", request.head.method().as_str().as_bytes());
        push_member(text, "path", request.path());
        push_member(text, "version", version(request.head.version()).as_bytes());
    }
    if let Some(peer) = asking.peer {
        text.extend_from_slice(b",\"peer\":\"");
        push_peer(text, Some(peer));
        text.push(b'"');
    }
    for (name, value) in [
        ("referer", asking.referer()),
        ("user_agent", asking.user_agent()),
    ] {
        if let Some(value) = value {
            push_member(text, name, value);
        }
    }
}

/// One object: `{"time":"..","level":"INFO","target":"container::access","method":"GET",..}`.
pub(super) fn json(entry: &Entry<'_>, timestamps: &mut Timestamps, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":\"");
    timestamps.rfc3339(entry.ended, out);
    out.extend_from_slice(b"\",\"level\":\"INFO\",\"target\":\"container::access\"");
    out.extend_from_slice(&entry.asked.text);
    let spans = &entry.spans;
    for (name, number) in [
        ("status", u64::from(entry.status)),
        ("bytes", entry.bytes),
        ("total_us", spans.total),
        ("waited_us", spans.waited),
        ("ran_us", spans.ran),
        ("written_us", spans.written),
    ] {
        push_name(out, name);
        push_number(out, number);
    }
    push_member(out, "lane", entry.route.lane().as_bytes());
    push_member(out, "route", entry.route.template.as_bytes());
    push_name(out, "id");
    out.push(b'"');
    entry.id.write(out);
    out.push(b'"');
    for (name, id) in entry.trace.into_iter().flat_map(trace_ids) {
        push_member(out, name, id.as_bytes());
    }
    out.extend_from_slice(b"}\n");
}

/// What the ids of a trace are called, and they themselves; no caller's where the trace begins here.
fn trace_ids(trace: &TraceContext) -> impl Iterator<Item = (&'static str, String)> {
    let parent = trace.parent_id();
    let own = [
        ("trace_id", format!("{:032x}", trace.trace_id())),
        ("span_id", format!("{:016x}", trace.span_id())),
    ];
    let parent = parent.map(|parent| ("parent_id", format!("{parent:016x}")));
    own.into_iter().chain(parent)
}

fn push_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn push_member(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    push_name(out, name);
    push_json(out, value);
}

fn push_peer(out: &mut Vec<u8>, peer: Option<SocketAddr>) {
    match peer {
        // Without its port: that of a client tells nobody anything.
        Some(peer) => out.extend_from_slice(peer.ip().to_string().as_bytes()),
        None => out.extend_from_slice(NONE),
    }
}

fn version(version: Version) -> &'static str {
    if version == Version::HTTP_10 {
        "HTTP/1.0"
    } else {
        "HTTP/1.1"
    }
}
