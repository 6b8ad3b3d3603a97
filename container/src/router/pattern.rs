//! Patterns: joining them, the names in them, and decoding what they capture.

use std::sync::Arc;

use super::error::PatternFault;

/// The name of the catch-all below a prefix; never seen outside.
const BELOW: &str = "{*below}";

/// Puts `prefix` before `pattern`. The `/` of a nested router is the prefix itself, so that no
/// path ends in a slash that nobody wrote. A pattern without a slash stays as it is: it is a
/// mistake, which a prefix would hide.
pub(super) fn join(prefix: &str, pattern: &str) -> String {
    match pattern {
        "/" => prefix.to_owned(),
        _ if pattern.starts_with('/') => format!("{prefix}{pattern}"),
        _ => pattern.to_owned(),
    }
}

/// Whether `prefix` can be put before a pattern.
pub(super) fn is_prefix(prefix: &str) -> bool {
    prefix.starts_with('/') && !prefix.ends_with('/') && !prefix.contains("{*")
}

/// Patterns for `prefix` itself and all that is below it.
pub(super) fn below(prefix: &str) -> [String; 3] {
    [
        prefix.to_owned(),
        format!("{prefix}/"),
        format!("{prefix}/{BELOW}"),
    ]
}

/// Looks for what the path tree would accept but no request could match.
///
/// # Errors
/// With what is wrong.
pub(super) fn check(pattern: &str) -> Result<(), PatternFault> {
    if !pattern.starts_with('/') {
        return Err(PatternFault::NoSlash);
    }
    let is_of_path = |byte: u8| byte.is_ascii_graphic() && byte != b'?' && byte != b'#';
    if !pattern.bytes().all(is_of_path) {
        return Err(PatternFault::NotOfPath);
    }
    let names = names(pattern);
    let is_repeated = |(index, name)| names[..index].contains(name);
    if names.iter().enumerate().any(is_repeated) {
        return Err(PatternFault::RepeatedName);
    }
    Ok(())
}

/// What stands before the first parameter, or brace.
pub(super) fn begin(pattern: &str) -> &str {
    pattern.split(['{', '}']).next().unwrap_or_default()
}

/// Whether it takes all paths below a prefix.
pub(super) fn catches_all(pattern: &str) -> bool {
    pattern.contains("{*")
}

/// The names of the parameters, in order. Of a pattern that the path tree refuses, some of them.
pub(super) fn names(pattern: &str) -> Vec<Arc<str>> {
    let mut names = Vec::new();
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        if let Some(literal) = rest.strip_prefix('{') {
            rest = literal;
        } else if let Some(close) = rest.find('}') {
            names.push(rest[..close].trim_start_matches('*').into());
            rest = &rest[close + 1..];
        }
    }
    names
}

/// Decodes the percent-encoding of a captured value; `None` when it is broken or not UTF-8.
pub(super) fn decode(value: &str) -> Option<String> {
    if !value.contains('%') {
        return Some(value.to_owned());
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names_and_passes_over_braces() {
        let check = |pattern: &str, expected: &[&str]| {
            let found = names(pattern);
            let found: Vec<&str> = found.iter().map(|name| &**name).collect();
            assert_eq!(found, expected, "{pattern}");
        };
        check("/", &[]);
        check("/users/{id}/posts/{post}", &["id", "post"]);
        check("/files/v{version}.{{x}}/{*rest}", &["version", "rest"]);
        check("/{{literal}}", &[]);
    }

    #[test]
    fn decodes_or_says_that_it_cannot() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(decode(value).as_deref(), expected, "{value}");
        };
        check("plain", Some("plain"));
        check("a%20b%2Fc", Some("a b/c"));
        check("%C3%a4", Some("ä"));
        check("%C3", None);
        check("%+1", None);
        check("%2", None);
        check("%zz", None);
    }
}
