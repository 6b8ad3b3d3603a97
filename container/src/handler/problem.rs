//! `Problem`: errors as RFC 9457 problem documents.

use std::borrow::Cow;
use std::fmt;

use http::{HeaderName, HeaderValue, StatusCode, header};

use super::response::IntoResponse;
use crate::message::{RequestId, Response};

/// An error answer: a status, and one sentence about this occurrence of it.
///
/// Everything that the container itself refuses is one of these, so that an application can give
/// all of them another shape: with `Router::on_error` those of its own paths, with
/// `Builder::on_error` the whole container's.
///
/// ```
/// use container::handler::{IntoResponse, Problem};
/// use container::message::StatusCode;
/// let response = Problem::new(StatusCode::NOT_FOUND).with_detail("no such user").into_response();
/// assert_eq!(response.headers()["content-type"], "application/problem+json");
/// ```
#[derive(Debug, Clone)]
pub struct Problem {
    /// The status code.
    status: StatusCode,
    /// What happened, for the client's developer; empty when the status says it all.
    detail: Cow<'static, str>,
    /// Fields that belong to the status, such as `Allow` and `Retry-After`.
    fields: Vec<(HeaderName, HeaderValue)>,
    /// What its request is called in the log; a member of its own in the document.
    request_id: Option<RequestId>,
}

impl Problem {
    /// A problem that its status describes well enough.
    pub fn new(status: StatusCode) -> Self {
        Problem {
            status,
            detail: Cow::Borrowed(""),
            fields: Vec::new(),
            request_id: None,
        }
    }

    /// A 400.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(StatusCode::BAD_REQUEST).with_detail(detail)
    }

    /// A 503 that says when to try again, in seconds.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>, retry_after: u32) -> Self {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE)
            .with_detail(detail)
            .with_field(header::RETRY_AFTER, HeaderValue::from(retry_after))
    }

    /// The same with a sentence about this occurrence.
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The same with a header field.
    pub fn with_field(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The same with what its request is called in the log.
    pub fn with_request_id(mut self, id: RequestId) -> Self {
        self.request_id = Some(id);
        self
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The status in words.
    pub fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Unknown")
    }

    /// The sentence about this occurrence; may be empty.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The fields that belong to the status.
    pub fn fields(&self) -> &[(HeaderName, HeaderValue)] {
        &self.fields
    }

    /// What its request is called in the log; the server gives it to failures (500).
    pub fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    fn to_json(&self) -> String {
        let mut document = serde_json::json!({
            "type": "about:blank",
            "title": self.title(),
            "status": self.status.as_u16(),
        });
        if !self.detail.is_empty() {
            document["detail"] = self.detail().into();
        }
        if let Some(id) = &self.request_id {
            document["request_id"] = id.to_string().into();
        }
        document.to_string()
    }
}

impl IntoResponse for Problem {
    /// The document; the problem itself goes along for `on_error`.
    fn into_response(self) -> Response {
        let mut response =
            Response::ok("application/problem+json", self.to_json()).with_status(self.status);
        for (name, value) in &self.fields {
            response.headers_mut().insert(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.status.as_u16(), self.title())?;
        if self.detail.is_empty() {
            Ok(())
        } else {
            write!(formatter, ": {}", self.detail)
        }
    }
}

impl std::error::Error for Problem {}
