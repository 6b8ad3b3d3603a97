//! `Endpoint`: a handler with its types gone, its lane chosen and its bounds set; and `Handler`,
//! whatever can become one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Extensions;

use super::argument::{BodyMode, Context, Needs};
use super::budget::{Adaptive, Concurrency, Patience};
use super::function::{Arguments, Awaitable, Function};
use super::policy::{Lane, OnDisconnect, Policy, Priority, ShownPath};
use super::response::IntoResponse;
use crate::message::{Request, Response};

/// A future that never leaves its worker.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// What calling a handler gives.
pub enum Reply {
    /// The response, at once.
    Ready(Response),
    /// The response, later.
    Later(LocalFuture<Response>),
}

/// A handler's code, by the way it runs.
#[derive(Clone)]
pub enum Code {
    /// A function that returns at once.
    Inline(Arc<dyn Fn(Request, &Context) -> Response + Send + Sync>),
    /// A function that returns a future.
    Async(Arc<dyn Fn(Request, &Context) -> Reply + Send + Sync>),
    /// A function that may wait.
    Blocking(Arc<dyn Fn(Request, &Context) -> Response + Send + Sync>),
}

/// A handler as the routing table holds it.
#[derive(Clone)]
pub struct Endpoint {
    /// What runs.
    code: Code,
    /// Where, and within which bounds.
    policy: Policy,
    /// What its arguments ask for.
    needs: Needs,
    /// What is known of it besides, one value per type.
    annotations: Extensions,
    /// What runs in its place since it was moved to the pool; the same for all clones.
    moved: Arc<OnceLock<Code>>,
}

/// What can stand in the routing table: an `async fn`, [`inline(f)`](inline) or
/// [`blocking(f)`](blocking), each with its bounds.
///
/// ```
/// use container::handler::{Handler, Lane, blocking, inline};
/// use std::time::Duration;
///
/// async fn slow() -> &'static str { "slow" }
/// fn quick() -> &'static str { "quick" }
/// fn report() -> String { "a long report".to_owned() }
///
/// assert_eq!(slow.deadline(Duration::from_secs(5)).policy().lane, Lane::Async);
/// assert_eq!(inline(quick).policy().lane, Lane::Inline);
/// assert_eq!(blocking(report).concurrency(32).queue(128).policy().budget.queue, 128);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "handlers are functions of at most 8 arguments: an `async fn` as it is, a plain `fn` as \
            `inline(f)` or `blocking(f)`",
    note = "a closure that captures cannot be an async closure: write it as a plain closure that \
            clones what it captured and returns an `async move` block"
)]
pub trait Handler<Args>: Sized {
    /// The endpoint it is.
    fn into_endpoint(self) -> Endpoint;

    /// At most `limit` requests in the handler at once, over all workers.
    fn concurrency(self, limit: usize) -> Endpoint {
        self.into_endpoint().concurrency(limit)
    }

    /// At most `limit` requests waiting for a place; beyond it 503.
    fn queue(self, limit: usize) -> Endpoint {
        self.into_endpoint().queue(limit)
    }

    /// Lets the limit on requests at once find itself from the latency that is measured, up to the
    /// [`concurrency`](Self::concurrency) where one is set.
    fn adaptive(self) -> Endpoint {
        self.into_endpoint().adaptive()
    }

    /// How long requests may wait for a place.
    fn patience(self, patience: Patience) -> Endpoint {
        self.into_endpoint().patience(patience)
    }

    /// How much its requests matter when there is not room for all.
    fn priority(self, priority: Priority) -> Endpoint {
        self.into_endpoint().priority(priority)
    }

    /// 503 for a request that takes longer, waiting included.
    fn deadline(self, limit: Duration) -> Endpoint {
        self.into_endpoint().deadline(limit)
    }

    /// What becomes of the handler when its client has gone.
    fn on_disconnect(self, choice: OnDisconnect) -> Endpoint {
        self.into_endpoint().on_disconnect(choice)
    }

    /// The largest request body in bytes; beyond it 413.
    fn body_limit(self, bytes: u64) -> Endpoint {
        self.into_endpoint().body_limit(bytes)
    }

    /// Keeps the paths of its requests out of the access log: they have a secret in them.
    fn secret_path(self) -> Endpoint {
        self.into_endpoint().secret_path()
    }

    /// Says something about the handler that others than the container read.
    fn annotate<T: Clone + Send + Sync + 'static>(self, annotation: T) -> Endpoint {
        self.into_endpoint().annotate(annotation)
    }
}

/// Runs `function` on the worker, on the spot. It must return at once: while it runs, nothing else
/// on its worker does.
pub fn inline<F, Args, Via>(function: F) -> Endpoint
where
    F: Function<Args>,
    F::Output: IntoResponse,
    Args: Arguments<Via>,
{
    let code = Code::Inline(Arc::new(move |request, context| {
        answer(&function, request, context)
    }));
    Endpoint::new(code, Lane::Inline, Args::needs())
}

/// Runs `function` on a thread of the blocking pool. It may wait, compute and call what blocks.
pub fn blocking<F, Args, Via>(function: F) -> Endpoint
where
    F: Function<Args>,
    F::Output: IntoResponse,
    Args: Arguments<Via>,
{
    let code = Code::Blocking(Arc::new(move |request, context| {
        answer(&function, request, context)
    }));
    Endpoint::new(code, Lane::Blocking, Args::needs())
}

/// The arguments are made before the future is, so that a rejection costs no future.
impl<F, Args, Via, R> Handler<(Via, Args)> for F
where
    F: Function<Args>,
    F::Output: Awaitable<Output = R>,
    R: IntoResponse,
    Args: Arguments<Via>,
{
    fn into_endpoint(self) -> Endpoint {
        let code = Code::Async(Arc::new(move |request, context| {
            match Args::extract(request, context) {
                Ok(arguments) => {
                    let future = self.call(arguments).into_future();
                    Reply::Later(Box::pin(async move { future.await.into_response() }))
                }
                Err(rejection) => Reply::Ready(*rejection),
            }
        }));
        Endpoint::new(code, Lane::Async, Args::needs())
    }
}

impl Handler<()> for Endpoint {
    fn into_endpoint(self) -> Endpoint {
        self
    }
}

impl Endpoint {
    fn new(code: Code, lane: Lane, mut needs: Needs) -> Self {
        needs.body = needs.body.min(most_demanding(lane, needs.waits));
        Endpoint {
            code,
            policy: Policy::new(lane),
            needs,
            annotations: Extensions::new(),
            moved: Arc::default(),
        }
    }

    /// At most `limit` requests in the handler at once, over all workers.
    ///
    /// # Panics
    /// When `limit` is 0: such a route could never answer.
    pub fn concurrency(mut self, limit: usize) -> Self {
        self.policy.budget.limit(limit);
        self
    }

    /// At most `limit` requests waiting for a place; beyond it 503. Without a
    /// [`concurrency`](Self::concurrency) or [`adaptive`](Self::adaptive) nothing waits.
    pub fn queue(mut self, limit: usize) -> Self {
        self.policy.budget.queue = limit;
        self
    }

    /// Lets the limit on requests at once find itself from the latency that is measured: it grows
    /// while more at once take no longer, and shrinks when they do. From 1 up to the
    /// [`concurrency`](Self::concurrency) where one is set, else to 1,000.
    pub fn adaptive(mut self) -> Self {
        self.policy.budget.adapt();
        self
    }

    /// The same between these two limits.
    ///
    /// # Panics
    /// When `min` is 0 or above `max`.
    pub fn adaptive_between(mut self, min: usize, max: usize) -> Self {
        assert!(0 < min && min <= max, "an adaptive limit is at least 1");
        self.policy.budget.concurrency = Concurrency::Adaptive(Adaptive { min, max });
        self
    }

    /// How long requests may wait for a place, instead of the container's default. Work that takes
    /// seconds wants more patience than [`Patience::default`] has.
    pub fn patience(mut self, patience: Patience) -> Self {
        self.policy.budget.patience = Some(patience);
        self
    }

    /// How much its requests matter when there is not room for all.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.policy.priority = priority;
        self
    }

    /// 503 for a request that takes longer: waiting for a place included, a body that is collected
    /// before and the body of the answer not ([`Config::deadline`](crate::Config)).
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.policy.deadline = Some(limit);
        self
    }

    /// What becomes of the handler when its client has gone.
    pub fn on_disconnect(mut self, choice: OnDisconnect) -> Self {
        self.policy.on_disconnect = Some(choice);
        self
    }

    /// The largest request body in bytes; beyond it 413.
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.policy.body_limit = Some(bytes);
        self
    }

    /// Keeps the paths of its requests out of the access log, since they have a secret in them, such
    /// as a token that was mailed: the route's template stands there for path and query. So it does
    /// for all requests of this path, also those of methods that it has no route for.
    ///
    /// What only resembles it is kept out too, since links are mangled: paths that no route, or none
    /// but a fallback or a catch-all has, and that have in them what stands before the pattern's
    /// first parameter, in whatever case or encoding; queries, and the `Referer` of other requests,
    /// with that in them. So a pattern that begins with a parameter hides a lot.
    pub fn secret_path(mut self) -> Self {
        self.policy.shown_path = ShownPath::Template;
        self
    }

    /// Says something about the handler that others than the container read: a description, say, or
    /// who may call it. In place of an earlier annotation of its type.
    ///
    /// ```
    /// use container::{Handler, Router, inline};
    ///
    /// #[derive(Clone)]
    /// struct Summary(&'static str);
    ///
    /// let router = Router::new().get("/health", inline(|| "ok").annotate(Summary("how I am")));
    /// for route in router.registered() {
    ///     assert_eq!(route.pattern, "/health");
    ///     assert_eq!(route.endpoint.annotation::<Summary>().unwrap().0, "how I am");
    /// }
    /// ```
    pub fn annotate<T: Clone + Send + Sync + 'static>(mut self, annotation: T) -> Self {
        self.annotations.insert(annotation);
        self
    }

    /// The annotation of this type.
    pub fn annotation<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.annotations.get()
    }

    /// The handler's code, and with it where it runs at present.
    #[inline]
    pub fn code(&self) -> &Code {
        self.moved.get().unwrap_or(&self.code)
    }

    /// Where it runs, and within which bounds.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// From now on runs an inline handler on the blocking pool, in all clones; says whether that is
    /// new. Other handlers stay where they are.
    pub fn move_to_pool(&self) -> bool {
        match &self.code {
            Code::Inline(function) => self.moved.set(Code::Blocking(function.clone())).is_ok(),
            Code::Async(_) | Code::Blocking(_) => false,
        }
    }

    /// Whether it was moved.
    pub fn is_moved(&self) -> bool {
        self.moved.get().is_some()
    }

    /// The lane in which it runs at present: that of its policy, unless it was moved.
    pub fn lane(&self) -> Lane {
        match self.code() {
            Code::Inline(_) => Lane::Inline,
            Code::Async(_) => Lane::Async,
            Code::Blocking(_) => Lane::Blocking,
        }
    }

    /// What its arguments ask for.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Endpoint")
            .field("policy", &self.policy)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

/// Calls a plain function.
fn answer<F, Args, Via>(function: &F, request: Request, context: &Context) -> Response
where
    F: Function<Args>,
    F::Output: IntoResponse,
    Args: Arguments<Via>,
{
    match Args::extract(request, context) {
        Ok(arguments) => function.call(arguments).into_response(),
        Err(rejection) => *rejection,
    }
}

/// How an argument can take the body at most. Plain functions cannot await it, and only those on
/// the pool may wait for it; what cannot be done with a live body is done with a whole one.
fn most_demanding(lane: Lane, waits: bool) -> BodyMode {
    match (lane, waits) {
        (Lane::Async, false) | (Lane::Blocking, true) => BodyMode::Live,
        _ => BodyMode::Buffered,
    }
}
