//! `Routes`: the finished table. Immutable; all workers share one.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Method};
use matchit::Params;

use super::hook::Hook;
use super::path::{Choice, PathRoutes};
use super::pattern;
use super::refusal::Refusal;
use super::scope::{ErrorScope, ErrorScopes};
use crate::handler::{Context, Endpoint, ErrorShape, ShownPath};
use crate::message::{PathParameters, SecretPaths};
use crate::middleware::Layer;

/// The methods that are about resources: those of RFC 9110, section 9.3, but CONNECT; and those of
/// RFC 5789 and RFC 10008.
const STANDARD: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
    Method::QUERY,
];

/// Which route answers which request, and what all of them share.
pub struct Routes {
    /// Routes and fallbacks; a route's index is its place here.
    pub(super) routes: Vec<Route>,
    /// The routes of each pattern.
    pub(super) paths: Vec<PathRoutes>,
    /// Patterns; the values are places in `paths`. (A hash map of the literal patterns in front of
    /// it was measured: it gains 20 ns on them and costs 14 ns on all others.)
    pub(super) tree: matchit::Router<usize>,
    /// Paths below prefixes that have a fallback; the values are indexes of routes.
    pub(super) fallbacks: matchit::Router<usize>,
    /// Index of the fallback for all other paths.
    pub(super) fallback: Option<usize>,
    /// Whose shape errors have.
    pub(super) scopes: ErrorScopes,
    /// The paths that are not shown, for those that are no route's own.
    pub(super) secret_paths: Arc<SecretPaths>,
    /// The outermost router's layers, which are around every answer.
    pub(super) layers: Arc<[Layer]>,
    /// The answer to `OPTIONS *`.
    pub(super) allow_all: HeaderValue,
    /// The states.
    pub(super) context: Context,
    /// What runs before the first request, in this order.
    pub(super) start_hooks: Vec<Hook>,
    /// What runs after the last request, in this order.
    pub(super) stop_hooks: Vec<Hook>,
    /// What runs beside the requests.
    pub(super) background: Vec<Hook>,
}

/// One route, or a fallback.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Route {
    /// Method and pattern, for people: `GET /users/{id}`.
    pub label: Arc<str>,
    /// The pattern: `/users/{id}`; of a fallback the prefix, which may be empty.
    pub pattern: Arc<str>,
    /// What it is called where paths would be too many: the pattern, or `fallback:` and the prefix.
    pub template: Arc<str>,
    /// The method; `None` for a route that takes any, and for a fallback.
    pub method: Option<Method>,
    /// The handler.
    pub endpoint: Endpoint,
    /// What is around it, outermost first.
    pub layers: Arc<[Layer]>,
    /// Whose shape its errors have.
    pub errors: ErrorScope,
    /// Its place among all routes, from 0.
    pub index: usize,
}

/// What a lookup found.
#[derive(Debug)]
pub enum Found<'r> {
    /// A handler.
    Route(Match<'r>),
    /// No handler.
    Refused {
        /// The answer.
        refusal: Refusal,
        /// What is around the answer, outermost first.
        layers: &'r Arc<[Layer]>,
        /// Whose shape it has.
        errors: ErrorScope,
        /// What those who watch are shown for the path; `None`: the path.
        shown: Option<&'r Arc<str>>,
    },
}

/// A route and what its pattern captured.
#[derive(Debug)]
pub struct Match<'r> {
    /// The route.
    pub route: &'r Route,
    /// What its pattern captured; to be given to the request.
    pub parameters: PathParameters,
    /// What those who watch are shown for the path; `None`: the path.
    pub shown: Option<&'r Arc<str>>,
}

impl Route {
    /// What those who watch are shown for a path of it; `None`: the path.
    pub(super) fn shown(&self) -> Option<&Arc<str>> {
        match self.endpoint.policy().shown_path {
            ShownPath::Whole => None,
            ShownPath::Template => Some(&self.template),
        }
    }
}

impl Routes {
    /// Finds what answers `method` on `path`, which is still percent-encoded and has no query.
    ///
    /// ```
    /// use container::message::Method;
    /// use container::router::{Found, Refusal, Router};
    ///
    /// let routes = Router::new().get("/users/{id}", async || "a user").build().unwrap();
    /// let Found::Route(found) = routes.find(&Method::HEAD, "/users/7%20a") else { panic!() };
    /// assert_eq!(found.parameters.find("id"), Some("7 a"));
    /// let Found::Refused { refusal, .. } = routes.find(&Method::PUT, "/users/7") else { panic!() };
    /// assert!(matches!(refusal, Refusal::MethodNotAllowed { allow } if allow == "GET, HEAD, OPTIONS"));
    /// ```
    pub fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let Ok(found) = self.tree.at(path) else {
            return self.find_fallback(method, path);
        };
        let entry = &self.paths[*found.value];
        let shown = match entry.catches_all {
            true => entry.shown.as_ref().or_else(|| self.near(path)),
            false => entry.shown.as_ref(),
        };
        let refuse = |refusal| Found::Refused {
            refusal,
            layers: &entry.layers,
            errors: match entry.errors {
                ErrorScope::CONTAINER => self.scopes.at(path),
                scope => scope,
            },
            shown,
        };
        let allow = || entry.allow.clone();
        match entry.choose(method) {
            Choice::Route(index) => match capture(&entry.names, &found.params) {
                Ok(parameters) => Found::Route(Match {
                    route: &self.routes[index],
                    parameters,
                    shown,
                }),
                Err(name) => refuse(Refusal::Parameter { name }),
            },
            Choice::Options => refuse(Refusal::Options { allow: allow() }),
            Choice::NotAllowed if !self.knows(method) => refuse(Refusal::NotImplemented),
            Choice::NotAllowed => refuse(Refusal::MethodNotAllowed { allow: allow() }),
        }
    }

    /// All routes and fallbacks; each has its place here as its `index`.
    pub fn iter(&self) -> std::slice::Iter<'_, Route> {
        self.routes.iter()
    }

    /// The route or fallback with this index.
    pub fn route(&self, index: usize) -> Option<&Route> {
        self.routes.get(index)
    }

    /// How many routes and fallbacks there are.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The layers that are around every answer.
    pub fn layers(&self) -> &Arc<[Layer]> {
        &self.layers
    }

    /// The shape of the errors of this scope; `None` for the container's.
    pub fn error_shape(&self, scope: ErrorScope) -> Option<&ErrorShape> {
        self.scopes.shape(scope)
    }

    /// The paths that those who watch are not shown.
    pub fn secret_paths(&self) -> &Arc<SecretPaths> {
        &self.secret_paths
    }

    /// The states.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// What is to run before the first request, in this order.
    pub fn start_hooks(&self) -> &[Hook] {
        &self.start_hooks
    }

    /// What is to run after the last request, in this order.
    pub fn stop_hooks(&self) -> &[Hook] {
        &self.stop_hooks
    }

    /// What is to run beside the requests.
    pub fn background(&self) -> &[Hook] {
        &self.background
    }

    /// What answers a path that no pattern matches.
    fn find_fallback(&self, method: &Method, path: &str) -> Found<'_> {
        if path == "*" && *method == Method::OPTIONS {
            let allow = self.allow_all.clone();
            return self.refuse(path, Refusal::Options { allow });
        }
        let index = match self.fallbacks.at(path) {
            Ok(found) => Some(*found.value),
            Err(_) => self.fallback,
        };
        match index {
            Some(index) => Found::Route(Match {
                route: &self.routes[index],
                parameters: PathParameters::default(),
                shown: self.routes[index].shown().or_else(|| self.near(path)),
            }),
            None if !self.knows(method) => self.refuse(path, Refusal::NotImplemented),
            None => self.refuse(path, Refusal::NotFound),
        }
    }

    /// Whether a route has this method, or it is a standard one.
    fn knows(&self, method: &Method) -> bool {
        let has_route = || {
            let mut methods = self.paths.iter().flat_map(PathRoutes::methods);
            methods.any(|known| known == method)
        };
        STANDARD.contains(method) || has_route()
    }

    fn refuse(&self, path: &str, refusal: Refusal) -> Found<'_> {
        Found::Refused {
            refusal,
            layers: &self.layers,
            errors: self.scopes.at(path),
            shown: self.near(path),
        }
    }

    /// What is shown for a path that is no route's own: perhaps it was to be one that is not shown.
    fn near(&self, path: &str) -> Option<&Arc<str>> {
        self.secret_paths.find(path.as_bytes())
    }
}

impl<'r> IntoIterator for &'r Routes {
    type Item = &'r Route;
    type IntoIter = std::slice::Iter<'r, Route>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_list()
            .entries(self.iter().map(|route| &route.label))
            .finish()
    }
}

/// The decoded parameters, or the name of the one that cannot be decoded.
fn capture(names: &[Arc<str>], captured: &Params<'_, '_>) -> Result<PathParameters, Arc<str>> {
    let mut parameters = PathParameters::default();
    for (name, (_, value)) in names.iter().zip(captured.iter()) {
        let value = pattern::decode(value).ok_or_else(|| name.clone())?;
        parameters.push(name.clone(), value);
    }
    Ok(parameters)
}
