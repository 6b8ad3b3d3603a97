//! `Response`: status, fields and body. How it is framed is decided when it is written.

use std::fmt;

use http::header::{CONTENT_TYPE, IntoHeaderName};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};

use super::body::Body;
use super::recycle::Headers;

/// What a handler answers.
///
/// `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are the server's to write: set
/// by a handler, the first three are ignored, and a `Date` of the handler's own is kept.
pub struct Response {
    /// The status code.
    status: StatusCode,
    /// The fields the handler set.
    headers: Headers,
    /// What follows the head; dropped unread where the status or the method allows no body.
    body: Body,
    /// Values for the layers around the handler; never written to the wire.
    extensions: Extensions,
}

impl Response {
    /// A response with this status, no fields and no body.
    ///
    /// ```
    /// use container::message::{Response, StatusCode};
    /// assert_eq!(Response::new(StatusCode::NO_CONTENT).status(), 204);
    /// ```
    pub fn new(status: StatusCode) -> Self {
        Response {
            status,
            headers: Headers::new(),
            body: Body::empty(),
            extensions: Extensions::new(),
        }
    }

    /// A 200 response with a body of the given media type.
    pub fn ok(content_type: &'static str, body: impl Into<Body>) -> Self {
        Response::new(StatusCode::OK)
            .with_header(CONTENT_TYPE, HeaderValue::from_static(content_type))
            .with_body(body)
    }

    /// The same with another status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with this field, in place of earlier ones of the name.
    pub fn with_header(mut self, name: impl IntoHeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
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
        &self.headers
    }

    /// The fields, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
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
    pub fn into_parts(self) -> (StatusCode, Headers, Body) {
        (self.status, self.headers, self.body)
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

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &self.body)
            .finish()
    }
}
