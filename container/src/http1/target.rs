//! Request targets, and the authorities in them and in Host: which forms and bytes are taken.
//!
//! Says yes or no; where path and query lie in a target is found by `message`.

use http::Method;

use super::error::ProtocolError;

/// Checks the form of a target: the four of RFC 9112, section 3.2.
pub(super) fn check(method: &Method, target: &[u8]) -> Result<(), ProtocolError> {
    let common = common_classes(target);
    let well_escaped = common & NO_ESCAPE != 0 || has_whole_escapes(before_query(target));
    if common & IN_TARGET == 0 || !well_escaped {
        return Err(ProtocolError::Target);
    }
    let fits = match target {
        [b'/', ..] => *method != Method::CONNECT,
        b"*" => *method == Method::OPTIONS,
        // Never to be routed: what follows it is meant for the other end of the tunnel.
        _ if *method == Method::CONNECT && is_host_and_port(target) => {
            return Err(ProtocolError::Tunnel);
        }
        _ if *method == Method::CONNECT => false,
        _ => return check_absolute(target),
    };
    if fits {
        Ok(())
    } else {
        Err(ProtocolError::Target)
    }
}

/// Whether a target names its authority itself, so that Host is of no account (RFC 9112, section
/// 3.2.2).
pub(super) fn has_authority(target: &str) -> bool {
    !target.starts_with(['/', '*'])
}

/// Whether this is `host` or `host:port` (RFC 3986, section 3.2, without user information).
pub(super) fn is_host(text: &[u8]) -> bool {
    split_port(text).is_some_and(|(host, _)| is_host_name(host))
}

/// Whether this is `host:port`, as a tunnel needs it: there is no port to assume (RFC 9110, section
/// 9.3.6).
fn is_host_and_port(text: &[u8]) -> bool {
    split_port(text)
        .is_some_and(|(host, port)| is_host_name(host) && port.iter().any(|&digit| digit != b'0'))
}

/// `http://host..`. An origin server has no business with other schemes, and must not answer for
/// `https` where nothing has secured the connection (RFC 9110, section 7.4).
fn check_absolute(target: &[u8]) -> Result<(), ProtocolError> {
    let Some(at) = target.windows(3).position(|window| window == b"://") else {
        return Err(ProtocolError::Target);
    };
    let (scheme, rest) = (&target[..at], &target[at + 3..]);
    let is_end = |&byte: &u8| byte == b'/' || byte == b'?';
    let authority = &rest[..rest.iter().position(is_end).unwrap_or(rest.len())];
    if !is_host(authority) {
        Err(ProtocolError::Target)
    } else if scheme.eq_ignore_ascii_case(b"http") {
        Ok(())
    } else if scheme.eq_ignore_ascii_case(b"https") {
        Err(ProtocolError::Misdirected)
    } else {
        Err(ProtocolError::Target)
    }
}

/// What stands before the query. A stray `%` in a query is left to whoever reads it: people type
/// `?q=50%`, and browsers send it.
fn before_query(target: &[u8]) -> &[u8] {
    let mark = target.iter().position(|&byte| byte == b'?');
    &target[..mark.unwrap_or(target.len())]
}

/// Whether each `%` is followed by two hexadecimal digits.
fn has_whole_escapes(text: &[u8]) -> bool {
    let mut parts = text.split(|&byte| byte == b'%');
    parts.next();
    parts.all(|part| matches!(part, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

/// Host and digits of the port, which may be none; `None` when what looks like a port is not one.
fn split_port(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let find = |wanted: u8, from: usize| {
        let found = text[from..].iter().position(|&byte| byte == wanted);
        found.map(|at| from + at)
    };
    // The colons in brackets are an address's own.
    let from = match text {
        [b'[', ..] => find(b']', 0)?,
        _ => 0,
    };
    let Some(colon) = find(b':', from) else {
        return Some((text, b""));
    };
    let (host, port) = (&text[..colon], &text[colon + 1..]);
    is_port(port).then_some((host, port))
}

/// Nothing, or a number of at most five digits that is a port.
fn is_port(digits: &[u8]) -> bool {
    let push = |number: u32, &digit: &u8| {
        let is_digit = digit.is_ascii_digit();
        is_digit.then(|| number * 10 + u32::from(digit - b'0'))
    };
    let number = || digits.iter().try_fold(0, push);
    digits.len() <= 5 && number().is_some_and(|number| number <= u32::from(u16::MAX))
}

/// A registered name or an IP address; an IPv6 one in brackets.
fn is_host_name(host: &[u8]) -> bool {
    if let [b'[', address @ .., b']'] = host {
        let allowed = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':' || *byte == b'.';
        return address.contains(&b':') && address.iter().all(allowed);
    }
    let common = common_classes(host);
    let well_escaped = common & NO_ESCAPE != 0 || has_whole_escapes(host);
    !host.is_empty() && common & IN_NAME != 0 && well_escaped
}

/// The class of bytes that may stand in a target: visible ASCII without the `#` of fragments.
const IN_TARGET: u8 = 1;

/// The class of bytes that a registered name may have (RFC 3986, section 3.2.2), but for the comma:
/// it joins what were two Host lines once.
const IN_NAME: u8 = 2;

/// The class of all bytes but the percent sign.
const NO_ESCAPE: u8 = 4;

/// The classes that all of these bytes belong to.
fn common_classes(text: &[u8]) -> u8 {
    text.iter()
        .fold(!0, |common, &byte| common & CLASSES[usize::from(byte)])
}

/// The classes of each byte.
static CLASSES: [u8; 256] = {
    let mut table = [NO_ESCAPE; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        let is_name_mark = matches!(
            byte,
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')'
        ) || matches!(byte, b'*' | b'+' | b';' | b'=');
        table[byte as usize] = match byte {
            b'#' => NO_ESCAPE,
            b'%' => IN_TARGET | IN_NAME,
            _ if is_name_mark || byte.is_ascii_alphanumeric() => IN_TARGET | IN_NAME | NO_ESCAPE,
            _ => IN_TARGET | NO_ESCAPE,
        };
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in [
            "a",
            "a.b:80",
            "127.0.0.1:8888",
            "[::1]",
            "[::1]:80",
            "a:",
            "a_b",
            "a%20b",
            "a:65535",
        ] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "", "a b", "a/b", "a@b", "[::1", "a:b", "a:80:80", "[g]", ":80", "a?", "a,b", "a%2",
            "a:65536", "a:123456", "[]", "[::1]a", "::1", "a]:80", "[::1]:x",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn forms() {
        use ProtocolError::{Misdirected, Target, Tunnel};
        let check = |method: &str, target: &str, expected| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(check(&method, target.as_bytes()), expected, "{target}");
        };
        for good in [
            "/",
            "/a%20b?c%",
            "//a",
            "http://a",
            "HTTP://a/b",
            "http://a?b",
        ] {
            check("GET", good, Ok(()));
        }
        for bad in [
            "*",
            "a",
            "/a#b",
            "/%",
            "/%2",
            "/%zz",
            "ftp://a",
            "http://",
            "http://u@a",
        ] {
            check("GET", bad, Err(Target));
        }
        check("GET", "https://a/", Err(Misdirected));
        check("OPTIONS", "*", Ok(()));
        check("CONNECT", "a:443", Err(Tunnel));
        for bad in ["a", "a:", "a:0", "/", "http://a:1/"] {
            check("CONNECT", bad, Err(Target));
        }
    }
}
