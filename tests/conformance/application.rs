//! The application of the tables: that of all tests, and handlers that try to break answers.

use container::extract::{Path, Query};
use container::handler::Problem;
use container::message::{HeaderName, HeaderValue, Request, Response, StatusCode};
use container::{Router, inline};

/// The routes.
pub(super) fn application() -> Router {
    tests::application()
        .get("/authority", inline(authority))
        .get("/status/{code}", inline(status))
        .post("/status/{code}", inline(status))
        .get(
            "/field/{value}",
            inline(|Path(value): Path<String>| field(&value)),
        )
        .get(
            "/field",
            inline(|Query(pairs): Query<Vec<(String, String)>>| {
                field(
                    &pairs
                        .into_iter()
                        .map(|(_, value)| value)
                        .collect::<String>(),
                )
            }),
        )
        .get("/forged", inline(forged))
        .get("/empty", inline(|| ()))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "handlers take their arguments by value"
)]
fn authority(request: Request) -> String {
    request.head().authority().unwrap_or_default().to_owned()
}

/// An answer of any status, with a body that some statuses cannot have.
fn status(Path(code): Path<u16>) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(code).map_err(|_| Problem::bad_request("no status"))?;
    Ok(Response::ok("text/plain", "body").with_status(status))
}

/// An answer that repeats what it was sent, decoded, in a field.
fn field(value: &str) -> Result<Response, Problem> {
    let value = HeaderValue::from_str(value).map_err(|_| Problem::bad_request("no field value"))?;
    Ok(Response::ok("text/plain", "").with_header(HeaderName::from_static("x-value"), value))
}

/// An answer whose handler meddles with the framing.
fn forged() -> Response {
    let mut response = Response::ok("text/plain", "forged");
    for (name, value) in [
        ("content-length", "1"),
        ("content-length", "2"),
        ("transfer-encoding", "gzip"),
        ("connection", "x-hop"),
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("date", "Mon, 07 Nov 1994 08:49:37 GMT"),
    ] {
        let fields = response.headers_mut();
        fields.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}
