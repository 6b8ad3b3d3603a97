//! `set_header`: a field on every answer.

use crate::handler::LocalFuture;
use crate::message::{HeaderName, HeaderValue, Request, Response};

use super::layer::{Middleware, Next};

/// Sets the field `name` of every answer to `value`, in place of what the handler set.
///
/// ```
/// use container::message::{HeaderValue, header};
/// use container::middleware::set_header;
/// use container::router::Router;
///
/// let no_sniffing =
///     set_header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
/// let router = Router::new().get("/", async || "hello").layer(no_sniffing);
/// ```
pub fn set_header(name: HeaderName, value: HeaderValue) -> impl Middleware {
    move |request: Request, next: Next| -> LocalFuture<Response> {
        let (name, value) = (name.clone(), value.clone());
        Box::pin(async move { next.run(request).await.with_header(name, value) })
    }
}
