//! `ClientRequest`: what to ask for. Holds its body whole, so that it can be sent again.

use std::time::Duration;

use bytes::Bytes;
use http::header::IntoHeaderName;
use http::{HeaderMap, HeaderValue, Method, header};

use super::url::Url;
use crate::message::{TRACEPARENT, TRACESTATE, TraceContext};

/// What a server's log may say about who asked.
const USER_AGENT: &str = concat!("container/", env!("CARGO_PKG_VERSION"));

/// A request to be sent by a [`Client`](super::Client).
///
/// ```
/// use container::{client::ClientRequest, message::Method};
///
/// let request = ClientRequest::new(Method::POST, "http://localhost/users".parse()?)
///     .with_body("application/json", r#"{"name": "lee"}"#);
/// assert_eq!(request.headers()["content-type"], "application/json");
/// # Ok::<(), container::client::UrlError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClientRequest {
    /// The method.
    pub(super) method: Method,
    /// Whom to ask, and for what.
    pub(super) url: Url,
    /// The fields, Host excepted, which the URL tells.
    pub(super) headers: HeaderMap,
    /// The body, perhaps empty.
    pub(super) body: Bytes,
    /// Takes precedence over the client's own request timeout.
    pub(super) timeout: Option<Duration>,
}

impl ClientRequest {
    /// A request with a User-Agent field and no body.
    pub fn new(method: Method, url: Url) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        ClientRequest {
            method,
            url,
            headers,
            body: Bytes::new(),
            timeout: None,
        }
    }

    /// The same with this field, in place of earlier ones of the name. Host, Content-Length and
    /// Transfer-Encoding are the client's to write and replaced or passed over.
    pub fn with_header(mut self, name: impl IntoHeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same as a part of this trace: with its `traceparent` and `tracestate`; as it is, where
    /// there is none.
    ///
    /// ```
    /// use container::client::ClientRequest;
    /// use container::message::{Method, TraceContext};
    ///
    /// async fn ask(trace: TraceContext) -> ClientRequest {
    ///     ClientRequest::new(Method::GET, "http://localhost/users".parse().unwrap())
    ///         .with_trace(&trace)
    /// }
    /// ```
    pub fn with_trace<'a>(mut self, trace: impl Into<Option<&'a TraceContext>>) -> Self {
        let Some(trace) = trace.into() else {
            return self;
        };
        self.headers.insert(TRACEPARENT, trace.to_header());
        match trace.state() {
            Some(state) => self.headers.insert(TRACESTATE, state.clone()),
            None => self.headers.remove(TRACESTATE),
        };
        self
    }

    /// The same with this body and its media type.
    pub fn with_body(self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let content_type = HeaderValue::from_static(content_type);
        let mut request = self.with_header(header::CONTENT_TYPE, content_type);
        request.body = body.into();
        request
    }

    /// The same with this much time in all.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Whom to ask, and for what.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Whether sending it twice does no more than sending it once (RFC 9110, section 9.2.2).
    pub(super) fn is_idempotent(&self) -> bool {
        self.method.is_idempotent()
    }
}
