//! `Router`: routes, layers, states and hooks as users write them down.
//!
//! Nothing is checked here: a mistake is told by [`Router::build`], together with all others.

use std::any::{TypeId, type_name};
use std::fmt;
use std::future::Future;

use http::Method;

use super::error::{Fault, RouterError};
use super::hook::{Hook, IntoHookResult};
use super::routes::Routes;
use super::{build, pattern};
use crate::handler::{Context, Endpoint, ErrorShape, Handler, IntoResponse, Problem};
use crate::middleware::{Layer, Middleware};

/// Which handler answers what.
///
/// ```
/// use container::handler::{blocking, inline};
/// use container::router::{Found, Router};
/// use container::message::Method;
///
/// async fn list() -> &'static str { "all users" }
/// fn health() -> &'static str { "ok" }
/// fn report() -> String { "a long report".to_owned() }
///
/// let users = Router::new().get("/", list).post("/", async || "made");
/// let routes = Router::new()
///     .get("/health", inline(health))
///     .get("/report", blocking(report).concurrency(2).queue(8))
///     .nest("/users", users)
///     .build()
///     .unwrap();
/// let Found::Route(found) = routes.find(&Method::GET, "/users") else { panic!() };
/// assert_eq!(&*found.route.pattern, "/users");
/// ```
#[derive(Default)]
#[must_use = "routes do nothing until they are served"]
pub struct Router {
    /// Routes and fallbacks, in the order in which they were added.
    pub(super) entries: Vec<Entry>,
    /// Layers of this router, outermost first; not yet among those of the entries.
    pub(super) layers: Vec<Layer>,
    /// What errors look like, where no router further in says it.
    pub(super) shape: Option<ErrorShape>,
    /// The same of nested routers, by their prefix.
    pub(super) shapes: Vec<(String, ErrorShape)>,
    /// States for all requests.
    pub(super) states: Vec<State>,
    /// What runs before the first request.
    pub(super) start_hooks: Vec<Hook>,
    /// What runs after the last request.
    pub(super) stop_hooks: Vec<Hook>,
    /// What runs beside the requests.
    pub(super) background: Vec<Hook>,
    /// Mistakes found so far.
    pub(super) faults: Vec<Fault>,
}

/// A route as it was written down, seen before the table is built.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Registered<'r> {
    /// The method; `None` for a route that takes any.
    pub method: Option<&'r Method>,
    /// The pattern, with the prefixes of all routers it is nested in: `/users/{id}`.
    pub pattern: &'r str,
    /// The handler.
    pub endpoint: &'r Endpoint,
}

/// A route or a fallback.
pub(super) struct Entry {
    /// What it answers.
    pub(super) kind: Kind,
    /// The pattern of a route with all prefixes; of a fallback the prefixes alone.
    pub(super) pattern: String,
    /// What answers.
    pub(super) endpoint: Endpoint,
    /// What is around it, outermost first.
    pub(super) layers: Vec<Layer>,
    /// What its errors look like, where its router says it.
    pub(super) shape: Option<ErrorShape>,
}

/// What an entry answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One method of its path.
    Method(Method),
    /// The methods of its path that have no route of their own.
    Any,
    /// The paths below its prefix that have no route.
    Fallback,
}

/// A state with its type gone.
pub(super) struct State {
    /// Its type.
    pub(super) id: TypeId,
    /// Its type's name.
    pub(super) name: &'static str,
    /// Puts it where handlers find it.
    pub(super) insert: Box<dyn FnOnce(&mut Context) + Send>,
}

impl Router {
    /// No routes.
    pub fn new() -> Self {
        Router::default()
    }

    /// Adds a route for GET requests, and for HEAD requests where there is no HEAD route.
    pub fn get<Args>(self, path: &str, handler: impl Handler<Args>) -> Self {
        self.route(Method::GET, path, handler)
    }

    /// Adds a route for POST requests.
    pub fn post<Args>(self, path: &str, handler: impl Handler<Args>) -> Self {
        self.route(Method::POST, path, handler)
    }

    /// Adds a route for PUT requests.
    pub fn put<Args>(self, path: &str, handler: impl Handler<Args>) -> Self {
        self.route(Method::PUT, path, handler)
    }

    /// Adds a route for PATCH requests.
    pub fn patch<Args>(self, path: &str, handler: impl Handler<Args>) -> Self {
        self.route(Method::PATCH, path, handler)
    }

    /// Adds a route for DELETE requests.
    pub fn delete<Args>(self, path: &str, handler: impl Handler<Args>) -> Self {
        self.route(Method::DELETE, path, handler)
    }

    /// Adds a route for HEAD requests.
    pub fn head<Args>(self, path: &str, handler: impl Handler<Args>) -> Self {
        self.route(Method::HEAD, path, handler)
    }

    /// Adds a route for OPTIONS requests.
    pub fn options<Args>(self, path: &str, handler: impl Handler<Args>) -> Self {
        self.route(Method::OPTIONS, path, handler)
    }

    /// Adds a route for TRACE requests.
    pub fn trace<Args>(self, path: &str, handler: impl Handler<Args>) -> Self {
        self.route(Method::TRACE, path, handler)
    }

    /// Adds a route for requests of any one method, which may be an extension method.
    pub fn route<Args>(self, method: Method, path: &str, handler: impl Handler<Args>) -> Self {
        self.add(Kind::Method(method), path, handler.into_endpoint())
    }

    /// Adds a route for the methods that have no route of their own on this path, OPTIONS among
    /// them; HEAD goes to a GET route where there is one.
    pub fn any<Args>(self, path: &str, handler: impl Handler<Args>) -> Self {
        self.add(Kind::Any, path, handler.into_endpoint())
    }

    /// Lets `handler` answer the paths that have no route, below the prefix of this router when it
    /// is nested. A path that has routes, though none for the method, stays a 405.
    pub fn fallback<Args>(self, handler: impl Handler<Args>) -> Self {
        self.add(Kind::Fallback, "", handler.into_endpoint())
    }

    /// Adds the routes of `inner` below `prefix`, such as `/api` or `/users/{id}`. Its `/` becomes
    /// the prefix itself, without a slash at the end. States and hooks of `inner` are the whole
    /// container's.
    pub fn nest(mut self, prefix: &str, inner: Router) -> Self {
        if !pattern::is_prefix(prefix) {
            let prefix = prefix.to_owned();
            self.faults.push(Fault::Prefix { prefix });
        }
        let mut inner = inner.sealed();
        for (inner_prefix, _) in &mut inner.shapes {
            inner_prefix.insert_str(0, prefix);
        }
        let own = inner.shape.take();
        inner
            .shapes
            .extend(own.map(|shape| (prefix.to_owned(), shape)));
        for entry in &mut inner.entries {
            entry.pattern = match entry.kind {
                Kind::Fallback => format!("{prefix}{}", entry.pattern),
                Kind::Method(_) | Kind::Any => pattern::join(prefix, &entry.pattern),
            };
        }
        self.absorb(inner)
    }

    /// Adds the routes of `other` as they are, with its layers around them and the layers of this
    /// router around those. Its `on_error` goes with its routes. States and hooks of `other` are the whole container's.
    pub fn merge(self, other: Router) -> Self {
        self.absorb(other.sealed())
    }

    /// Puts `middleware` around every route and fallback of this router, whether it was added
    /// before or after this call. The first layer is the outermost; the layers of a router are
    /// outside those of the routers nested in it.
    pub fn layer(mut self, middleware: impl Middleware) -> Self {
        self.layers.push(Layer::new(middleware));
        self
    }

    /// Gives errors the application's own shape, in this one place: those of every route and
    /// fallback of this router, whether it was added before or after this call, and of the routers
    /// nested in it, the innermost `on_error` winning. Where it is nested, these are also the errors
    /// of all other paths below its prefix.
    ///
    /// An error is whatever is answered as a [`Problem`]: by a handler, by an extractor (400, 415,
    /// 422) or by the container (404, 405, 413, 503, a deadline, the 500 of a panic). The answer
    /// keeps its status unless `render` gives it another one of an error, and its fields unless
    /// `render` sets them too: a 405 has its `Allow` and a 503 its `Retry-After`. Only requests whose
    /// head is refused belong to no router.
    ///
    /// ```
    /// use container::{Problem, Router, extract::Json, testing::Server};
    ///
    /// let shape = |problem: &Problem| Json([problem.title().to_owned()]);
    /// let api = Router::new().get("/users", async || "users").on_error(shape);
    /// let server = Server::new(Router::new().nest("/api", api));
    /// let answer = server.exchange("PUT /api/users HTTP/1.1\r\nHost: a\r\n\r\n");
    /// assert!(answer.starts_with("HTTP/1.1 405 "));
    /// assert!(answer.contains("allow: GET, HEAD, OPTIONS\r\n"));
    /// assert!(answer.ends_with("[\"Method Not Allowed\"]"));
    /// ```
    pub fn on_error<R: IntoResponse>(
        mut self,
        render: impl Fn(&Problem) -> R + Send + Sync + 'static,
    ) -> Self {
        self.shape = Some(ErrorShape::new(render));
        self
    }

    /// Gives all requests a value, which handlers take as `State<T>`. Each request that takes it
    /// clones it, so put what is large behind an `Arc`.
    pub fn state<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.push(State {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
            insert: Box::new(|context| context.insert(value)),
        });
        self
    }

    /// Runs `hook` once per container, before the first request is accepted. If it fails, the
    /// container does not start.
    pub fn on_start<F, U>(mut self, hook: F) -> Self
    where
        F: Fn(Context) -> U + Send + Sync + 'static,
        U: Future<Output: IntoHookResult> + 'static,
    {
        self.start_hooks.push(Hook::new(hook));
        self
    }

    /// Runs `hook` once per container, after the last request was answered.
    pub fn on_stop<F, U>(mut self, hook: F) -> Self
    where
        F: Fn(Context) -> U + Send + Sync + 'static,
        U: Future<Output: IntoHookResult> + 'static,
    {
        self.stop_hooks.push(Hook::new(hook));
        self
    }

    /// Runs `work` beside the requests, on the first worker, from when the container serves until
    /// `work` ends: for what goes on by itself, such as emptying a queue. Once per container; if
    /// that worker dies, the next one begins it anew, and so it is, after a second, when it fails or
    /// panics, which is logged. A drain waits for its end, so it should await
    /// [`draining`](crate::draining).
    ///
    /// ```
    /// use container::{Router, draining, timeout};
    /// use std::time::Duration;
    ///
    /// let router = Router::new().background(async |_context| {
    ///     while timeout(Duration::from_secs(60), draining()).await.is_err() {
    ///         println!("another minute has passed");
    ///     }
    /// });
    /// # container::testing::Server::new(router).drain();
    /// ```
    pub fn background<F, U>(mut self, work: F) -> Self
    where
        F: Fn(Context) -> U + Send + Sync + 'static,
        U: Future<Output: IntoHookResult> + 'static,
    {
        self.background.push(Hook::new(work));
        self
    }

    /// The routes so far, in the order in which they were added; fallbacks are not among them. For
    /// pages that say what is served, and are routes themselves: what they show can be given to
    /// them by [`state`](Self::state).
    pub fn registered(&self) -> impl Iterator<Item = Registered<'_>> {
        let routes = self.entries.iter();
        let routes = routes.filter(|entry| entry.kind != Kind::Fallback);
        routes.map(|entry| Registered {
            method: entry.method(),
            pattern: &entry.pattern,
            endpoint: &entry.endpoint,
        })
    }

    /// Checks everything and makes the table.
    ///
    /// # Errors
    /// With all that is wrong: patterns that are none or that conflict, routes and states that are
    /// there twice, states that handlers take and nobody gave.
    pub fn build(self) -> Result<Routes, RouterError> {
        build::build(self)
    }

    fn add(mut self, kind: Kind, path: &str, endpoint: Endpoint) -> Self {
        self.entries.push(Entry {
            kind,
            pattern: path.to_owned(),
            endpoint,
            layers: Vec::new(),
            shape: None,
        });
        self
    }

    /// The same with its layers put around its entries, and its shape given to their errors.
    pub(super) fn sealed(mut self) -> Self {
        for entry in &mut self.entries {
            entry.layers.splice(0..0, self.layers.iter().cloned());
            entry.shape = entry.shape.take().or_else(|| self.shape.clone());
        }
        self.layers.clear();
        self
    }

    /// Takes over all that `other`, which is sealed, has.
    fn absorb(mut self, other: Router) -> Self {
        self.entries.extend(other.entries);
        self.shapes.extend(other.shapes);
        self.states.extend(other.states);
        self.start_hooks.extend(other.start_hooks);
        self.stop_hooks.extend(other.stop_hooks);
        self.background.extend(other.background);
        self.faults.extend(other.faults);
        self
    }
}

impl Entry {
    /// What it is called where paths would be too many.
    pub(super) fn template(&self) -> String {
        match self.kind {
            Kind::Fallback => format!("fallback:{}", self.pattern),
            Kind::Method(_) | Kind::Any => self.pattern.clone(),
        }
    }

    /// The only method that it answers.
    pub(super) fn method(&self) -> Option<&Method> {
        match &self.kind {
            Kind::Method(method) => Some(method),
            Kind::Any | Kind::Fallback => None,
        }
    }

    /// What it is called in errors: `GET /users/{id}`.
    pub(super) fn label(&self) -> String {
        let pattern = &self.pattern;
        match &self.kind {
            Kind::Method(method) => format!("{method} {pattern}"),
            Kind::Any => format!("any method of {pattern}"),
            Kind::Fallback if pattern.is_empty() => "fallback".to_owned(),
            Kind::Fallback => format!("fallback of {pattern}"),
        }
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<String> = self.entries.iter().map(Entry::label).collect();
        formatter
            .debug_struct("Router")
            .field("entries", &entries)
            .field("layers", &self.layers.len())
            .finish_non_exhaustive()
    }
}
