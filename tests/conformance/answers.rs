//! Answers: what statuses and methods leave out, and what cannot be put in.

use super::case::{Case, closed, kept};

#[rustfmt::skip]
pub(super) fn cases() -> Vec<Case> {
    let status = |code: &str| format!("GET /status/{code} HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = |path: &str| format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let field = |value: &str| format!("GET /field/{value} HTTP/1.1\r\nHost: a\r\n\r\n");
    let query = |value: &str| format!("GET /field?value={value} HTTP/1.1\r\nHost: a\r\n\r\n");
    let bare = |case: Case| case.body("").no_field("content-length").no_field("transfer-encoding");
    vec![
        bare(kept("204 has no body and no length", "9110 15.3.5", status("204"), &[204])),
        bare(kept("304 has no body", "9110 15.4.5", status("304"), &[304])),
        kept("205 says that it is empty", "9110 15.3.6", status("205"), &[205]).body("").field("content-length", "0"),
        kept("201 has its body", "9110 15.3.2", status("201"), &[201]).body("body"),
        kept("404 of a handler has its body", "9110 15.5.5", status("404"), &[404]).body("body"),
        kept("500 of a handler closes nothing", "9110 15.6.1", status("500"), &[500]).body("body"),
        kept("an unknown status", "9110 15", status("799"), &[799]).body("body"),
        kept("a handler cannot answer 100", "9110 15.2", status("100"), &[500]),
        kept("a handler cannot answer 101", "9110 15.2", status("101"), &[500]),
        kept("204 to a POST with a body", "9110 15.3.5", "POST /status/204 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", &[204]),
        bare(kept("HEAD of 204", "9110 9.3.2", head("/status/204"), &[204])),
        bare(kept("HEAD of 304", "9110 9.3.2", head("/status/304"), &[304])),
        kept("HEAD of a body", "9110 9.3.2", head("/bytes/7"), &[200]).field("content-length", "7").field("content-type", "application/octet-stream").body(""),
        kept("GET of that body", "9110 9.3.2", "GET /bytes/7 HTTP/1.1\r\nHost: a\r\n\r\n", &[200]).field("content-length", "7").field("content-type", "application/octet-stream").body("xxxxxxx"),
        kept("HEAD, then GET", "9110 9.3.2", head("/bytes/7"), &[200]).then("GET /bytes/7 HTTP/1.1\r\nHost: a\r\n\r\n", &[200]).body("xxxxxxx"),
        closed("HEAD without Host", "9110 9.3.2", "HEAD / HTTP/1.1\r\n\r\n", &[400]).body(""),
        closed("HEAD with a broken field", "9110 9.3.2", "HEAD / HTTP/1.1\r\nHost: a\r\nx : y\r\n\r\n", &[400]).body(""),
        closed("HEAD in HTTP/2.0", "9110 9.3.2", "HEAD / HTTP/2.0\r\n\r\n", &[505]).body(""),
        closed("HEAD in HTTP/1.0", "9110 9.3.2", "HEAD /bytes/7 HTTP/1.0\r\n\r\n", &[200]).field("content-length", "7").body(""),
        closed("HEAD of a stream in HTTP/1.0", "9110 9.3.2", "HEAD /stream/3 HTTP/1.0\r\n\r\n", &[200]).body(""),
        kept("an empty body says so", "9112 6.3", "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n", &[200]).field("content-length", "0"),
        kept("a stream", "9112 7.1", "GET /stream/3 HTTP/1.1\r\nHost: a\r\n\r\n", &[200]).body("abcabcabc").field("x-count", "3").no_field("content-length"),
        kept("a stream of nothing", "9112 7.1", "GET /stream/0 HTTP/1.1\r\nHost: a\r\n\r\n", &[200]).body(""),
        kept("a handler cannot forge the framing", "9112 6", "GET /forged HTTP/1.1\r\nHost: a\r\n\r\n", &[200]).body("forged").field("content-length", "6").no_field("connection"),
        kept("refusals are problem documents", "9457 3", "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", &[404]).field("content-type", "application/problem+json"),
        closed("protocol refusals too", "9457 3", "GET / HTTP/1.1\r\n\r\n", &[400]).field("content-type", "application/problem+json").field("connection", "close"),
        kept("a decoded path in a field", "9110 5.5", field("a%20b"), &[200]).field("x-value", "a b"),
        kept("a line end in a path cannot get into a field", "9110 5.5", field("a%0d%0aX-Injected:%20b"), &[400]).no_field("x-injected"),
        kept("a LF in a path cannot get into a field", "9110 5.5", field("a%0aX-Injected:%20b"), &[400]).no_field("x-injected"),
        kept("a CR in a path cannot get into a field", "9110 5.5", field("a%0dX-Injected:%20b"), &[400]).no_field("x-injected"),
        kept("NUL in a path cannot get into a field", "9110 5.5", field("a%00b"), &[400]),
        kept("a line end in a query cannot get into a field", "9110 5.5", query("a%0d%0aX-Injected:%20b"), &[400]).no_field("x-injected"),
        kept("a LF in a query cannot get into a field", "9110 5.5", query("a%0aX-Injected:%20b"), &[400]).no_field("x-injected"),
        kept("an escape that decodes to an escape", "9110 5.5", field("a%250d%250a"), &[200]).field("x-value", "a%0d%0a"),
        kept("a path parameter that is not UTF-8", "3986 2.1", field("%ff"), &[400]),
        kept("a line end in a path that is not there", "9110 5.5", "GET /no%0d%0aX-Injected:%20b HTTP/1.1\r\nHost: a\r\n\r\n", &[404]).no_field("x-injected"),
        kept("a line end in a number", "9110 5.5", "GET /bytes/1%0d%0aX-Injected:%20b HTTP/1.1\r\nHost: a\r\n\r\n", &[400]).no_field("x-injected"),
    ]
}
