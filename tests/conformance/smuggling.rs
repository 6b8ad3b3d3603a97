//! Smuggling: requests in which a proxy in front might see another one. Whatever it sees, the second
//! is never answered.

use super::case::{Case, chunked, closed, get, kept, post, refused};

/// What is to be smuggled: answered, it would be a second 200.
const SECOND: &str = "GET /method HTTP/1.1\r\nHost: a\r\n\r\n";

/// The same where a body of chunks is expected: a size line that a lenient reader takes.
const CHUNK_OF_IT: &str = "25\r\n";

/// `POST /echo` with these fields, then this, then the second request.
fn with_second(fields: &str, rest: &str) -> String {
    post(fields, &format!("{rest}{SECOND}"))
}

/// The same with a body in chunks.
fn chunks_with_second(chunks: &str) -> String {
    chunked(&format!("{chunks}{SECOND}"))
}

/// Requests that are refused.
#[rustfmt::skip]
pub(super) fn refusals() -> Vec<Case> {
    const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
    let fields = |fields: &str| with_second(fields, "0\r\n\r\n");
    vec![
        refused("CL.TE", "9112 6.3", fields("Content-Length: 43\r\nTransfer-Encoding: chunked\r\n")),
        refused("TE.CL", "9112 6.3", fields("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n")),
        refused("CL.TE with one byte over", "9112 6.3", fields("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n")),
        refused("CL.CL", "9112 6.3", fields("Content-Length: 5\r\nContent-Length: 0\r\n")),
        refused("CL.CL in a list", "9112 6.3", fields("Content-Length: 5, 0\r\n")),
        refused("TE.TE: the second unknown", "9112 6.3", fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n")),
        refused("TE.TE: the first unknown, with a length", "9112 6.3", fields("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n")),
        refused("TE with a space before its colon, and CL", "9112 5.1", fields("Transfer-Encoding : chunked\r\nContent-Length: 5\r\n")),
        refused("TE with a tab before its colon, and CL", "9112 5.1", fields("Transfer-Encoding\t: chunked\r\nContent-Length: 5\r\n")),
        refused("TE behind a vertical tab, and CL", "9110 5.5", fields("Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n")),
        refused("TE behind a form feed, and CL", "9110 5.5", fields("Transfer-Encoding: \x0cchunked\r\nContent-Length: 5\r\n")),
        refused("TE with NUL behind it, and CL", "9110 5.5", fields("Transfer-Encoding: chunked\0\r\nContent-Length: 5\r\n")),
        refused("TE in quotes, and CL", "9112 7", fields("Transfer-Encoding: \"chunked\"\r\nContent-Length: 5\r\n")),
        refused("TE with a parameter, and CL", "9112 7", fields("Transfer-Encoding: chunked;a=b\r\nContent-Length: 5\r\n")),
        refused("TE behind a comma, and CL", "9112 6.3", fields("Transfer-Encoding: , chunked\r\nContent-Length: 5\r\n")),
        refused("TE before a comma, and CL", "9112 6.3", fields("Transfer-Encoding: chunked,\r\nContent-Length: 5\r\n")),
        refused("TE folded, and CL", "9112 5.2", fields("Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n")),
        refused("TE on a folded line, and CL", "9112 5.2", fields("X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")),
        refused("TE behind a bare LF, and CL", "9112 2.2", fields("X: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n")),
        refused("TE behind a bare CR, and CL", "9112 2.2", fields("X: y\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n")),
        refused("TE with a name beyond ASCII, and CL", "9110 5.1", fields("Transfer-Encod\u{131}ng: chunked\r\nContent-Length: 5\r\n")),
        refused("TE in HTTP/1.0", "9112 6.1", format!("POST /echo HTTP/1.0\r\nConnection: keep-alive\r\n{CHUNKED}\r\n0\r\n\r\n{SECOND}")),
        refused("TE and CL in HTTP/1.0", "9112 6.1", format!("POST /echo HTTP/1.0\r\nConnection: keep-alive\r\n{CHUNKED}Content-Length: 5\r\n\r\n0\r\n\r\n{SECOND}")),
        refused("TE: identity, and CL", "9112 7", fields("Transfer-Encoding: identity\r\nContent-Length: 5\r\n")),
        refused("TE empty, and CL", "9112 6.3", fields("Transfer-Encoding:\r\nContent-Length: 5\r\n")),
        refused("TE in GET, with CL 0", "9112 6.3", format!("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{CHUNKED}\r\n0\r\n\r\n{SECOND}")),
        refused("TE in OPTIONS, folded", "9112 5.2", format!("OPTIONS / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{SECOND}")),
        refused("CL with a sign", "9110 8.6", fields("Content-Length: +5\r\n")),
        refused("CL below zero", "9110 8.6", fields("Content-Length: -5\r\n")),
        refused("CL in hexadecimal", "9110 8.6", fields("Content-Length: 0x5\r\n")),
        refused("CL with a blank in it", "9110 8.6", fields("Content-Length: 0 5\r\n")),
        refused("CL that overflows to five", "9110 8.6", fields("Content-Length: 18446744073709551621\r\n")),
        refused("CL with a space before its colon", "9112 5.1", fields("Content-Length : 5\r\n")),
        refused("CL with NUL in its name", "9110 5.1", fields("Content-Length\0: 5\r\n")),
        refused("CL on the line of another behind a bare LF", "9112 2.2", fields("X: y\nContent-Length: 0\r\n")),
        refused("CL on a line that begins with a space", "9112 5.2", fields("X: y\r\n Content-Length: 0\r\n")),

        refused("a chunk size with a bare LF", "9112 2.2", chunks_with_second("5\nhello\r\n0\r\n\r\n")),
        refused("a chunk size with a prefix", "9112 7.1", chunks_with_second("0x5\r\nhello\r\n0\r\n\r\n")),
        refused("a chunk size with a backslash", "9112 7.1", chunks_with_second("0\\x5\r\n\r\n")),
        refused("a chunk size that overflows to nothing", "9112 7.1", chunks_with_second("10000000000000000\r\n\r\n")),
        refused("a chunk size that overflows 32 bits", "9112 7.1", chunks_with_second("100000000\n\r\n")),
        refused("a chunk size behind a space", "9112 7.1", chunks_with_second(" 0\r\n\r\n")),
        refused("a chunk size before a space", "9112 7.1", chunks_with_second("0 \r\n\r\n")),
        refused("a chunk size that is empty", "9112 7.1", chunks_with_second("\r\n\r\n")),
        refused("a chunk size that is below zero", "9112 7.1", chunks_with_second("-0\r\n\r\n")),
        refused("a chunk extension that ends in a bare LF", "9112 2.2", chunks_with_second("5;\nxxxx\r\n0\r\n\r\n")),
        refused("a chunk extension with a bare CR", "9112 2.2", chunks_with_second("5;a\rb\r\nhello\r\n0\r\n\r\n")),
        refused("a chunk extension with a line end in quotes", "9112 7.1.1", chunks_with_second("5;a=\"\r\nhello\r\n0\r\n\r\n")),
        refused("a chunk extension without a name", "9112 7.1.1", chunks_with_second("5;\r\nhello\r\n0\r\n\r\n")),
        refused("chunk data that ends in a bare LF", "9112 2.2", chunks_with_second("5\r\nhello\n0\r\n\r\n")),
        refused("chunk data that ends in two other bytes", "9112 7.1", chunks_with_second("5\r\nhelloxx0\r\n\r\n")),
        refused("chunk data that ends in nothing", "9112 7.1", chunks_with_second(&format!("5\r\nhello{CHUNK_OF_IT}"))),
        refused("chunk data that is longer than its size", "9112 7.1", chunks_with_second("2\r\nhello\r\n0\r\n\r\n")),
        refused("a last chunk and a bare LF", "9112 2.2", chunks_with_second("0\n\n")),
        refused("a last chunk and a bare LF for the empty line", "9112 2.2", chunks_with_second("0\r\n\n")),
        refused("a trailer that ends in a bare LF", "9112 2.2", chunks_with_second("0\r\nX: y\n\r\n")),
        refused("a trailer that is a request", "9112 5", chunks_with_second("0\r\n")),
        refused("a trailer that frames the next", "9110 6.5.1", chunks_with_second("0\r\nContent-Length: 39\r\n\r\n")),
        refused("a trailer that routes", "9110 6.5.1", chunks_with_second("0\r\nHost: b\r\n\r\n")),
        closed("gzip, then chunked", "9112 6.1", fields("Transfer-Encoding: gzip, chunked\r\n"), &[501]),

        refused("a second Host", "9112 3.2", format!("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n{SECOND}")),
        refused("a second Host behind a bare LF", "9112 2.2", format!("GET / HTTP/1.1\r\nHost: a\nHost: b\r\n\r\n{SECOND}")),
        refused("a list of Hosts", "9112 3.2", format!("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n{SECOND}")),
        refused("a Host with a path", "9112 3.2", format!("GET / HTTP/1.1\r\nHost: a/?b\r\n\r\n{SECOND}")),
        refused("a request line with a tab", "9112 3", format!("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n{SECOND}")),
        refused("a request line that is a header of another", "9112 3", format!("GET / HTTP/1.1 X: HTTP/1.1\r\nHost: a\r\n\r\n{SECOND}")),
        refused("a request line of HTTP/0.9", "9112 2.3", format!("GET /\r\n{SECOND}")),
        refused("a first line that begins with a space", "9112 2.2", format!("GET / HTTP/1.1\r\n Host: a\r\n\r\n{SECOND}")),
        refused("a field with NUL", "9110 5.5", format!("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n{SECOND}")),
        refused("lines that end in CR", "9112 2.2", format!("GET / HTTP/1.1\rHost: a\r\r{SECOND}")),
        refused("bytes before a request", "9112 2.2", format!("\0{SECOND}")),
        refused("a request behind a byte that belongs to nothing", "9112 2.2", format!("x{}x{SECOND}", "GET /\tHTTP/1.1\r\n\r\n")),
        closed("CONNECT", "9110 9.3.6", format!("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n{SECOND}"), &[501]),
        closed("an expectation unheard of", "9110 10.1.1", with_second("Expect: x\r\nContent-Length: 5\r\n", ""), &[417]),
        closed("a body larger than allowed", "9110 15.5.14", with_second("Content-Length: 999999999\r\n", ""), &[413]),
        closed("a request behind the last", "9112 9.6", format!("{}{SECOND}", get("Connection: close\r\n")), &[200]),
        closed("a client that waits for leave sends a request instead", "9110 10.1.1", format!("POST /ignore HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 37\r\n\r\n{SECOND}"), &[200]),
    ]
}

/// Requests that are sound, whose body is the second request: it is read as such, in all methods.
#[rustfmt::skip]
pub(super) fn bodies() -> Vec<Case> {
    let length = SECOND.len();
    let mut cases = vec![];
    for (method, path, status) in [
        ("GET", "/", 200), ("HEAD", "/", 200), ("OPTIONS", "/", 204), ("DELETE", "/", 405), ("TRACE", "/", 405),
        ("BREW", "/", 501), ("GET", "/nowhere", 404), ("POST", "/ignore", 200), ("POST", "/live", 200),
        ("POST", "/echo", 200), ("POST", "/status/204", 204), ("POST", "/status/304", 304),
    ] {
        let name = format!("{method} {path}");
        let by_length = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{SECOND}");
        let by_chunks = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{SECOND}\r\n0\r\n\r\n");
        cases.push(kept(format!("CL.0: {name}"), "9112 6.3", by_length, &[status]));
        cases.push(kept(format!("TE.0: {name}"), "9112 6.3", by_chunks, &[status]));
    }
    cases
}
