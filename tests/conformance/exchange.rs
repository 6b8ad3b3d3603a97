//! What goes on around a request: expectations, methods, keep-alive, upgrades, limits.

use super::case::{Case, closed, ended, get, kept, post, refused};

#[rustfmt::skip]
pub(super) fn expectations() -> Vec<Case> {
    let expect = |fields: &str| post(&format!("Expect: 100-continue\r\n{fields}"), "");
    let to = |path: &str, length: &str| format!("POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n");
    vec![
        kept("leave, then the body", "9110 10.1.1", expect("Content-Length: 5\r\n"), &[100]).then("hello", &[200]).body("hello"),
        kept("leave, then chunks", "9110 10.1.1", expect("Transfer-Encoding: chunked\r\n"), &[100]).then("2\r\nhi\r\n0\r\n\r\n", &[200]).body("hi"),
        kept("in mixed case", "9110 10.1.1", post("expect: 100-Continue\r\nContent-Length: 2\r\n", ""), &[100]).then("hi", &[200]),
        kept("leave when a live body is first read", "9110 10.1.1", to("/live", "5"), &[100]).then("hello", &[200]).body("5 bytes"),
        kept("the body is here already", "9110 10.1.1", format!("{}hello", expect("Content-Length: 5\r\n")), &[100, 200]).body("hello"),
        kept("no body, no leave", "9110 10.1.1", expect("Content-Length: 0\r\n"), &[200]),
        kept("neither field, no leave", "9110 10.1.1", expect(""), &[200]),
        kept("a GET without a body", "9110 10.1.1", get("Expect: 100-continue\r\n"), &[200]),
        kept("leave once for each request", "9110 10.1.1", expect("Content-Length: 2\r\n"), &[100]).then(format!("hi{}", expect("Content-Length: 2\r\n")), &[200, 100]).then("ho", &[200]).body("ho"),
        kept("the next request after the body is no body", "9110 10.1.1", expect("Content-Length: 2\r\n"), &[100]).then("hiGET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]).body("root"),
        closed("no leave where there is no route", "9110 10.1.1", to("/nowhere", "5"), &[404]).field("connection", "close"),
        closed("no leave for the wrong method", "9110 10.1.1", "DELETE /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", &[405]),
        closed("no leave for an unknown method", "9110 10.1.1", "BREW /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", &[501]),
        closed("no leave for too large a body", "9110 10.1.1", to("/echo", "999999999"), &[413]),
        closed("no leave for a body that nobody reads", "9110 10.1.1", to("/ignore", "5"), &[200]),
        refused("no leave for a malformed length", "9110 10.1.1", to("/echo", "+5")),
        closed("another expectation", "9110 10.1.1", get("Expect: 200-ok\r\n"), &[417]),
        closed("an empty expectation", "9110 10.1.1", get("Expect:\r\n"), &[417]),
        closed("an expectation in quotes", "9110 10.1.1", get("Expect: \"100-continue\"\r\n"), &[417]),
        closed("an expectation with a parameter", "9110 10.1.1", get("Expect: 100-continue;a=b\r\n"), &[417]),
        closed("two expectations in one", "9110 10.1.1", get("Expect: 100-continue, other\r\n"), &[417]),
        closed("two expectations", "9110 10.1.1", get("Expect: 100-continue\r\nExpect: other\r\n"), &[417]),
        closed("passed over in HTTP/1.0", "9110 10.1.1", "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", &[200]).body("hi"),
        closed("another one is passed over in HTTP/1.0", "9110 10.1.1", "GET / HTTP/1.0\r\nExpect: 200-ok\r\n\r\n", &[200]),
    ]
}

#[rustfmt::skip]
pub(super) fn methods() -> Vec<Case> {
    let on = |method: &str, path: &str| format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    vec![
        kept("GET", "9110 9.3.1", on("GET", "/"), &[200]).body("root"),
        kept("HEAD", "9110 9.3.2", on("HEAD", "/"), &[200]).field("content-length", "4").body(""),
        kept("HEAD of what is not there", "9110 9.3.2", on("HEAD", "/nowhere"), &[404]).body(""),
        kept("HEAD of chunks", "9110 9.3.2", on("HEAD", "/stream/3"), &[200]).field("transfer-encoding", "chunked"),
        kept("HEAD of POST's route", "9110 9.3.2", on("HEAD", "/echo"), &[405]),
        kept("POST", "9110 9.3.3", on("POST", "/echo"), &[200]),
        kept("PUT", "9110 9.3.4", on("PUT", "/echo"), &[200]),
        kept("405 says what is allowed", "9110 15.5.6", on("PUT", "/"), &[405]).field("allow", "GET, HEAD, OPTIONS"),
        kept("405 of two methods", "9110 15.5.6", on("GET", "/echo"), &[405]).field("allow", "POST, PUT, OPTIONS"),
        kept("DELETE", "9110 9.3.5", on("DELETE", "/"), &[405]).field("allow", "GET, HEAD, OPTIONS"),
        kept("PATCH", "5789 2", on("PATCH", "/"), &[405]),
        kept("QUERY", "10008 2", on("QUERY", "/"), &[405]),
        kept("TRACE echoes nothing", "9110 9.3.8", "TRACE / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\n\r\n", &[405]).field("allow", "GET, HEAD, OPTIONS"),
        kept("OPTIONS", "9110 9.3.7", on("OPTIONS", "/"), &[204]).field("allow", "GET, HEAD, OPTIONS").no_field("content-length"),
        kept("OPTIONS of what is not there", "9110 9.3.7", on("OPTIONS", "/nowhere"), &[404]),
        kept("an unknown method", "9110 9.1", on("BREW", "/"), &[501]),
        kept("an unknown method on nothing", "9110 9.1", on("BREW", "/nowhere"), &[501]),
        kept("a method in small letters is another", "9110 9.1", on("get", "/"), &[501]),
        kept("a method in mixed case is another", "9110 9.1", on("Post", "/echo"), &[501]),
        kept("a method of one letter", "9110 9.1", on("M", "/"), &[501]),
        kept("a method of symbols", "9110 5.6.2", on("!#$%&'*+-.^_`|~", "/"), &[501]),
        kept("a method of WebDAV", "9110 9.1", on("PROPFIND", "/"), &[501]),
        kept("PRI in HTTP/1.1", "9113 11.6", on("PRI", "/"), &[501]),
        kept("any method where a route takes them all", "9110 9.1", on("BREW", "/method"), &[200]).body("BREW"),
    ]
}

#[rustfmt::skip]
pub(super) fn keep_alive() -> Vec<Case> {
    let old = |fields: &str| format!("GET / HTTP/1.0\r\n{fields}\r\n");
    let smuggled = get("");
    vec![
        kept("HTTP/1.1 is kept", "9112 9.3", get(""), &[200]).no_field("connection"),
        kept("keep-alive says nothing new", "9112 9.3", get("Connection: keep-alive\r\n"), &[200]),
        kept("another option", "9110 7.6.1", get("Connection: foo\r\n"), &[200]),
        kept("a word that contains close", "9110 7.6.1", get("Connection: closed, not-close\r\n"), &[200]),
        kept("an empty list", "9110 7.6.1", get("Connection:\r\n"), &[200]),
        kept("Keep-Alive alone is no option", "9112 9.3", get("Keep-Alive: timeout=1\r\n"), &[200]),
        kept("Proxy-Connection is another field", "9112 C.2.2", get("Proxy-Connection: close\r\n"), &[200]),
        kept("Host as an option changes nothing", "9110 7.6.1", get("Connection: host, content-length\r\n"), &[200]),
        closed("close", "9112 9.6", get("Connection: close\r\n"), &[200]).field("connection", "close"),
        closed("close in capitals", "9110 7.6.1", get("CONNECTION: CLOSE\r\n"), &[200]),
        closed("close in a list", "9110 7.6.1", get("Connection: foo, Close\r\n"), &[200]),
        closed("close in a list with empty elements", "9110 5.6.1", get("Connection: ,, close ,\r\n"), &[200]),
        closed("close in a second line", "9110 5.3", get("Connection: foo\r\nConnection: close\r\n"), &[200]),
        closed("close and keep-alive", "9112 9.3", get("Connection: keep-alive, close\r\n"), &[200]),
        closed("close in one line, keep-alive in another", "9112 9.3", get("Connection: close\r\nConnection: keep-alive\r\n"), &[200]),
        closed("close is the end", "9112 9.6", format!("{}{smuggled}", get("Connection: close\r\n")), &[200]),
        closed("close of a 404", "9112 9.6", "GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[404]),
        closed("HTTP/1.0 is not kept", "9112 9.3", old(""), &[200]).field("connection", "close"),
        closed("HTTP/1.0 is not kept, whatever follows", "9112 9.3", format!("{}{smuggled}", old("")), &[200]),
        kept("HTTP/1.0 and keep-alive", "9112 9.3", old("Connection: keep-alive\r\n"), &[200]).field("connection", "keep-alive"),
        kept("HTTP/1.0 and Keep-Alive in a list", "9112 9.3", old("Connection: foo, Keep-Alive\r\n"), &[200]).field("connection", "keep-alive"),
        closed("HTTP/1.0, keep-alive and close", "9112 9.3", old("Connection: keep-alive\r\nConnection: close\r\n"), &[200]),
        closed("HTTP/1.0 and a body of unknown length", "9112 9.3", "GET /stream/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &[200]).body("abcabcabc").no_field("transfer-encoding"),
        kept("two requests at once", "9112 9.3.2", format!("{0}{0}", get("")), &[200, 200]),
        kept("a hundred requests at once, of two kinds", "9112 9.3.2", format!("{}{}", get(""), post("Content-Length: 2\r\n", "hi")).repeat(50), &[200; 100]).body("hi"),
        kept("a slow one does not overtake", "9112 9.3.2", format!("{}{}", post("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n"), get("")), &[200, 200]).body("root"),
        kept("404 closes nothing", "9112 9.3", "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", &[404]),
        closed("a refusal is the last answer", "9112 9.6", format!("{0}GET / HTTP/1.1\r\n\r\n{0}", get("")), &[200, 400]),
        ended("a half-closed client gets its answer", "9112 9.6", get(""), &[200]),
        ended("a half-closed client gets all its answers", "9112 9.6", get("").repeat(3), &[200, 200, 200]),
        ended("a half-closed client gets the answer to its body", "9112 9.6", post("Content-Length: 2\r\n", "hi"), &[200]).body("hi"),
        ended("a client that half-closes within a second request", "9112 9.6", format!("{}GET / HT", get("")), &[200, 400]),
    ]
}

#[rustfmt::skip]
pub(super) fn upgrades() -> Vec<Case> {
    let websocket = "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    vec![
        kept("h2c is passed over", "9110 7.8", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), &[200]).body("root").no_field("upgrade"),
        kept("h2c with a body is passed over", "9110 7.8", post("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n", "hi"), &[200]).body("hi"),
        kept("TLS is passed over", "2817 3", get("Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n"), &[200]),
        kept("an unknown protocol", "9110 7.8", get("Connection: Upgrade\r\nUpgrade: unheard-of/1.0\r\n"), &[200]),
        kept("no Connection: Upgrade", "9110 7.8", get("Upgrade: websocket\r\n"), &[200]),
        kept("WebSocket to a route that has none", "6455 4.2", get(&format!("Connection: Upgrade\r\n{websocket}")), &[200]),
        kept("WebSocket by POST", "6455 4.1", post(&format!("Connection: Upgrade\r\n{websocket}Content-Length: 2\r\n"), "hi"), &[200]),
        closed("an upgrade in HTTP/1.0", "9110 7.8", format!("GET / HTTP/1.0\r\nConnection: Upgrade\r\n{websocket}\r\n"), &[200]),
        closed("an upgrade and close", "9110 7.8", get("Connection: Upgrade, close\r\nUpgrade: h2c\r\n"), &[200]),
        kept("Range of what has no ranges", "9110 14.2", get("Range: bytes=0-1\r\n"), &[200]).body("root"),
        kept("an unknown Range unit", "9110 14.2", get("Range: nonsense\r\n"), &[200]),
        kept("an unknown Accept", "9110 12.5.1", get("Accept: application/x-nonsense\r\n"), &[200]),
        kept("two media types", "9110 5.3", post("Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 2\r\n", "hi"), &[200]),
    ]
}

#[rustfmt::skip]
pub(super) fn limits() -> Vec<Case> {
    let line = |length: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(length));
    vec![
        kept("a target of 8,000 bytes", "9112 3", line(8_000), &[404]),
        closed("a target of 100,000 bytes", "9112 3", line(100_000), &[414]),
        closed("a query of 100,000 bytes", "9112 3", format!("GET /?{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(100_000)), &[414]),
        ended("a target without an end", "9112 3", format!("GET /{}", "a".repeat(9_000)), &[414]),
        refused("a method of 100,000 bytes", "9112 3", format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "A".repeat(100_000))),
        kept("a field of 30,000 bytes", "6585 5", get(&format!("X: {}\r\n", "y".repeat(30_000))), &[200]),
        closed("a field of 100,000 bytes", "6585 5", get(&format!("X: {}\r\n", "y".repeat(100_000))), &[431]),
        closed("a field name of 100,000 bytes", "6585 5", get(&format!("{}: y\r\n", "X".repeat(100_000))), &[431]),
        closed("200 fields", "6585 5", get(&"X: y\r\n".repeat(200)), &[431]),
        closed("10,000 fields", "6585 5", get(&"X: y\r\n".repeat(10_000)), &[431]),
        refused("five empty lines before a request", "9112 2.2", format!("\r\n\r\n\r\n\r\n\r\n{}", get(""))),
        refused("a thousand empty lines", "9112 2.2", "\r\n".repeat(1_000)),
        closed("a body larger than allowed", "9110 15.5.14", post("Content-Length: 2097153\r\n", ""), &[413]),
        closed("a chunk larger than allowed", "9110 15.5.14", post("Transfer-Encoding: chunked\r\n", &format!("200001\r\n{}\r\n0\r\n\r\n", "a".repeat((2 << 20) + 1))), &[413]),
        kept("a body as large as allowed", "9110 15.5.14", post("Content-Length: 2097152\r\n", &"a".repeat(2 << 20)), &[200]),
        closed("a large body that nobody reads", "9112 9.3", format!("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n{}", "a".repeat(1_000_000)), &[200]).field("connection", "close"),
    ]
}
