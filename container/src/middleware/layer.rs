//! `Layer`, `Middleware` and `Next`: how functions are put around a handler.

use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use crate::handler::{IntoResponse, LocalFuture, Reply};
use crate::message::{Request, Response};

/// What can be put around handlers: an `async fn(Request, Next) -> impl IntoResponse`.
///
/// Its futures stay on their worker and need not be `Send`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a middleware",
    label = "not a middleware",
    note = "a middleware is an `async fn(request: Request, next: Next) -> impl IntoResponse`; \
            it calls `next.run(request).await` for what it is put around"
)]
pub trait Middleware: Send + Sync + 'static {
    /// Begins to handle `request`; `next` is what it is put around.
    fn call(&self, request: Request, next: Next) -> LocalFuture<Response>;
}

#[diagnostic::do_not_recommend]
impl<F, U> Middleware for F
where
    F: Fn(Request, Next) -> U + Send + Sync + 'static,
    U: Future<Output: IntoResponse> + 'static,
{
    fn call(&self, request: Request, next: Next) -> LocalFuture<Response> {
        let future = self(request, next);
        Box::pin(async move { future.await.into_response() })
    }
}

/// A middleware with its type gone, shared by the routes that it is put around.
#[derive(Clone)]
pub struct Layer {
    /// What runs.
    middleware: Arc<dyn Middleware>,
}

/// What a middleware is put around: the layers further in, and at the end the handler.
///
/// A clone can be run again, for instance to repeat an idempotent request that failed.
#[derive(Clone)]
pub struct Next {
    /// All layers of the route, outermost first.
    layers: Arc<[Layer]>,
    /// Which of them is next; the handler when there is none at this place.
    at: usize,
    /// Begins the handler; it goes through the scheduler, and its answer may be a refusal.
    end: Rc<dyn Fn(Request) -> Reply>,
}

impl Layer {
    /// The middleware as a layer.
    pub fn new(middleware: impl Middleware) -> Self {
        Layer {
            middleware: Arc::new(middleware),
        }
    }

    /// Whether this and `other` come from the same call of `Router::layer`.
    pub fn is_same(&self, other: &Layer) -> bool {
        Arc::ptr_eq(&self.middleware, &other.middleware)
    }
}

impl Next {
    /// Hands the request on and gives the answer.
    pub async fn run(mut self, request: Request) -> Response {
        match self.step() {
            Some(layer) => layer.middleware.call(request, self).await,
            None => match (self.end)(request) {
                Reply::Ready(response) => response,
                Reply::Later(future) => future.await,
            },
        }
    }

    /// The next layer; from then on this value stands for what is inside it.
    fn step(&mut self) -> Option<Layer> {
        let layer = self.layers.get(self.at).cloned();
        self.at += 1;
        layer
    }
}

/// Begins to handle `request`: through `layers`, outermost first, to `end`. Without layers it is
/// `end` alone, and nothing is boxed.
pub fn start(
    layers: &Arc<[Layer]>,
    request: Request,
    end: impl Fn(Request) -> Reply + 'static,
) -> Reply {
    let Some(outermost) = layers.first() else {
        return end(request);
    };
    let next = Next {
        layers: layers.clone(),
        at: 1,
        end: Rc::new(end),
    };
    Reply::Later(outermost.middleware.call(request, next))
}

impl fmt::Debug for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Layer").finish_non_exhaustive()
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.layers.len().saturating_sub(self.at);
        formatter
            .debug_struct("Next")
            .field("layers_left", &left)
            .finish_non_exhaustive()
    }
}
