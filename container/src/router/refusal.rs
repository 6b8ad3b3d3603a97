//! `Refusal`: what is answered where no handler is called.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};

use crate::handler::{IntoResponse, Problem};
use crate::message::Response;

/// Why no route answers a request, as the answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No pattern matches the path: 404.
    NotFound,
    /// No route at all has the method, and it is none that clients may expect of any server: 501
    /// (RFC 9110, section 9.1).
    NotImplemented,
    /// The path has routes, but none for the method: 405.
    MethodNotAllowed {
        /// The methods that it has.
        allow: HeaderValue,
    },
    /// `OPTIONS` of a path without an OPTIONS route, or `OPTIONS *`: 204. Not an error.
    Options {
        /// The methods of the path, or of all paths.
        allow: HeaderValue,
    },
    /// A captured segment is not percent-encoded UTF-8: 400.
    Parameter {
        /// The name of the parameter.
        name: Arc<str>,
    },
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::NotFound => Problem::new(StatusCode::NOT_FOUND)
                .with_detail("no route matches this path")
                .into_response(),
            Refusal::NotImplemented => Problem::new(StatusCode::NOT_IMPLEMENTED)
                .with_detail("no route has this method")
                .into_response(),
            Refusal::MethodNotAllowed { allow } => Problem::new(StatusCode::METHOD_NOT_ALLOWED)
                .with_detail("this path has no route for this method")
                .with_field(header::ALLOW, allow)
                .into_response(),
            Refusal::Options { allow } => {
                Response::new(StatusCode::NO_CONTENT).with_header(header::ALLOW, allow)
            }
            Refusal::Parameter { name } => Problem::bad_request(format!(
                "the path parameter `{name}` is not percent-encoded UTF-8"
            ))
            .into_response(),
        }
    }
}
