//! `Response`: status, fields and body. How it is framed is decided when it is written.

use std::cell::OnceCell;
use std::fmt;

use http::header::{CONTENT_TYPE, IntoHeaderName};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};

use super::body::Body;

/// What a handler answers.
///
/// `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are the server's to write: set
/// by a handler, the first two are ignored, `close` in the third ends the connection, and a `Date`
/// of the handler's own is kept.
pub struct Response {
    /// The status code.
    status: StatusCode,
    /// The media type, while it is the only field: most responses have no other, and a map costs
    /// three allocations.
    media_type: Option<&'static str>,
    /// The fields, once somebody has asked for them; the media type is among them then.
    headers: OnceCell<Box<HeaderMap>>,
    /// What follows the head; dropped unread where the status or the method allows no body.
    body: Body,
    /// Values for the layers around the handler; never written to the wire.
    extensions: Extensions,
}

/// The fields of a response that is about to be written.
#[derive(Debug)]
pub enum ResponseFields {
    /// A Content-Type and nothing else, or nothing at all.
    MediaType(Option<&'static str>),
    /// All of them.
    Map(Box<HeaderMap>),
}

impl Response {
    /// A response with this status, no fields and no body.
    ///
    /// ```
    /// use container::message::{Response, StatusCode};
    /// assert_eq!(Response::new(StatusCode::NO_CONTENT).status(), 204);
    /// ```
    #[inline]
    pub fn new(status: StatusCode) -> Self {
        Response {
            status,
            media_type: None,
            headers: OnceCell::new(),
            body: Body::empty(),
            extensions: Extensions::new(),
        }
    }

    /// A 200 response with a body of the given media type.
    ///
    /// ```
    /// use container::message::Response;
    /// let response = Response::ok("text/csv", "a,b\n");
    /// assert_eq!(response.headers()["content-type"], "text/csv");
    /// ```
    ///
    /// The media type is the program's own, and must be visible ASCII.
    #[inline]
    pub fn ok(media_type: &'static str, body: impl Into<Body>) -> Self {
        debug_assert!(
            media_type.bytes().all(|byte| (b' '..0x7f).contains(&byte)),
            "a media type is visible ASCII"
        );
        let mut response = Response::new(StatusCode::OK);
        response.media_type = Some(media_type);
        response.body = body.into();
        response
    }

    /// The same with another status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with this field, in place of earlier ones of the name.
    pub fn with_header(mut self, name: impl IntoHeaderName, value: HeaderValue) -> Self {
        self.headers_mut().insert(name, value);
        self
    }

    /// The same with this body.
    pub fn with_body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Changes the status code.
    pub fn set_status(&mut self, status: StatusCode) {
        self.status = status;
    }

    /// The fields.
    pub fn headers(&self) -> &HeaderMap {
        self.headers.get_or_init(|| {
            let mut map = HeaderMap::new();
            if let Some(media_type) = self.media_type {
                map.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            }
            Box::new(map)
        })
    }

    /// The fields, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers();
        self.headers
            .get_mut()
            .expect("the map was made on the line above")
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The body, to be changed.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }

    /// The body alone.
    pub fn into_body(self) -> Body {
        self.body
    }

    /// Status, fields and body, each for itself.
    #[inline]
    pub fn into_parts(self) -> (StatusCode, ResponseFields, Body) {
        let fields = match self.headers.into_inner() {
            Some(map) => ResponseFields::Map(map),
            None => ResponseFields::MediaType(self.media_type),
        };
        (self.status, fields, self.body)
    }

    /// Values left for the layers around the handler.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Values left for the layers around the handler, to be changed.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }
}

impl ResponseFields {
    /// The first value of the field `name`.
    pub fn value(&self, name: &http::HeaderName) -> Option<&[u8]> {
        match self {
            ResponseFields::MediaType(media_type) => media_type
                .filter(|_| name == CONTENT_TYPE)
                .map(str::as_bytes),
            ResponseFields::Map(map) => map.get(name).map(HeaderValue::as_bytes),
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.status)
            .field("headers", self.headers())
            .field("body", &self.body)
            .finish()
    }
}
