//! `check`: what is missing in the descriptions of the routes.

use std::collections::HashSet;

use container::handler::BodyMode;
use container::message::Method;
use container::router::{Registered, Router};

use super::operation::{Operation, Place};
use super::path;

/// What is missing, a line for each: routes that say nothing, or say what is not so.
///
/// ```
/// use container::{Router, inline};
/// let router = Router::new().get("/forgotten", inline(|| "hello"));
/// assert_eq!(handlers::openapi::check(&router), ["GET /forgotten has no description"]);
/// ```
pub fn check(router: &Router) -> Vec<String> {
    let faults = router.registered().flat_map(|route| {
        let method = route.method.map_or("any method of", Method::as_str);
        let label = format!("{method} {}", route.pattern);
        let faults = match route.endpoint.annotation() {
            Some(operation) => faults(operation, &route),
            None => vec!["has no description".to_owned()],
        };
        faults
            .into_iter()
            .map(move |fault| format!("{label} {fault}"))
    });
    faults.collect()
}

fn faults(operation: &Operation, route: &Registered<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut expect = |is_so: bool, fault: &str| {
        if !is_so {
            faults.push(fault.to_owned());
        }
    };
    expect(route.method.is_some(), "has no method that could be named");
    let captured: HashSet<&str> = path::names(route.pattern).into_iter().collect();
    let parameters = operation.parameters.iter();
    let described = parameters.filter(|parameter| parameter.place == Place::Path);
    let described: HashSet<&str> = described.map(|parameter| parameter.name).collect();
    expect(
        captured == described,
        "describes other parameters than its path has",
    );
    let answers = &operation.answers;
    expect(!answers.is_empty(), "has no answer");
    let mut statuses = HashSet::new();
    let unique = answers.iter().all(|answer| statuses.insert(&answer.status));
    expect(unique, "has two answers of one status");
    let takes_body = route.endpoint.needs().body != BodyMode::Ignored;
    let may_ignore = matches!(route.method, Some(&Method::GET | &Method::HEAD));
    expect(
        operation.body.is_some() == takes_body || may_ignore,
        "takes a body and does not describe it, or the other way round",
    );
    faults
}
