//! `ErrorShape`: how an application renders errors. Must not know which errors it is for.

use std::fmt;
use std::sync::Arc;

use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, ETAG, LAST_MODIFIED,
};
use http::{HeaderName, HeaderValue};

use super::panic::catch_panic;
use super::problem::Problem;
use super::response::{IntoResponse, replace_fields};
use crate::message::{Response, ResponseFields};

/// Fields that describe a body (RFC 9110, section 8), and go with the one that is replaced.
const OF_THE_BODY: [HeaderName; 6] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LOCATION,
    ETAG,
    LAST_MODIFIED,
];

/// How an application renders errors: what `Router::on_error` and `Builder::on_error` were given.
/// Clones are the same shape.
#[derive(Clone)]
pub struct ErrorShape {
    render: Arc<dyn Fn(&Problem) -> Response + Send + Sync>,
}

impl ErrorShape {
    /// The shape that this function gives to problems.
    pub fn new<R: IntoResponse>(render: impl Fn(&Problem) -> R + Send + Sync + 'static) -> Self {
        ErrorShape {
            render: Arc::new(move |problem| render(problem).into_response()),
        }
    }

    /// Whether this and `other` come from the same call.
    pub(crate) fn is_same(&self, other: &ErrorShape) -> bool {
        Arc::ptr_eq(&self.render, &other.render)
    }

    /// Gives this shape to a response that is a problem; other responses stay as they are.
    ///
    /// The rendering's body takes the place of the document. Its fields take the place of those of
    /// their names; the others stay, be they the problem's, such as `Allow` and `Retry-After`, or a
    /// middleware's. The status stays too, unless the rendering has another one of an error.
    pub(crate) fn apply(&self, response: &mut Response) {
        let Some(problem) = response.extensions().get::<Problem>() else {
            return;
        };
        match catch_panic(|| (self.render)(problem)) {
            Ok(rendered) => replace(response, rendered),
            Err(panicked) => log::error!("on_error panicked: {}", panicked.message),
        }
    }
}

/// Puts what was rendered in the place of what was answered.
fn replace(response: &mut Response, rendered: Response) {
    let (status, fields, body) = rendered.into_parts();
    if status.is_client_error() || status.is_server_error() {
        response.set_status(status);
    }
    let headers = response.headers_mut();
    for name in OF_THE_BODY {
        headers.remove(name);
    }
    match fields {
        ResponseFields::Map(map) => replace_fields(headers, *map),
        ResponseFields::MediaType(Some(media_type)) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        ResponseFields::MediaType(None) => {}
    }
    *response.body_mut() = body;
}

impl fmt::Debug for ErrorShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ErrorShape").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::{StatusCode, header};

    use super::*;
    use crate::extract::Json;

    /// What becomes of a 503 that also has a field of a middleware, as status, fields and body.
    fn check<R: IntoResponse>(
        render: impl Fn(&Problem) -> R + Send + Sync + 'static,
        expected: (u16, &[&str], &str),
    ) {
        let server = HeaderValue::from_static("test");
        let mut response = Problem::unavailable("too busy", 1).into_response();
        response.headers_mut().insert(header::SERVER, server);
        ErrorShape::new(render).apply(&mut response);
        let status = response.status().as_u16();
        let fields = response.headers().iter();
        let mut fields: Vec<String> = fields
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        fields.sort();
        let body = response.into_body().into_full().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        assert_eq!((status, &*fields, &*body), expected);
    }

    #[test]
    fn status_and_fields_stay_unless_they_are_rendered() {
        let json = "content-type: application/json";
        check(
            |problem| Json([problem.status().as_u16()]),
            (503, &[json, "retry-after: 1", "server: test"], "[503]"),
        );
        check(
            |problem| {
                problem
                    .detail()
                    .to_owned()
                    .into_response()
                    .with_status(StatusCode::OK)
            },
            (
                503,
                &[
                    "content-type: text/plain; charset=utf-8",
                    "retry-after: 1",
                    "server: test",
                ],
                "too busy",
            ),
        );
        let later = |_: &Problem| {
            let response = Response::new(StatusCode::TOO_MANY_REQUESTS);
            response.with_header(header::RETRY_AFTER, HeaderValue::from(9))
        };
        check(later, (429, &["retry-after: 9", "server: test"], ""));
    }

    #[test]
    fn who_panics_leaves_the_document() {
        let document = r#"{"detail":"too busy","status":503,"title":"Service Unavailable","type":"about:blank"}"#;
        let panics = |_: &Problem| -> Response { panic!("asked to") };
        let json = "content-type: application/problem+json";
        check(
            panics,
            (503, &[json, "retry-after: 1", "server: test"], document),
        );
    }

    #[test]
    fn what_is_no_problem_stays() {
        let mut response = StatusCode::NO_CONTENT.into_response();
        ErrorShape::new(|_: &Problem| "another").apply(&mut response);
        assert_eq!(
            (response.status(), response.headers().len()),
            (StatusCode::NO_CONTENT, 0)
        );
    }
}
