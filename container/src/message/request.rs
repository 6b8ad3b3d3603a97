//! `Request`: a head, a body, and what the server knows beside them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, Version};

use super::body::Body;
use super::fields::Fields;
use super::head::RequestHead;

/// A request as a handler sees it.
///
/// ```
/// use container::message::{Method, Request};
/// let request = Request::new(Method::GET, "/users?name=lee").unwrap();
/// assert_eq!((request.path(), request.query()), ("/users", Some("name=lee")));
/// ```
pub struct Request {
    /// Method, target, version and fields.
    head: RequestHead,
    /// The body: whole, or live where an async handler takes it so.
    body: Body,
    /// Who sent it; `None` for Unix sockets and for requests made in memory.
    peer: Option<SocketAddr>,
    /// What most requests do not have.
    rare: Option<Box<Rare>>,
    /// Values that middleware leaves for the handler; no storage while there are none.
    extensions: Extensions,
}

/// The parts of a request that most requests do without; a request is moved often.
#[derive(Default)]
struct Rare {
    /// What the route's pattern captured; filled in by the router.
    parameters: PathParameters,
    /// The trailer fields of a body that is here whole.
    trailers: HeaderMap,
}

/// The parameters that a route's pattern captured, percent-decoded, in the pattern's order.
#[derive(Debug, Clone, Default)]
pub struct PathParameters {
    /// Name and value of each.
    pairs: Vec<(Arc<str>, String)>,
}

impl Request {
    /// A request made here, without fields and body.
    ///
    /// # Errors
    /// When the target could not be sent as it is.
    pub fn new(method: Method, target: &str) -> Result<Self, super::head::HeadError> {
        Ok(Self::from_head(
            RequestHead::new(method, target, [])?,
            Body::empty(),
        ))
    }

    /// A request out of its two halves.
    #[inline]
    pub fn from_head(head: RequestHead, body: Body) -> Self {
        Request {
            head,
            body,
            peer: None,
            rare: None,
            extensions: Extensions::new(),
        }
    }

    /// The same, sent by `peer`.
    #[inline]
    pub fn with_peer(mut self, peer: Option<SocketAddr>) -> Self {
        self.peer = peer;
        self
    }

    /// The head.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// The head, to be changed.
    pub fn head_mut(&mut self) -> &mut RequestHead {
        &mut self.head
    }

    /// The method.
    pub fn method(&self) -> &Method {
        self.head.method()
    }

    /// The path, still percent-encoded.
    pub fn path(&self) -> &str {
        self.head.path()
    }

    /// The query without its question mark, still percent-encoded.
    pub fn query(&self) -> Option<&str> {
        self.head.query()
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.head.version()
    }

    /// The fields as a map; see [`fields`](Self::fields) for what was received, byte by byte.
    pub fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// The fields as received: order, case and repetition kept.
    pub fn fields(&self) -> Fields<'_> {
        self.head.fields()
    }

    /// The first value of a field, when it is visible ASCII.
    pub fn header_str(&self, name: &str) -> Option<&str> {
        self.head.header_str(name)
    }

    /// Who sent it; `None` for Unix sockets and for requests made in memory.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// What the route's pattern captured.
    pub fn parameters(&self) -> &PathParameters {
        match &self.rare {
            Some(rare) => &rare.parameters,
            None => &NO_PARAMETERS,
        }
    }

    /// Sets what the route's pattern captured; the router's call.
    pub fn set_parameters(&mut self, parameters: PathParameters) {
        if parameters.iter().len() > 0 {
            self.rare().parameters = parameters;
        }
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The body, to be read in place.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }

    /// The body alone.
    pub fn into_body(self) -> Body {
        self.body
    }

    /// Takes the body out and leaves an empty one.
    pub fn take_body(&mut self) -> Body {
        std::mem::replace(&mut self.body, Body::empty())
    }

    /// Puts another body in.
    pub fn set_body(&mut self, body: Body) {
        self.body = body;
    }

    /// The trailer fields (RFC 9110, section 6.5): of a body that came whole, or, of a live one,
    /// those that [`chunk`](Body::chunk) has come upon.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        let trailers = self.rare.as_ref().map(|rare| &rare.trailers);
        let whole = trailers.filter(|trailers| !trailers.is_empty());
        whole.or_else(|| self.body.trailers())
    }

    /// Sets the trailer fields; the driver's call.
    pub fn set_trailers(&mut self, trailers: HeaderMap) {
        self.rare().trailers = trailers;
    }

    /// Values that middleware left.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Values for those who come after.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

/// What a route without parameters has captured.
static NO_PARAMETERS: PathParameters = PathParameters { pairs: Vec::new() };

impl PathParameters {
    /// Adds a captured parameter.
    pub fn push(&mut self, name: Arc<str>, value: String) {
        self.pairs.push((name, value));
    }

    /// The value of the parameter `name`.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Names and values in the pattern's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (&**name, value.as_str()))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("head", &self.head)
            .field("peer", &self.peer)
            .field("parameters", self.parameters())
            .field("body", &self.body)
            .finish()
    }
}
