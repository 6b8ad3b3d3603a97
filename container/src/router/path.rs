//! `PathRoutes`: the routes of one path by method, and what is answered without a route.

use std::sync::Arc;

use http::{HeaderValue, Method};

use super::routes::Route;
use super::scope::ErrorScope;
use crate::middleware::Layer;

/// What a path of its own routes does for a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// The route with this index.
    Route(usize),
    /// No route, but `OPTIONS` is answered all the same.
    Options,
    /// A 405.
    NotAllowed,
}

/// The routes of one pattern.
pub(super) struct PathRoutes {
    /// Names of the parameters, in the pattern's order.
    pub(super) names: Vec<Arc<str>>,
    /// Method and index of each route; HEAD is among them where GET is.
    methods: Vec<(Method, usize)>,
    /// The route for all other methods.
    any: Option<usize>,
    /// What `Allow` says.
    pub(super) allow: HeaderValue,
    /// The layers that all routes of the path have in common, for answers without a route.
    pub(super) layers: Arc<[Layer]>,
    /// Whose shape errors without a route have: that of all its routes, or the container's where
    /// they do not agree.
    pub(super) errors: ErrorScope,
    /// The template of a route that has it shown in the path's place.
    pub(super) shown: Option<Arc<str>>,
    /// Whether it takes what is no other route's: all that is below a prefix.
    pub(super) catches_all: bool,
}

impl PathRoutes {
    /// The table of a path that has these routes, at least one. `methods` has each method once.
    pub(super) fn new(
        names: Vec<Arc<str>>,
        catches_all: bool,
        mut methods: Vec<(Method, usize)>,
        any: Option<usize>,
        routes: &[Route],
    ) -> Self {
        let index_of = |wanted: Method| methods.iter().find(|(method, _)| *method == wanted);
        if let (Some(&(_, get)), None) = (index_of(Method::GET), index_of(Method::HEAD)) {
            methods.push((Method::HEAD, get));
        }
        let indexes = methods.iter().map(|&(_, index)| index).chain(any);
        let own = indexes.map(|index| &routes[index]);
        PathRoutes {
            shown: own.clone().find_map(Route::shown).cloned(),
            names,
            catches_all,
            allow: allow(methods.iter().map(|(method, _)| method)),
            layers: common_layers(own.clone().map(|route| &route.layers)),
            errors: common_scope(own.map(|route| route.errors)),
            methods,
            any,
        }
    }

    /// What is done for this method.
    pub(super) fn choose(&self, method: &Method) -> Choice {
        let own = self.methods.iter().find(|(known, _)| known == method);
        match own.map(|&(_, index)| index).or(self.any) {
            Some(index) => Choice::Route(index),
            None if *method == Method::OPTIONS => Choice::Options,
            None => Choice::NotAllowed,
        }
    }

    /// Whether there is a route for all other methods.
    pub(super) fn has_any(&self) -> bool {
        self.any.is_some()
    }

    /// The methods that have a route.
    pub(super) fn methods(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter().map(|(method, _)| method)
    }
}

/// An `Allow` of these methods, each once, in their order, and of OPTIONS.
pub(super) fn allow<'m>(methods: impl Iterator<Item = &'m Method>) -> HeaderValue {
    let mut names: Vec<&str> = Vec::new();
    for method in methods.chain([&Method::OPTIONS]) {
        if !names.contains(&method.as_str()) {
            names.push(method.as_str());
        }
    }
    // Method names are tokens, which are visible ASCII.
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static("OPTIONS"))
}

/// The scope that all of these are.
fn common_scope(mut all: impl Iterator<Item = ErrorScope>) -> ErrorScope {
    let first = all.next().unwrap_or_default();
    if all.all(|scope| scope == first) {
        first
    } else {
        ErrorScope::CONTAINER
    }
}

/// The outermost layers that all of these have in common.
fn common_layers<'l>(mut all: impl Iterator<Item = &'l Arc<[Layer]>>) -> Arc<[Layer]> {
    let Some(first) = all.next() else {
        return Arc::new([]);
    };
    let shared = |other: &Arc<[Layer]>| {
        let pairs = first.iter().zip(other.iter());
        pairs.take_while(|(a, b)| a.is_same(b)).count()
    };
    let length = all.map(shared).min().unwrap_or(first.len());
    if length == first.len() {
        first.clone()
    } else {
        first[..length].into()
    }
}
