//! `SecretPaths`: which texts have a path in them that nobody is to read, such as that of a link that
//! was mailed. Errs on the side of silence: what only looks like one is one.

use std::cmp::Reverse;
use std::sync::Arc;

/// How often a text is decoded: each program that hands a link on may have encoded it once more, and
/// two that are not as they should be are more than are met.
const DECODINGS: usize = 3;

/// What divides the words of a path and of a query; some programs write the second for the first.
const DIVIDERS: &[u8] = br"/\?&=;#";

/// The paths of routes that have a secret in them, by how they begin.
#[derive(Debug, Clone, Default)]
pub struct SecretPaths {
    /// The longest beginning first.
    all: Vec<SecretPath>,
}

/// The paths of one route.
#[derive(Debug, Clone)]
struct SecretPath {
    /// What stands before the first parameter, in the form of [`plain`].
    begin: Vec<u8>,
    /// What is shown in their place.
    template: Arc<str>,
}

impl SecretPaths {
    /// Of routes, each with what stands in its pattern before the first parameter, and with what is
    /// shown in place of its paths.
    pub fn new<'a>(routes: impl Iterator<Item = (&'a str, Arc<str>)>) -> Self {
        let secret = |(begin, template): (&str, _)| SecretPath {
            begin: plain(begin.as_bytes()),
            template,
        };
        let mut all: Vec<_> = routes.map(secret).collect();
        all.sort_by_key(|path| Reverse(path.begin.len()));
        SecretPaths { all }
    }

    /// What is shown in place of a text, a path or a URL, that has one of these paths in it, as it
    /// should be or mangled: in another case, encoded, with slashes or dot segments too many, behind
    /// other words or before others. `None` where there is none.
    pub fn find(&self, text: &[u8]) -> Option<&Arc<str>> {
        if self.all.is_empty() {
            return None;
        }
        let text = plain(text);
        let mut all = self.all.iter();
        let found = all.find(|path| contains(&text, &path.begin))?;
        Some(&found.template)
    }
}

/// A text in the one form that all its spellings have: decoded, in lower case, each word behind a
/// single slash, without dot segments (RFC 3986, sections 5.2.4 and 6.2.2).
fn plain(text: &[u8]) -> Vec<u8> {
    let mut decoded = text.to_vec();
    for _ in 0..DECODINGS {
        decoded = decode(&decoded);
    }
    let mut plain = Vec::with_capacity(decoded.len() + 1);
    for word in decoded.split(|byte| DIVIDERS.contains(byte)) {
        match word {
            b"" | b"." => {}
            b".." => {
                let slash = plain.iter().rposition(|&byte| byte == b'/');
                plain.truncate(slash.unwrap_or(0));
            }
            word => {
                plain.push(b'/');
                plain.extend(word.iter().map(u8::to_ascii_lowercase));
            }
        }
    }
    plain
}

/// Percent-decodes what can be; the rest stays as it is.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let byte = match rest {
            [b'%', high, low, ..] => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        (rest, _) = match byte {
            Some((high, low)) => (&rest[3..], decoded.push(high << 4 | low)),
            None => (after, decoded.push(*first)),
        };
    }
    decoded
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these beginnings, if any, a text has.
    #[track_caller]
    fn check(begins: &[&str], text: &str, expected: Option<&str>) {
        let routes = begins.iter().map(|&begin| (begin, Arc::from(begin)));
        let paths = SecretPaths::new(routes);
        let found = paths.find(text.as_bytes()).map(|found| &**found);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_path_is_found_however_it_is_written() {
        for text in [
            "/api/reset/s3cret",
            "/api/reset/s3cret/",
            "/api/reset/s3cret/more",
            "/api/reset/s3cret;a=b",
            "/api/reset//s3cret",
            "//api/reset/s3cret",
            "/api//reset/s3cret",
            "/API/Reset/s3cret",
            "/api/./reset/s3cret",
            "/api/x/../reset/s3cret",
            "/../api/reset/s3cret",
            r"\api\reset\s3cret",
            "/api/reset%2Fs3cret",
            "/%61pi/%72eset/s3cret",
            "/%41PI/reset/s3cret",
            "/api%252Freset%252Fs3cret",
            "/api/reset%zz/s3cret",
            "/api/resets3cret",
            "/app/api/reset/s3cret",
            "/api/reset?token=s3cret",
            "/login?next=/api/reset/s3cret",
            "/login?next=api%2Freset%2Fs3cret",
            "http://a.example/api/reset/s3cret",
        ] {
            check(&["/api/reset/"], text, Some("/api/reset/"));
        }
        for text in [
            "",
            "/",
            "*",
            "/api",
            "/api/rese",
            "/reset/api",
            "/api/user?reset=1",
            "http://a.example/",
            "%",
            "/%",
        ] {
            check(&["/api/reset/"], text, None);
        }
    }

    #[test]
    fn the_longest_beginning_counts_and_none_is_that_of_all() {
        let both = ["/a/", "/a/b/"];
        check(&both, "/a/b/c", Some("/a/b/"));
        check(&both, "/a/c", Some("/a/"));
        check(&["/"], "/anything", Some("/"));
        check(&[], "/anything", None);
    }
}
