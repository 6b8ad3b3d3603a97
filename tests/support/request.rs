//! The requests that most tests send.

/// A request for `/` on a connection that is kept.
pub const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// The same as the last on its connection.
pub const LAST: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A request for `target` on a connection that is kept.
pub fn get(target: &str) -> String {
    GET.replacen('/', target, 1)
}

/// The same as the last on its connection.
pub fn last(target: &str) -> String {
    LAST.replacen('/', target, 1)
}
