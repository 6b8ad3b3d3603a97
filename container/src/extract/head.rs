//! What needs no more than the head: states, what middleware left, and parts of the head itself.

use std::any::type_name;
use std::convert::Infallible;
use std::net::SocketAddr;

use http::{HeaderMap, Method, Version};

use super::rejection::Rejection;
use crate::handler::{Cancellation, Context, FromHead, Needs};
use crate::message::{Request, RequestId, TraceContext};

/// A clone of a value that was given to `Router::state`.
///
/// ```
/// use container::extract::State;
/// use container::router::Router;
///
/// #[derive(Clone)]
/// struct Greeting(&'static str);
/// async fn greet(State(greeting): State<Greeting>) -> &'static str { greeting.0 }
///
/// let forgotten = Router::new().get("/", greet).build().unwrap_err();
/// assert!(forgotten.to_string().contains("Greeting`; give it with `.state(..)`"));
/// assert!(Router::new().get("/", greet).state(Greeting("hello")).build().is_ok());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State<T>(pub T);

/// A clone of a value that a middleware left in the request's extensions.
///
/// ```
/// use container::extract::Extension;
/// use container::message::{Request, Response};
/// use container::middleware::Next;
/// use container::router::Router;
///
/// #[derive(Clone)]
/// struct User(String);
/// async fn name_user(mut request: Request, next: Next) -> Response {
///     request.extensions_mut().insert(User("lee".to_owned()));
///     next.run(request).await
/// }
/// async fn who(Extension(user): Extension<User>) -> String { user.0 }
/// let router = Router::new().get("/who", who).layer(name_user);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extension<T>(pub T);

/// Who sent the request; `None` for Unix sockets and for requests made in memory. Behind a proxy it
/// is the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub Option<SocketAddr>);

/// The id of the last event that a client of [`Sse`](crate::handler::Sse) has got, when it comes
/// back: its `Last-Event-ID` field (HTML, section 9.2.3). `None` at its first visit, when the last
/// id was empty, and when it is not UTF-8.
///
/// ```
/// use container::extract::LastEventId;
/// async fn resume(LastEventId(last): LastEventId) -> String {
///     let next = last.and_then(|id| id.parse::<u64>().ok()).map_or(0, |id| id + 1);
///     format!("going on with {next}")
/// }
/// let router = container::Router::new().get("/events", resume);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEventId(pub Option<String>);

impl<T: Clone + Send + Sync + 'static> FromHead for State<T> {
    type Rejection = Rejection;

    fn from_head(_request: &Request, context: &Context) -> Result<Self, Rejection> {
        let state = context.state::<T>().cloned();
        state
            .map(State)
            .ok_or(Rejection::MissingState(type_name::<T>()))
    }

    fn describe(needs: &mut Needs) {
        needs.state::<T>();
    }
}

impl<T: Clone + Send + Sync + 'static> FromHead for Extension<T> {
    type Rejection = Rejection;

    fn from_head(request: &Request, _context: &Context) -> Result<Self, Rejection> {
        let value = request.extensions().get::<T>().cloned();
        value
            .map(Extension)
            .ok_or(Rejection::MissingExtension(type_name::<T>()))
    }
}

/// Parts that every request has.
macro_rules! parts {
    ($($(#[$meta:meta])* $part:ty: $take:expr),+ $(,)?) => {
        $($(#[$meta])* impl FromHead for $part {
            type Rejection = Infallible;

            fn from_head(request: &Request, _context: &Context) -> Result<Self, Infallible> {
                let take: fn(&Request) -> $part = $take;
                Ok(take(request))
            }
        })+
    };
}

/// What the request is called in the log; one of its own where nobody has called it anything.
impl FromHead for RequestId {
    type Rejection = Infallible;

    fn from_head(request: &Request, _context: &Context) -> Result<Self, Infallible> {
        let told = request.extensions().get().cloned();
        Ok(told.unwrap_or_else(RequestId::unique))
    }

    fn describe(needs: &mut Needs) {
        needs.identity();
    }
}

/// The place of a request in a trace where traces are carried (`Config::observe`), as it is in the
/// log; elsewhere `None`. For handlers that ask others on its behalf, and hand it on to them.
///
/// ```
/// use container::client::ClientRequest;
/// use container::extract::CarriedTrace;
/// use container::message::Method;
///
/// async fn ask(CarriedTrace(trace): CarriedTrace) -> String {
///     let request = ClientRequest::new(Method::GET, "http://localhost/users".parse().unwrap());
///     format!("{:?}", request.with_trace(&trace))
/// }
/// # let _ = container::Router::new().get("/", ask);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedTrace(pub Option<TraceContext>);

/// The place in its caller's trace, or in a new one. Where traces are carried
/// (`Config::observe`), it is that of the log; elsewhere it is made when it is asked for.
impl FromHead for TraceContext {
    type Rejection = Infallible;

    fn from_head(request: &Request, _context: &Context) -> Result<Self, Infallible> {
        let told = request.extensions().get().cloned();
        Ok(told.unwrap_or_else(|| TraceContext::of(request.head())))
    }
}

parts! {
    PeerAddress: |request| PeerAddress(request.peer()),
    LastEventId: |request| LastEventId(last_event_id(request)),
    CarriedTrace: |request| CarriedTrace(request.extensions().get().cloned()),
    Method: |request| request.method().clone(),
    Version: Request::version,
    /// A copy of all fields.
    HeaderMap: |request| request.headers().clone(),
    /// The one that the server set; where there is none, one that nobody sets.
    Cancellation: |request| request.extensions().get().cloned().unwrap_or_default(),
}

fn last_event_id(request: &Request) -> Option<String> {
    let value = request.head().header("last-event-id")?;
    let id = str::from_utf8(value).ok()?;
    (!id.is_empty()).then(|| id.to_owned())
}
