//! `document`: all routes as one OpenAPI document.

use container::handler::{BodyMode, Concurrency, Endpoint, Lane};
use container::message::Method;
use container::router::{Registered, Router};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::operation::{Answer, Application, Bearer, Operation};
use super::{parameters, path};

/// What the document is about as a whole.
const ABOUT: &str = "The sample applications of an asynchronous web container. Besides what each \
    operation says, any request may be refused as the container's documents say: 400 for what is \
    no HTTP, 408 for what comes too slowly, 414 and 431 for what is too long, 501 for unknown \
    methods, and 503 with `Retry-After` when there is no room.";

/// Where references to schemas lead.
const SCHEMAS: &str = "/components/schemas";

/// What comes with a 401 (RFC 6750, section 3).
const CHALLENGE: &[(&str, &str)] = &[("WWW-Authenticate", "`Bearer`")];

/// The OpenAPI 3.1 document of the routes that have an [`Operation`]; others are not in it.
pub fn document(router: &Router) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = SCHEMAS.into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    let mut applications: Vec<Application> = Vec::new();
    let mut logins = Map::new();
    for route in router.registered() {
        let (Some(operation), Some(method)) = (route.endpoint.annotation(), route.method) else {
            continue;
        };
        let path = paths.entry(path::template(route.pattern));
        let methods = path.or_insert_with(|| json!({}));
        methods[name(method)] = describe(operation, &route, &mut generator);
        if !applications.contains(&operation.application) {
            applications.push(operation.application);
        }
        if let Some(bearer) = &operation.login {
            logins.insert(bearer.name.to_owned(), scheme(bearer));
        }
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sample applications",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "tags": applications.iter().map(tag).collect::<Vec<_>>(),
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": logins },
    })
}

/// The method as the document names it.
pub(super) fn name(method: &Method) -> String {
    method.as_str().to_lowercase()
}

fn tag(application: &Application) -> Value {
    json!({ "name": application.name, "description": application.about })
}

/// The Security Scheme Object (OpenAPI 3.1, section 4.8.27).
fn scheme(bearer: &Bearer) -> Value {
    json!({
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": bearer.format,
        "description": bearer.about,
    })
}

/// The Operation Object (OpenAPI 3.1, section 4.8.10).
fn describe(
    operation: &Operation,
    route: &Registered<'_>,
    generator: &mut SchemaGenerator,
) -> Value {
    let operation = with_refusals(operation, route);
    let mut described = json!({
        "operationId": id(route),
        "tags": [operation.application.name],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": parameters::document(&operation, generator),
        "responses": responses(&operation.answers, generator),
        "x-lane": lane(route.endpoint),
    });
    if let Some(body) = &operation.body {
        let content = body.document(generator);
        described["requestBody"] = json!({ "required": body.is_json(), "content": content });
    }
    if let Some(bearer) = &operation.login {
        described["security"] = json!([{ bearer.name: [] }]);
    }
    if operation.is_slow {
        described["x-slow"] = true.into();
    }
    described
}

/// The same with what the container may answer in the handler's place.
fn with_refusals(operation: &Operation, route: &Registered<'_>) -> Operation {
    let mut operation = operation.clone();
    let takes_json = operation.body.as_ref().is_some_and(super::Content::is_json);
    let has_parameters = operation.query.is_some() || !operation.parameters.is_empty();
    if has_parameters || takes_json {
        operation.refuse(400, "the request does not fit", &[]);
    }
    if operation.login.is_some() {
        operation.refuse(401, "there is no valid login", CHALLENGE);
    }
    if operation.body.is_some() && route.endpoint.needs().body != BodyMode::Ignored {
        operation.refuse(413, "the body is too large", &[]);
    }
    if takes_json {
        operation.refuse(415, "the body is not said to be JSON", &[]);
        operation.refuse(422, "the body is JSON of another shape", &[]);
    }
    if operation.asks_store {
        operation.refuse(
            503,
            "there is no database, or no room; try again later",
            &[],
        );
    }
    if is_limited(route.endpoint) {
        operation.refuse(503, "there is no room, or no time; try again later", &[]);
    }
    operation
}

/// Whether it may have no room though others have.
fn is_limited(endpoint: &Endpoint) -> bool {
    let policy = endpoint.policy();
    policy.lane == Lane::Blocking
        || policy.budget.concurrency != Concurrency::Unlimited
        || policy.deadline.is_some()
}

/// The Responses Object (OpenAPI 3.1, section 4.8.16).
fn responses(answers: &[Answer], generator: &mut SchemaGenerator) -> Value {
    let responses = answers.iter().map(|answer| {
        let mut response = json!({ "description": answer.meaning });
        let content = answer.content.document(generator);
        if content != json!({}) {
            response["content"] = content;
        }
        for (name, meaning) in &answer.fields {
            let schema = json!({ "type": "string" });
            response["headers"][name] = json!({ "description": meaning, "schema": schema });
        }
        (answer.status.clone(), response)
    });
    Value::Object(responses.collect())
}

/// A name that no other route has: its method and its path, in what all programming languages take
/// for a name.
fn id(route: &Registered<'_>) -> String {
    let method = route.method.map(name).unwrap_or_default();
    let words = route.pattern.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.fold(method, |id, word| format!("{id}_{word}"))
}

fn lane(endpoint: &Endpoint) -> &'static str {
    match endpoint.policy().lane {
        Lane::Inline => "inline",
        Lane::Async => "async",
        Lane::Blocking => "blocking",
    }
}
