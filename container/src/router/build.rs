//! From `Router` to `Routes`: every check of the table is here.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use http::Method;
use matchit::InsertError;

use super::builder::{Entry, Kind, Router, State};
use super::error::{Fault, PatternFault, RouterError};
use super::path::{self, PathRoutes};
use super::pattern;
use super::routes::{Route, Routes};
use super::scope::ErrorScopes;
use crate::handler::Context;
use crate::message::SecretPaths;

/// What `any` contributes to the `Allow` of `OPTIONS *`.
const ANY_METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// Checks `router` and makes its table.
pub(super) fn build(router: Router) -> Result<Routes, RouterError> {
    let layers = router.layers.as_slice().into();
    let mut router = router.sealed();
    let mut faults = std::mem::take(&mut router.faults);
    check_states(&router, &mut faults);
    let mut scopes = scopes(&router, &mut faults);
    let routes = router.entries.iter().enumerate();
    let routes: Vec<Route> = routes
        .map(|numbered| route(numbered, &mut scopes))
        .collect();
    let mut table = Table::default();
    for (index, entry) in router.entries.iter().enumerate() {
        if let Err(fault) = table.add(index, entry) {
            faults.push(fault);
        }
    }
    RouterError::check(faults)?;
    let paths: Vec<PathRoutes> = table
        .paths
        .into_iter()
        .map(|path| path.finish(&routes))
        .collect();
    let any = paths
        .iter()
        .any(PathRoutes::has_any)
        .then_some(&ANY_METHODS);
    let methods = paths.iter().flat_map(PathRoutes::methods);
    let secret = routes.iter().filter_map(|route| {
        let shown = route.shown()?;
        Some((pattern::begin(&route.pattern), shown.clone()))
    });
    Ok(Routes {
        secret_paths: Arc::new(SecretPaths::new(secret)),
        allow_all: path::allow(methods.chain(any.into_iter().flatten())),
        paths,
        routes,
        tree: table.tree,
        fallbacks: table.fallbacks,
        fallback: table.fallback,
        scopes,
        layers,
        context: context(router.states),
        start_hooks: router.start_hooks,
        stop_hooks: router.stop_hooks,
        background: router.background,
    })
}

/// The table while routes are put in.
#[derive(Default)]
struct Table {
    /// Place of each pattern in `paths`.
    places: HashMap<String, usize>,
    /// The routes of each pattern.
    paths: Vec<Path>,
    /// Patterns; the values are places in `paths`.
    tree: matchit::Router<usize>,
    /// Prefixes with a fallback; the values are indexes of routes.
    fallbacks: matchit::Router<usize>,
    /// Index of the fallback without a prefix.
    fallback: Option<usize>,
}

/// The routes of one pattern while they are put in.
struct Path {
    /// What all of them have in common.
    pattern: String,
    /// Method and index of each route.
    methods: Vec<(Method, usize)>,
    /// Index of the route for all other methods.
    any: Option<usize>,
}

impl Table {
    /// Puts in the entry with this index.
    fn add(&mut self, index: usize, entry: &Entry) -> Result<(), Fault> {
        let method = match &entry.kind {
            Kind::Fallback => return self.add_fallback(index, entry),
            Kind::Method(method) => Some(method),
            Kind::Any => None,
        };
        let place = self.place(entry)?;
        if self.paths[place].add(method, index) {
            Ok(())
        } else {
            Err(duplicate(entry))
        }
    }

    /// Where the entry's pattern is in `paths`; a new place for a new pattern.
    fn place(&mut self, entry: &Entry) -> Result<usize, Fault> {
        if let Some(&place) = self.places.get(&entry.pattern) {
            return Ok(place);
        }
        let place = self.paths.len();
        pattern::check(&entry.pattern).map_err(|reason| bad_pattern(entry, reason))?;
        let inserted = self.tree.insert(entry.pattern.clone(), place);
        inserted.map_err(|error| insert_fault(entry, error))?;
        self.places.insert(entry.pattern.clone(), place);
        self.paths.push(Path {
            pattern: entry.pattern.clone(),
            methods: Vec::new(),
            any: None,
        });
        Ok(place)
    }

    fn add_fallback(&mut self, index: usize, entry: &Entry) -> Result<(), Fault> {
        let prefix = &entry.pattern;
        if prefix.is_empty() {
            return match self.fallback.replace(index) {
                None => Ok(()),
                Some(_) => Err(duplicate(entry)),
            };
        }
        pattern::check(prefix).map_err(|reason| bad_pattern(entry, reason))?;
        for pattern in pattern::below(prefix) {
            match self.fallbacks.insert(pattern, index) {
                Ok(()) => {}
                Err(InsertError::Conflict { with }) if with == *prefix => {
                    return Err(duplicate(entry));
                }
                Err(error) => return Err(insert_fault(entry, error)),
            }
        }
        Ok(())
    }
}

impl Path {
    /// Puts a route in, for any other method when `method` is none; false when there is one.
    fn add(&mut self, method: Option<&Method>, index: usize) -> bool {
        match method {
            None => self.any.replace(index).is_none(),
            Some(method) if self.methods.iter().any(|(known, _)| known == method) => false,
            Some(method) => {
                self.methods.push((method.clone(), index));
                true
            }
        }
    }

    fn finish(self, routes: &[Route]) -> PathRoutes {
        let names = pattern::names(&self.pattern);
        let catches_all = pattern::catches_all(&self.pattern);
        PathRoutes::new(names, catches_all, self.methods, self.any, routes)
    }
}

fn route((index, entry): (usize, &Entry), scopes: &mut ErrorScopes) -> Route {
    Route {
        label: entry.label().into(),
        pattern: entry.pattern.as_str().into(),
        template: entry.template().into(),
        method: entry.method().cloned(),
        endpoint: entry.endpoint.clone(),
        layers: entry.layers.as_slice().into(),
        errors: scopes.of(entry.shape.as_ref()),
        index,
    }
}

/// Which errors have which shape.
fn scopes(router: &Router, faults: &mut Vec<Fault>) -> ErrorScopes {
    let mut scopes = ErrorScopes::default();
    let root = router.shape.iter().map(|shape| ("", shape));
    let nested = router
        .shapes
        .iter()
        .map(|(prefix, shape)| (&**prefix, shape));
    for (prefix, shape) in root.chain(nested) {
        faults.extend(scopes.add(prefix, shape).err());
    }
    scopes
}

/// Looks for states that are there twice, and for those that are not there.
fn check_states(router: &Router, faults: &mut Vec<Fault>) {
    let mut given: HashSet<TypeId> = HashSet::new();
    for State { id, name, .. } in &router.states {
        if !given.insert(*id) {
            faults.push(Fault::DuplicateState { state: name });
        }
    }
    for entry in &router.entries {
        let mut missing = entry.endpoint.needs().states.clone();
        missing.retain(|(id, _)| !given.contains(id));
        missing.dedup();
        faults.extend(missing.into_iter().map(|(_, state)| Fault::MissingState {
            route: entry.label(),
            state,
        }));
    }
}

fn context(states: Vec<State>) -> Context {
    let mut context = Context::new();
    for state in states {
        (state.insert)(&mut context);
    }
    context
}

fn duplicate(entry: &Entry) -> Fault {
    let route = entry.label();
    Fault::Duplicate { route }
}

fn bad_pattern(entry: &Entry, reason: PatternFault) -> Fault {
    let route = entry.label();
    Fault::Pattern { route, reason }
}

fn insert_fault(entry: &Entry, error: InsertError) -> Fault {
    let reason = match error {
        InsertError::Conflict { with } => {
            let route = entry.label();
            return Fault::Conflict { route, with };
        }
        InsertError::InvalidParamSegment => PatternFault::TwoParameters,
        InsertError::InvalidCatchAll => PatternFault::CatchAllNotLast,
        // The other kinds, and those that may be added, are about the braces and names.
        _ => PatternFault::ParameterName,
    };
    bad_pattern(entry, reason)
}
