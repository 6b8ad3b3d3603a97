//! `View`: the OpenAPI document as the pages show it, in the order in which routes were registered.

use container::Router;
use serde::Serialize;
use serde_json::Value;

use super::kind::{kind, reference};
use crate::openapi::{self, Operation};

/// All that the pages show.
#[derive(Debug, Serialize)]
pub(super) struct View {
    version: String,
    about: String,
    applications: Vec<Application>,
    schemas: Vec<Schema>,
}

#[derive(Debug, Serialize)]
struct Application {
    name: String,
    about: String,
    routes: Vec<Route>,
}

#[derive(Debug, Serialize)]
struct Route {
    id: String,
    method: String,
    path: String,
    /// Where a click leads, if it does no harm.
    link: Option<String>,
    lane: String,
    summary: String,
    about: String,
    parameters: Vec<Field>,
    login: Option<Login>,
    body: Vec<Form>,
    answers: Vec<Answer>,
}

/// What a client has to bring that has logged in.
#[derive(Debug, Serialize)]
struct Login {
    /// What it is, such as `JWT`.
    format: String,
    about: String,
}

/// A parameter, a field of an answer, or a property of an object.
#[derive(Debug, Serialize)]
struct Field {
    name: String,
    /// `path`, `query` or `header`; empty for a property.
    place: String,
    #[serde(flatten)]
    kind: Kind,
    required: bool,
    about: String,
    example: String,
}

/// What a value is, and the schema on this page that says more.
#[derive(Debug, Serialize)]
struct Kind {
    kind: String,
    schema: Option<String>,
}

/// One form of a body.
#[derive(Debug, Serialize)]
struct Form {
    media_type: String,
    #[serde(flatten)]
    kind: Kind,
    example: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    status: String,
    meaning: String,
    fields: Vec<Field>,
    forms: Vec<Form>,
}

#[derive(Debug, Serialize)]
struct Schema {
    name: String,
    about: String,
    #[serde(flatten)]
    kind: Kind,
    fields: Vec<Field>,
    example: String,
}

impl View {
    /// What there is to be seen of the router, whose document this is.
    pub(super) fn of(router: &Router, document: &Value) -> View {
        let schemas = &document["components"]["schemas"];
        let view = Reader {
            schemas,
            logins: &document["components"]["securitySchemes"],
        };
        let mut applications: Vec<Application> = list(&document["tags"])
            .map(|tag| Application {
                name: string(&tag["name"]),
                about: string(&tag["description"]),
                routes: Vec::new(),
            })
            .collect();
        for route in router.registered() {
            let (Some(_), Some(method)) = (route.endpoint.annotation::<Operation>(), route.method)
            else {
                continue;
            };
            let path = openapi::path(route.pattern);
            let operation = &document["paths"][&path][method.as_str().to_lowercase()];
            let name = &operation["tags"][0];
            let mut homes = applications.iter_mut();
            if let Some(home) = homes.find(|home| *name == *home.name) {
                home.routes
                    .push(view.route(method.as_str(), path, operation));
            }
        }
        View {
            version: string(&document["info"]["version"]),
            about: string(&document["info"]["description"]),
            applications,
            schemas: entries(schemas)
                .map(|(name, schema)| view.schema(name, schema))
                .collect(),
        }
    }
}

/// Reads parts of the document.
struct Reader<'d> {
    schemas: &'d Value,
    /// The security schemes, by their names.
    logins: &'d Value,
}

impl Reader<'_> {
    fn route(&self, method: &str, path: String, operation: &Value) -> Route {
        let parameters: Vec<Field> = list(&operation["parameters"])
            .map(|parameter| self.parameter(parameter))
            .collect();
        let asks_nothing = !parameters.iter().any(|parameter| parameter.required);
        let is_slow = operation["x-slow"] == true;
        let login = self.login(&operation["security"]);
        let is_link = method == "GET" && asks_nothing && login.is_none() && !is_slow;
        let link = is_link.then(|| path.clone());
        Route {
            id: string(&operation["operationId"]),
            method: method.to_owned(),
            path,
            link,
            lane: string(&operation["x-lane"]),
            summary: string(&operation["summary"]),
            about: string(&operation["description"]),
            parameters,
            login,
            body: self.forms(&operation["requestBody"]["content"]),
            answers: entries(&operation["responses"])
                .map(|(status, answer)| self.answer(status, answer))
                .collect(),
        }
    }

    /// The scheme that the first of these requirements names.
    fn login(&self, security: &Value) -> Option<Login> {
        let (name, _) = entries(&security[0]).next()?;
        let scheme = &self.logins[name];
        Some(Login {
            format: string(&scheme["bearerFormat"]),
            about: string(&scheme["description"]),
        })
    }

    fn parameter(&self, parameter: &Value) -> Field {
        Field {
            name: string(&parameter["name"]),
            place: string(&parameter["in"]),
            kind: self.kind(&parameter["schema"]),
            required: parameter["required"] == true,
            about: string(&parameter["description"]),
            example: shown(&parameter["example"]),
        }
    }

    fn answer(&self, status: &str, answer: &Value) -> Answer {
        let fields = entries(&answer["headers"]).map(|(name, field)| Field {
            name: name.to_owned(),
            place: String::new(),
            kind: self.kind(&field["schema"]),
            required: false,
            about: string(&field["description"]),
            example: String::new(),
        });
        Answer {
            status: status.to_owned(),
            meaning: string(&answer["description"]),
            fields: fields.collect(),
            forms: self.forms(&answer["content"]),
        }
    }

    fn forms(&self, content: &Value) -> Vec<Form> {
        let forms = entries(content).map(|(media_type, form)| Form {
            media_type: media_type.to_owned(),
            kind: self.kind(&form["schema"]),
            example: match &form["example"] {
                Value::Null => shown(&self.example(&form["schema"])),
                example => shown(example),
            },
        });
        forms.collect()
    }

    /// An example that the schema has, or the one that it refers to, or of its items.
    fn example(&self, schema: &Value) -> Value {
        if let Some(name) = reference(schema) {
            return self.example(&self.schemas[name]);
        }
        match (&schema["examples"][0], &schema["items"]) {
            (Value::Null, Value::Null) => Value::Null,
            (Value::Null, items) => match self.example(items) {
                Value::Null => Value::Null,
                item => Value::Array(vec![item]),
            },
            (example, _) => example.clone(),
        }
    }

    fn schema(&self, name: &str, schema: &Value) -> Schema {
        let is_required = |name: &str| list(&schema["required"]).any(|known| known == name);
        let fields = entries(&schema["properties"]).map(|(name, property)| Field {
            name: name.to_owned(),
            place: String::new(),
            kind: self.kind(property),
            required: is_required(name),
            about: string(&property["description"]),
            example: String::new(),
        });
        Schema {
            name: name.to_owned(),
            about: string(&schema["description"]),
            kind: self.kind(schema),
            fields: fields.collect(),
            example: shown(&self.example(schema)),
        }
    }

    fn kind(&self, schema: &Value) -> Kind {
        let referred = reference(schema).or_else(|| reference(&schema["items"]));
        let known = referred.filter(|name| self.schemas.get(name).is_some());
        Kind {
            kind: kind(schema),
            schema: known.map(str::to_owned),
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.as_str(), value))
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An example as it is sent: text as it is, all else as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => format!("{value:#}"),
    }
}
