//! `Url`: what the client can be pointed at, `http://host:port/path?query`.
//!
//! Parses no more of RFC 3986 than a request needs: scheme, host, port, and the target as it is
//! sent. Must not resolve names.

use std::error::Error;
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

/// Longest URL taken; servers refuse request lines of more than 8 KiB anyway.
const LENGTH_MAX: usize = 16 << 10;

/// An absolute `http` URL, or with the feature `tls` an `https` one.
///
/// ```
/// use container::client::Url;
///
/// let url: Url = "http://localhost:8888/users?id=1#top".parse()?;
/// assert_eq!((url.host(), url.port(), url.target()), ("localhost", 8888, "/users?id=1"));
/// assert_eq!(url.join("../b")?.to_string(), "http://localhost:8888/b");
/// assert!("ftp://localhost/".parse::<Url>().is_err());
/// # Ok::<(), container::client::UrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    scheme: Scheme,
    /// The host in lower case, an IPv6 address without its brackets.
    host: String,
    /// The port, the default one filled in.
    port: u16,
    /// Scheme and authority: `http://host:port`, without the port where it is the scheme's own.
    origin: String,
    /// Path and query as sent; begins with `/`.
    target: String,
}

/// How a URL's server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS; there only with the feature.
    Https,
}

/// Why a text is no [`Url`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It does not begin with `http://`, nor with `https://` where the feature `tls` is there.
    Scheme,
    /// The host is missing or has bytes that a host cannot have.
    Host,
    /// It has user information, `user:password@`, which is mostly there to deceive (RFC 9110, section
    /// 4.2.4).
    UserInfo,
    /// The port is not a number from 1 to 65535.
    Port,
    /// Path or query have bytes that must be percent-encoded.
    Target,
    /// It is longer than any server would take.
    TooLong,
}

impl Url {
    /// Whether its server is spoken to over TLS: `https`.
    pub fn is_secure(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// The host, in lower case: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 80 where the text had none, 443 with `https`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as the Host field has them: without the port where it is the scheme's own.
    pub fn authority(&self) -> &str {
        &self.origin[self.scheme.prefix().len()..]
    }

    /// Scheme and authority, `http://localhost:8888`: URLs that share it have the same server.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Path and query: what the request line has.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The same server with another path, percent-encoded already, and these query parameters,
    /// which are encoded here.
    ///
    /// ```
    /// # let url: container::client::Url = "http://localhost/".parse()?;
    /// let users = url.with_query("/users", &[("name", "John & Co")])?;
    /// assert_eq!(users.target(), "/users?name=John%20%26%20Co");
    /// # Ok::<(), container::client::UrlError>(())
    /// ```
    ///
    /// # Errors
    /// When the path is not encoded, or does not begin with `/`.
    pub fn with_query(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Url, UrlError> {
        let mut target = path.to_owned();
        for (index, (name, value)) in parameters.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            encode(name, &mut target);
            target.push('=');
            encode(value, &mut target);
        }
        if !target.starts_with('/') {
            return Err(UrlError::Target);
        }
        self.with_target(target)
    }

    /// Resolves a reference, for example of a Location field, against this URL (RFC 3986,
    /// section 5.2).
    ///
    /// # Errors
    /// When the result is no URL of a scheme that is spoken.
    pub fn join(&self, reference: &str) -> Result<Url, UrlError> {
        let reference = reference.split('#').next().unwrap_or_default();
        if has_scheme(reference) {
            return reference.parse();
        }
        if reference.starts_with("//") {
            let scheme = self.scheme.prefix().trim_end_matches("//");
            return format!("{scheme}{reference}").parse();
        }
        let base = self.target.split('?').next().unwrap_or_default();
        let (path, query) = match reference.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (reference, None),
        };
        let mut target = match path {
            "" if query.is_none() => self.target.clone(),
            "" => base.to_owned(),
            _ if path.starts_with('/') => without_dots(path),
            _ => {
                let folder = base.rfind('/').map_or("", |end| &base[..end]);
                without_dots(&format!("{folder}/{path}"))
            }
        };
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        self.with_target(target)
    }

    fn with_target(&self, target: String) -> Result<Url, UrlError> {
        if target.len() > LENGTH_MAX {
            return Err(UrlError::TooLong);
        }
        if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Target);
        }
        Ok(Url {
            target,
            ..self.clone()
        })
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Url, UrlError> {
        if text.len() > LENGTH_MAX {
            return Err(UrlError::TooLong);
        }
        let (scheme, rest) = Scheme::split(text).ok_or(UrlError::Scheme)?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = split_authority(authority)?;
        let host = host.to_ascii_lowercase();
        let prefix = scheme.prefix();
        let mut origin = if host.contains(':') {
            format!("{prefix}[{host}]")
        } else {
            format!("{prefix}{host}")
        };
        let port = port.unwrap_or(scheme.port());
        if port != scheme.port() {
            // Writing to a string cannot fail.
            let _ = write!(origin, ":{port}");
        }
        let url = Url {
            scheme,
            host,
            port,
            origin,
            target: String::new(),
        };
        let slash = if target.starts_with('/') { "" } else { "/" };
        url.with_target(format!("{slash}{target}"))
    }
}

impl Scheme {
    /// Those that are spoken.
    fn all() -> &'static [Scheme] {
        if cfg!(feature = "tls") {
            &[Scheme::Http, Scheme::Https]
        } else {
            &[Scheme::Http]
        }
    }

    /// The scheme that a text begins with, in any case of letters, and what is behind it.
    fn split(text: &str) -> Option<(Scheme, &str)> {
        Scheme::all().iter().find_map(|scheme| {
            let (begin, rest) = text.split_at_checked(scheme.prefix().len())?;
            begin
                .eq_ignore_ascii_case(scheme.prefix())
                .then_some((*scheme, rest))
        })
    }

    /// What its URLs begin with.
    fn prefix(self) -> &'static str {
        match self {
            Scheme::Http => "http://",
            Scheme::Https => "https://",
        }
    }

    /// The port where none is given (RFC 9110, section 4.2).
    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin, self.target)
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            UrlError::Scheme if cfg!(feature = "tls") => {
                "the URL does not begin with http:// or https://"
            }
            UrlError::Scheme => "the URL does not begin with http://",
            UrlError::Host => "the URL has no valid host",
            UrlError::UserInfo => {
                "the URL has user information before an @, which is not supported"
            }
            UrlError::Port => "the port is not a number from 1 to 65535",
            UrlError::Target => "the path or query has bytes that must be percent-encoded",
            UrlError::TooLong => "the URL is too long",
        })
    }
}

impl Error for UrlError {}

fn split_authority(authority: &str) -> Result<(&str, Option<u16>), UrlError> {
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    let (host, rest) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']').ok_or(UrlError::Host)?;
            let valid = address.parse::<std::net::Ipv6Addr>().is_ok();
            (if valid { address } else { "" }, rest)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    if host.is_empty() || !host.bytes().all(allowed) {
        return Err(UrlError::Host);
    }
    // An empty port is the default one (RFC 3986, section 3.2.3).
    let port = match rest {
        "" | ":" => None,
        _ => {
            let digits = rest.strip_prefix(':').ok_or(UrlError::Host)?;
            let port = digits.parse().map_err(|_| UrlError::Port)?;
            Some(if port == 0 {
                return Err(UrlError::Port);
            } else {
                port
            })
        }
    };
    Ok((host, port))
}

/// Whether a reference begins with a scheme (RFC 3986, section 3.1).
fn has_scheme(reference: &str) -> bool {
    let Some((scheme, _)) = reference.split_once(':') else {
        return false;
    };
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(rest)
}

/// Removes the segments `.` and `..` (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = vec![];
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // What a dot segment ends in is a folder.
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3).
fn encode(text: &str, output: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            output.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(output, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, u16, &str, &str), UrlError>) {
        let url = text.parse::<Url>();
        let seen = url
            .as_ref()
            .map(|url| (url.host(), url.port(), url.authority(), url.target()));
        assert_eq!(seen, expected.as_ref().copied(), "{text}");
    }

    #[test]
    fn texts() {
        check("http://a", Ok(("a", 80, "a", "/")));
        check("HTTP://a:80/b", Ok(("a", 80, "a", "/b")));
        check("http://a:8888?b#c", Ok(("a", 8888, "a:8888", "/?b")));
        check("http://[::1]:81/", Ok(("::1", 81, "[::1]:81", "/")));
        check(
            "http://A.Example:81/B",
            Ok(("a.example", 81, "a.example:81", "/B")),
        );
        check("ftp://a/", Err(UrlError::Scheme));
        check("a:8888", Err(UrlError::Scheme));
        check("http:///b", Err(UrlError::Host));
        check("http://me@a/", Err(UrlError::UserInfo));
        check("http://a:80@b/", Err(UrlError::UserInfo));
        check("http://a:b@[::1]:80/", Err(UrlError::UserInfo));
        check("http://a\\@b/", Err(UrlError::UserInfo));
        check("http://a%2eb/", Err(UrlError::Host));
        check("http://[::z]/", Err(UrlError::Host));
        check("http://[fe80::1%25eth0]/", Err(UrlError::Host));
        check("http://a:0/", Err(UrlError::Port));
        check("http://a:65536/", Err(UrlError::Port));
        check("http://a/b c", Err(UrlError::Target));
        check("http://a/\u{e4}", Err(UrlError::Target));
        check(
            &format!("http://a/{}", "b".repeat(LENGTH_MAX)),
            Err(UrlError::TooLong),
        );
    }

    #[test]
    fn https_is_there_with_its_feature() {
        let check = |text: &str, expected| {
            let url = text.parse::<Url>();
            let seen = url.map(|url| (url.is_secure(), url.port(), url.origin().to_owned()));
            let expected = if cfg!(feature = "tls") {
                Ok(expected)
            } else {
                Err(UrlError::Scheme)
            };
            assert_eq!(seen, expected, "{text}");
        };
        check("https://a/", (true, 443, "https://a".to_owned()));
        check("HTTPS://A:443", (true, 443, "https://a".to_owned()));
        check("https://a:80/", (true, 80, "https://a:80".to_owned()));
        let plain: Url = "http://a:443/".parse().unwrap();
        assert_eq!(
            plain.origin(),
            "http://a:443",
            "another server than https://a"
        );
    }

    #[test]
    fn references() {
        let base: Url = "http://a:81/b/c/d?q".parse().unwrap();
        let check = |reference: &str, expected: &str| {
            let joined = base.join(reference).unwrap().to_string();
            assert_eq!(joined, expected, "{reference}");
        };
        check("http://b/x", "http://b/x");
        check("//b:82/x", "http://b:82/x");
        check("/x/./y/../z", "http://a:81/x/z");
        check("g", "http://a:81/b/c/g");
        check("../g?y#s", "http://a:81/b/g?y");
        check("../../../g", "http://a:81/g");
        check("./", "http://a:81/b/c/");
        check("..", "http://a:81/b/");
        check("?y", "http://a:81/b/c/d?y");
        check("", "http://a:81/b/c/d?q");
        assert_eq!(base.join("ftp://a/"), Err(UrlError::Scheme));
        assert_eq!(base.join("a b"), Err(UrlError::Target));
    }
}
