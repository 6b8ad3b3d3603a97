//! `IntoResponse`: what a handler may return.

use std::borrow::Cow;
use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::problem::Problem;
use crate::message::{Body, BodyError, Response};

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const BINARY: &str = "application/octet-stream";

/// Something that can be answered.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be answered by a handler",
    note = "answers are text, bytes, `Json<T>`, `Html<T>`, `StatusCode`, `Response`, \
            `(StatusCode, answer)`, `(StatusCode, HeaderMap, answer)`, `Result` and `Option` of \
            answers, or a type of your own that implements `IntoResponse`",
    note = "if it is a future: an `async fn` is a handler as it is, without `inline(..)` or \
            `blocking(..)`"
)]
pub trait IntoResponse {
    /// The response it is.
    fn into_response(self) -> Response;
}

/// Text that is HTML.
///
/// ```
/// use container::handler::{Html, IntoResponse};
/// let response = Html("<p>hello</p>").into_response();
/// assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
/// ```
#[derive(Debug, Clone)]
pub struct Html<T>(pub T);

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

/// An empty 200.
impl IntoResponse for () {
    fn into_response(self) -> Response {
        Response::new(StatusCode::OK)
    }
}

/// A status and nothing else; a client error or server error comes as a problem document.
impl IntoResponse for StatusCode {
    fn into_response(self) -> Response {
        if self.is_client_error() || self.is_server_error() {
            Problem::new(self).into_response()
        } else {
            Response::new(self)
        }
    }
}

impl IntoResponse for Infallible {
    fn into_response(self) -> Response {
        match self {}
    }
}

macro_rules! respond_with {
    ($content_type:expr => $($type:ty),+) => {
        $(impl IntoResponse for $type {
            fn into_response(self) -> Response {
                Response::ok($content_type, self)
            }
        })+
    };
}

respond_with!(TEXT => &'static str, String);
respond_with!(BINARY => Bytes, Vec<u8>, &'static [u8], Body);

impl IntoResponse for Cow<'static, str> {
    fn into_response(self) -> Response {
        match self {
            Cow::Borrowed(text) => text.into_response(),
            Cow::Owned(text) => text.into_response(),
        }
    }
}

impl<T: Into<Body>> IntoResponse for Html<T> {
    fn into_response(self) -> Response {
        Response::ok(HTML, self.0)
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

/// Nothing is a 404.
impl<T: IntoResponse> IntoResponse for Option<T> {
    fn into_response(self) -> Response {
        match self {
            Some(value) => value.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

impl<T: IntoResponse> IntoResponse for (StatusCode, T) {
    fn into_response(self) -> Response {
        self.1.into_response().with_status(self.0)
    }
}

impl<T: IntoResponse> IntoResponse for (HeaderMap, T) {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        replace_fields(response.headers_mut(), self.0);
        response
    }
}

impl<T: IntoResponse> IntoResponse for (StatusCode, HeaderMap, T) {
    fn into_response(self) -> Response {
        (self.1, self.2).into_response().with_status(self.0)
    }
}

/// Fields by name and value, for those known when the program is written.
impl<T: IntoResponse, const N: usize> IntoResponse for ([(HeaderName, HeaderValue); N], T) {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        response.headers_mut().extend(self.0);
        response
    }
}

impl<T: IntoResponse, const N: usize> IntoResponse
    for (StatusCode, [(HeaderName, HeaderValue); N], T)
{
    fn into_response(self) -> Response {
        (self.1, self.2).into_response().with_status(self.0)
    }
}

/// A body that could not be read, as the status that tells the client why.
impl IntoResponse for BodyError {
    fn into_response(self) -> Response {
        let status = if self.is_too_large() {
            StatusCode::PAYLOAD_TOO_LARGE
        } else if self.is_timed_out() {
            StatusCode::REQUEST_TIMEOUT
        } else {
            StatusCode::BAD_REQUEST
        };
        Problem::new(status)
            .with_detail(self.to_string())
            .into_response()
    }
}

/// Puts `fields` in place of those of the same names, repetitions kept.
pub(super) fn replace_fields(headers: &mut HeaderMap, fields: HeaderMap) {
    for name in fields.keys() {
        headers.remove(name);
    }
    let mut last = None;
    for (name, value) in fields {
        // The map names a repeated field only once.
        last = name.or(last);
        if let Some(name) = &last {
            headers.append(name, value);
        }
    }
}
