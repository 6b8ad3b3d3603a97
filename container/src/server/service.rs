//! From a request head to a reply: the route, its middleware, its handler's lane.
//!
//! Knows no connection: what it needs of a request's body it says in a [`Plan`].

use std::rc::Rc;
use std::sync::Arc;

use crate::handler::{
    BodyMode, ErrorShape, IntoResponse, Lane, OnDisconnect, Priority, Problem, Reply, catch_panic,
};
use crate::message::{
    BodyLength, Method, PathParameters, Request, RequestHead, Response, StatusCode,
};
use crate::middleware::{self, Layer};
use crate::observe::RouteName;
use crate::reactor::Label;
use crate::router::{ErrorScope, Found, Refusal, Route, Routes};
use crate::scheduler::{HeldBody, Scheduler, Shed};

/// A worker's way from requests to replies.
pub(crate) struct Service {
    /// The routing table, shared by all workers.
    routes: Arc<Routes>,
    /// Where handlers run.
    scheduler: Rc<Scheduler>,
    /// What errors look like where no router says it.
    on_error: Option<ErrorShape>,
    /// For routes without a limit of their own.
    body_limit: u64,
}

/// What is to be done with a request.
pub(super) struct Plan {
    pub(super) target: Target,
    /// Whether, and how, the handler takes the body.
    pub(super) body: BodyMode,
    /// The largest body in bytes.
    pub(super) body_limit: u64,
    /// What it means when the client goes.
    pub(super) on_disconnect: OnDisconnect,
    /// Whether the handler asks for what its request is called.
    pub(super) identity: bool,
    /// Whose shape its errors have.
    pub(super) errors: ErrorScope,
    /// What its worker says it is doing while it runs what answers: the number is the route's, or
    /// the next after the last one's.
    pub(super) label: Label,
    /// What those who watch are shown for its path; `None`: the path.
    pub(super) shown: Option<Arc<str>>,
}

/// Who answers.
pub(super) enum Target {
    /// The route with this index; what its pattern captured.
    Route(usize, PathParameters),
    /// Nobody: this refusal.
    Refusal(Refusal),
    /// Nobody, though the route with this index would: there is no room for the request.
    Shed(usize, Shed),
}

/// What a route is called in logs and metrics.
pub(crate) fn observed_name(route: &Route) -> RouteName {
    let method = route.method.as_ref().map_or("*", Method::as_str);
    RouteName::new(route.template.clone(), method, route.endpoint.clone())
}

impl Target {
    /// The same where there is no room for the request.
    pub(super) fn shed(self, shed: Shed) -> Target {
        match self {
            Target::Route(index, _) => Target::Shed(index, shed),
            other => other,
        }
    }

    /// The index of the route.
    pub(super) fn route(&self) -> Option<usize> {
        match self {
            Target::Route(index, _) | Target::Shed(index, _) => Some(*index),
            Target::Refusal(_) => None,
        }
    }
}

impl Service {
    pub(crate) fn new(
        routes: Arc<Routes>,
        scheduler: Scheduler,
        on_error: Option<ErrorShape>,
        body_limit: u64,
    ) -> Self {
        Service {
            routes,
            scheduler: Rc::new(scheduler),
            on_error,
            body_limit,
        }
    }

    /// Where handlers run.
    pub(crate) fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// Whether all that it serves is critical: health, metrics, administration.
    pub(crate) fn is_critical(&self) -> bool {
        let mut priorities = self
            .routes
            .iter()
            .map(|route| route.endpoint.policy().priority);
        priorities.all(|priority| priority == Priority::Critical)
    }

    /// Finds out what is to be done with a request.
    pub(super) fn plan(&self, head: &RequestHead) -> Plan {
        match self.routes.find(head.method(), head.path()) {
            Found::Route(found) => {
                let endpoint = &found.route.endpoint;
                let body = endpoint.needs().body;
                let mut body_limit = endpoint.policy().body_limit.unwrap_or(self.body_limit);
                if body == BodyMode::Buffered {
                    // What could never be held is too long, not too much for the moment.
                    body_limit = body_limit.min(self.scheduler.shared().bodies().stats().limit);
                }
                Plan {
                    target: Target::Route(found.route.index, found.parameters),
                    body,
                    body_limit,
                    on_disconnect: endpoint.policy().disconnect(head.method()),
                    identity: endpoint.needs().identity,
                    errors: found.route.errors,
                    label: Label::numbered(found.route.index),
                    shown: found.shown.cloned(),
                }
            }
            Found::Refused {
                refusal,
                errors,
                shown,
                ..
            } => Plan {
                target: Target::Refusal(refusal),
                body: BodyMode::Ignored,
                body_limit: self.body_limit,
                on_disconnect: OnDisconnect::Cancel,
                identity: false,
                errors,
                label: Label::numbered(self.routes.len()),
                shown: shown.cloned(),
            },
        }
    }

    /// Memory for the body of a request, to be collected before it is called as planned.
    ///
    /// # Errors
    /// When it would be turned away if it were called now: its body is not worth fetching.
    pub(super) fn begin_body(&self, plan: &Plan, length: BodyLength) -> Result<HeldBody, Shed> {
        let (least, longest) = match length {
            BodyLength::Known(length) => (length, length),
            BodyLength::Unknown => (1, plan.body_limit),
        };
        let mut priority = Priority::default();
        let index = plan.target.route();
        if let Some((index, route)) =
            index.and_then(|index| Some((index, self.routes.route(index)?)))
        {
            priority = route.endpoint.policy().priority;
            let refusal = self.scheduler.refusal(&route.endpoint, index, least);
            refusal.map_or(Ok(()), Err)?;
        }
        Ok(self.scheduler.shared().bodies().begin(longest, priority))
    }

    /// Begins to answer a request as planned.
    #[inline]
    pub(super) fn call(&self, target: Target, mut request: Request) -> Reply {
        match target {
            Target::Route(index, parameters) => {
                request.set_parameters(parameters);
                let Some(route) = self.routes.route(index) else {
                    return Reply::Ready(Refusal::NotFound.into_response());
                };
                if route.layers.is_empty() {
                    return self
                        .scheduler
                        .dispatch(&route.endpoint, Some(index), request);
                }
                let (scheduler, endpoint) = (self.scheduler.clone(), route.endpoint.clone());
                let end = move |request| scheduler.dispatch(&endpoint, Some(index), request);
                self.start(&route.layers, request, end)
            }
            Target::Refusal(refusal) => {
                let end = move |_: Request| Reply::Ready(refusal.clone().into_response());
                self.start(self.routes.layers(), request, end)
            }
            Target::Shed(index, shed) => {
                let Some(route) = self.routes.route(index) else {
                    return Reply::Ready(Refusal::NotFound.into_response());
                };
                let (scheduler, endpoint) = (self.scheduler.clone(), route.endpoint.clone());
                let end = move |_: Request| Reply::Ready(scheduler.turn_away(&endpoint, shed));
                self.start(&route.layers, request, end)
            }
        }
    }

    /// Gives a response the shape that errors of this scope are to have.
    pub(super) fn finish(&self, response: &mut Response, errors: ErrorScope) {
        if response.status().is_informational() {
            // The client would take it for an interim answer, and wait for the real one.
            log::error!(
                "a handler answered {}, which is no answer",
                response.status()
            );
            *response = Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
                .with_detail("the handler gave no final answer")
                .into_response();
        }
        let shape = self.routes.error_shape(errors);
        if let Some(shape) = shape.or(self.on_error.as_ref()) {
            shape.apply(response);
        }
    }

    /// Begins with the outermost middleware, which may panic like a handler.
    fn start(
        &self,
        layers: &Arc<[Layer]>,
        request: Request,
        end: impl Fn(Request) -> Reply + 'static,
    ) -> Reply {
        match catch_panic(|| middleware::start(layers, request, end)) {
            Ok(Reply::Ready(response)) => Reply::Ready(response),
            Ok(Reply::Later(future)) => self.scheduler.guard(future, Lane::Async),
            Err(panicked) => self.scheduler.panicked(Lane::Async, &panicked),
        }
    }
}
