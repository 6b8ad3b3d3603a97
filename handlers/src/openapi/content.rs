//! `Content`: what the body of a request or an answer is made of.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json as value};

/// Makes a type's schema; what it refers to is left in the generator.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a body may be: one media type or several, each with its schema; or nothing.
#[derive(Debug, Clone, Default)]
pub struct Content {
    pub(super) media: Vec<Media>,
}

/// One form of a body.
#[derive(Debug, Clone)]
pub(super) struct Media {
    /// The media type, or a range of them.
    pub(super) name: &'static str,
    pub(super) schema: SchemaOf,
    /// An example, where the schema has none.
    pub(super) example: Option<Value>,
}

/// An error of the container (RFC 9457).
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Problem", example = ProblemDocument::example())]
#[expect(dead_code, reason = "stands for what the container writes by itself")]
pub struct ProblemDocument {
    /// Always `about:blank`: the status says what kind of problem it is.
    r#type: String,
    /// The status in words.
    title: String,
    /// The status code.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What happened, for the client's developer.
    #[serde(default)]
    detail: Option<String>,
    /// What the request is called in the log; in failures of the server.
    #[serde(default)]
    request_id: Option<String>,
}

/// No body.
pub fn nothing() -> Content {
    Content::default()
}

/// A value of this type as JSON.
pub fn json<T: JsonSchema>() -> Content {
    Content::of("application/json", subschema::<T>)
}

/// A problem document.
pub fn problem() -> Content {
    Content::of("application/problem+json", subschema::<ProblemDocument>)
}

/// Plain text.
pub fn text() -> Content {
    Content::of("text/plain", |_| json_schema!({ "type": "string" }))
}

/// A page.
pub fn html() -> Content {
    Content::of("text/html", |_| json_schema!({ "type": "string" }))
}

/// Server-sent events.
pub fn events() -> Content {
    Content::of("text/event-stream", |_| json_schema!({ "type": "string" }))
}

/// Bytes of this media type, or of one in this range.
pub fn binary(media_type: &'static str) -> Content {
    Content::of(media_type, |_| json_schema!({}))
}

impl Content {
    fn of(name: &'static str, schema: SchemaOf) -> Content {
        let example = None;
        Content {
            media: vec![Media {
                name,
                schema,
                example,
            }],
        }
    }

    /// This or that, as the client prefers.
    pub fn or(mut self, other: Content) -> Content {
        self.media.extend(other.media);
        self
    }

    /// The same with an example. A type that has one of its own needs none.
    pub fn example(mut self, example: impl Into<Value>) -> Content {
        if let Some(last) = self.media.last_mut() {
            last.example = Some(example.into());
        }
        self
    }

    pub(super) fn is_json(&self) -> bool {
        self.media
            .iter()
            .any(|media| media.name == "application/json")
    }

    /// The Media Type Objects by their names (OpenAPI 3.1, section 4.8.14).
    pub(super) fn document(&self, generator: &mut SchemaGenerator) -> Value {
        let forms = self.media.iter().map(|media| {
            let mut form = value!({ "schema": (media.schema)(generator) });
            if let Some(example) = &media.example {
                form["example"] = example.clone();
            }
            (media.name.to_owned(), form)
        });
        Value::Object(forms.collect())
    }
}

impl ProblemDocument {
    fn example() -> Value {
        value!({
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "no route matches this path",
        })
    }
}

/// A reference to the type's schema, or the schema itself where it is short.
pub(super) fn subschema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
