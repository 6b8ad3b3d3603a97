//! `RequestHead`: method, target, version and fields of a request.
//!
//! Holds the head as one piece of bytes plus a few offsets. A request that nobody asks for its
//! header map never builds one.

use std::cell::OnceCell;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use super::fields::{Field, Fields};

/// The first line and the fields of a request.
#[derive(Clone)]
pub struct RequestHead {
    /// The request method; unknown ones are extension methods.
    method: Method,
    /// HTTP/1.0 or HTTP/1.1.
    version: Version,
    /// Request line and field lines as received, the empty line included.
    raw: Box<[u8]>,
    /// Where in `raw` the request target stands.
    target: Span,
    /// The fields as a map, built when first asked for; takes precedence once it exists, because
    /// middleware may have changed it.
    headers: OnceCell<Box<HeaderMap>>,
}

/// What follows the target in its line: a space, the version and the line's end.
const AFTER_TARGET: usize = " HTTP/1.1\r\n".len();

/// A range of `raw`; heads are bounded far below 4 GiB.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

/// Why a head could not be made from parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// The target has bytes that a request target cannot have, or is empty.
    Target,
    /// A field name or value has bytes that a field cannot have.
    Field,
}

impl RequestHead {
    /// A head out of validated bytes: `raw` is request line and field section, and `target` the
    /// range of the request target in it.
    ///
    /// Meant for parsers: they vouch for the field grammar, which is not looked at again.
    ///
    /// # Panics
    /// When the request line does not lie within `raw`.
    #[inline]
    pub fn from_raw(
        method: Method,
        version: Version,
        raw: Box<[u8]>,
        target: Range<usize>,
    ) -> Self {
        assert!(
            target.start <= target.end && target.end + AFTER_TARGET <= raw.len(),
            "the request line lies within the head"
        );
        RequestHead {
            method,
            version,
            raw,
            target: Span {
                start: target.start as u32,
                end: target.end as u32,
            },
            headers: OnceCell::new(),
        }
    }

    /// An HTTP/1.1 head made here rather than received, for tests and for outgoing requests.
    ///
    /// # Errors
    /// When the target or a field could not be sent as it is.
    pub fn new<'a>(
        method: Method,
        target: &str,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, HeadError> {
        if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HeadError::Target);
        }
        let mut raw = format!("{method} ");
        let start = raw.len();
        raw.push_str(target);
        let end = raw.len();
        raw.push_str(" HTTP/1.1\r\n");
        for (name, value) in fields {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeadError::Field)?;
            HeaderValue::from_str(value).map_err(|_| HeadError::Field)?;
            for part in [name, ": ", value, "\r\n"] {
                raw.push_str(part);
            }
        }
        raw.push_str("\r\n");
        Ok(Self::from_raw(
            method,
            Version::HTTP_11,
            raw.into_bytes().into_boxed_slice(),
            start..end,
        ))
    }

    /// The method, in the sender's case (methods are case-sensitive, RFC 9110, section 9.1).
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The request target as sent, in any of its four forms (RFC 9112, section 3.2).
    pub fn target(&self) -> &str {
        std::str::from_utf8(self.target_bytes()).unwrap_or_default()
    }

    /// The same as bytes, for those who need not pay for the proof that it is text.
    pub(crate) fn target_bytes(&self) -> &[u8] {
        &self.raw[self.target.start as usize..self.target.end as usize]
    }

    /// The host, and port if any, that the request is for: that of its target, else of its Host
    /// field (RFC 9112, section 3.2.2); `None` in HTTP/1.0 without Host.
    pub fn authority(&self) -> Option<&str> {
        let target = self.target();
        if target.starts_with(['/', '*']) {
            return self.header_str("host");
        }
        match target.split_once("://") {
            Some((_, rest)) => rest.split(['/', '?']).next(),
            None => Some(target),
        }
    }

    /// The path, still percent-encoded: `/users/1`. The path of an absolute-form target is that
    /// of its URI; `*` and the authority of a CONNECT stand for themselves.
    pub fn path(&self) -> &str {
        let target = self.target();
        let path = &target[path_range(target.as_bytes())];
        if path.is_empty() { "/" } else { path }
    }

    /// The same as bytes, for those who need not pay for the proof that it is text.
    pub(crate) fn path_bytes(&self) -> &[u8] {
        let target = self.target_bytes();
        let path = &target[path_range(target)];
        if path.is_empty() { b"/" } else { path }
    }

    /// The query without its question mark, still percent-encoded; `None` when there is no `?`.
    pub fn query(&self) -> Option<&str> {
        let target = self.target();
        let path = path_range(target.as_bytes());
        // Where there is a query, what ends the path is its question mark.
        target.get(path.end + 1..)
    }

    /// The target as a parsed URI; `None` for a target that is not one.
    pub fn uri(&self) -> Option<Uri> {
        self.target().parse().ok()
    }

    /// The fields as received: in order, repeated ones too, names in the sender's case.
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(self.field_section())
    }

    /// The first value of the field `name`, in whatever case the sender wrote it.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        match self.headers.get() {
            Some(map) => map.get(name).map(HeaderValue::as_bytes),
            None => self
                .fields()
                .find(|field| field.is(name))
                .map(|field| field.value),
        }
    }

    /// The first value of the field `name` when it is visible ASCII.
    pub fn header_str(&self, name: &str) -> Option<&str> {
        self.header(name)
            .and_then(|value| std::str::from_utf8(value).ok())
            .filter(|value| {
                value
                    .bytes()
                    .all(|byte| byte == b'\t' || (b' '..0x7f).contains(&byte))
            })
    }

    /// The fields as a map; built on the first call.
    pub fn headers(&self) -> &HeaderMap {
        self.headers.get_or_init(|| Box::new(self.build_map()))
    }

    /// The fields as a map that may be changed; `fields` goes on showing what was received.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers();
        self.headers
            .get_mut()
            .expect("the map was built on the line above")
    }

    fn field_section(&self) -> &[u8] {
        &self.raw[self.target.end as usize + AFTER_TARGET..]
    }

    fn build_map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        // All values share one copy.
        let section = Bytes::copy_from_slice(self.field_section());
        for Field { name, value } in Fields::new(&section) {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_maybe_shared(section.slice_ref(value));
            if let (Ok(name), Ok(value)) = (name, value) {
                map.append(name, value);
            }
        }
        map
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RequestHead")
            .field("method", &self.method)
            .field("target", &self.target())
            .field("version", &self.version)
            .field("headers", self.headers())
            .finish()
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            HeadError::Target => "the request target is empty or has bytes it cannot have",
            HeadError::Field => "a field name or value has bytes it cannot have",
        })
    }
}

impl std::error::Error for HeadError {}

/// Where the path of a target is, without scheme, authority and query.
fn path_range(target: &[u8]) -> Range<usize> {
    let start = if target.starts_with(b"/") {
        0
    } else {
        path_offset(target)
    };
    let mark = target[start..].iter().position(|&byte| byte == b'?');
    start..mark.map_or(target.len(), |mark| start + mark)
}

/// Where the path of an absolute-form target begins; 0 for the two forms that have none.
fn path_offset(target: &[u8]) -> usize {
    let Some(scheme) = target.windows(3).position(|window| window == b"://") else {
        return 0;
    };
    let authority = scheme + 3;
    let is_end = |&byte: &u8| byte == b'/' || byte == b'?';
    target[authority..]
        .iter()
        .position(is_end)
        .map_or(target.len(), |end| authority + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target: &str, path: &str, query: Option<&str>) {
        let head = RequestHead::new(Method::GET, target, []).unwrap();
        assert_eq!(
            (head.path(), head.query()),
            (path, query),
            "target {target}"
        );
    }

    #[test]
    fn finds_path_and_query_in_every_form() {
        check("/users?name=a", "/users", Some("name=a"));
        check("/", "/", None);
        check("/?", "/", Some(""));
        check("/a?b?c", "/a", Some("b?c"));
        check("http://host:80/a/b?c", "/a/b", Some("c"));
        check("http://host", "/", None);
        check("http://host?q", "/", Some("q"));
        check(
            "/redirect?to=http://host/x",
            "/redirect",
            Some("to=http://host/x"),
        );
        check("*", "*", None);
    }

    #[test]
    fn a_target_with_an_authority_wins_over_host() {
        for (method, target, authority) in [
            (Method::GET, "/http://b", "a:80"),
            (Method::OPTIONS, "*", "a:80"),
            (Method::GET, "http://b", "b"),
            (Method::GET, "http://b:81/c://d", "b:81"),
            (Method::GET, "http://b?c", "b"),
            (Method::CONNECT, "b:443", "b:443"),
        ] {
            let head = RequestHead::new(method, target, [("Host", "a:80")]).unwrap();
            assert_eq!(head.authority(), Some(authority), "{target}");
        }
    }

    #[test]
    fn a_changed_map_wins_over_the_received_fields() {
        let mut head = RequestHead::new(Method::GET, "/", [("X-A", "1"), ("x-a", "2")]).unwrap();
        assert_eq!(head.header("x-A"), Some(&b"1"[..]));
        assert_eq!(head.headers().get_all("x-a").iter().count(), 2);
        head.headers_mut()
            .insert("x-a", HeaderValue::from_static("3"));
        assert_eq!(head.header_str("x-a"), Some("3"));
        assert_eq!(head.fields().count(), 2);
    }

    #[test]
    fn refuses_parts_that_would_not_survive_the_wire() {
        assert_eq!(
            RequestHead::new(Method::GET, "/a b", []).unwrap_err(),
            HeadError::Target
        );
        let injected = [("x", "a\r\nb: c")];
        assert_eq!(
            RequestHead::new(Method::GET, "/", injected).unwrap_err(),
            HeadError::Field
        );
    }
}
