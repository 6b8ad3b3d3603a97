//! Parameters of the document: those that are named by themselves, and those that are the fields of
//! a query's type.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::operation::{Operation, Parameter, Place};

/// The Parameter Objects (OpenAPI 3.1, section 4.8.12).
pub(super) fn document(operation: &Operation, generator: &mut SchemaGenerator) -> Vec<Value> {
    let named = operation.parameters.iter();
    let mut parameters: Vec<Value> = named.map(|parameter| alone(parameter, generator)).collect();
    if let Some(query) = operation.query {
        parameters.extend(fields(query(generator)));
    }
    parameters
}

fn alone(parameter: &Parameter, generator: &mut SchemaGenerator) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Header => "header",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.place == Place::Path,
        "description": parameter.meaning,
        "schema": (parameter.schema)(generator),
        "example": parameter.example,
    })
}

/// Each property of an object as a parameter of the query.
fn fields(schema: Schema) -> Vec<Value> {
    let mut schema = schema.to_value();
    let properties = match schema["properties"].take() {
        Value::Object(properties) => properties,
        _ => Map::new(),
    };
    let is_required = |name: &str| {
        let required = schema["required"].as_array();
        required.is_some_and(|names| names.iter().any(|required| required == name))
    };
    properties
        .into_iter()
        .map(|(name, property)| field(&name, is_required(&name), property))
        .collect()
}

fn field(name: &str, required: bool, mut schema: Value) -> Value {
    let mut parameter = json!({ "name": name, "in": "query", "required": required });
    if let Value::Object(schema) = &mut schema {
        // What is said of the field is said of the parameter.
        if let Some(description) = schema.remove("description") {
            parameter["description"] = description;
        }
        if let Some(examples) = schema.remove("examples") {
            parameter["example"] = examples[0].clone();
        }
        leave_out_null(schema);
    }
    parameter["schema"] = schema;
    parameter
}

/// What is not in a query is missing; nothing in it is null.
fn leave_out_null(schema: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = schema.get_mut("type") else {
        return;
    };
    types.retain(|name| name != "null");
    if let [only] = &mut types[..] {
        let only = only.take();
        schema.insert("type".to_owned(), only);
    }
}
