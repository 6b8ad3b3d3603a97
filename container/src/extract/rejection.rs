//! `Rejection`: why an argument could not be made, and the answer for it.

use std::fmt;

use http::StatusCode;

use crate::handler::{IntoResponse, Problem};
use crate::message::Response;

/// Why an argument could not be made from a request.
///
/// As a response it is a problem document. What is the program's own mistake is logged, and the
/// client is told no more than 500.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// A path parameter has a value of the wrong type: 400.
    Path(String),
    /// The query does not fit the handler's type: 400.
    Query(String),
    /// A form does not fit the handler's type: 400.
    Form(String),
    /// The body is not JSON: 400.
    JsonSyntax(String),
    /// The body is JSON, but does not fit the handler's type: 422.
    JsonData(String),
    /// The body is not UTF-8: 400.
    NotUtf8,
    /// The body has another media type: 415.
    MediaType {
        /// The one that the handler takes.
        expected: &'static str,
    },
    /// The handler takes other parameters than its pattern captures: 500.
    PathShape(String),
    /// No state of this type was given: 500. Routes that were built have all their states.
    MissingState(&'static str),
    /// No middleware left a value of this type: 500.
    MissingExtension(&'static str),
    /// The body is wanted whole, and has not been made so: 500.
    BodyNotWhole,
}

impl Rejection {
    /// The status of its answer.
    ///
    /// ```
    /// use container::extract::Rejection;
    /// assert_eq!(Rejection::MediaType { expected: "application/json" }.status(), 415);
    /// ```
    pub fn status(&self) -> StatusCode {
        match self {
            Rejection::Path(_)
            | Rejection::Query(_)
            | Rejection::Form(_)
            | Rejection::JsonSyntax(_)
            | Rejection::NotUtf8 => StatusCode::BAD_REQUEST,
            Rejection::JsonData(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Rejection::MediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Rejection::PathShape(_)
            | Rejection::MissingState(_)
            | Rejection::MissingExtension(_)
            | Rejection::BodyNotWhole => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let problem = Problem::new(self.status());
        if self.status().is_server_error() {
            log::error!("an argument of a handler could not be made: {self}");
            return problem.into_response();
        }
        problem.with_detail(self.to_string()).into_response()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejection::Path(detail) | Rejection::PathShape(detail) => formatter.write_str(detail),
            Rejection::Query(detail) => write!(formatter, "the query: {detail}"),
            Rejection::Form(detail) => write!(formatter, "the form: {detail}"),
            Rejection::JsonSyntax(detail) => write!(formatter, "the body is not JSON: {detail}"),
            Rejection::JsonData(detail) => write!(formatter, "the body: {detail}"),
            Rejection::NotUtf8 => formatter.write_str("the body is not UTF-8"),
            Rejection::MediaType { expected } => {
                write!(formatter, "the content type must be {expected}")
            }
            Rejection::MissingState(name) => write!(formatter, "there is no state `{name}`"),
            Rejection::MissingExtension(name) => write!(
                formatter,
                "no middleware left a value `{name}` in the request's extensions"
            ),
            Rejection::BodyNotWhole => formatter.write_str(
                "the body is still arriving; an extractor that wants it whole says so in its \
                 `describe`, and a middleware that replaces a body gives a full one",
            ),
        }
    }
}

impl std::error::Error for Rejection {}
