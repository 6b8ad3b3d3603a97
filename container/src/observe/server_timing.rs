//! `Server-Timing` (W3C Server Timing): answers that say how long they took.

use http::{HeaderName, HeaderValue};

use super::record::Record;
use crate::message::{Request, Response};
use crate::middleware::Next;

/// The field.
const NAME: HeaderName = HeaderName::from_static("server-timing");

/// Marks an answer that is to say how long it took.
#[derive(Debug, Clone, Copy)]
struct Mark;

/// A layer: answers say how long their requests waited and their handlers ran, in a `Server-Timing`
/// field that browsers show, such as `waited;dur=0.012, ran;dur=50.17` (milliseconds).
///
/// ```
/// use container::{Router, observe::server_timing, testing::Server};
///
/// let router = Router::new().get("/", async || "hello").layer(server_timing);
/// let answer = Server::new(router).exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
/// assert!(answer.contains("server-timing: waited;dur=0, ran;dur="));
/// ```
pub async fn server_timing(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(Mark);
    response
}

/// Whether this answer is to say how long it took.
pub(super) fn is_marked(response: &Response) -> bool {
    response.extensions().get::<Mark>().is_some()
}

/// Has the answer say how long it took.
pub(super) fn tell(record: &Record, response: &mut Response) {
    let spans = record.spans();
    let millis = |micros: u64| micros as f64 / 1e3;
    let (waited, ran) = (millis(spans.waited), millis(spans.ran));
    let text = format!("waited;dur={waited}, ran;dur={ran}");
    if let Ok(value) = HeaderValue::try_from(text) {
        // An application may have said something of its own.
        response.headers_mut().append(NAME, value);
    }
}
