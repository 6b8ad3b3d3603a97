//! The request line: its grammar, the four forms of targets, the versions.

use super::case::{Case, closed, ended, kept, refused};

#[rustfmt::skip]
pub(super) fn cases() -> Vec<Case> {
    vec![
        kept("a plain request", "9112 3", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200]).body("root"),
        refused("two spaces before the target", "9112 3", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("two spaces behind the target", "9112 3", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a space behind the version", "9112 3", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        refused("a space before the method", "9112 3", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a tab before the target", "9112 3", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a tab behind the target", "9112 3", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a vertical tab before the target", "9112 3", "GET\x0b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a form feed behind the target", "9112 3", "GET /\x0cHTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a CR before the target", "9112 2.2", "GET\r/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("no target", "9112 3", "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("an empty target", "9112 3", "GET  HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("no method", "9112 3", "/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a method in brackets", "9110 5.6.2", "G[]T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a method with NUL", "9110 5.6.2", "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a method with a comma", "9110 5.6.2", "GET, / HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a method with a colon", "9110 5.6.2", "GET: / HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a method beyond ASCII", "9110 5.6.2", "G\u{cb}T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("spaces and nothing else", "9112 3", "   \r\n\r\n"),
        refused("a byte order mark", "9112 3", "\u{feff}GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a TLS handshake", "9112 3", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        refused("a status line", "9112 2.1", "HTTP/1.1 200 OK\r\nHost: a\r\n\r\n"),
        refused("binary rubbish", "9112 3", b"\xff\xfe\x00\x01\x80\x7f\r\n\r\n"),

        refused("a line that ends in LF", "9112 2.2", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
        refused("a line that ends in CR", "9112 2.2", "GET / HTTP/1.1\rHost: a\r\n\r\n"),
        refused("a line that ends in CR CR LF", "9112 2.2", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
        refused("a line that ends in LF CR", "9112 2.2", "GET / HTTP/1.1\n\rHost: a\r\n\r\n"),
        ended("a lone method", "9112 3", "GET", &[400]),
        ended("a request line and no more", "9112 3", "GET / HTTP/1.1\r\n", &[400]),
        ended("nothing at all", "9112 9.3", "", &[]),
        ended("no empty line", "9112 2.1", "GET / HTTP/1.1\r\nHost: a\r\nX: y", &[400]),
    ]
}

#[rustfmt::skip]
pub(super) fn empty_lines() -> Vec<Case> {
    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    vec![
        kept("one empty line before a request", "9112 2.2", format!("\r\n{GET}"), &[200]),
        kept("four empty lines before a request", "9112 2.2", format!("\r\n\r\n\r\n\r\n{GET}"), &[200]),
        kept("an empty line between requests", "9112 2.2", format!("{GET}\r\n{GET}"), &[200, 200]),
        kept("an empty line after a body", "9112 2.2", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 200]),
        ended("empty lines and nothing else", "9112 2.2", "\r\n\r\n", &[]),
        refused("a lone LF before a request", "9112 2.2", format!("\n{GET}")),
        refused("a CR before a request", "9112 2.2", format!("\r{GET}")),
        refused("an empty line and a lone LF before a request", "9112 2.2", format!("\r\n\n{GET}")),
        refused("a line of spaces before a request", "9112 2.2", format!("  \r\n{GET}")),
        refused("a line of spaces before the first field", "9112 2.2", "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n"),
        refused("a space before the first field", "9112 2.2", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        refused("a tab before the first field", "9112 2.2", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"),
        refused("a space before the first of two fields", "9112 2.2", "GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n"),
    ]
}

#[rustfmt::skip]
pub(super) fn targets() -> Vec<Case> {
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    let authority = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: from-host\r\n\r\n");
    let connect = |target: &str| format!("CONNECT {target} HTTP/1.1\r\nHost: a:443\r\n\r\n");
    vec![
        kept("origin-form", "9112 3.2.1", get("/bytes/3"), &[200]).body("xxx"),
        kept("origin-form with a query", "9112 3.2.1", get("/bytes/3?a=b"), &[200]).body("xxx"),
        kept("origin-form with an empty query", "9112 3.2.1", get("/?"), &[200]),
        kept("a second question mark", "3986 3.4", get("/?a?b"), &[200]),
        kept("two slashes are another path", "3986 3.3", get("//"), &[404]),
        kept("a path that looks like a URI", "9112 3.2.1", get("/http://b/"), &[404]),
        kept("dots are not resolved", "3986 6", get("/a/../"), &[404]),
        kept("an escaped letter in a literal path is another path", "3986 6", get("/byte%73/3"), &[404]),
        kept("an escaped digit in a parameter", "3986 2.1", get("/bytes/%33"), &[200]).body("xxx"),
        kept("an escape in lower case", "3986 2.1", get("/field/%7e"), &[200]).field("x-value", "~"),
        kept("an escaped NUL in a path", "3986 2.1", get("/a%00"), &[404]),
        refused("relative", "9112 3.2", get("bytes/3")),
        refused("a path that begins with a query", "9112 3.2", get("?a")),
        refused("a backslash for a slash", "9112 3.2", get("\\bytes\\3")),
        refused("a lone percent sign", "3986 2.1", get("/a%")),
        refused("half an escape", "3986 2.1", get("/a%2")),
        refused("an escape that is not hexadecimal", "3986 2.1", get("/a%zz")),
        refused("an escape with a sign", "3986 2.1", get("/a%+2")),
        kept("a percent sign in a query", "9110 2.4", get("/?a=50%"), &[200]),
        refused("a fragment", "9112 3.2", get("/a#b")),
        refused("a fragment behind a query", "9112 3.2", get("/?a#b")),
        refused("a space in a path", "9112 3.2", get("/a b")),
        refused("NUL in a path", "9112 3.2", get("/a\0b")),
        refused("DEL in a path", "9112 3.2", get("/a\x7fb")),
        refused("a control byte in a path", "9112 3.2", get("/a\x01b")),
        refused("UTF-8 in a path", "3986 2", get("/caf\u{e9}")),
        refused("UTF-8 in a query", "3986 2", get("/?caf\u{e9}")),
        refused("Latin-1 in a path", "3986 2", b"GET /caf\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("an overlong slash", "3986 2", b"GET /a\xc0\xaf HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("a CR in a path", "9112 2.2", get("/a\rb")),
        refused("a LF in a path", "9112 2.2", get("/a\nb")),

        kept("absolute-form", "9112 3.2.2", get("http://a/bytes/3"), &[200]).body("xxx"),
        kept("absolute-form without a path", "9112 3.2.2", get("http://a"), &[200]).body("root"),
        kept("absolute-form with a query and no path", "9112 3.2.2", get("http://a?b"), &[200]).body("root"),
        kept("absolute-form with a port", "9112 3.2.2", get("http://a:80/"), &[200]),
        kept("absolute-form with an IPv6 address", "9112 3.2.2", get("http://[::1]:80/"), &[200]),
        kept("absolute-form with a scheme in capitals", "3986 3.1", get("HTTP://a/"), &[200]),
        kept("absolute-form in HTTP/1.0", "9112 3.2.2", "GET http://a/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &[200]),
        kept("a target's authority wins over Host", "9112 3.2.2", authority("http://from-target/authority"), &[200]).body("from-target"),
        kept("without one, Host is the authority", "9112 3.3", authority("/authority"), &[200]).body("from-host"),
        refused("absolute-form with user information", "9110 4.2.4", get("http://user@a/")),
        refused("absolute-form with a password", "9110 4.2.4", get("http://user:pass@a/")),
        refused("absolute-form without a host", "9110 4.2.1", get("http:///a")),
        refused("absolute-form with a port and no host", "9110 4.2.1", get("http://:80/")),
        refused("absolute-form with one slash", "9110 4.2.1", get("http:/a")),
        refused("absolute-form with a port that is none", "9110 4.2.1", get("http://a:b/")),
        refused("absolute-form with a port beyond all", "9110 4.2.1", get("http://a:65536/")),
        refused("absolute-form with a fragment", "9112 3.2.2", get("http://a/#b")),
        refused("absolute-form with a foreign scheme", "9112 3.2.2", get("ftp://a/")),
        refused("absolute-form of a file", "9112 3.2.2", get("file:///etc/passwd")),
        refused("absolute-form of a mailbox", "9112 3.2.2", get("mailto:a@b")),
        closed("absolute-form with https, unsecured", "9110 7.4", get("https://a/"), &[421]),
        closed("absolute-form with https in capitals", "9110 7.4", get("HTTPS://a/"), &[421]),

        closed("authority-form: no tunnels", "9112 3.2.3", connect("a:443"), &[501]),
        closed("a tunnel to an IPv6 address", "9112 3.2.3", connect("[::1]:443"), &[501]),
        closed("no byte behind CONNECT is a request", "9110 9.3.6", format!("{}GET / HTTP/1.1\r\nHost: a\r\n\r\n", connect("a:443")), &[501]),
        refused("a tunnel without a port", "9110 9.3.6", connect("a")),
        refused("a tunnel with an empty port", "9110 9.3.6", connect("a:")),
        refused("a tunnel to port 0", "9110 9.3.6", connect("a:0")),
        refused("a tunnel to a port beyond all", "9110 9.3.6", connect("a:65536")),
        refused("a tunnel to a path", "9112 3.2.3", connect("/")),
        refused("a tunnel to a URI", "9112 3.2.3", connect("http://a:443/")),
        refused("a tunnel with user information", "9112 3.2.3", connect("user@a:443")),
        refused("authority-form for GET", "9112 3.2.3", get("a:80")),

        kept("asterisk-form", "9112 3.2.4", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &[204]).no_field("content-length"),
        refused("asterisk-form for GET", "9112 3.2.4", get("*")),
        refused("asterisk-form for POST", "9112 3.2.4", "POST * HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
        refused("two asterisks", "9112 3.2.4", "OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n"),
        kept("an asterisk as a path", "9112 3.2.1", get("/*"), &[404]),
    ]
}

#[rustfmt::skip]
pub(super) fn versions() -> Vec<Case> {
    let get = |version: &str| format!("GET / {version}\r\nHost: a\r\n\r\n");
    vec![
        closed("HTTP/1.0", "9112 9.3", get("HTTP/1.0"), &[200]).field("connection", "close"),
        closed("HTTP/1.0 without Host", "9112 3.2", "GET / HTTP/1.0\r\n\r\n", &[200]),
        kept("HTTP/1.2 is served as HTTP/1.1", "9110 2.5", get("HTTP/1.2"), &[200]),
        kept("HTTP/1.9 is served as HTTP/1.1", "9110 2.5", get("HTTP/1.9"), &[200]),
        kept("a body in HTTP/1.2", "9110 2.5", "POST /echo HTTP/1.2\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", &[200]).body("hi"),
        refused("HTTP/1.2 without Host", "9112 3.2", "GET / HTTP/1.2\r\n\r\n"),
        closed("HTTP/2.0", "9110 15.6.6", get("HTTP/2.0"), &[505]),
        closed("HTTP/3.0", "9110 15.6.6", get("HTTP/3.0"), &[505]),
        closed("HTTP/9.9", "9110 15.6.6", get("HTTP/9.9"), &[505]),
        closed("HTTP/0.9 by name", "9110 15.6.6", get("HTTP/0.9"), &[505]),
        closed("the preface of HTTP/2", "9113 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[505]),
        refused("HTTP/0.9: no version", "9112 2.3", "GET /\r\n\r\n"),
        refused("HTTP/0.9 and fields", "9112 2.3", "GET /\r\nHost: a\r\n\r\n"),
        refused("HTTP/0.9 in one line", "9112 2.3", "GET /\r\n"),
        refused("lower case", "9112 2.3", get("http/1.1")),
        refused("mixed case", "9112 2.3", get("Http/1.1")),
        refused("no minor version", "9112 2.3", get("HTTP/1")),
        refused("no minor version, but its dot", "9112 2.3", get("HTTP/1.")),
        refused("no version, but its slash", "9112 2.3", get("HTTP/")),
        refused("HTTP/2 without a minor version", "9112 2.3", get("HTTP/2")),
        refused("leading zeros", "9112 2.3", get("HTTP/01.01")),
        refused("two digits", "9112 2.3", get("HTTP/1.10")),
        refused("three numbers", "9112 2.3", get("HTTP/1.1.1")),
        refused("a space in it", "9112 2.3", get("HTTP/ 1.1")),
        refused("a comma for its dot", "9112 2.3", get("HTTP/1,1")),
        refused("a letter for its digit", "9112 2.3", get("HTTP/1.x")),
        refused("a sign", "9112 2.3", get("HTTP/+1.1")),
        refused("another protocol", "9112 2.3", get("ICY/1.1")),
        refused("a longer name", "9112 2.3", get("XHTTP/1.1")),
        refused("HTTPS", "9112 2.3", get("HTTPS/1.1")),
        refused("nonsense", "9112 2.3", get("nonsense")),
    ]
}
