//! The three formats of the access log: what each keeps of a head, and what its lines look like.
//!
//! Whatever a client sends, a line stays one line and its fields stay where they are.

use std::net::SocketAddr;

use super::entry::{Asked, Asking, Entry};
use super::text::{NONE, push_json, push_number, push_quoted, push_word};
use super::timestamp::Timestamps;
use crate::message::{TraceContext, Version};

/// What says which program a client is.
const USER_AGENT: &str = "user-agent";

/// `GET /users/7`.
pub(super) fn ask_short(asking: &Asking<'_>, asked: &mut Asked) {
    // A method is a token: nothing in it could be escaped (RFC 9110, section 9.1).
    let method = asking.head.method().as_str();
    asked.text.extend_from_slice(method.as_bytes());
    asked.text.push(b' ');
    push_word(&mut asked.text, asking.path());
}

/// `TIME INFO container::access GET /users/7 200 46 50174 0+50170+4 async /users/{id} ID`.
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
    out.extend_from_slice(&entry.route.words);
    entry.id.write(out);
    out.push(b'\n');
}

/// The client's address; the request line; who referred the client and what it is.
pub(super) fn ask_combined(asking: &Asking<'_>, asked: &mut Asked) {
    let (head, text) = (asking.head, &mut asked.text);
    push_peer(text, asking.peer);
    let first = text.len();
    text.push(b'"');
    push_quoted(text, head.method().as_str().as_bytes());
    text.push(b' ');
    for part in asking.target() {
        push_quoted(text, part);
    }
    text.push(b' ');
    text.extend_from_slice(version(head.version()).as_bytes());
    text.push(b'"');
    asked.cuts = [first, text.len()];
    for value in [asking.referer(), head.header(USER_AGENT)] {
        text.extend_from_slice(b" \"");
        push_quoted(text, value.unwrap_or(NONE));
        text.push(b'"');
    }
}

/// Apache's `combined`, with the time at which the request was received; then, where Apache's ends:
/// `waited=0 ran=50170 written=4 total=50174 lane=async route=/users/{id} id=ID`.
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
    out.push(b'\n');
}

/// The members that the head tells.
pub(super) fn ask_json(asking: &Asking<'_>, asked: &mut Asked) {
    let (head, text) = (asking.head, &mut asked.text);
    push_member(text, "method", head.method().as_str().as_bytes());
    push_member(text, "path", asking.path());
    push_member(text, "version", version(head.version()).as_bytes());
    if let Some(peer) = asking.peer {
        text.extend_from_slice(b",\"peer\":\"");
        push_peer(text, Some(peer));
        text.push(b'"');
    }
    for (name, value) in [
        ("referer", asking.referer()),
        ("user_agent", head.header(USER_AGENT)),
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
    if let Some(trace) = entry.trace {
        push_trace(out, trace);
    }
    out.extend_from_slice(b"}\n");
}

fn push_trace(out: &mut Vec<u8>, trace: &TraceContext) {
    let mut push = |name, id: String| push_member(out, name, id.as_bytes());
    push("trace_id", format!("{:032x}", trace.trace_id()));
    push("span_id", format!("{:016x}", trace.span_id()));
    if let Some(parent) = trace.parent_id() {
        push("parent_id", format!("{parent:016x}"));
    }
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
